export interface BackoffLimits {
  /** Ceiling of the first delay, in milliseconds; it doubles with each attempt. */
  readonly baseMs: number;
  /** Ceiling of every delay, in milliseconds. */
  readonly maxMs: number;
}

/**
 * Exponential back-off with full jitter: anything between 0 and min(maxMs, baseMs · 2^(attempt − 1)), so that many who
 * failed at the same moment do not come back at the same moment (M. Brooker, "Exponential Backoff And Jitter", AWS
 * Architecture Blog, 2015).
 * @param attempt from 1
 * @param random gives a number of at least 0 and below 1
 * @returns whole milliseconds
 */
export function backoffMs(attempt: number, { baseMs, maxMs }: BackoffLimits, random: () => number): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.max(0, attempt - 1));
  return Math.round(ceiling * random());
}
