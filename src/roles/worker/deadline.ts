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
  let timer = clock.setTimer(timeoutMs + graceMs, onTimer);
  /** What was not counted has moved the end. */
  function onTimer(): void {
    const leftMs = endMs + graceMs - clock.monotonicMs();
    if (stoppedMs !== null) return;
    if (leftMs > 0) timer = clock.setTimer(leftMs, onTimer);
    else onPassed();
  }
  return {
    remainingMs: () => Math.max(0, endMs - (stoppedMs ?? clock.monotonicMs())),
    async notCounting(work) {
      stoppedMs = clock.monotonicMs();
      try {
        return await work();
      } finally {
        const uncountedMs = clock.monotonicMs() - stoppedMs;
        stoppedMs = null;
        endMs += uncountedMs;
        if (uncountedMs > 0) {
          timer.cancel();
          onTimer();
        }
      }
    },
    cancel: () => timer.cancel(),
  };
}
