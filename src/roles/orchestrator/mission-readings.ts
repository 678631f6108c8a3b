/** What the missions of a held coordination partition add to the gauges; read when these are collected. */
import { dayOf } from '../../domain/daily-spending.js';
import { spentBy } from '../../domain/mission-budget.js';
import { isOpen, isUnderWay, type CoordinationState, type Mission } from '../../domain/mission-state.js';
import type { Reading, StateGauge } from '../../ports/metrics.js';
import { waitsForApproval, type WaitingForPerson } from './waiting-for-person.js';

const MISSION_STATES = ['planning', 'working', 'waiting_for_person', 'paused', 'waiting_for_cap', 'ending'] as const;
type MissionState = (typeof MISSION_STATES)[number];

/** One walk over the missions, and none over their tasks but those that wait for a worker. */
export function missionReadings(
  { missions, today }: CoordinationState,
  waiting: WaitingForPerson,
  nowMs: number,
): readonly Reading[] {
  const states = new Map<MissionState, number>(MISSION_STATES.map((state) => [state, 0]));
  const withoutWorker = new Map<string, number>();
  const budgets = { usd: createBudgetSum(), tokens: createBudgetSum() };
  for (const mission of missions.values()) {
    if (!isOpen(mission)) continue;
    const state = stateOf(mission);
    states.set(state, (states.get(state) ?? 0) + 1);
    for (const { plan } of mission.index.withoutWorker.values())
      withoutWorker.set(plan.agent, (withoutWorker.get(plan.agent) ?? 0) + 1);
    const { usd, tokens } = mission.budget;
    if (usd === null && tokens === null) continue;
    const spent = spentBy(mission);
    budgets.usd.add(usd, spent.usd);
    budgets.tokens.add(tokens, spent.tokens);
  }
  const isToday = today.day === dayOf(nowMs);
  return [
    ...[...states].map(([state, count]) => reading('missions', count, { state })),
    ...[...withoutWorker].map(([agent, count]) => reading('tasksWithoutWorker', count, { agent })),
    ...waiting.readings(nowMs),
    reading('budgetUsedUsd', budgets.usd.used()),
    reading('budgetLimitUsd', budgets.usd.limit()),
    reading('budgetUsedTokens', budgets.tokens.used()),
    reading('budgetLimitTokens', budgets.tokens.limit()),
    reading('budgetUsedRatio', budgets.usd.highest(), { limit: 'usd' }),
    reading('budgetUsedRatio', budgets.tokens.highest(), { limit: 'tokens' }),
    reading('spentTodayUsd', isToday ? today.usd : 0),
    reading('spentTodayTokens', isToday ? today.tokens : 0),
  ];
}

const reading = (gauge: StateGauge, value: number, labels: Reading['labels'] = {}): Reading => ({
  gauge,
  labels,
  value,
});

function stateOf(mission: Mission): MissionState {
  if (!isUnderWay(mission)) return 'ending';
  if (mission.pause !== null) return 'paused';
  if (mission.course.kind === 'asking' || waitsForApproval(mission)) return 'waiting_for_person';
  if (mission.waitsFor !== null) return 'waiting_for_cap';
  return mission.planning.kind === 'approved' ? 'working' : 'planning';
}

function createBudgetSum() {
  const sum = { used: 0, limit: 0, highest: 0 };
  return {
    add(limit: number | null, used: number): void {
      if (limit === null) return;
      sum.used += used;
      sum.limit += limit;
      sum.highest = Math.max(sum.highest, used / limit);
    },
    used: () => sum.used,
    limit: () => sum.limit,
    highest: () => sum.highest,
  };
}
