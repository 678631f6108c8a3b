/** The tools cannot be set up as configured. */
export class ToolSetupError extends Error {
  readonly code = 'tool_setup';
  readonly retriable = false;
}

/** A call that is not run, with the reason for the model. */
export class CallRefused extends Error {
  readonly code = 'call_refused';
  readonly retriable = false;
}
