import type { BudgetName } from './budget.js';
import type { CheckResult } from './events.js';
import type { MissionInput } from './mission-inputs.js';
import type { AtPlannerPrice } from './planner-price.js';
import type { FailureCode, Question } from './mission-state.js';
import type { Taint } from './taint.js';
import type { AgentWithoutWorker } from './without-worker.js';

/** waiting: not yet running (retries and waves to come included). paused: a call of it waits for a person. */
export type TaskStatus = 'waiting' | 'running' | 'paused' | 'verified' | 'unverified' | 'failed' | 'cancelled';
export type MissionStatus =
  | 'planning'
  | 'waiting_for_approval'
  | 'running'
  | 'needs_attention'
  | 'paused'
  | 'completed'
  | 'failed'
  | 'cancelled';

/** Whether nothing more happens in a mission with this status. */
export const hasEnded = (status: MissionStatus): boolean =>
  status === 'completed' || status === 'failed' || status === 'cancelled';

/** How much of a mission's plan is proven; replaced tasks and the mission's own checks are not counted. */
export interface Proof {
  readonly tasks: number;
  /** Tasks whose checks passed at the end, at least one of which could have failed. */
  readonly verified: number;
  /** Of the verified ones: those whose checks passed before their first step as well. */
  readonly held_before: number;
  /** Of the verified ones: those of which it is not known whether their checks passed before, as they took too long. */
  readonly not_known: number;
}

/**
 * The one document that run --json, submit --wait --json and status MISSION --json print; snake_case as users see it.
 */
export interface MissionReport {
  readonly mission_id: string;
  readonly name: string;
  /** Who asked for it: USER@HOST, or the operator who has signed it. */
  readonly requested_by: string;
  readonly inputs: readonly InputReport[];
  /** The operator whose signature an orchestrator has verified, and the key; null: none was. */
  readonly signed_by: { readonly name: string; readonly key_id: string } | null;
  /** Requests about it that do not count, oldest first; the last 20. */
  readonly void_requests: readonly {
    readonly request_id: string;
    /** Its event_type. */
    readonly type: string;
    /** As the request says it. */
    readonly requested_by: string;
    readonly code: string;
    readonly reason: string;
    /** When it was refused, ISO 8601. */
    readonly at: string;
  }[];
  readonly status: MissionStatus;
  /** Why it failed or was cancelled; null otherwise. */
  readonly reason: string | null;
  /** Why it failed, for programs; null: only the reason says it. */
  readonly code: FailureCode | null;
  /**
   * While no planner can be reached: the calls so far, the last error, and the pause before the next call. With the
   * code unknown_agents it waits for agents that the orchestrator does not have, which error names.
   */
  readonly planner_wait: {
    readonly calls: number;
    readonly error: string | null;
    readonly retry_in_ms: number | null;
    readonly code: string;
  } | null;
  /** Who has paused it, why, and when (ISO 8601); null: it is not paused. */
  readonly pause: { readonly by: string; readonly reason: string; readonly at: string } | null;
  /** What keeps it from beginning anything that costs, and until when (ISO 8601); null: nothing does. */
  readonly waits_for: { readonly reason: string; readonly until: string } | null;
  /** What it waits to hear from a person, while it needs attention; null otherwise. */
  readonly question: Question | null;
  readonly workspace: string | null;
  /** The mission whose workspace it uses: the first of those that it continues; null: its own. */
  readonly workspace_of: string | null;
  /** The mission that it continues; null: none. */
  readonly continues: string | null;
  /** Missions that continue it, oldest first, as far as the log was read. */
  readonly continued_by: readonly string[];
  /** ISO 8601. */
  readonly started_at: string;
  readonly ended_at: string | null;
  /** Its hard limits, null where there is none: those of its file, or as a person has set them since. */
  readonly budget: {
    readonly usd: number | null;
    readonly tokens: number | null;
    readonly minutes: number | null;
  };
  /** Limits of which 75 % or 95 % was announced as used. */
  readonly budget_used: readonly BudgetUseReport[];
  readonly cost_usd: number;
  readonly tokens: number;
  /**
   * An estimate for a mission that has ended: what its known tokens would cost at the price of the planner's model. Its
   * usd is null without a price; null: no planner model is configured, it is open, or an older build has ended it.
   */
  readonly at_planner_price: AtPlannerPrice | null;
  readonly proof: Proof;
  /** Whether commands of any task ran without a sandbox, with the rights of the worker's user. */
  readonly sandbox_off: boolean;
  readonly tasks: readonly TaskReport[];
  /** Snapshots of its workspace, by wave; empty: none is taken. */
  readonly snapshots: readonly SnapshotReport[];
  /** Those that could not be taken after a task had ended, by wave: what it has left may be in none. */
  readonly missed_snapshots: readonly MissedSnapshotReport[];
  /** Agents that open tasks wait for, because they have no live worker, or are not known. */
  readonly unserved_agents: readonly AgentWithoutWorker[];
  /** Calls that wait for a person (ravenhelm approvals). */
  readonly waiting_calls: readonly WaitingCallReport[];
  /** The success checks' results; empty until they ran. */
  readonly success: readonly CheckResult[];
}

