/** What a mission's fold knows of one of its tasks. */
import type { TaskArtifacts } from './artifacts.js';
import type { Cost } from './budget.js';
import type { CheckResult, PayloadOf, PlanTask, TaskKind } from './events.js';
import type { Taint } from './taint.js';

/**
 * waiting: to be assigned. assigned → accepted → running: an attempt is open. paused: a
 * call of the open attempt waits for a person; its deadline does not run. retrying: failed, another attempt will be
 * made. failed: for good. replaced: never done, because a changed plan took its place.
 */
export type MissionTaskStatus =
  | 'waiting'
  | 'assigned'
  | 'accepted'
  | 'running'
  | 'paused'
  | 'retrying'
  | 'verified'
  | 'unverified'
  | 'failed'
  | 'cancelled'
  | 'replaced';

export interface MissionTask {
  readonly id: string;
  readonly plan: PlanTask;
  /** Who wrote its plan: mission, order, or a model's name. */
  readonly plannedBy: string;
  readonly wave: number;
  /** Among all tasks of the mission, from 0. */
  readonly position: number;
  readonly kind: TaskKind;
  readonly status: MissionTaskStatus;
  /** Number of the last attempt; 0 before the first. */
  readonly attempt: number;
  /** Offset of the decision that assigned the last attempt; null before the first. */
  readonly assignedAt: number | null;
  /** When the first attempt was assigned, ms since the epoch; null before. */
  readonly firstAssignedAtMs: number | null;
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
  /** The model that used up an attempt, as far as the results so far name one; the next attempt begins behind it. */
  readonly usedUpBy: string | null;
  readonly startedAtMs: number | null;
  readonly durationMs: number;
  readonly summary: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly checks: readonly CheckResult[];
  /** Protected files that its last attempt has changed. */
  readonly changedPaths: readonly string[];
  /** What its last attempt has left for people, as its result says; null: none is known. */
  readonly artifacts: TaskArtifacts | null;
  /** Whether a worker that runs commands without a sandbox has worked on it, in any attempt. */
  readonly sandboxOff: boolean;
  /** What the open attempt reads or may read that is untrusted; null: an older orchestrator did not say. */
  readonly untrusted: PayloadOf<'task_assigned'>['untrusted'];
  /** The untrusted content that it has read, in any attempt. */
  readonly taintedBy: readonly Taint[];
  /** Step and tool while it runs; the error when it failed. */
  readonly detail: string;
  /** Whether the last attempt, or one before it, was not ended by its worker, so that a process of it may still run. */
  readonly mayRun: boolean;
  /** Whether its next attempt only ends what an earlier one, perhaps of an earlier mission, may have left running. */
  readonly fence: boolean;
  /** What happens to it once that has ended, because the plan does not have it any more; null: the plan has it. */
  readonly leaves: 'failed' | 'replaced' | null;
  /**
   * Whether it was verified in the mission that this one continues. unchecked: its checks run before anything else of
   * it. held: they have passed. failed: one has not, and the task runs again.
   */
  readonly carried: 'no' | 'unchecked' | 'held' | 'failed';
  /** Why its last attempt failed in the mission that this one continues; empty: it did not. */
  readonly earlier: string;
  /** Who asked for another attempt instead of the last one, and why; null once that is assigned. */
  readonly retryRequest: string | null;
  /** Whether a call of the open attempt waits for a person, or has. */
  readonly wait: CallWait;
  /** The open attempt's execution deadline in seconds, as it was assigned; null before the first. */
  readonly timeoutSeconds: number | null;
  /**
   * Whether the open attempt must wait before its next step, because its mission is or was paused. ending: it may
   * continue, and its worker has not said yet that it does; until then its deadline does not run.
   */
  readonly suspended: 'no' | 'yes' | 'ending';
  /** Since when it waits for a live worker, or for its agent, as an orchestrator saw it; null: it has both. */
  readonly withoutWorkerSinceMs: number | null;
  /** Whether the orchestrator said that it does not have the agent, so that no attempt is made. */
  readonly unknownAgent: boolean;
}

/**
 * waiting: a call waits, and the task is paused. decided: the last one that has waited is decided, and the attempt runs
 * with what its deadline had left. none: no call of the attempt has waited, or the attempt has ended.
 */
export type CallWait =
  | { readonly kind: 'none'; readonly lastApproval: string | null }
  | { readonly kind: 'waiting'; readonly lastApproval: string | null; readonly pause: Pause }
  | {
      readonly kind: 'decided';
      /** approval_id of the call that was decided last, also in an earlier attempt; null: none was. */
      readonly lastApproval: string | null;
      readonly step: number;
      /** ms; null: all of it. */
      readonly remainingMs: number | null;
    };

/** The call of the open attempt that waits for a person; null: none does. */
export const pauseOf = ({ wait }: Pick<MissionTask, 'wait'>): Pause | null =>
  wait.kind === 'waiting' ? wait.pause : null;

/** The last step of the open attempt that has waited for a person; 0: none has. */
export function pausedStep({ wait }: Pick<MissionTask, 'wait'>): number {
  switch (wait.kind) {
    case 'none':
      return 0;
    case 'waiting':
      return wait.pause.call.step;
    case 'decided':
      return wait.step;
  }
}

/** What the open attempt's execution deadline has left since a call of it has waited, ms; null: all of it. */
export function remainingMs({ wait }: Pick<MissionTask, 'wait'>): number | null {
  switch (wait.kind) {
    case 'none':
      return null;
    case 'waiting':
      return wait.pause.call.remaining_ms;
    case 'decided':
      return wait.remainingMs;
  }
}

/** No call waits: the attempt has ended, or another one begins. */
export const noWait = ({ wait }: Pick<MissionTask, 'wait'>): CallWait => ({
  kind: 'none',
  lastApproval: wait.lastApproval,
});

/** A call that waits for a person, as its mission knows it. */
export interface Pause {
  readonly call: PayloadOf<'task_paused'>;
  readonly approvalId: string;
  readonly digest: string;
  readonly expiresAtMs: number;
  /** The answer that was decided to count (event_id of call_answered); null: none yet. */
  readonly answerId: string | null;
  /** The last answer about it that does not count, while none does. */
  readonly voidAnswer: Pick<PayloadOf<'approval_void'>, 'answered_by' | 'reason'> | null;
}

/** What its next attempt does besides running the whole task; null: it runs it. */
export const onlyOf = ({ fence, carried }: Pick<MissionTask, 'fence' | 'carried'>): 'fence' | 'checks' | null =>
  fence ? 'fence' : carried === 'unchecked' ? 'checks' : null;

const OPEN: readonly MissionTaskStatus[] = ['assigned', 'accepted', 'running', 'paused'];
/** Whether an attempt of the task is under way. */
export const hasOpenAttempt = (task: MissionTask): boolean => OPEN.includes(task.status);
/** Whether another attempt is to come, and none is open. */
export const waitsForAttempt = ({ status }: MissionTask): boolean => status === 'waiting' || status === 'retrying';
/** Whether the task has a result that its dependents may build on. */
export const endedWell = ({ status }: Pick<MissionTask, 'status'>): boolean =>
  status === 'verified' || status === 'unverified';
