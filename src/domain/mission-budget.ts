/** The mission's hard budget without coordination: planning is counted first, each assignment carries its share. */
import { addAmounts, hasOpenAttempt, type Amount, type Mission } from './mission-state.js';

export interface Share {
  /** null: no limit. */
  readonly tokens: number | null;
  readonly usd: number | null;
}

/** What no planner and no attempt has spent or may still spend; null is no limit. Never below 0. */
export function leftOfBudget(mission: Mission): Share {
  return leftAfter(mission, addAmounts(committedAmount(mission), mission.planningReserved));
}

/** What the planner call of the mission's revision may spend: what is left, its own reservation included. */
export function leftForPlanning(mission: Mission): Share {
  return leftAfter(mission, committedAmount(mission));
}

function leftAfter(mission: Mission, gone: Amount): Share {
  const { tokens, usd } = mission.request.budget;
  return {
    tokens: tokens === null ? null : Math.max(0, tokens - gone.tokens),
    usd: usd === null ? null : Math.max(0, usd - gone.usd),
  };
}

function committedAmount(mission: Mission): Amount {
  let { tokens, usd } = mission.planningSpent;
  for (const task of mission.tasks.values()) {
    tokens += task.spent.tokens;
    usd += task.spent.usd;
    if (hasOpenAttempt(task)) {
      tokens += task.share.tokens ?? 0;
      usd += task.share.usd ?? 0;
    }
  }
  return { tokens, usd };
}

/** The share of each assignment made now: what is left ÷ the tasks that are neither under way nor ended (checks cost nothing). */
export function shareOfBudget(mission: Mission): Share {
  const left = leftOfBudget(mission);
  const waiting = [...mission.tasks.values()].filter((task) => task.kind === 'task' && (task.status === 'waiting' || task.status === 'retrying'));
  const parts = Math.max(1, waiting.length);
  return {
    tokens: left.tokens === null ? null : Math.floor(left.tokens / parts),
    usd: left.usd === null ? null : left.usd / parts,
  };
}

/** What the mission has used, as far as is known. */
export function usageOf(mission: Mission): Amount {
  let { tokens, usd } = mission.planningUsage;
  for (const task of mission.tasks.values()) {
    tokens += task.usage.tokens;
    usd += task.usage.usd;
  }
  return { tokens, usd };
}
