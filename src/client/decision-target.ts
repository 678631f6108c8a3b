/** What a person approves or rejects: the plan of a mission, or a call that waits. */
import type { Mission } from '../domain/mission-state.js';
import type { WaitingCallReport } from '../domain/report.js';
import { requireWaitingCall, waitingCalls } from './approvals.js';
import { ClientError } from './client-error.js';
import type { MissionFeed } from './mission-feed.js';
import { missionsMeant } from './mission-name.js';
import { namedMissions, requireMission } from './require-mission.js';

export interface TargetTimes {
  readonly nowMs: number;
  /** See requireMission. */
  readonly sinceMs?: number;
}

export type DecisionTarget =
  | { readonly kind: 'mission'; readonly mission: Mission }
  | { readonly kind: 'call'; readonly call: WaitingCallReport };

/**
 * The mission (named as requireMission takes it) or the waiting call that is meant; the feed must have caught up.
 * Throws ClientError as requireMission and requireWaitingCall do, and mission_ambiguous where both are meant.
 */
export function requireTarget(feed: MissionFeed, wanted: string, { nowMs, sinceMs = 0 }: TargetTimes): DecisionTarget {
  const missions = missionsMeant(wanted, namedMissions(feed, sinceMs));
  const calls = wanted === '' ? [] : waitingCalls(feed).filter(({ approval_id }) => approval_id.startsWith(wanted));
  const [mission] = missions;
  const [call] = calls;
  if (mission !== undefined && call !== undefined && mission.id !== wanted)
    throw new ClientError(
      'mission_ambiguous',
      `${wanted} means a mission and a call that waits`,
      `Give more of the id:\n${[...missions, ...calls].map((each) => `  ${lineOf(each)}`).join('\n')}`,
    );
  if (mission !== undefined) return { kind: 'mission', mission: requireMission(feed, wanted, sinceMs) };
  return { kind: 'call', call: requireCall(feed, wanted, nowMs) };
}

const lineOf = (each: WaitingCallReport | { readonly id: string; readonly name: string }): string =>
  'id' in each ? `mission ${each.id} (${each.name})` : `call ${each.approval_id} of ${each.agent}`;

/** Where neither is meant, a person learns how to list both. */
function requireCall(feed: MissionFeed, wanted: string, nowMs: number): WaitingCallReport {
  try {
    return requireWaitingCall(feed, wanted, nowMs);
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'approval_unknown') throw error;
    const lists = 'ravenhelm status lists missions, ravenhelm approvals list the calls.';
    throw new ClientError(error.code, error.message, `${error.nextStep ?? ''}\nNor is it a mission: ${lists}`.trim());
  }
}
