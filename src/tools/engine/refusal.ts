/** The engine's proxy does not pass a request on. The message is for the one who made it, with the cure. */
export class RequestRefused extends Error {
  readonly code = 'engine_request';
  readonly retriable = false;

  constructor(
    message: string,
    /** As the engine would answer: 404 for what is not the mission's, as for what is missing. */
    readonly status: 400 | 403 | 404 | 413 | 503 = 403,
  ) {
    super(message);
    this.name = 'RequestRefused';
  }
}
