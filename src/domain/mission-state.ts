/** What the fold of a coordination partition knows: missions, their tasks, and who decides. */
import type { BudgetName, Cost } from './budget.js';
import { NOTHING_SPENT, type CapReached, type DaySpending } from './daily-spending.js';
import type { EventOf, EventType, PayloadOf } from './events.js';
import type { MissionTask } from './mission-task-state.js';
import type { TaskFold, TaskIndex } from './mission-tasks.js';
import type { Holder } from './record.js';
import type { WaitingRequest } from './requests.js';
import type { WorkspaceUses } from './workspace-uses.js';

/** The fold's small state: what a replay needs besides the records from the replay point on. */
export interface CoordinationSnapshot {
  readonly holder: Holder | null;
  /** Name of this log (partition_opened); null until it has one. */
  readonly epoch: string | null;
}

/** The fold of a coordination partition. evolve changes it and its missions in place (see Folded). */
export interface CoordinationState {
  readonly partition: number;
  /** Offset of the first record that it has folded, or will. */
  readonly foldedFrom: number;
  /** Next offset to fold. */
  position: number;
  holder: Holder | null;
  epoch: string | null;
  /** What its missions have spent on the last day on which they did; and of it, what those have that are forgotten. */
  today: DaySpending;
  forgottenToday: DaySpending;
  /** Timestamp of the last record, ms since the epoch. */
  timestampMs: number;
  /** Missions in log order, by id. */
  readonly missions: Map<string, MissionFold>;
  /** Time (ms since the epoch) in the ids of requested missions, so that a late duplicate starts nothing. */
  readonly requestedIds: Map<string, number>;
  /** Of missions that are forgotten, by their workspace. */
  readonly workspaceUses: WorkspaceUses;
}

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

/**
 * Where a mission stands. working: its planning says what follows. asking: it waits for a person. cancelling and
 * failing: its open attempts are cancelled first, also by a new holder. The others are its end.
 */
export type Course =
  | { readonly kind: 'working' }
  | { readonly kind: 'asking'; readonly question: Question }
  | { readonly kind: 'cancelling'; readonly reason: string }
  | { readonly kind: 'failing'; readonly reason: string; readonly code: FailureCode | null }
  | { readonly kind: 'completed'; readonly atMs: number }
  | { readonly kind: 'failed'; readonly reason: string; readonly code: FailureCode | null; readonly atMs: number }
  | { readonly kind: 'cancelled'; readonly reason: string; readonly atMs: number };

const FAILURE_CODES = [
  'no_planner',
  'planner_unreachable',
  'request_void',
  'unknown_agents',
  'no_worker',
  'workspace_taken',
] as const;

/**
 * Why a mission failed, for programs; null: only the reason says it. unknown_agents and no_worker: its time was used
 * up, and it needs agents that the orchestrator does not have, or that no live worker serves. workspace_taken: it
 * continues a mission whose workspace another one uses, or may have used since.
 */
export type FailureCode = (typeof FAILURE_CODES)[number];

/**
 * How far the plan of the mission's revision is. reason: why a changed plan was asked for; null for the first.
 * answered: a person has said what to do, and the planner is to hear it. postponed: no planner could be reached; it is
 * asked again, with a new revision, after retryInMs.
 */
export type Planning =
  | { readonly kind: 'none' }
  /** reserved: worst case of the planner call that is under way. */
  | (Why & { readonly kind: 'requested'; readonly reserved: Cost })
  | (Why & { readonly kind: 'proposed' | 'approved'; readonly proposal: Proposal })
  /** error: why there is no plan; code: the same for programs. */
  | (Why & { readonly kind: 'failed'; readonly error: string; readonly code: string })
  /** error: who rejected it and why. */
  | (Why & { readonly kind: 'rejected'; readonly error: string })
  | (Why & {
      readonly kind: 'postponed';
      readonly error: string;
      readonly retryInMs: number;
      /** planner_unreachable, or unknown_agents: then it is asked again when the agents are there. */
      readonly code: string;
    })
  | (Why & { readonly kind: 'answered' });

/** Why a plan was asked for. */
export interface Why {
  /** What has failed, in words of tasks too; null for the first plan. */
  readonly reason: string | null;
  /** What people have said about it: rejections and answers, in order; null: nothing. */
  readonly answer: string | null;
}

/** What people have said, with one answer more. */
export const joinedAnswers = (before: string | null, answer: string): string =>
  before === null ? answer : `${before}; ${answer}`;

export type Proposal = PayloadOf<'plan_proposed'>;

/** Who has paused a mission, when and why. */
export interface MissionPause {
  readonly by: string;
  readonly reason: string;
  /** ms since the epoch, by the log. */
  readonly atMs: number;
}

/** A share of a limit whose use was announced, and since when (ms since the epoch). */
export interface BudgetUse {
  readonly percent: number;
  /** In the limit's unit, at least. */
  readonly used: number;
  readonly limit: number;
  readonly atMs: number;
}

/** The mission waits for a planner that cannot be reached. */
export interface PlannerWait {
  /** The revision with which the wait began; the same for as long as it is the same wait. */
  readonly sinceRevision: number;
  /** Calls that reached no planner, from 1. */
  readonly calls: number;
}

