import type { Clock } from '../../../src/ports/clock.js';

/** A clock that only a test moves. */
export interface FakeClock extends Clock {
  advance(ms: number): void;
  pendingTimers(): number;
}

export function createFakeClock(startMs = Date.UTC(2026, 10, 23, 14, 15, 2, 417)): FakeClock {
  let elapsed = 0;
  let timers: { dueMs: number; callback: () => void }[] = [];
  return {
    now: () => startMs + elapsed,
    monotonicMs: () => elapsed,
    setTimer(delayMs, callback) {
      const timer = { dueMs: elapsed + delayMs, callback };
      timers.push(timer);
      return {
        cancel: () => {
          timers = timers.filter((one) => one !== timer);
        },
      };
    },
    advance(ms) {
      const until = elapsed + ms;
      for (;;) {
        const next = timers.filter((timer) => timer.dueMs <= until).sort((a, b) => a.dueMs - b.dueMs)[0];
        if (next === undefined) break;
        timers = timers.filter((timer) => timer !== next);
        elapsed = next.dueMs;
        next.callback();
      }
      elapsed = until;
    },
    pendingTimers: () => timers.length,
  };
}