/** A limit that is used for the greater part. */
export interface BudgetUseReport {
  readonly budget: BudgetName;
  /** 75 or 95. */
  readonly percent: number;
  /** In the limit's unit, when it was announced; of minutes the share of the limit. */
  readonly used: number;
  readonly limit: number;
  /** When it was announced, ISO 8601. */
  readonly at: string;
}

/** A snapshot of a mission's workspace, as the log has it. */
export interface SnapshotReport {
  /** The wave after which it was taken; 0: before the mission. */
  readonly wave: number;
  /** sha256 of its list, hex. */
  readonly digest: string;
  readonly files: number;
  readonly bytes: number;
  /** Paths that are not in it although no .gitignore names them. */
  readonly left_out: number;
  /** The process that has taken it. */
  readonly taken_by: string;
}

/** A snapshot that could not be taken. */
export interface MissedSnapshotReport {
  /** The wave after which it is missing. */
  readonly wave: number;
  readonly reason: string;
  /** The process that has tried to take it. */
  readonly worker_id: string;
}

/** A value that the person who started the mission has given; of a secret its name. */
export type InputReport = Pick<MissionInput, 'name' | 'type' | 'value'>;

/** A call that waits for a person, because the policy asks. */
export interface WaitingCallReport {
  /** What approve and reject name. */
  readonly approval_id: string;
  readonly mission_id: string;
  readonly task_id: string;
  readonly attempt: number;
  readonly step: number;
  readonly agent: string;
  /** Tool name, or finish. */
  readonly tool: string;
  /** The exact arguments. */
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Of a finish: the commands of the checks that it runs. */
  readonly checks: readonly string[];
  /** The mission's own directory, absolute; null: the one below the workers' root. */
  readonly working_dir: string | null;
  /** The policy's rule that asks, and why. */
  readonly rule: string;
  readonly reason: string;
  /** The mission's inputs, which the call has as variables of its environment. */
  readonly inputs: readonly InputReport[];
  /**
   * The sha256 of the exact call, its rule and its taint, hex, behind v2:, and with the inputs behind v3: where there
   * are any. An answer is bound to it.
   */
  readonly digest: string;
  /** The untrusted content that its task had read before the model chose it; empty: none is known. */
  readonly tainted_by: readonly Taint[];
  /** ISO 8601. */
  readonly expires_at: string;
  /** Whether an answer was taken and the task is about to continue. */
  readonly answered: boolean;
  /** The last answer about it, where that does not count, and why; null: none, or one that counts came later. */
  readonly void_answer: { readonly answered_by: string; readonly reason: string } | null;
}

/** Files that a task has left for people, as they were when its last attempt ended. */
export interface ArtifactsReport {
  /** The process that has listed them, its computer, and the workspace there. */
  readonly worker_id: string;
  readonly host: string;
  readonly directory: string;
  /** In order of the paths, which are relative to the workspace; digest: sha256, hex. */
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly digest: string }[];
  /** Patterns that matched no file. */
  readonly unmatched: readonly string[];
  /** What a pattern matches and is not listed, and why: the first 20, and how many there are. */
  readonly left_out: readonly { readonly path: string; readonly why: string }[];
  readonly left_out_count: number;
}

export interface TaskReport {
  readonly task_id: string;
  readonly agent: string;
  /** The agent's playbook that the plan names for it; null: none. */
  readonly playbook: string | null;
  /** Who wrote the plan, and so chose the playbook: mission (the file), order, or a model's name. */
  readonly planned_by: string;
  readonly wave: number;
  readonly status: TaskStatus;
  readonly attempts: number;
  readonly steps: number;
  readonly model: string;
  readonly tokens: number;
  readonly cost_usd: number;
  readonly duration_ms: number;
  readonly summary: string;
  /** What it does (step n: tool) while it runs; why it failed, the failing check named, when it did. */
  readonly detail: string;
  /** Since when it waits because its agent has no live worker, or is not known (ISO 8601); null: it does not. */
  readonly unserved_since: string | null;
  /** Whether it waits because the orchestrator does not have its agent. */
  readonly unknown_agent: boolean;
  readonly checks: readonly CheckResult[];
  /** Whether it was verified in the mission that this one continues, and only its checks have run since. */
  readonly carried: boolean;
  /** Whether it is verified, and its checks passed before its first step as well: its work may have changed nothing. */
  readonly held_before: boolean;
  /** Protected files that its last attempt has changed, made or removed; it fails with them. */
  readonly changed_paths: readonly string[];
  /** The files that it has left for people; null: it has no artifacts, or its last attempt has not listed them. */
  readonly artifacts: ArtifactsReport | null;
  /** Whether its commands ran without a sandbox, in any attempt. */
  readonly sandbox_off: boolean;
  /** The untrusted content that it has read, in any attempt; empty: none is known. */
  readonly tainted_by: readonly Taint[];
}
