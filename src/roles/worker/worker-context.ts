import type { LiveAgents } from '../../agent/live-agents.js';
import type { LoopLimits } from '../../agent/loop-state.js';
import type { Redact } from '../../domain/redaction.js';
import type { AgentSpec } from '../../domain/agent-spec.js';
import type { PayloadOf } from '../../domain/events.js';
import type { TaskAttempt } from '../../domain/task-partition.js';
import type { VerifyAnswer } from '../../domain/waiting-call.js';
import type { CircuitNews } from '../../ports/circuits.js';
import type { PartitionId } from '../../ports/log.js';
import type { ChatModel } from '../../ports/model.js';
import type { Policy } from '../../ports/policy.js';
import type { Packer } from '../../ports/packer.js';
import type { ToolExecutor } from '../../ports/tools.js';
import type { BlockedPartitions } from '../shared/blocked-partitions.js';
import type { CreateEvent } from '../../domain/event-factory.js';
import type { RoleDeps } from '../shared/role.js';
import { DEFAULT_STALLED_MS } from '../shared/role-health.js';
import type { AgentRevisions } from './agent-revisions.js';
import type { ShareText } from './shared-text.js';
import type { Slots } from '../shared/slots.js';

export interface WorkerDeps extends RoleDeps {
  /** The agents that this process serves. */
  readonly agents: LiveAgents;
  /** Model chain of an agent, tried in order; never empty. */
  chainOf(agent: AgentSpec): readonly ChatModel[];
  readonly tools: ToolExecutor;
  /** Judges each call before it is journaled. Absent: none is judged, and the records say so. */
  readonly policy?: Policy;
  /**
   * How long a call that the policy asks about waits for a person, in milliseconds. Absent: such a call is refused at
   * once. What waits already waits on.
   */
  readonly askMs?: number;
  /** For what waits in large numbers. */
  readonly packer: Packer;
  readonly loopLimits: LoopLimits;
  /** What prompts, replies and errors of models pass (src/agent/redact.ts). Absent: nothing is changed. */
  readonly redact?: Redact;
  /** Changes of this process's circuit breakers, to be published; absent: another role does, or there are none. */
  readonly circuits?: CircuitNews;
  /** Why this process cannot do all of its work, such as a sandbox that cannot be built; null: it can. */
  readonly degradedReason?: string | null;
  readonly timings?: Partial<WorkerTimings>;
}

export interface WorkerTimings {
  /** Between commits of replay points. */
  readonly commitMs: number;
  readonly heartbeatMs: number;
  /** A running tool has this long after its task's deadline before it is stopped from outside. */
  readonly deadlineGraceMs: number;
  /** A snapshot before a task may take so long; the task's deadline begins after it. */
  readonly snapshotMs: number;
  /**
   * A snapshot at a task's end may take what the task's deadline has left, and so much longer: less than the
   * orchestrator waits behind that deadline, so that it fails no task.
   */
  readonly snapshotGraceMs: number;
  /** Behind the grace of a drain: what was written at its end, such as a result, is read back for so long. */
  readonly drainReadMs: number;
  /** An attempt waits at most so long for its paused mission to be resumed; then it ends, and another one follows. */
  readonly suspendedMs: number;
  /** A group that was not heard of for so long has come to a standstill. */
  readonly stalledMs: number;
  /** An attempt waits so long for a revision of its agent that may come. */
  readonly revisionMs: number;
  /** Between attempts to join the group of an agent that was added. */
  readonly joinAgainMs: number;
}

export const DEFAULT_WORKER_TIMINGS: WorkerTimings = {
  commitMs: 500,
  heartbeatMs: 5_000,
  deadlineGraceMs: 5_000,
  snapshotMs: 600_000,
  snapshotGraceMs: 20_000,
  drainReadMs: 2_000,
  suspendedMs: 14 * 24 * 3_600_000,
  stalledMs: DEFAULT_STALLED_MS,
  revisionMs: 10_000,
  joinAgainMs: 10_000,
};

type NewsType =
  | 'task_accepted'
  | 'task_started'
  | 'task_progress'
  | 'task_paused'
  | 'task_resumed'
  | 'approval_void'
  | 'model_failed_over'
  | 'snapshot_taken'
  | 'snapshot_missed';
export type MissionNews = {
  [T in NewsType]: {
    readonly type: T;
    readonly payload: PayloadOf<T>;
    /** event_id of the cause; absent: the attempt's assignment. */
    readonly causedBy?: string;
  };
}[NewsType];

/** What the parts of a running worker share. */
export interface WorkerContext {
  readonly deps: WorkerDeps;
  readonly timings: WorkerTimings;
  readonly createEvent: CreateEvent;
  readonly shareText: ShareText;
  readonly verifyAnswer: VerifyAnswer;
  /** For executions: the agent's concurrency. */
  slotsOf(agent: string): Slots;
  readonly revisions: AgentRevisions;
  /** For news and results of many attempts at once: what an appender holds of them stays small. */
  readonly sending: { readonly accepted: Slots; readonly results: Slots };
  isAssigned(partition: PartitionId, agent: string): boolean;
  /**
   * Appends an event about an attempt to its mission's coordination partition. Progress, not a result: it may be lost.
   * Resolves when nothing of it is queued any more, with whether the log has it; never rejects.
   */
  sendToMission(attempt: TaskAttempt, event: MissionNews): Promise<boolean>;
  /** The set of held partitions has changed. */
  onHeldChanged(): void;
  readonly blocked: BlockedPartitions;
  /** A step has an outcome. */
  onStepEnded(): void;
  onFatal(error: Error): void;
}
