import type { Check, CheckResult, StepOutcome } from '../domain/events.js';

/** Runs tools for tasks, inside the sandbox, behind the fence. Each of its promises may reject with WorkspaceFull. */
export interface ToolExecutor {
  /** The tools of this executor by name. */
  definitions(): readonly ToolDefinition[];
  /**
   * Takes the fence of a task for a claim: writes the claim's offset beside the task's lock, waits until every
   * launcher of an earlier claim has ended its child and let go of the lock. Rejects with FenceLost when a higher
   * claim is there already.
   */
  takeFence(task: TaskPlace, claimOffset: number, signal: AbortSignal): Promise<void>;
  /** The outcome that a launcher left for a step, also that of a dead process; null when there is none. */
  recoverOutcome(task: TaskPlace, step: number): Promise<ToolOutcome | null>;
  /** Starts the tool of a step at most once. Failing tools are outcomes, not rejections; only FenceLost, WorkspaceUnusable and WorkspaceFull reject. */
  run(call: ToolCall, signal: AbortSignal): Promise<ToolOutcome>;
  /** Runs checks one after the other with the workspace read-only, until one fails or all passed. */
  runChecks(call: CheckCall, signal: AbortSignal): Promise<CheckRun>;
  /** Where the task's workspace lies; creates it. Rejects with WorkspaceUnusable when the marker differs. */
  prepareWorkspace(task: TaskPlace): Promise<string>;
}

export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: object;
  /** Whether a call with these arguments may be made again when its outcome is unknown. */
  idempotent(args: Readonly<Record<string, unknown>>): boolean;
  /** null when the arguments are good, else what is wrong, for the model. */
  validate(args: unknown): string | null;
}

/** Where a task's files lie; the same for every attempt but for the outcomes. */
export interface TaskPlace {
  readonly missionId: string;
  readonly taskId: string;
  readonly attempt: number;
  /** Given directory, absolute; null is WORKSPACE_ROOT/{missionId}. */
  readonly workspace: string | null;
  readonly workspaceMarker: string;
}

export interface ToolCall {
  readonly task: TaskPlace;
  /** From 1. */
  readonly step: number;
  readonly claimOffset: number;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Milliseconds that the whole call may take, from the task's remaining time. */
  readonly timeLimitMs: number;
}

export interface ToolOutcome {
  readonly outcome: StepOutcome;
  readonly exitCode: number | null;
  /** Head and tail of at most 16 KiB, as the model sees it. */
  readonly observation: string;
  /** sha256 of the whole output, hex. */
  readonly outputDigest: string | null;
  readonly durationMs: number;
}

export interface CheckCall {
  readonly task: TaskPlace;
  readonly step: number;
  readonly claimOffset: number;
  readonly checks: readonly Check[];
  readonly timeLimitMs: number;
}

export interface CheckRun {
  readonly passed: boolean;
  /** One for each check that ran; the failing one is last. */
  readonly results: readonly CheckResult[];
  /** For the model: what failed and its output; head and tail of at most 16 KiB. */
  readonly observation: string;
}

/** A newer claim has taken the task. */
export class FenceLost extends Error {
  readonly code = 'fence_lost';
  readonly retriable = false;
}

/** The workspace cannot be used here (another root's marker, no such directory, not writable). */
export class WorkspaceUnusable extends Error {
  readonly code = 'workspace';
  readonly retriable = false;
}

/** The disk of the workspaces is full, or its quota used up; another attempt may find space. */
export class WorkspaceFull extends Error {
  readonly code = 'workspace_full';
  readonly retriable = true;

  constructor(options: ErrorOptions) {
    super('the disk of the workspaces is full; make space below WORKSPACE_ROOT', options);
    this.name = 'WorkspaceFull';
  }
}
