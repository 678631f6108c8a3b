/**
 * Shares of a mission's limits that are used: each is announced once, and again only after the limit was raised and the
 * share was passed again. Where several are passed at once, only the highest is said.
 */
import { ANNOUNCED_PERCENT, BUDGETS, percentReached, type AnnouncedPercent, type BudgetName } from './budget.js';
import type { PayloadOf } from './events.js';
import { budgetRequested, spentBy } from './mission-budget.js';
import { isPaused } from './mission-pause.js';
import type { BudgetUse, Mission, MissionFold } from './mission-state.js';
import { timerKeys } from './mission-timers.js';
import { APPLIED, voidBecause, type Folded } from './record.js';

interface UseDecision {
  readonly event_type: 'budget_used';
  readonly payload: PayloadOf<'budget_used'>;
}

interface UseContext {
  readonly owner: string;
  isExpired(timerKey: string): boolean;
}

/** Of a mission that is requested at this time. */
export const unusedBudget = (
  { budget }: PayloadOf<'mission_requested'>,
  atMs: number,
): Pick<Mission, 'budget' | 'budgetChanges' | 'budgetUse' | 'ran'> => ({
  budget,
  budgetChanges: 0,
  budgetUse: new Map(),
  ran: { ms: 0, sinceMs: atMs },
});

/** Also for a paused mission, and for one that is about to end: its open attempts may still cost something. */
export const decideBudgetUse = (mission: Mission, context: UseContext): readonly UseDecision[] =>
  BUDGETS.flatMap((budget) => {
    const limit = mission.budget[budget];
    if (limit === null) return [];
    const percent =
      budget === 'minutes' ? minutesReached(mission, context) : percentReached(usedOf(mission, budget), limit);
    if (percent <= saidOf(mission, budget)) return [];
    const used = budget === 'minutes' ? (limit * percent) / 100 : usedOf(mission, budget);
    return [
      {
        event_type: 'budget_used',
        payload: { mission_id: mission.id, owner: context.owner, budget, percent, used, limit },
      },
    ];
  });

const saidOf = ({ budgetUse }: Mission, budget: BudgetName): number => budgetUse.get(budget)?.percent ?? 0;

const usedOf = (mission: Mission, budget: 'usd' | 'tokens'): number => spentBy(mission)[budget];

/** By the holder's timers, as all that has to do with time. After a pause of its process they run out in any order. */
const minutesReached = (mission: Mission, { isExpired }: UseContext): number => {
  const isReached = (percent: AnnouncedPercent) =>
    isExpired(timerKeys.minutesUsed(mission.id, percent)) || isExpired(timerKeys.minutes(mission.id));
  return ANNOUNCED_PERCENT.find(isReached) ?? 0;
};

/** A late copy changes nothing, nor does one that was decided before a person changed the limit. */
export function budgetUsed(mission: MissionFold, payload: PayloadOf<'budget_used'>, atMs: number): Folded {
  const budget = BUDGETS.find((name) => name === payload.budget);
  if (budget === undefined) return voidBecause('no such limit');
  const { percent, used, limit } = payload;
  if (limit !== mission.budget[budget]) return voidBecause('the limit is another one now');
  if (percent <= saidOf(mission, budget)) return voidBecause('said before');
  mission.budgetUse = new Map([...mission.budgetUse, [budget, { percent, used, limit, atMs }]]);
  return APPLIED;
}

/** What a higher limit has brought below a share may be said again. */
export function budgetChanged(
  mission: MissionFold,
  request: PayloadOf<'mission_budget_requested'>,
  atMs: number,
): Folded {
  const folded = budgetRequested(mission, request);
  if (folded.kind === 'void') return folded;
  const kept = [...mission.budgetUse].flatMap(([budget, use]): [BudgetName, BudgetUse][] => {
    const limit = mission.budget[budget];
    if (limit === null) return [];
    const used = budget === 'minutes' ? minutesRun(mission, atMs) : usedOf(mission, budget);
    const percent = Math.min(use.percent, percentReached(used, limit));
    return percent === 0 ? [] : [[budget, { ...use, percent, limit }]];
  });
  mission.budgetUse = new Map(kept);
  return folded;
}

/** By the log. A holder measures for itself from when it first saw the mission, and is asked for no number. */
const minutesRun = ({ ran: { ms, sinceMs } }: Mission, atMs: number): number =>
  (ms + (sinceMs === null ? 0 : atMs - sinceMs)) / 60_000;

/** To be called after each event: whether the mission's minutes run may have changed. */
export function noteRunning(mission: MissionFold, atMs: number): void {
  const { ms, sinceMs } = mission.ran;
  const stands = isPaused(mission) || mission.waitsFor !== null;
  if (stands === (sinceMs === null)) return;
  mission.ran = sinceMs === null ? { ms, sinceMs: atMs } : { ms: ms + atMs - sinceMs, sinceMs: null };
}
