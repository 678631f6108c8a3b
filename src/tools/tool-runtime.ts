import type { Redact } from '../domain/redaction.js';
import { DEFAULT_LIMITS, type Limits } from '../domain/limits.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { noMetrics, type Metrics } from '../ports/metrics.js';
import { isWithin } from '../domain/sandbox-paths.js';
import { PermissionUnavailable, type TaskPlace } from '../ports/tools.js';
import { NO_CGROUPS, type Cgroups } from './cgroups.js';
import { CallRefused } from './errors.js';
import { requireFreeSpace } from './free-space.js';
import { createPlaces } from './kept-places.js';
import type { LookupAddresses } from './network/outbound.js';
import type { RunPlace } from './places.js';
import { mountsOf, NO_PROVISIONS, requireProvisions, secretsOf, type Provisions } from './provisions.js';
import { shellProgram, type Program } from './programs.js';
import { filterFor, hasFilter } from './seccomp/filter.js';
import {
  INSIDE,
  sandboxArguments,
  systemMounts,
  unsandboxedArguments,
  type ReadOnlyBind,
  type SystemMounts,
  type UnusableSandbox,
  type UsableSandbox,
} from './sandbox.js';

export interface ToolExecutorOptions {
  /** Absolute; must contain a marker (workspaceMarker) before missions run. */
  readonly workspaceRoot: string;
  /** The project's scripts for agents, /toolbox inside; null: none. */
  readonly toolboxDir: string | null;
  /** The result of probeSandbox at startup, or off. With an unusable one, commands and writes are refused. */
  readonly sandbox: UsableSandbox | UnusableSandbox | 'off';
  /** More read-only mounts, such as packages that the toolbox needs at /node_modules/NAME. */
  readonly extraBinds?: readonly ReadOnlyBind[];
  /** The node that agents' commands use, usually process.execPath. */
  readonly nodePath: string;
  /** The result of openCgroups at startup; absent: none can be made. */
  readonly cgroups?: Cgroups;
  /** No step begins when the workspaces' disk has less free, in MiB; absent: 0, no floor. */
  readonly minFreeMb?: number;
  /** The snapshots of a workspace may take so much, in MiB; absent: 10,240. */
  readonly snapshotsMb?: number;
  /** How the names of hosts are resolved for agents with a network; absent: by this computer. */
  readonly lookup?: LookupAddresses;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Counts what runs and what is refused; absent: nothing is counted. */
  readonly metrics?: ToolMetrics;
  /** What agents may have beyond their workspaces; absent: nothing. */
  readonly provisions?: Provisions;
  /** What outputs and file contents pass before they are cut. Default: nothing is changed. */
  readonly redact?: Redact;
}

type ToolMetrics = Pick<Metrics, 'sandboxRan' | 'sandboxRefused'>;

/** The environment in which tools run. The system mounts are null without a usable sandbox. */
export interface ToolRuntime extends ToolExecutorOptions {
  readonly extraBinds: readonly ReadOnlyBind[];
  readonly cgroups: Cgroups;
  readonly metrics: ToolMetrics;
  readonly system: SystemMounts | null;
  readonly places: ReturnType<typeof createPlaces>;
  readonly provisions: Provisions;
  readonly redact: Redact;
}

/** Reads the system's mounts once. Throws ToolSetupError for binds that cannot be mounted. */
export function createToolRuntime(options: ToolExecutorOptions): ToolRuntime {
  const { sandbox, toolboxDir, nodePath, extraBinds = [], cgroups = NO_CGROUPS, redact = (text) => text } = options;
  const { provisions = NO_PROVISIONS, metrics = noMetrics } = options;
  const usable = sandbox !== 'off' && sandbox.ok;
  const system = usable ? systemMounts({ toolboxDir, extraBinds, nodePath }) : null;
  const filter = usable && hasFilter(process.arch) ? filterFor(process.arch) : null;
  const separateAccount = usable && sandbox.mode === 'root';
  const places = createPlaces({ workspaceRoot: options.workspaceRoot, separateAccount, filter });
  return { ...options, extraBinds, cgroups, metrics, system, places, provisions, redact };
}

/** What sandboxes of this process mount, also those of other missions and agents: commands can open or replace it. */
export function mountedIn(
  { workspaceRoot, toolboxDir, extraBinds, provisions, places }: MountingRuntime,
  { base, etcDir }: RunPlace,
): readonly string[] {
  const toolbox = toolboxDir === null ? [] : [toolboxDir];
  const mounts = [...provisions.mounts.values()].flatMap((mount) => (mount.ok ? [mount.value] : []));
  const binds = extraBinds.map(({ source }) => source);
  return [base, ...places.bases(), workspaceRoot, etcDir, '/usr', ...toolbox, ...binds, ...mounts];
}

