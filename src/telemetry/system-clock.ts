import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Clock, Ids, Timer } from '../ports/clock.js';

/** Node's timers hold no longer delay (nodejs.org/api/timers.html): beyond it they fire after 1 ms. About 24.8 days. */
const LONGEST_PART_MS = 2 ** 31 - 1;

/**
 * The system's clocks. A pending timer keeps the process running until it is cancelled; it may be of any length.
 * @param longestPartMs the longest delay that a timer of Node gets; longer ones run in parts
 */
export function createSystemClock(longestPartMs = LONGEST_PART_MS): Clock {
  return {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    setTimer: (delayMs, callback) => startTimer(delayMs, callback, longestPartMs),
  };
}

function startTimer(delayMs: number, callback: () => void, longestPartMs: number): Timer {
  let leftMs = delayMs;
  const startPart = (): NodeJS.Timeout => {
    const partMs = Math.min(leftMs, longestPartMs);
    leftMs -= partMs;
    return setTimeout(() => {
      if (leftMs > 0) timer = startPart();
      else callback();
    }, partMs);
  };
  let timer = startPart();
  return { cancel: () => clearTimeout(timer) };
}

export function createSystemIds(): Ids {
  return { uuid: () => randomUUID() };
}
