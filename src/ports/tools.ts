import type { Baseline, ProtectedPath } from '../domain/baseline.js';
import type { NamedPath } from '../domain/check-paths.js';
import type { Check, CheckRecord, StepOutcome } from '../domain/events.js';
import type { LimitName, Limits } from '../domain/limits.js';
import type { NetworkConnection, NetworkHost } from '../domain/network.js';
import type { Permissions } from '../domain/permissions.js';

/** The tool that runs a shell command. */
export const COMMAND_TOOL = 'execute_terminal_command';

/** Runs the tools of tasks, in the sandbox and guarded by the fence. Every promise may reject with WorkspaceFull. */
export interface ToolExecutor {
  /** The tools of this executor. */
  definitions(): readonly ToolDefinition[];
  /**
   * Takes the fence of a task for a claim: writes the claim's offset next to the task's lock, and waits until every
   * launcher of an earlier claim has ended its child and released the lock. Then containers that may write to the
   * workspace, and that no call of this process has started, are stopped in this worker's engine. Rejects with
   * FenceLost if a higher claim holds the fence, with WritersNotStopped if such a container cannot be stopped, and
   * with the signal's reason.
   */
  takeFence(task: TaskPlace, claimOffset: number, signal: AbortSignal): Promise<void>;
  /** The outcome that a launcher left for a step, also one of a dead worker; null if there is none. */
  recoverOutcome(task: TaskPlace, step: number): Promise<ToolOutcome | null>;
  /**
   * Starts the tool of a step at most once. A failing tool is an outcome, not a rejection. Rejects only with FenceLost,
   * WorkspaceUnusable, PermissionUnavailable or WorkspaceFull.
   */
  run(call: ToolCall, signal: AbortSignal): Promise<ToolOutcome>;
  /** Runs checks in sequence, with the workspace read-only, until one fails or all have passed. */
  runChecks(call: CheckCall, signal: AbortSignal): Promise<CheckRun>;
  /**
   * What is there before a task's first step: each check's exit code in the workspace (read-only) and in an empty
   * directory, and the digests of what the task must not change. It is taken once for a task: later calls, also of
   * other attempts and other workers, resolve with what the first one has found. Rejects with ProtectionTooLarge.
   */
  takeBaseline(call: BaselineCall, signal: AbortSignal): Promise<Baseline>;
  /** The exit code of each check in an empty directory; each runs, whatever the ones before it said. */
  runInEmpty(call: EmptyCall, signal: AbortSignal): Promise<readonly number[]>;
  /**
   * The protected files that are not as they were, each with what is different, such as "test/a.mjs (content)".
   * What it or a task beside it may change or create is left out.
   */
  changedPaths(
    task: TaskPlace,
    before: readonly ProtectedPath[],
    protection: ProtectionRules,
    signal: AbortSignal,
  ): Promise<readonly string[]>;
  /**
   * Creates the task's workspace; resolves with its path. Rejects with WorkspaceUnusable, e.g. for another marker, and
   * with PermissionUnavailable.
   */
  prepareWorkspace(task: TaskPlace): Promise<string>;
  /**
   * Looks whether this worker can use the workspace, and creates nothing: each of the other methods makes what it
   * needs. It rejects as prepareWorkspace does. What was right once is not looked at again; each call looks for itself.
   */
  checkWorkspace(task: TaskPlace): Promise<void>;
  /**
   * Takes a snapshot of the workspace. settled: before any task of the next wave begins; one that was taken before is
   * found again, and it is null when noteSnapshot was called for it. end: a task of the wave has ended; null when
   * another call took one that began after this call.
   * @param wave the wave after which it is taken; 0: before the mission
   */
  takeSnapshot(
    task: TaskPlace,
    wave: number,
    when: 'settled' | 'end',
    signal: AbortSignal,
  ): Promise<SnapshotFacts | null>;
  /** The log has the settled snapshot after this wave. */
  noteSnapshot(task: TaskPlace, wave: number): Promise<void>;
  /**
   * The files of the workspace that these patterns name now. Before it resolves, what it has found is kept outside the
   * workspace, so that this worker, and others that see the same root, can serve these files and no others. What is not
   * read within timeLimitMs is left out.
   */
  listArtifacts(
    task: TaskPlace,
    patterns: readonly string[],
    timeLimitMs: number,
    signal: AbortSignal,
  ): Promise<ArtifactFacts>;
}

/** Files that a task leaves for people. */
export interface ArtifactFacts {
  /** The name of this computer. */
  readonly host: string;
  /** The workspace, absolute. */
  readonly directory: string;
  /** In order of the paths, which are relative to the workspace; digest: sha256, hex. */
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly digest: string }[];
  /** Patterns that matched no file. */
  readonly unmatched: readonly string[];
  /** What a pattern matches and is not listed: the first 20, and how many there are. */
  readonly leftOut: readonly { readonly path: string; readonly why: string }[];
  readonly leftOutCount: number;
}

/** What a snapshot of a workspace has. */
export interface SnapshotFacts {
  /** The wave after which it was taken; 0: before the mission. */
  readonly wave: number;
  /** The time of its begin on the clock of the volume, ns since the epoch. */
  readonly begunNs: string;
  /** sha256 of its list, hex: two workspaces with the same files have the same one. */
  readonly digest: string;
  readonly files: number;
  readonly bytes: number;
  /** Paths that are not in it although no .gitignore names them. */
  readonly leftOut: number;
}

