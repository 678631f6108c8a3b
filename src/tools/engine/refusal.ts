/**
 * The engine's proxy does not pass a request on. The message is for the one who made it, with the cure; no text of the
 * request is in it (docs/security.md, HTTP).
 */
export class RequestRefused extends Error {
  readonly code = 'engine_request';
  readonly retriable = false;

  constructor(
    message: string,
    /** As the engine would answer: 404 for what is not the mission's, as for what is missing. */
    readonly status: 400 | 403 | 404 | 413 | 503 = 403,
    /** What of the request it is about, for the log only. */
    readonly about = '',
  ) {
    super(message);
    this.name = 'RequestRefused';
  }
}

/** The engine did not answer as one does. The message has no text of its answer, nor of the request. */
export class EngineFailed extends Error {
  readonly code = 'engine_failed';
  readonly retriable = true;

  constructor(message: string) {
    super(message);
    this.name = 'EngineFailed';
  }
}
