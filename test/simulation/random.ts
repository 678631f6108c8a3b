/** All chance of a simulated run: the same seed gives the same numbers. */
export interface Random {
  /** At least 0 and below 1. */
  next(): number;
  chance(probability: number): boolean;
  /** A whole number of at least 0 and below the limit. */
  below(limit: number): number;
  between(low: number, high: number): number;
  pick<T>(choices: readonly T[]): T;
  /** Mostly near `typical`, now and then up to a hundred times as much: the way delays really are. */
  delayMs(typical: number): number;
}

/** mulberry32, after a scramble that keeps neighbouring seeds apart. */
export function createRandom(seed: number): Random {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ (seed >>> 3);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  for (let i = 0; i < 4; i++) next();
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    between: (low, high) => low + below(high - low + 1),
    pick<T>(choices: readonly T[]): T {
      const index = below(choices.length);
      if (index >= choices.length) throw new RangeError('nothing to pick from');
      return choices[index] as T; // the index lies in the list; T itself may be undefined
    },
    delayMs: (typical) => typical * (next() < 0.05 ? 1 + next() * 99 : 0.2 + next() * 1.6),
  };
}
