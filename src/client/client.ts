import type { AttemptReport } from '../domain/attempt-report.js';
import type { AgentEvent } from '../domain/events.js';
import type { MissionReport, WaitingCallReport } from '../domain/report.js';
import type { CopiedArtifact, MissionArtifacts } from './artifacts.js';
import type { StatusReport } from './ask-processes.js';
import type { DeadLetter, DeadLetterDetails } from './dead-letter.js';
import type { DiscardOptions } from './discard.js';
import type { BudgetLimits, InputValue, MissionDefinition } from './mission-definition.js';
import type { RecoveredPartition, RecoverOptions } from './recover.js';
import type { RedriveOptions, RedriveOutcome } from './redrive.js';
import type { RetriedMission } from './retry.js';
import type { RestoreResult, WorkspaceDiff } from './snapshots.js';
import type { SubmittedMission } from './submit.js';

export interface SubmitOptions {
  /** The mission's own directory, instead of one below the workspaces' root. Default none. */
  readonly workspace?: string;
  /** Values of the mission's inputs, by name. Default their own defaults. */
  readonly inputs?: Readonly<Record<string, InputValue>>;
  /** W3C traceparent: the mission's spans continue this trace. Default none: it has its own. */
  readonly traceparent?: string;
}

export interface RetryMissionOptions {
  /** Tasks that run again although they are verified: ids, or agents that have one task. Default none. */
  readonly tasks?: readonly string[];
  /**
   * The changed mission: a file's path, or an object. Verified tasks that are the same in its plan stay verified;
   * without a plan in it the mission keeps its own. Default the mission as it was.
   */
  readonly edit?: string | MissionDefinition;
  /** Values of the changed mission's inputs, by name. Default what they were, then their own defaults. */
  readonly inputs?: Readonly<Record<string, InputValue>>;
}

export interface FollowOptions {
  /**
   * After each event of the mission. The report is made when it is first read; one that is not read costs nothing.
   * Default none.
   */
  readonly onEvent?: (event: AgentEvent, report: MissionReport) => void;
  /** Ends waiting; the mission continues. Default none. */
  readonly signal?: AbortSignal;
}

export interface DiffOptions {
  /** Only what this wave has changed, 1 to 1000000. Default what the mission has. */
  readonly wave?: number;
  /** Whether the result has a patch in the form of git. Default false. */
  readonly patch?: boolean;
}

export interface MissionDiff extends WorkspaceDiff {
  /** null without options.patch. */
  readonly patch: string | null;
}

export interface RestoreOptions {
  /** 0 to 1000000. */
  readonly wave: number;
  /** Only says what would change. Default false. */
  readonly dryRun?: boolean;
}

export interface CopyArtifactsOptions {
  /** A directory; made when it is not there. */
  readonly to: string;
  /** Whether other files that are there are replaced. Default false. */
  readonly force?: boolean;
}

export interface AttemptsOptions {
  /** A task's id, or an agent that has one task in the mission. Default every task. */
  readonly task?: string;
  /** 1 to 999999999. Default every attempt. */
  readonly attempt?: number;
  /** Whether each step has the prompt that its model was sent, rebuilt from the journal. Default false. */
  readonly prompts?: boolean;
}

/**
 * A client of a running swarm. A mission is named by its id, a beginning of it that is unique, its name (which means
 * the newest one) or last; follow takes an id only, because it also waits for a mission that is not in the log yet.
 * Every method rejects with the log's errors where the log cannot be used, and with ClientError (client_closed) once
 * close() was called.
 */
