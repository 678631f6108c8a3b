export type StackErrorCode =
  | 'ports_taken' // something that is no ravenhelm stack listens on a port that the stack needs
  | 'foreign_stack' // the stack of another clone listens there
  | 'stack_unavailable' // neither Docker nor Java with the jars
  | 'directory_unusable' // the stack's directory cannot be made, written or read, or its disk is full
  | 'start_failed' // a service ended or never answered
  | 'stop_failed' // a service of this clone outlived SIGKILL, or Docker refused
  | 'interrupted'; // the caller's signal was aborted while waiting

/** The development stack cannot be started, stopped or asked; the message says what is, nextStep what to do. */
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
