import { pause, type Clock } from '../ports/clock.js';
import { StackError } from './stack-error.js';

export interface PollOptions {
  readonly clock: Clock;
  readonly everyMs: number;
  readonly limitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks again and again until the answer is not null. Resolves with null when limitMs have passed; rejects with what
 * ask rejects with, or with StackError interrupted.
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

/** A pause between two questions. Rejects with StackError interrupted as soon as the signal is aborted; nextStep says what that leaves behind. */
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

const GOES_ON =
  'What was started goes on starting in the background; the next start uses it, and npx ravenhelm stack down ends it.';

/** Throws StackError interrupted when the signal is aborted; nextStep says what that leaves behind. */
export function throwIfInterrupted(signal: AbortSignal | undefined, nextStep = GOES_ON): void {
  if (signal?.aborted !== true) return;
  throw new StackError('interrupted', 'Interrupted while the local stack was starting.', nextStep);
}
