import { backoffMs, type BackoffLimits, type Random } from '../domain/backoff.js';
import type { Clock, Timer } from '../ports/clock.js';

/** Pauses between retries, with full jitter, which all end at once when their owner closes. */
export interface Backoff {
  /** Resolves after the pause that follows this attempt (from 1), or when cancelled. */
  wait(attempt: number): Promise<void>;
  cancelAll(): void;
}

export function createBackoff(clock: Clock, random: Random, limits: BackoffLimits): Backoff {
  const waits = new Map<Timer, () => void>();
  return {
    wait: (attempt) =>
      new Promise((resolve) => {
        const timer = clock.setTimer(backoffMs(attempt, limits, random), () => {
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