/** A mission as the roles and the reports read it. Its tasks and their sums are in the index (mission-tasks.ts). */
export interface Mission {
  readonly id: string;
  readonly request: PayloadOf<'mission_requested'>;
  readonly requestedAtMs: number;
  readonly course: Course;
  readonly planning: Planning;
  /** Its hard limits: those of its request, or as a person has set them since. */
  readonly budget: PayloadOf<'mission_requested'>['budget'];
  /** Changes of it so far. */
  readonly budgetChanges: number;
  /** The highest share of each limit that was announced as used; a raised limit takes back what it is above. */
  readonly budgetUse: ReadonlyMap<BudgetName, BudgetUse>;
  /** How long its minutes have run by the log, and since when they run (ms since the epoch); null: they do not. */
  readonly ran: { readonly ms: number; readonly sinceMs: number | null };
  /** null: it is not paused. */
  readonly pause: MissionPause | null;
  /** Pauses so far, this one included. */
  readonly pauses: number;
  /** What it has spent on the last day on which it did. */
  readonly today: DaySpending;
  /** What keeps it from beginning anything that costs; null: nothing does. */
  readonly waitsFor: CapReached | null;
  /** null while its planner can be reached, or is not needed. */
  readonly plannerWait: PlannerWait | null;
  /** 0 before the first plan_requested. */
  readonly revision: number;
  readonly rejections: number;
  /** Changed plans asked for because tasks failed, since a person last answered. */
  readonly replans: number;
  /** Failed attempts of each agent, since it last was escalated. */
  readonly agentFailures: ReadonlyMap<string, number>;
  /** Questions asked so far. */
  readonly questions: number;
  /** The last answer and what it was about, for the attempts that follow it. */
  readonly answer: Answer | null;
  /** Tasks of the approved plans in order, by id. */
  readonly tasks: ReadonlyMap<string, MissionTask>;
  readonly index: TaskIndex;
  /** In order; their numbers rise. */
  readonly waves: readonly Wave[];
  /** Place in `waves` of the first one that is neither completed nor replaced. */
  readonly nextWave: number;
  /** Known spending of planners. */
  readonly planningUsage: Cost;
  /** Tokens of attempts and planner calls that are known; and how many began whose use is not known. */
  readonly measured: { readonly in: number; readonly out: number; readonly unmeasured: number };
  /** As the event that ended it says; null: it is open, or no planner model was configured. */
  readonly atPlannerPrice: PayloadOf<'mission_completed'>['at_planner_price'];
  /** What counts against the budget for planning: known, or reserved and lost. */
  readonly planningSpent: Cost;
  /** People's answers about waiting calls that are still to be decided about, in log order, by event_id. */
  readonly answers: ReadonlyMap<string, CallAnswer>;
  /** event_id and timestamp of mission_requested, which its signature covers. */
  readonly requestId: string;
  readonly requestTimestamp: number;
  /** accepted: its holder has decided that the request counts. decided: a holder has acted for it without that. */
  readonly admission: 'none' | 'decided' | 'accepted';
  /** Whether people's requests about it count only when its holder has accepted them. */
  readonly guarded: boolean;
  /** The operator who has signed its request, and the key, as its holder has verified them; null: none has. */
  readonly signer: Signer | null;
  /** People's requests that its holder is still to decide about, in log order, by event_id. */
  readonly waitingRequests: ReadonlyMap<string, WaitingRequest>;
  /**
   * event_id of requests that were decided about, and until when a second copy of one would not be late, ms since the
   * epoch.
   */
  readonly decidedRequests: ReadonlyMap<string, number>;
  /** The last requests about it that do not count, oldest first. */
  readonly voidRequests: readonly VoidRequest[];
  /** Decisions that must reach tasks partitions, by their offsets, in log order. */
  readonly effects: ReadonlyMap<number, Effect>;
  readonly squadReady: boolean;
  /** Snapshots of its workspace by the wave after which they were taken; 0: before it. */
  readonly snapshots: ReadonlyMap<number, PayloadOf<'snapshot_taken'>>;
  /** Those that could not be taken after a task had ended, by the wave; none has been taken since. */
  readonly missedSnapshots: ReadonlyMap<number, PayloadOf<'snapshot_missed'>>;
  /** Why it must not begin in the workspace of the mission that it continues; null: it may, or has its own. */
  readonly workspaceTaken: string | null;
  /** Missions that continue this one, as far as was read; oldest first. */
  readonly continuedBy: readonly string[];
  readonly firstOffset: number;
  /** Offset of the record that ended it; null: it is open. */
  readonly endedAt: number | null;
  readonly before: CoordinationSnapshot;
}

/**
 * The same mission as evolve changes it, in place: a copy of 10,000 tasks, waves or effects for each event would make
 * an event cost more the larger its mission is. What a task, a course or a planning says is replaced as a whole.
 */
