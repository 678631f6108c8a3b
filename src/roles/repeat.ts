import type { Clock } from '../ports/clock.js';

/** Calls back every intervalMs, the first time after one interval, never twice at once, until it is stopped. */
export function repeat(clock: Clock, intervalMs: number, callback: () => void | Promise<void>): { stop(): void } {
  let stopped = false;
  let timer = clock.setTimer(intervalMs, tick);
  function tick(): void {
    void Promise.resolve(callback()).finally(() => {
      if (!stopped) timer = clock.setTimer(intervalMs, tick);
    });
  }
  return {
    stop() {
      stopped = true;
      timer.cancel();
    },
  };
}
