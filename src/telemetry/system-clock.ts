import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Clock, Ids } from '../ports/clock.js';

/** The system's clocks. A pending timer keeps the process running until it is cancelled. */
export function createSystemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    setTimer(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
  };
}

export function createSystemIds(): Ids {
  return { uuid: () => randomUUID() };
}
