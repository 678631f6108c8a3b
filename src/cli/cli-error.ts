import { EXIT, type ExitCode } from './exit-codes.js';

/** Ends a command with a message and the next step for the person who reads it. */
export class CliError extends Error {
  readonly retriable = false;

  constructor(
    readonly code: string,
    readonly exitCode: ExitCode,
    message: string,
    /** What to do about it; may have several lines. */
    readonly nextStep: string | null = null,
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, options);
    this.name = 'CliError';
  }
}

/** The command was typed wrongly or names something that does not exist. */
export function wrongUse(message: string, nextStep: string | null = null): CliError {
  return new CliError('wrong_use', EXIT.usage, message, nextStep);
}

/** A setting or a file has a value that cannot be used. */
export function wrongConfiguration(message: string, nextStep: string | null = null, cause?: unknown): CliError {
  return new CliError('wrong_configuration', EXIT.usage, message, nextStep, { cause });
}

/** The person asked to stop before the command was done. */
export class Interrupted extends CliError {
  constructor(message = 'interrupted') {
    super('interrupted', EXIT.interrupted, message);
    this.name = 'Interrupted';
  }
}
