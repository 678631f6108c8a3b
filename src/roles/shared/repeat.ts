import type { Clock } from '../../ports/clock.js';
import { asError } from '../../domain/as-error.js';

/** Calls back every intervalMs, the first time after one interval, never twice at once, until it is stopped. */
export function repeat(
  clock: Clock,
  intervalMs: number,
  callback: () => void | Promise<void>,
  onFailure: (error: Error) => void,
): { stop(): void } {
  let stopped = false;
  let timer = clock.setTimer(intervalMs, tick);
  function tick(): void {
    void run().then(() => {
      if (!stopped) timer = clock.setTimer(intervalMs, tick);
    });
  }
  async function run(): Promise<void> {
    try {
      await callback();
    } catch (error) {
      onFailure(asError(error));
    }
  }
  return {
    stop() {
      stopped = true;
      timer.cancel();
    },
  };
}
