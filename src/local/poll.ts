import { pause, type Clock } from '../ports/clock.js';
import { StackError } from './stack-error.js';

export interface PollOptions {
  readonly clock: Clock;
  readonly everyMs: number;
  readonly limitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls ask repeatedly until it resolves with something other than null. Resolves with null after limitMs. Rejects with
 * the error of ask, or with StackError of code interrupted.
 */
export async function poll<T>(ask: () => Promise<T | null>, options: PollOptions): Promise<T | null> {
  const deadline = options.clock.monotonicMs() + options.limitMs;
  for (;;) {
    throwIfInterrupted(options.signal);
    const answer = await ask();
    if (answer !== null) return answer;
    if (options.clock.monotonicMs() >= deadline) return null;
    await pauseUnlessInterrupted(options);
  }
}

/**
 * A pause between two attempts. Rejects with StackError of code interrupted as soon as the signal is aborted; nextStep
 * says what that leaves behind.
 */
export async function pauseUnlessInterrupted(
  { clock, everyMs, signal }: Omit<PollOptions, 'limitMs'>,
  nextStep?: string,
): Promise<void> {
  try {
    await pause(clock, everyMs, signal);
  } catch (error) {
    throwIfInterrupted(signal, nextStep);
    throw error;
  }
}

const KEEPS_STARTING =
  'Services keep starting in the background; the next start uses them, and npx ravenhelm stack down stops them.';

/** Throws StackError of code interrupted if the signal is aborted; nextStep says what that leaves behind. */
export function throwIfInterrupted(signal: AbortSignal | undefined, nextStep = KEEPS_STARTING): void {
  if (signal?.aborted !== true) return;
  throw new StackError('interrupted', 'Interrupted while the local stack was starting.', nextStep);
}
