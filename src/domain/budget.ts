/** Tokens (prompt and reply) and US dollars that are gone or set aside. */
export interface Cost {
  readonly tokens: number;
  readonly usd: number;
}

/** An upper bound for each; null is no limit. */
export interface Limits {
  readonly tokens: number | null;
  readonly usd: number | null;
}

export const NOTHING: Cost = { tokens: 0, usd: 0 };

/** The limits of a mission's budget. */
export const BUDGETS = ['usd', 'tokens', 'minutes'] as const;
export type BudgetName = (typeof BUDGETS)[number];

/** Shares of a limit, in percent, that are announced when they are used; the highest first. */
export const ANNOUNCED_PERCENT = [95, 75] as const;
export type AnnouncedPercent = (typeof ANNOUNCED_PERCENT)[number];

/** The highest announced share of a limit that so much of it has reached; 0: none. */
export const percentReached = (used: number, limit: number): AnnouncedPercent | 0 =>
  limit > 0 ? (ANNOUNCED_PERCENT.find((percent) => used * 100 >= limit * percent) ?? 0) : 0;

/** What a mission's budget has already been used for. */
export interface Spending {
  /** Of planners, reservations of planners under way included. */
  readonly planner: Cost;
  /** Of attempts that ended. */
  readonly spent: Cost;
  /** Shares of attempts that have not ended: all of a share counts until its result says what was used. */
  readonly outstanding: Cost;
}

export function addCost(a: Cost, b: Cost): Cost {
  return { tokens: a.tokens + b.tokens, usd: a.usd + b.usd };
}

/** What is left of the limits; never below zero. */
export function left(limits: Limits, used: Cost): Limits {
  return {
    tokens: limits.tokens === null ? null : Math.max(0, limits.tokens - used.tokens),
    usd: limits.usd === null ? null : Math.max(0, limits.usd - used.usd),
  };
}

/**
 * The share that the next assignment carries: what is left of the mission's budget ÷ unfinished tasks. Those are the
 * tasks that have not ended and hold no outstanding share, the one to be assigned included (so at least 1).
 */
export function share(total: Limits, spending: Spending, unfinishedTasks: number): Limits {
  const rest = left(total, addCost(spending.planner, addCost(spending.spent, spending.outstanding)));
  const parts = Math.max(1, unfinishedTasks);
  return {
    tokens: rest.tokens === null ? null : Math.floor(rest.tokens / parts),
    usd: rest.usd === null ? null : rest.usd / parts,
  };
}

/** Whether there is any limit at all. */
export const isLimited = ({ tokens, usd }: Limits): boolean => tokens !== null || usd !== null;

/** Whether something that costs at most worstCase may start under a share of which `spent` is gone. */
export function fits(limits: Limits, spent: Cost, worstCase: Cost): boolean {
  const tokensFit = limits.tokens === null || spent.tokens + worstCase.tokens <= limits.tokens;
  const usdFits = limits.usd === null || spent.usd + worstCase.usd <= limits.usd;
  return tokensFit && usdFits;
}

/** As much of a cost as the limits allow; whole tokens. */
export function clamp(cost: Cost, limits: Limits): Cost {
  return {
    tokens: Math.ceil(limits.tokens === null ? cost.tokens : Math.min(cost.tokens, limits.tokens)),
    usd: limits.usd === null ? cost.usd : Math.min(cost.usd, limits.usd),
  };
}