export interface Client extends AsyncDisposable {
  /** Submits a mission: a file's path, or an object. Rejects with ConfigError. */
  submit(mission: string | MissionDefinition, options?: SubmitOptions): Promise<SubmittedMission>;
  /**
   * Continues a mission that has ended: a new mission in its workspace, with its own budget. The checks of the
   * tasks that are verified run first; a task runs again if one fails. Rejects with ConfigError, and with ClientError:
   * mission_open, mission_continued, attempt_runs, nothing_to_retry, task_unknown, inputs_without_edit,
   * read_too_long_ago.
   */
  retry(missionId: string, options?: RetryMissionOptions): Promise<RetriedMission>;
  /** Resolves with the report when the mission has ended, whatever its status. */
  follow(missionId: string, options?: FollowOptions): Promise<MissionReport>;
  /** submit and follow. */
  run(mission: string | MissionDefinition, options?: SubmitOptions & FollowOptions): Promise<MissionReport>;
  /** Rejects with ClientError for an unknown mission. */
  report(missionId: string): Promise<MissionReport>;
  /** Every mission of the log, oldest first. */
  reports(): Promise<readonly MissionReport[]>;
  /**
   * What the agents did: calls back with each attempt in the order in which they ended, those that have not ended last,
   * and waits for it. Rejects with ClientError: mission_unknown, task_unknown, attempt_unknown.
   */
  attempts(
    missionId: string,
    onAttempt: (attempt: AttemptReport) => Promise<void> | void,
    options?: AttemptsOptions,
  ): Promise<void>;
  approve(missionId: string): Promise<void>;
  reject(missionId: string, reason: string): Promise<void>;
  answer(missionId: string, text: string): Promise<void>;
  cancel(missionId: string, reason: string): Promise<void>;
  /**
   * The mission begins no wave, no attempt and no step until it is resumed, and none of its timers runs. Rejects with
   * ClientError: already_paused, mission_ended.
   */
  pause(missionId: string, reason: string): Promise<void>;
  /** Rejects with ClientError: not_paused, mission_ended. */
  resume(missionId: string): Promise<void>;
  /**
   * Sets limits of an open mission's budget; those that are not named stay. Open attempts keep their shares. Rejects
   * with ClientError: budget_invalid, mission_ended.
   */
  setBudget(missionId: string, limits: BudgetLimits): Promise<void>;
  /**
   * What the mission has changed in its workspace, or one of its waves, from its snapshots, where this computer has the
   * volume of the workspaces. Rejects with ClientError: snapshot_unknown, snapshot_elsewhere, snapshot_changed.
   */
  diff(missionId: string, options?: DiffOptions): Promise<MissionDiff>;
  /** The files that its tasks have left for people, as they were when each task's last attempt ended. */
  artifacts(missionId: string): Promise<MissionArtifacts>;
  /**
   * Copies them to a directory, each to TASK/PATH below it, from the volume where this computer has it, else from a
   * worker that serves it, and verifies them. What cannot be copied is no rejection: its outcome says why.
   */
  copyArtifacts(missionId: string, options: CopyArtifactsOptions): Promise<readonly CopiedArtifact[]>;
  /**
   * Makes the workspace of a mission that has ended what it was after a wave (0: before the mission). Files made since
   * are removed. Rejects like diff, and with mission_open, workspace_changed and
   * locks_unavailable.
   */
  restore(missionId: string, options: RestoreOptions): Promise<RestoreResult>;
  /** The processes that answer within timeoutMs (1 to 600000, default 2000), with what they hold and run. */
  processes(options?: { readonly timeoutMs?: number }): Promise<readonly StatusReport[]>;
  /** Calls that wait for a person, because the policy asks. */
  readonly approvals: Approvals;
  /** Records that a role could not process. */
  readonly deadLetters: DeadLetters;
  /**
   * Continues partitions after data loss, one, those of a topic or all: requests a new attempt of each task whose
   * assignment is gone, and commits where the log begins now. The roles may run; they open the partitions again. Takes
   * up to 60 s for each topic while its group rebalances. Resolves with what continues. Rejects with ClientError:
   * loss_not_accepted (a line for each partition says what is lost), nothing_lost, partition_held, partition_unknown,
   * topic_not_folded.
   */
  recover(options: RecoverOptions): Promise<readonly RecoveredPartition[]>;
  /** Stops reading. Calls that still wait reject; missions continue. May be called twice. */
  close(): Promise<void>;
}

/**
 * Calls that wait for a person. An id is an approval_id, or a part from its beginning that is unique. Methods with an
 * id reject with ClientError: approval_unknown, approval_ambiguous, approval_decided, approval_expired.
 */
export interface Approvals {
  /** Of every mission, oldest first. */
  list(): Promise<readonly WaitingCallReport[]>;
  get(id: string): Promise<WaitingCallReport>;
  /**
   * Lets exactly this call run, once. Resolves when an orchestrator has taken the answer (decided), or after 10 s
   * without one (pending). Rejects with ClientError (answer_void) when the answer does not count.
   */
  approve(id: string): Promise<'decided' | 'pending'>;
  /** The call does not run, and its model reads the reason. Resolves and rejects like approve. */
  reject(id: string, reason: string): Promise<'decided' | 'pending'>;
}

/** The dead-letters topic. Each call reads it from its beginning. */
export interface DeadLetters {
  /** Those that wait or are being redriven, oldest first; with all (default false) also those that were handled. */
  list(options?: { readonly all?: boolean }): Promise<readonly DeadLetter[]>;
  /** Everything about one, by the id of any copy. Rejects with ClientError (letter_unknown). */
  get(id: string): Promise<DeadLetterDetails>;
  /**
   * Writes letters back where they belong, one after the other; for an assignment it requests a new attempt instead.
   * A letter that makes no sense there is refused and stays. Rejects with ClientError before anything is written:
   * letter_unknown, and without leaveHandled letter_handled.
   */
  redrive(ids: readonly string[], options?: RedriveOptions): Promise<readonly RedriveOutcome[]>;
  /**
   * Marks letters as handled; nothing is written back. Resolves with the letters as they are then. Rejects with
   * ClientError: letter_unknown, letter_handled.
   */
  discard(ids: readonly string[], options: DiscardOptions): Promise<readonly DeadLetter[]>;
}
