import type { Clock, Timer } from '../ports/clock.js';

/** Waits between retries, which all end at once when their owner closes. */
export interface Backoff {
  /** Resolves after the delay of this attempt (from 1), or when cancelled. */
  wait(attempt: number): Promise<void>;
  cancelAll(): void;
}

export function createBackoff(clock: Clock, firstMs: number, longestMs: number): Backoff {
  const waits = new Map<Timer, () => void>();
  return {
    wait: (attempt) =>
      new Promise((resolve) => {
        const timer = clock.setTimer(Math.min(firstMs * 2 ** (attempt - 1), longestMs), () => {
          waits.delete(timer);
          resolve();
        });
        waits.set(timer, resolve);
      }),
    cancelAll() {
      for (const [timer, resolve] of waits) {
        timer.cancel();
        resolve();
      }
      waits.clear();
    },
  };
}
