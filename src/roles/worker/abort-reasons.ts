/** Why an execution ended early. Each is a reason of an AbortSignal; none is a result of the task. */
export class TaskTaken extends Error {
  readonly retriable = true;
  constructor(
    readonly code: 'claim_lost' | 'cancelled' | 'draining',
    message: string,
  ) {
    super(message);
    this.name = 'TaskTaken';
  }
}

/** The execution deadline has passed. */
export class TaskTimeout extends Error {
  readonly code = 'timeout';
  readonly retriable = true;
}