export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: object;
  /** Whether a call with these arguments may be repeated if its outcome is unknown. */
  idempotent(args: Readonly<Record<string, unknown>>): boolean;
  /** null if the arguments are valid, else what is wrong, for the model. */
  validate(args: unknown): string | null;
}

/** Identifies a task's files. All attempts share them, except for the outcomes. */
export interface TaskPlace {
  /** The mission whose workspace it is. */
  readonly missionId: string;
  /** The mission of the attempt, if it continues the one whose workspace it uses; absent: it is that one. */
  readonly continuedBy?: string;
  readonly taskId: string;
  readonly attempt: number;
  /** Directory from --workspace, absolute; null: WORKSPACE_ROOT/{missionId}. */
  readonly workspace: string | null;
  readonly workspaceMarker: string;
  /** Whether /keys has the workspace's key: made: it is made if it is missing; existing: if there is one. */
  readonly secretsKey: 'none' | 'existing' | 'made';
  /** What its calls may use beyond the workspace; absent: nothing. */
  readonly permissions?: Permissions;
  /** Variables of its commands with the mission's inputs; none has a NUL. Absent: none. */
  readonly inputs?: Readonly<Record<string, string>>;
}

/** What the commands of a call may reach. */
export interface NetworkAccess {
  readonly hosts: readonly NetworkHost[];
  /** Hears of each connection when it has ended, at the latest before the call has its outcome. */
  onConnection(connection: NetworkConnection): void;
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
  /** What it may use; absent: the defaults. Its wall time is part of timeLimitMs. */
  readonly limits?: Limits;
  /** Absent: no network. */
  readonly network?: NetworkAccess;
}

export interface ToolOutcome {
  readonly outcome: StepOutcome;
  readonly exitCode: number | null;
  /** What the model sees: head and tail, at most 16 KiB. */
  readonly observation: string;
  /** sha256 of the whole output, hex. */
  readonly outputDigest: string | null;
  readonly durationMs: number;
  /** The limit that it reached first, whether that ended it or not; absent: none is known. */
  readonly limit?: LimitName;
}

export interface CheckCall {
  readonly task: TaskPlace;
  readonly step: number;
  readonly claimOffset: number;
  readonly checks: readonly Check[];
  readonly timeLimitMs: number;
  /** Of each check; absent: the defaults. */
  readonly limits?: Limits;
  /** Absent: no network. */
  readonly network?: NetworkAccess;
}

export interface CheckRun {
  readonly passed: boolean;
  /** One for each check that ran; a failing one is last. */
  readonly results: readonly CheckRecord[];
  /** For the model: the failing check and its output; head and tail, at most 16 KiB. */
  readonly observation: string;
}

/** What a task must not change; all paths are relative to the workspace, without . and .. */
export interface ProtectionRules {
  /** Protected also where nothing is there yet. */
  readonly listed: readonly string[];
  /** Protected if they exist when the task begins, unless it may change them. */
  readonly named: readonly NamedPath[];
  /** What the task may change although a check names it, or a listed directory contains it; empty text: all of it. */
  readonly changes: readonly string[];
  /** What other tasks write at the same time, as far as it is known. */
  readonly beside: {
    /** Paths that they may change, with what is below them. */
    readonly changes: readonly string[];
    /** Paths that they may create, with what is below them; one that ends in / is all that is new below it. */
    readonly creates: readonly string[];
  };
}

export interface EmptyCall {
  readonly task: TaskPlace;
  readonly claimOffset: number;
  readonly checks: readonly Check[];
  /** Milliseconds that each check may take, in each place. */
  readonly timeLimitMs: number;
  /** Of each check; absent: the defaults. */
  readonly limits?: Limits;
  /** Absent: no network. */
  readonly network?: NetworkAccess;
}

export interface BaselineCall extends EmptyCall {
  readonly protection: ProtectionRules;
}

/** A newer claim has taken over the task. */
export class FenceLost extends Error {
  readonly code = 'fence_lost';
  readonly retriable = false;
}

/** The workspace cannot be used here (marker of another root, missing directory, not writable). */
export class WorkspaceUnusable extends Error {
  readonly code = 'workspace';
  readonly retriable: boolean = false;
}

/** The container engine does not stop what may write to the workspace, or does not answer: it may later. */
export class WritersNotStopped extends WorkspaceUnusable {
  override readonly retriable = true;
}

/** This worker cannot give a task what its agent's file names. The message says what is missing, and the cure. */
export class PermissionUnavailable extends Error {
  readonly code = 'permission';
  readonly retriable = false;
}

/** What a task must not change cannot be watched: there is too much of it. The message names the task and the path. */
export class ProtectionTooLarge extends Error {
  readonly code = 'protection_too_large';
  readonly retriable = false;
}

/** The disk of the workspaces is full, or its quota is exhausted. A later attempt may succeed. */
export class WorkspaceFull extends Error {
  readonly code = 'workspace_full';
  readonly retriable = true;

  constructor(
    options: ErrorOptions,
    message = 'the disk of the workspaces is full; free some space below WORKSPACE_ROOT',
  ) {
    super(message, options);
    this.name = 'WorkspaceFull';
  }
}
