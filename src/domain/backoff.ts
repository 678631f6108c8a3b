/** How long to wait before a further attempt. */
export interface BackoffLimits {
  /** Most of the first wait, in milliseconds; doubles with each attempt. */
  readonly baseMs: number;
  /** Most of any wait, in milliseconds. */
  readonly maxMs: number;
}

/**
 * Exponential back-off with full jitter: anything from nothing to the attempt's most, so that many who failed together
 * do not come back together. attempt counts from 1; random gives at least 0 and below 1.
 */
export function backoffMs(attempt: number, { baseMs, maxMs }: BackoffLimits, random: () => number): number {
  return random() * Math.min(maxMs, baseMs * 2 ** (attempt - 1));
}
