import { CliError } from './cli-error.js';
import { EXIT } from './exit-codes.js';

/** A role will not be begun anew in this process: the process ends, and its supervisor sees it. */
export class RoleFailed extends CliError {
  /** failures: in a row; null when the error is one that no restart heals. */
  constructor(
    readonly role: string,
    readonly failures: number | null,
    reason: Error,
  ) {
    const how =
      failures === null
        ? 'failed, and beginning anew would not heal it'
        : `failed ${failures} times in a row, the last time with`;
    super('role_failed', EXIT.roleFailed, `the ${role} ${how}: ${reason.message}`, nextStepOf(reason), {
      cause: reason,
    });
    this.name = 'RoleFailed';
  }
}

const BROKER_CODES: ReadonlySet<string> = new Set([
  'append_failed',
  'member_stopped',
  'broker_unreachable',
  'broker_failed',
]);
/** The message names what was lost and how to go on without it. */
const DECIDE = 'No restart heals this: a person must decide, as the message says.';
const LOOK = 'Look at the log above, correct what it names, and start the process again.';

/** What to do about it: the error's own advice where it has one. */
function nextStepOf(reason: Error): string {
  if ('nextStep' in reason && typeof reason.nextStep === 'string') return reason.nextStep;
  if (!('code' in reason)) return LOOK;
  if (reason.code === 'data_loss') return DECIDE;
  if (BROKER_CODES.has(String(reason.code)))
    return 'Look at the broker; whoever supervises this process starts it again.';
  return LOOK;
}
