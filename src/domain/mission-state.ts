/** What the fold of a coordination partition knows: missions, their tasks, and who decides. */
import type { Cost } from './budget.js';
import type { CheckResult, EventOf, PayloadOf, PlanTask, TaskKind } from './events.js';
import type { Holder } from './record.js';

/** The fold's small state: what a replay needs besides the records from the replay point on. */
export interface CoordinationSnapshot {
  readonly holder: Holder | null;
  /** Name of this log (partition_opened); null until it has one. */
  readonly epoch: string | null;
}

/** The fold of a coordination partition. evolve replaces its fields; the values in it are never changed. */
export interface CoordinationState {
  readonly partition: number;
  /** Next offset to fold. */
  position: number;
  holder: Holder | null;
  epoch: string | null;
  /** Timestamp of the last record, ms since the epoch. */
  timestampMs: number;
  /** Missions in log order, by id. */
  readonly missions: Map<string, Mission>;
  /** Time (ms since the epoch) in the ids of requested missions, so that a late duplicate starts nothing. */
  readonly requestedIds: Map<string, number>;
}

/** none: not asked yet. answered: a person has said how to go on, and the planner is to hear it. */
export type PlanningState = 'none' | 'requested' | 'proposed' | 'approved' | 'rejected' | 'failed' | 'answered';

/** What a mission asks a person when its agents and its planner do not get any further. */
export interface Question {
  /** From 1. */
  readonly number: number;
  /** What failed. */
  readonly reason: string;
  readonly text: string;
}

/** What a person said, and the failure that it was about. */
export interface Answer {
  readonly reason: string;
  readonly text: string;
}

export interface Mission {
  readonly id: string;
  readonly request: PayloadOf<'mission_requested'>;
  readonly requestedAtMs: number;
  readonly status: 'open' | 'completed' | 'failed' | 'cancelled';
  /** Why it failed or was cancelled. */
  readonly reason: string | null;
  readonly endedAtMs: number | null;
  readonly planning: PlanningState;
  /** 0 before the first plan_requested. */
  readonly revision: number;
  /** The proposed or approved plan of this revision. */
  readonly proposal: PayloadOf<'plan_proposed'> | null;
  /** Why a changed plan was asked for; null for the first. */
  readonly planReason: string | null;
  /** Why planning failed, or why a person rejected the plan. */
  readonly planningError: string | null;
  readonly rejections: number;
  /** Changed plans asked for because tasks failed, since a person last answered. */
  readonly replans: number;
  /** Failed attempts of each agent, since it last was escalated. */
  readonly agentFailures: Readonly<Record<string, number>>;
  /** Questions asked so far. */
  readonly questions: number;
  /** The question that the mission waits with; null when it does not. */
  readonly question: Question | null;
  /** The last answer and what it was about, for whoever works on after it. */
  readonly answer: Answer | null;
  readonly cancelRequest: string | null;
  /** Why the mission is about to fail: said by the cancels of its open attempts, so that a new holder ends it, too. */
  readonly failing: string | null;
  /** Tasks of the approved plans in order, by id. */
  readonly tasks: ReadonlyMap<string, MissionTask>;
  readonly waves: readonly Wave[];
  /** Known spending of planners. */
  readonly planningUsage: Cost;
  /** What counts against the budget for planning: known, or reserved and lost. */
  readonly planningSpent: Cost;
  /** Worst case of the planner call that is under way. */
  readonly planningReserved: Cost;
  /** Decisions that must reach tasks partitions, in log order. */
  readonly effects: readonly Effect[];
  readonly squadReady: boolean;
  readonly firstOffset: number;
  readonly before: CoordinationSnapshot;
}

/** A decision record that is to be carried out: sent to the tasks partition that it names. */
export interface Effect {
  readonly offset: number;
  readonly event: EventOf<'task_assigned'> | EventOf<'task_cancelled'>;
}

export interface Wave {
  readonly number: number;
  readonly taskIds: readonly string[];
  readonly status: 'waiting' | 'started' | 'completed';
  /** A wave of an earlier plan that a changed plan has replaced. */
  readonly replaced: boolean;
}

/**
 * waiting: to be assigned. assigned → accepted → running: an attempt is open. retrying: failed, another attempt will be
 * made. failed: for good. replaced: never done, because a changed plan took its place.
 */
export type MissionTaskStatus =
  | 'waiting'
  | 'assigned'
  | 'accepted'
  | 'running'
  | 'retrying'
  | 'verified'
  | 'unverified'
  | 'failed'
  | 'cancelled'
  | 'replaced';

export interface MissionTask {
  readonly id: string;
  readonly plan: PlanTask;
  readonly wave: number;
  readonly kind: TaskKind;
  readonly status: MissionTaskStatus;
  /** Number of the last attempt; 0 before the first. */
  readonly attempt: number;
  /** Attempts that used up a retry. */
  readonly failures: number;
  /** Back-off before the next attempt in milliseconds; null until it was decided. */
  readonly retryDelayMs: number | null;
  /** Partition of the agent's topic; kept for every attempt. */
  readonly targetPartition: number | null;
  /** The open attempt's share of the budget. */
  readonly share: { readonly tokens: number | null; readonly usd: number | null };
  /** What ended attempts cost the budget. */
  readonly spent: Cost;
  /** What ended attempts are known to have used. */
  readonly usage: Cost;
  readonly steps: number;
  readonly model: string;
  readonly startedAtMs: number | null;
  readonly durationMs: number;
  readonly summary: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly checks: readonly CheckResult[];
  /** Step and tool while it runs; the error when it failed. */
  readonly detail: string;
  /** Who asked for another attempt instead of the last one, and why; null once that is assigned. */
  readonly retryRequest: string | null;
  /** Since when the open attempt waits for a live worker, as an orchestrator saw it; null: it has one. */
  readonly unservedSinceMs: number | null;
}

const OPEN: readonly MissionTaskStatus[] = ['assigned', 'accepted', 'running'];
/** Whether an attempt of the task is under way. */
export const hasOpenAttempt = (task: MissionTask): boolean => OPEN.includes(task.status);
/** Whether the task has a result that its dependents may build on. */
export const endedWell = (task: MissionTask): boolean => task.status === 'verified' || task.status === 'unverified';

export function createCoordinationState(
  partition: number,
  position = 0,
  snapshot: CoordinationSnapshot = { holder: null, epoch: null },
): CoordinationState {
  return {
    partition,
    position,
    holder: snapshot.holder,
    epoch: snapshot.epoch,
    timestampMs: 0,
    missions: new Map(),
    requestedIds: new Map(),
  };
}
