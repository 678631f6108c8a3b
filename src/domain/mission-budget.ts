/** The mission's hard budget without coordination: planning is counted first, each assignment carries its share. */
import { addCost, left, NOTHING, share, type Cost, type Limits, type Spending } from './budget.js';
import { hasOpenAttempt, type Mission } from './mission-state.js';

/** What no planner and no attempt has spent or may still spend; null is no limit. Never below 0. */
export function leftOfBudget(mission: Mission): Limits {
  const { planner, spent, outstanding } = spendingOf(mission);
  return left(mission.request.budget, addCost(planner, addCost(spent, outstanding)));
}

/** What the planner call of the mission's revision may spend: what is left, its own reservation included. */
export function leftForPlanning(mission: Mission): Limits {
  const { spent, outstanding } = spendingOf(mission);
  return left(mission.request.budget, addCost(mission.planningSpent, addCost(spent, outstanding)));
}

/** The share of each assignment made now: what is left ÷ the tasks that are neither under way nor ended (checks cost nothing). */
export function shareOfBudget(mission: Mission): Limits {
  const waiting = [...mission.tasks.values()].filter(
    (task) => task.kind === 'task' && (task.status === 'waiting' || task.status === 'retrying'),
  );
  return share(mission.request.budget, spendingOf(mission), waiting.length);
}

function spendingOf(mission: Mission): Spending {
  let spent = NOTHING;
  let outstanding = NOTHING;
  for (const task of mission.tasks.values()) {
    spent = addCost(spent, task.spent);
    if (hasOpenAttempt(task))
      outstanding = addCost(outstanding, { tokens: task.share.tokens ?? 0, usd: task.share.usd ?? 0 });
  }
  return { planner: addCost(mission.planningSpent, mission.planningReserved), spent, outstanding };
}

/** What the mission has used, as far as is known. */
export function usageOf(mission: Mission): Cost {
  return [...mission.tasks.values()].reduce((total, task) => addCost(total, task.usage), mission.planningUsage);
}
