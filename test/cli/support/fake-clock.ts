import type { Clock } from '../../../src/ports/clock.js';

/** A clock that only a test moves. */
export interface FakeClock extends Clock {
  advance(ms: number): void;
  pendingTimers(): number;
}

export function createFakeClock(startMs = Date.UTC(2026, 10, 23, 14, 15, 2, 417)): FakeClock {
  let elapsed = 0;
  const timers = new Set<{ readonly dueMs: number; callback(): void }>();
  return {
    now: () => startMs + elapsed,
    monotonicMs: () => elapsed,
    setTimer(delayMs, callback) {
      const timer = { dueMs: elapsed + delayMs, callback };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    advance(ms) {
      const until = elapsed + ms;
      for (;;) {
        const nextMs = Math.min(...[...timers].map(({ dueMs }) => dueMs));
        if (nextMs > until) break;
        elapsed = nextMs;
        for (const timer of timers)
          if (timer.dueMs === nextMs) {
            timers.delete(timer);
            timer.callback();
          }
      }
      elapsed = until;
    },
    pendingTimers: () => timers.size,
  };
}