export type MountingRuntime = Pick<
  ToolRuntime,
  'workspaceRoot' | 'toolboxDir' | 'extraBinds' | 'provisions' | 'places'
>;

/** The task's files; creates its directories. Rejects with WorkspaceUnusable. */
export async function placeOf({ places }: ToolRuntime, task: TaskPlace): Promise<RunPlace> {
  const place = await places.of(task);
  return task.inputs === undefined ? place : { ...place, inputs: task.inputs };
}

/** The same before a call of the task. Rejects with PermissionUnavailable too. */
export async function placeOfCall(runtime: ToolRuntime, task: TaskPlace): Promise<RunPlace> {
  const permissions = task.permissions ?? {};
  await requireProvisions(permissions, runtime.provisions, runtime.sandbox !== 'off');
  const place = await placeOf(runtime, task);
  requireNoOwnMounts(mountsOf(permissions, runtime.provisions), runtime.places.bases());
  return place;
}

/** What placeOfCall would reject with before it creates anything. */
export async function checkPlace(runtime: ToolRuntime, task: TaskPlace): Promise<void> {
  await requireProvisions(task.permissions ?? {}, runtime.provisions, runtime.sandbox !== 'off');
  await runtime.places.check(task);
}

/** Agents own these trees: after a look at the path, and before the sandbox mounts it, one could put a link there. */
function requireNoOwnMounts(mounts: readonly ReadOnlyBind[], bases: readonly string[]): void {
  for (const { source, target } of mounts) {
    const base = bases.find((directory) => isWithin(source, directory));
    if (base !== undefined)
      throw new PermissionUnavailable(
        `The mount ${target} lies in the workspace ${base}, where agents can put a link in its place. ` +
          'Move what it shows to another directory, or run the mission in another workspace.',
      );
  }
}

/** The paths that the tools see: those inside the sandbox, or the real ones without a sandbox. */
export function visiblePaths({ sandbox }: ToolRuntime, place: RunPlace): { workspace: string; outputs: string } {
  return sandbox === 'off' ? { workspace: place.workspace, outputs: place.outputs } : INSIDE;
}

/** Rejects with WorkspaceFull below the floor of free space. */
export function requireSpace({ workspaceRoot, minFreeMb = 0, clock }: ToolRuntime, place: RunPlace): Promise<void> {
  return requireFreeSpace(workspaceRoot, place.base, minFreeMb, clock.now());
}

/** Runs a shell command, which is appended, in a directory that the tools see. */
export function shellIn({ sandbox }: ToolRuntime, directory: string, limits: Limits = DEFAULT_LIMITS): Program {
  if (sandbox === 'off' || !sandbox.ok) return shellProgram(directory);
  return shellProgram(directory, sandbox.mode === 'root' ? null : { processes: limits.processes });
}

/** Identifies the processes of a run without a sandbox; only one step of a task runs at a time. */
export function tokenOf(place: RunPlace, stem: string): string {
  return `${place.run}/${stem}`;
}

/** Why no tool can run in this sandbox; null if it is usable. */
export function sandboxProblem(sandbox: ToolExecutorOptions['sandbox']): string | null {
  return sandbox === 'off' || sandbox.ok
    ? null
    : `the sandbox cannot be created here: ${sandbox.reason}. ${sandbox.fix}`;
}

/** The argument vector that runs a program for a step. Throws CallRefused if the sandbox is unusable. */
export function argumentVector(
  runtime: ToolRuntime,
  place: RunPlace,
  stem: string,
  program: Program,
  workspaceWritable: boolean,
  limits: Limits = DEFAULT_LIMITS,
): string[] {
  const { sandbox, system, toolboxDir, nodePath } = runtime;
  const { workspace, outputs, etcDir, keys, account, permissions } = place;
  if (sandbox === 'off') {
    const token = tokenOf(place, stem);
    return unsandboxedArguments({ workspace, outputs, keys, toolboxDir, nodePath, token, program });
  }
  if (!sandbox.ok || system === null)
    throw new CallRefused(sandboxProblem(sandbox) ?? 'the sandbox has no mounts', 'sandbox');
  const hideState = place.holdsState;
  return sandboxArguments({
    sandbox,
    system,
    etcDir,
    workspace,
    workspaceWritable,
    hideState,
    outputs,
    keys,
    limits,
    ...(place.network === undefined ? {} : { variables: place.network.variables }),
    hasInputs: Object.keys(place.inputs ?? {}).length > 0,
    account,
    secrets: secretsOf(permissions, runtime.provisions),
    mounts: mountsOf(permissions, runtime.provisions),
    ...(place.engine === undefined ? {} : { engine: place.engine }),
    program,
  });
}
