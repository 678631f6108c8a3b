/** The execution deadline of one attempt. */
import type { Clock } from '../../ports/clock.js';

export interface Deadline {
  /** Milliseconds that the attempt has left; never below 0. */
  remainingMs(): number;
  /** What the work takes is not counted. Rejects as it does. */
  notCounting<T>(work: () => Promise<T>): Promise<T>;
  cancel(): void;
}

/** @param onPassed called when the time is over and the grace, too */
export function createDeadline(
  clock: Pick<Clock, 'monotonicMs' | 'setTimer'>,
  { timeoutMs, graceMs }: { readonly timeoutMs: number; readonly graceMs: number },
  onPassed: () => void,
): Deadline {
  let endMs = clock.monotonicMs() + timeoutMs;
  let stoppedMs: number | null = null;
  const setTimer = () => clock.setTimer(endMs - clock.monotonicMs() + graceMs, onPassed);
  let timer = setTimer();
  return {
    remainingMs: () => Math.max(0, endMs - (stoppedMs ?? clock.monotonicMs())),
    async notCounting(work) {
      timer.cancel();
      stoppedMs = clock.monotonicMs();
      try {
        return await work();
      } finally {
        endMs += clock.monotonicMs() - stoppedMs;
        stoppedMs = null;
        timer = setTimer();
      }
    },
    cancel: () => timer.cancel(),
  };
}
