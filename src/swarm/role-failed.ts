/** A role is not started again in this process: the process ends, and its supervisor sees it. */
export class RoleFailed extends Error {
  readonly code = 'role_failed';
  readonly retriable = false;
  /** What to do about it. */
  readonly nextStep: string;

  /** failures: in a row; null when the error is one that a restart cannot fix. */
  constructor(
    readonly role: string,
    readonly failures: number | null,
    reason: Error,
  ) {
    const how =
      failures === null ? 'failed with a non-retryable error' : `failed ${failures} times in a row, the last time with`;
    super(`the ${role} ${how}: ${reason.message}`, { cause: reason });
    this.name = 'RoleFailed';
    this.nextStep = nextStepOf(reason);
  }
}

const BROKER_CODES: ReadonlySet<string> = new Set([
  'append_failed',
  'member_stopped',
  'broker_unreachable',
  'broker_failed',
]);
/** The message names what was lost and how to resume without it. */
const DECIDE = 'A restart cannot fix this: a person must decide, as the message says.';
const LOOK = 'Look at the log above, correct what it names, and start the process again.';

/** What to do about it: the error's own advice where it has one. */
function nextStepOf(reason: Error): string {
  if ('nextStep' in reason && typeof reason.nextStep === 'string') return reason.nextStep;
  if (!('code' in reason)) return LOOK;
  if (reason.code === 'data_loss') return DECIDE;
  if (BROKER_CODES.has(String(reason.code))) return 'Look at the broker; the supervisor of this process restarts it.';
  return LOOK;
}
