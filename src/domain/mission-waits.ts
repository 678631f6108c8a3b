/** A mission that waits for the swarm's daily cap: nothing of it that costs begins, and its readers see why. */
import type { CapReached } from './daily-spending.js';
import type { PayloadOf } from './events.js';
import type { Mission, MissionFold } from './mission-state.js';
import { APPLIED, type Folded } from './record.js';

export function missionWaits(mission: MissionFold, { reason, until }: PayloadOf<'mission_waits'>): Folded {
  mission.waitsFor = reason === null ? null : { reason, untilMs: until ?? 0 };
  return APPLIED;
}

interface WaitDecision {
  readonly event_type: 'mission_waits';
  readonly payload: PayloadOf<'mission_waits'>;
}

interface CapContext {
  readonly owner: string;
  /** null: it is not reached. */
  readonly cap: CapReached | null;
}

/**
 * What is decided instead of something that costs (an attempt, a planner call), asked before that is made: at each
 * event the cap may hold back as much as the mission has tasks. The first time the mission says for what it waits.
 * null: the cap holds nothing back.
 */
export function heldBack(mission: Mission, { owner, cap }: CapContext): readonly WaitDecision[] | null {
  if (cap === null) return null;
  return mission.waitsFor === null ? [waits(mission, owner, cap)] : [];
}

/** Said before the first decision below the cap: the mission waits no more. */
export const afterTheCap = (mission: Mission, { owner, cap }: CapContext): readonly WaitDecision[] =>
  cap === null && mission.waitsFor !== null ? [waits(mission, owner, null)] : [];

const waits = ({ id }: Mission, owner: string, cap: CapReached | null): WaitDecision => ({
  event_type: 'mission_waits',
  payload: { mission_id: id, owner, reason: cap?.reason ?? null, until: cap?.untilMs ?? null },
});
