/** A mission that waits for the swarm's daily cap: nothing of it that costs begins, and its readers see why. */
import type { CapReached } from './daily-spending.js';
import type { PayloadOf } from './events.js';
import type { Mission, MissionFold } from './mission-state.js';
import { APPLIED, type Folded } from './record.js';

export function missionWaits(mission: MissionFold, { reason, until }: PayloadOf<'mission_waits'>): Folded {
  mission.waitsFor = reason === null ? null : { reason, untilMs: until ?? 0 };
  return APPLIED;
}

interface AnyDecision {
  readonly event_type: string;
  readonly payload: object;
}

interface WaitDecision {
  readonly event_type: 'mission_waits';
  readonly payload: PayloadOf<'mission_waits'>;
}

/** An attempt, or a planner call. Checks cost nothing. */
const costs = ({ event_type, payload }: AnyDecision): boolean =>
  event_type === 'plan_requested' ||
  (event_type === 'task_assigned' && !('kind' in payload && payload.kind === 'verify'));

/** What may be decided now of all that would be. */
export function withinCap<D extends AnyDecision>(
  mission: Mission,
  { owner, cap }: { readonly owner: string; readonly cap: CapReached | null },
  decisions: readonly D[],
): readonly (D | WaitDecision)[] {
  if (cap === null) return mission.waitsFor === null ? decisions : [waits(mission, owner, null), ...decisions];
  const begun = decisions.filter((decision) => !costs(decision));
  const isHeldBack = begun.length < decisions.length;
  return isHeldBack && mission.waitsFor === null ? [...begun, waits(mission, owner, cap)] : begun;
}

const waits = ({ id }: Mission, owner: string, cap: CapReached | null): WaitDecision => ({
  event_type: 'mission_waits',
  payload: { mission_id: id, owner, reason: cap?.reason ?? null, until: cap?.untilMs ?? null },
});
