export interface BackoffLimits {
  /** The first pause is at most this long. */
  readonly baseMs: number;
  /** No pause is longer. */
  readonly maxMs: number;
}

/** The power of two stays finite: 0 times infinity is no number. Every bound is at its longest before. */
const MOST_DOUBLINGS = 1_000;

/** A number of at least 0 and below 1, like Math.random. */
export type Random = () => number;

/**
 * The pause before a failed call is made again: anything between nothing and a bound that doubles with each attempt.
 * This "full jitter" spreads callers that failed together better, and costs less work in all, than a pause that only
 * wobbles (AWS Architecture Blog, "Exponential Backoff And Jitter"). On average it is half the bound.
 *
 * @param attempt failures so far, from 1
 * @returns milliseconds, not rounded
 */
export function backoffMs(attempt: number, { baseMs, maxMs }: BackoffLimits, random: Random): number {
  return random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, MOST_DOUBLINGS));
}
