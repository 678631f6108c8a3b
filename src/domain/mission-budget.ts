/** The mission's hard budget without coordination: planning is counted first, each assignment carries its share. */
import { addCost, left, share, type Cost, type Limits, NOTHING } from './budget.js';
import type { PayloadOf } from './events.js';
import type { Mission, MissionFold } from './mission-state.js';
import { APPLIED, voidBecause, type Folded } from './record.js';

/** What the planner call of the mission's revision may spend: what is left, its own reservation included. */
export function leftForPlanning({ budget, planningSpent, index }: Mission): Limits {
  return left(budget, addCost(planningSpent, addCost(index.spent, index.outstanding)));
}

/**
 * The share of each assignment made now: what is left ÷ the tasks that are neither under way nor ended (checks cost
 * nothing).
 */
export function shareOfBudget({ budget, planning, planningSpent, index }: Mission): Limits {
  const reserved = planning.kind === 'requested' ? planning.reserved : NOTHING;
  const { spent, outstanding, unassigned } = index;
  return share(budget, { planner: addCost(planningSpent, reserved), spent, outstanding }, unassigned);
}

/** What counts against its budget so far: its ended attempts and planner calls. */
export const spentBy = ({ planningSpent, index }: Pick<Mission, 'planningSpent' | 'index'>): Cost =>
  addCost(planningSpent, index.spent);

/** What the mission has used, as far as is known. */
export const usageOf = ({ planningUsage, index }: Mission): Cost => addCost(planningUsage, index.usage);

/** Holds from here on: an open attempt keeps its share, and the next assignments get theirs of it. */
export function budgetRequested(
  mission: MissionFold,
  { number, usd, tokens, minutes }: PayloadOf<'mission_budget_requested'>,
): Folded {
  const { budget } = mission;
  const wanted = {
    usd: usd ?? budget.usd,
    tokens: tokens ?? budget.tokens,
    minutes: minutes ?? budget.minutes,
  };
  if (![usd, tokens, minutes].every((limit) => limit === null || limit > 0)) return voidBecause('no such budget');
  if (wanted.usd === budget.usd && wanted.tokens === budget.tokens && wanted.minutes === budget.minutes)
    return voidBecause('the budget is so already');
  if (number !== mission.budgetChanges + 1) return voidBecause('another change of the budget');
  mission.budgetChanges = number;
  mission.budget = wanted;
  return APPLIED;
}
