export type StackErrorCode =
  | 'ports_taken' // a process that is not a Ravenhelm stack listens on a port that the stack needs
  | 'foreign_stack' // the stack of another clone listens there
  | 'stack_unavailable' // neither Docker nor Java with the jars
  | 'directory_unusable' // the stack's directory cannot be created, written or read, or its disk is full
  | 'start_failed' // a service ended or did not answer
  | 'stop_failed' // a service of this clone survived SIGKILL, or Docker refused
  | 'interrupted'; // the caller's signal was aborted while waiting

/** The development stack cannot be started, stopped or read. The message names the problem, nextStep the remedy. */
export class StackError extends Error {
  readonly retriable = false;

  constructor(
    readonly code: StackErrorCode,
    message: string,
    /** For the person who reads it; may have several lines. */
    readonly nextStep: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, options);
    this.name = 'StackError';
  }
}
