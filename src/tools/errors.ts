import type { SandboxRefusal } from '../ports/metrics.js';

/** The tools' configuration cannot be used. */
export class ToolSetupError extends Error {
  readonly code = 'tool_setup';
  readonly retriable = false;
}

/** A call was not run; the message tells the model why. */
export class CallRefused extends Error {
  readonly code = 'call_refused';
  readonly retriable = false;

  /** @param because what is wrong: the call itself, or what it would run in */
  constructor(
    message: string,
    readonly because: Extract<SandboxRefusal, 'call' | 'sandbox' | 'network' | 'engine'> = 'call',
  ) {
    super(message);
  }
}