export type MissionFold = {
  -readonly [K in keyof Omit<
    Mission,
    | 'snapshots'
    | 'missedSnapshots'
    | 'tasks'
    | 'index'
    | 'waves'
    | 'effects'
    | 'agentFailures'
    | 'answers'
    | 'waitingRequests'
    | 'decidedRequests'
  >]: Mission[K];
} & {
  readonly snapshots: Map<number, PayloadOf<'snapshot_taken'>>;
  readonly missedSnapshots: Map<number, PayloadOf<'snapshot_missed'>>;
  readonly answers: Map<string, CallAnswer>;
  readonly waitingRequests: Map<string, WaitingRequest>;
  readonly decidedRequests: Map<string, number>;
  readonly tasks: Map<string, MissionTask>;
  readonly index: TaskFold;
  readonly waves: WaveFold[];
  readonly effects: Map<number, Effect>;
  readonly agentFailures: Map<string, number>;
};

/** Whether it has not ended. */
export const isOpen = (mission: Mission): boolean => statusOf(mission) === 'open';

/** As programs read it: open until it has ended. */
export const statusOf = (mission: Mission): 'open' | 'completed' | 'failed' | 'cancelled' => {
  const { kind } = mission.course;
  return kind === 'completed' || kind === 'failed' || kind === 'cancelled' ? kind : 'open';
};

/** Why it failed or was cancelled; null for a mission that is open or completed. */
export const endReasonOf = ({ course }: Mission): string | null =>
  course.kind === 'failed' || course.kind === 'cancelled' ? course.reason : null;

/** Why it failed, for programs; null when no code says it, or when it did not fail. */
export const failureCodeOf = ({ course }: Mission): FailureCode | null =>
  course.kind === 'failed' ? course.code : null;

/** The code as an event carries it; null for a code of a newer build. */
export const asFailureCode = (code: string | null): FailureCode | null =>
  FAILURE_CODES.find((known) => known === code) ?? null;

/** It may still reach its goal: it has not ended, and is not about to. */
export const isUnderWay = ({ course }: Pick<Mission, 'course'>): boolean =>
  course.kind === 'working' || course.kind === 'asking';

/** The question that it waits with; null when it does not. */
export const questionOf = ({ course }: Mission): Question | null => (course.kind === 'asking' ? course.question : null);

/** The proposed or approved plan of its revision; null when there is none. */
export const proposalOf = ({ planning }: Mission): Proposal | null =>
  planning.kind === 'proposed' || planning.kind === 'approved' ? planning.proposal : null;

/** Number of its last wave, replaced ones included; 0 before the first. */
export const lastWaveOf = ({ waves }: Mission): number => waves.at(-1)?.number ?? 0;

/** Why a changed plan was asked for; null for the first. */
export const planReasonOf = ({ planning }: Mission): string | null =>
  planning.kind === 'none' ? null : planning.reason;
export const planAnswerOf = ({ planning }: Mission): string | null =>
  planning.kind === 'none' ? null : planning.answer;

/** A person's answer about a call that waits. */
export interface CallAnswer {
  /** event_id of call_answered. */
  readonly id: string;
  /** When the log took it, ms since the epoch. */
  readonly atMs: number;
  readonly payload: PayloadOf<'call_answered'>;
}

/** Who has signed a request. */
export interface Signer {
  /** The operator's name. */
  readonly signed_by: string;
  readonly key_id: string;
}

/** A request of a person that does not count. */
export interface VoidRequest {
  /** event_id of the request. */
  readonly request_id: string;
  /** Its event_type. */
  readonly type: string;
  /** As the request says it. */
  readonly requested_by: string;
  readonly code: string;
  readonly reason: string;
  /** When it was refused, ms since the epoch. */
  readonly atMs: number;
}

/** A decision record that is to be carried out: sent to the tasks partition that it names. */
export interface Effect {
  readonly offset: number;
  readonly event: EventOf<EffectType>;
}

type EffectType = 'task_assigned' | 'task_cancelled' | 'task_suspended' | 'call_decided';
const EFFECT_TYPES: readonly EventType[] = [
  'task_assigned',
  'task_cancelled',
  'task_suspended',
  'call_decided',
] satisfies readonly EffectType[];

/** Whether it is of a type that is carried out in a tasks partition. */
export const isEffect = <E extends { readonly event_type: EventType }>(
  event: E,
): event is Extract<E, { readonly event_type: EffectType }> => EFFECT_TYPES.includes(event.event_type);

export interface Wave {
  readonly number: number;
  readonly taskIds: readonly string[];
  /** replaced: not completed when a changed plan took its place. */
  readonly status: 'waiting' | 'started' | 'completed' | 'replaced';
}
export type WaveFold = { -readonly [K in keyof Wave]: Wave[K] };

export function createCoordinationState(
  partition: number,
  position = 0,
  snapshot: CoordinationSnapshot = { holder: null, epoch: null },
  spent: DaySpending = NOTHING_SPENT,
): CoordinationState {
  return {
    partition,
    foldedFrom: position,
    position,
    holder: snapshot.holder,
    epoch: snapshot.epoch,
    today: spent,
    forgottenToday: spent,
    timestampMs: 0,
    missions: new Map(),
    requestedIds: new Map(),
    workspaceUses: new Map(),
  };
}
