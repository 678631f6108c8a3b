/** The mission's hard budget without coordination: planning is counted first, each assignment carries its share. */
import { addCost, left, share, type Cost, type Limits, NOTHING } from './budget.js';
import type { Mission } from './mission-state.js';

/** What the planner call of the mission's revision may spend: what is left, its own reservation included. */
export function leftForPlanning({ request, planningSpent, index }: Mission): Limits {
  return left(request.budget, addCost(planningSpent, addCost(index.spent, index.outstanding)));
}

/**
 * The share of each assignment made now: what is left ÷ the tasks that are neither under way nor ended (checks cost
 * nothing).
 */
export function shareOfBudget({ request, planning, planningSpent, index }: Mission): Limits {
  const reserved = planning.kind === 'requested' ? planning.reserved : NOTHING;
  const { spent, outstanding, unassigned } = index;
  return share(request.budget, { planner: addCost(planningSpent, reserved), spent, outstanding }, unassigned);
}

/** What the mission has used, as far as is known. */
export const usageOf = ({ planningUsage, index }: Mission): Cost => addCost(planningUsage, index.usage);
