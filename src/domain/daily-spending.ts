/**
 * What the missions of a coordination partition have spent in a day (UTC), folded from its log, and the swarm's cap.
 * What missions have spent that a replay does not meet travels with the replay point.
 */
import { addCost, NOTHING, type Cost } from './budget.js';

/** Known use, and what was reserved and lost; of one day. */
export interface DaySpending extends Cost {
  /** YYYY-MM-DD, UTC; empty: nothing was ever spent. */
  readonly day: string;
}

export const NOTHING_SPENT: DaySpending = { day: '', ...NOTHING };

/** Of several missions or partitions: the later day counts, and what was spent on it. */
export function togetherOn(a: DaySpending, b: DaySpending): DaySpending {
  if (a.day !== b.day) return a.day > b.day ? a : b;
  return { day: a.day, ...addCost(a, b) };
}

/** YYYY-MM-DD, UTC, of a time in ms since the epoch. */
export const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

/** Beginning of the next day, ms since the epoch. */
export const nextDayMs = (atMs: number): number => Date.parse(`${dayOf(atMs)}T00:00:00Z`) + 86_400_000;

/** A cost at a time; a new day begins with nothing. A time before the day counts for the day. */
export function spendOn(before: DaySpending, atMs: number, cost: Cost): DaySpending {
  const day = dayOf(atMs);
  return day > before.day ? { day, ...cost } : { day: before.day, ...addCost(before, cost) };
}

/** The most that a swarm may have spent in a day when something new begins; null: no limit. */
export interface DailyCap {
  readonly usd: number | null;
  readonly tokens: number | null;
}

export interface CapReached {
  /** In words, for the mission's readers. */
  readonly reason: string;
  /** When the next day begins, ms since the epoch. */
  readonly untilMs: number;
}

/** Whether the cap is reached by what all partitions have spent on the day of a time; null: it is not. */
export function capReached(cap: DailyCap, partitions: Iterable<DaySpending>, nowMs: number): CapReached | null {
  const today = dayOf(nowMs);
  let spent = NOTHING;
  for (const each of partitions) if (each.day === today) spent = addCost(spent, each);
  const { usd, tokens } = cap;
  const overUsd = usd !== null && spent.usd >= usd;
  const overTokens = tokens !== null && spent.tokens >= tokens;
  if (!overUsd && !overTokens) return null;
  const words = overUsd ? `$${spent.usd.toFixed(2)} of $${usd}` : `${spent.tokens} of ${tokens} tokens`;
  return {
    reason: `the daily cap of the swarm is reached: ${words} spent on ${today} (UTC)`,
    untilMs: nextDayMs(nowMs),
  };
}
