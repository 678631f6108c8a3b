import { chmod, chown, lstat, mkdir, readFile, readdir, realpath, stat, access, constants } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { randomUUID } from 'node:crypto';
import { isOutOfSpace } from '../domain/system-error.js';
import type { Permissions } from '../domain/permissions.js';
import { WorkspaceUnusable, type TaskPlace } from '../ports/tools.js';
import { SANDBOX_ACCOUNT, type Account } from './account.js';
import { linkNew } from './link-new.js';
import type { CallEngine } from './sandbox.js';
import { secretsKey } from './secrets-key.js';
import { prepareSharedFiles } from './shared-files.js';
import { socketPlaces } from './socket-directory.js';
import { absent, codeOf, existing, reasonOf } from './system-errors.js';

/**
 * The files of a task. Below the base (WORKSPACE_ROOT, or the directory given with --workspace):
 *
 *     {mission id}/                                  the workspace (a given directory is the workspace itself)
 *     .ravenhelm/workspace-id                        the marker
 *     .ravenhelm/account-{uid}-{gid}/                /etc of the sandboxes
 *     .ravenhelm/account-{uid}-{gid}-net-{digest}/   the same for agents with this network
 *     .ravenhelm/seccomp-{architecture}              the system call filter of the sandboxes
 *     .ravenhelm/runs/{mission id}/{task id}/        lock, fence; for each step: call, start mark and outcome
 *     .ravenhelm/runs/{mission id}/{task id}/outputs the full outputs, /outputs in the sandbox
 *     .ravenhelm/secrets-key-id                      of a given directory: the id of its key
 *
 * Below WORKSPACE_ROOT only, so that the keys are outside every workspace:
 *
 *     .ravenhelm/workspace-keys/missions/{mission id}/    the key of a workspace, /keys in the sandbox
 *     .ravenhelm/workspace-keys/directories/{marker}/     the key of a given directory
 *     .ravenhelm/directories/{digest}                     the path of a given directory that tasks have used
 *     .ravenhelm/artifacts/{mission id}/                  lists of the artifacts of tasks, which workers serve
 *
 * The state is next to the marker, so that all workers that may use a workspace share its locks.
 */
export interface RunPlace {
  /** WORKSPACE_ROOT, or the directory given with --workspace; absolute, without links. */
  readonly base: string;
  /** Absolute, without links. */
  readonly workspace: string;
  /** Whether the workspace contains the state, so that the sandbox must hide it. */
  readonly holdsState: boolean;
  readonly run: string;
  readonly outputs: string;
  readonly etcDir: string;
  /** The directory with the workspace's key; null: the task does not see it, or there is none. */
  readonly keys: string | null;
  /** The user of the tools when the worker is root; null: the worker's user. */
  readonly account: Account | null;
  /** File with the sandbox's system call filter; null: without a sandbox. */
  readonly seccomp: string | null;
  /** What the task's calls may use beyond the workspace. */
  readonly permissions: Permissions;
  /** Variables of the task's commands with the mission's inputs; absent: none. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** While a call runs that has a container engine (engine/call-engine.ts); absent: it has none. */
  readonly engine?: CallEngine;
  /** While a call runs that has a network (network/with-network.ts); absent: it has none. */
  readonly network?: PlaceNetwork;
}

export interface PlaceNetwork {
  /** What the launcher asks the relay for. */
  readonly relayRequest: string;
  /** Variables of the sandbox, by name. */
  readonly variables: Readonly<Record<string, string>>;
}

/** The swarm's state directory below a base. */
export const STATE_DIRECTORY = '.ravenhelm';

/** Where the runs of all missions lie. */
export const runsOf = (base: string): string => join(base, STATE_DIRECTORY, 'runs');

const SAFE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
const MARKER = /^[A-Za-z0-9-]{8,64}$/;

/** Whether a place can still be used as it is: the marker is the task's, the directories are there, with their mode. */
export async function isStillUsable(place: RunPlace, task: TaskPlace): Promise<boolean> {
  const rights = place.account === null ? constants.W_OK | constants.X_OK : constants.F_OK;
  const [marker, { mode }] = await Promise.all([
    readMarker(place.base).catch(() => null), // preparePlace says what is wrong
    lstat(place.workspace),
    access(place.workspace, rights),
    access(place.outputs),
    place.keys === null ? null : access(place.keys),
  ]).catch(() => [null, { mode: 0 }] as const);
  return marker === task.workspaceMarker && (mode & MODE_BITS) === wantedMode(mode & MODE_BITS, !place.holdsState);
}

export interface PlaceOptions {
  readonly workspaceRoot: string;
  /** Whether tools run as a different user than the worker (a sandbox started by root). */
  readonly separateAccount: boolean;
  /** The sandbox's system call filter (seccomp/filter.ts); null: without a sandbox. */
  readonly filter: Buffer | null;
}

/** Base name of a step's files: a{attempt}-s{step}. */
export function stepName(task: Pick<TaskPlace, 'attempt'>, step: number): string {
  return `a${task.attempt}-s${step}`;
}

/**
 * The files with the whole stdout and stderr of a step, below the base (WORKSPACE_ROOT, or the mission's own
 * directory). They may not exist: the step ran on another computer, or its files were removed.
 */
export function wholeOutputs(
  base: string,
  task: { readonly missionId: string; readonly taskId: string; readonly attempt: number },
  step: number,
): readonly [string, string] {
  const stem = join(runDirectory(base, task), 'outputs', stepName(task, step));
  return [`${stem}.stdout`, `${stem}.stderr`];
}

/** Where a task's run files lie, below the base. */
export function runDirectory(base: string, task: { readonly missionId: string; readonly taskId: string }): string {
  return join(runsOf(base), task.missionId, task.taskId);
}

/**
 * Where the key of a task's workspace lies. Not in .ravenhelm/keys: workers of earlier versions mount all of that.
 * @param root WORKSPACE_ROOT
 */
export function keyDirectory(
  root: string,
  task: Pick<TaskPlace, 'missionId' | 'workspace' | 'workspaceMarker'>,
): string {
  const all = join(root, STATE_DIRECTORY, 'workspace-keys');
  if (task.workspace === null) return join(all, 'missions', task.missionId);
  return join(all, 'directories', task.workspaceMarker);
}

/**
 * Checks the marker and creates the task's directories. Rejects with WorkspaceUnusable.
 * @param prepareShared prepares the files that all sandboxes of an account share
 */
export async function preparePlace(
  task: TaskPlace,
  options: PlaceOptions,
  prepareShared: typeof prepareSharedFiles = prepareSharedFiles,
): Promise<RunPlace> {
  requireSafeIds(task);
  const base = await checkBase(task, options.workspaceRoot);
  const workspace = task.workspace === null ? await ownWorkspace(base, task.missionId) : base;
  await restoreMode(workspace, task.workspace === null);
  const account = options.separateAccount ? await accountOf(workspace, task.workspace === null) : null;
  if (account === null) await requireWritable(workspace);
  const run = runDirectory(base, task);
  await mkdir(join(run, 'outputs'), { recursive: true, mode: 0o755 });
  const user = account ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const shared = await prepareShared(join(base, STATE_DIRECTORY), user, options.filter);
  const holdsState = task.workspace !== null;
  const keys = await keysOf(task, base, options.workspaceRoot, account);
  const { permissions = {} } = task;
  return { base, workspace, holdsState, run, outputs: join(run, 'outputs'), keys, account, permissions, ...shared };
}

/** Throws WorkspaceUnusable. */
export function requireSafeIds({ missionId, continuedBy = missionId, taskId }: TaskPlace): void {
  for (const id of [missionId, continuedBy, taskId]) {
    if (!SAFE_ID.test(id))
      throw new WorkspaceUnusable(
        `The id ${JSON.stringify(id)} cannot be a directory name; ` +
          'use letters, digits, dots, dashes and underscores only.',
      );
  }
}

/** The base, which has the task's marker. Rejects with WorkspaceUnusable. */
export async function checkBase(task: TaskPlace, workspaceRoot: string): Promise<string> {
  const base = await basePath(task, workspaceRoot);
  await checkMarker(base, task.workspaceMarker);
  return base;
}

async function keysOf(
  task: TaskPlace,
  base: string,
  workspaceRoot: string,
  account: Account | null,
): Promise<string | null> {
  if (task.secretsKey === 'none') return null;
  const root = task.workspace === null ? base : workspaceRoot;
  const idFile = task.workspace === null ? null : join(base, STATE_DIRECTORY, 'secrets-key-id');
  return secretsKey({ directory: keyDirectory(root, task), idFile, account }, task.secretsKey === 'made');
}

async function basePath(task: TaskPlace, workspaceRoot: string): Promise<string> {
  const given = task.workspace ?? workspaceRoot;
  if (!isAbsolute(given))
    throw new WorkspaceUnusable(`The workspace ${given} is not an absolute path; give an absolute one.`);
  const base = await realpath(given).catch((error: unknown) => {
    throw new WorkspaceUnusable(
      `This worker cannot open the workspace ${given} (${reasonOf(error)}). Mount it at the same path on every worker.`,
      { cause: error },
    );
  });
  if (!(await lstat(base)).isDirectory()) throw new WorkspaceUnusable(`The workspace ${given} is not a directory.`);
  if (task.workspace !== null && contains(base, await realpath(workspaceRoot).catch(() => workspaceRoot))) {
    throw new WorkspaceUnusable(
      `The workspace ${given} contains the workspaces of other missions (${workspaceRoot}). Use another directory.`,
    );
  }
  if (task.workspace !== null) await requireNoSockets(base, given);
  return base;
}

/** Sockets of other missions' calls lie there, or will. */
async function requireNoSockets(base: string, given: string): Promise<void> {
  for (const place of socketPlaces())
    if (contains(base, await realpath(place).catch(() => place)))
      throw new WorkspaceUnusable(
        `The workspace ${given} contains ${place}, where workers have sockets of other missions. ` +
          'Use another directory.',
      );
}

function contains(directory: string, inner: string): boolean {
  const path = relative(directory, inner);
  return path === '' || (path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path));
}

async function checkMarker(base: string, expected: string): Promise<void> {
  const found = await readMarker(base);
  if (found === expected) return;
  const actual = found === null ? `no marker (${STATE_DIRECTORY}/workspace-id)` : `the marker ${found}`;
  throw new WorkspaceUnusable(
    `${base} has ${actual}, but the mission's workspaces have ${expected}. ` +
      `This worker sees another ${found === null ? 'directory' : 'volume'} than the one that the mission was ` +
      'submitted with; share the volume, or set WORKSPACE_ROOT to it.',
  );
}

async function ownWorkspace(base: string, missionId: string): Promise<string> {
  const workspace = join(base, missionId);
  await mkdir(workspace, { mode: OWNER_ONLY }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST')
      throw new WorkspaceUnusable(`${workspace} cannot be created (${reasonOf(error)}).`, { cause: error });
  });
  if (!(await lstat(workspace)).isDirectory()) throw new WorkspaceUnusable(`${workspace} is not a directory.`);
  return workspace;
}

/** Agents' files are not for the other users of this computer. */
const OWNER_ONLY = 0o700;
const MODE_BITS = 0o7777;

const wantedMode = (mode: number, ours: boolean): number => (ours ? OWNER_ONLY : mode | OWNER_ONLY);

/**
 * A command owns its workspace and can change the mode: then no later step could enter it. A workspace below
 * WORKSPACE_ROOT is for its owner only; a directory from --workspace gets back its owner's rights and keeps the others.
 */
async function restoreMode(workspace: string, ours: boolean): Promise<void> {
  const mode = (await lstat(workspace)).mode & MODE_BITS;
  const wanted = wantedMode(mode, ours);
  if (mode === wanted) return;
  await chmod(workspace, wanted).catch((error: unknown) => {
    throw new WorkspaceUnusable(
      `${workspace} has the mode ${mode.toString(8).padStart(4, '0')}, and this worker cannot change it ` +
        `(${reasonOf(error)}). Its owner needs all rights: chmod u+rwx ${workspace}`,
      { cause: error },
    );
  });
}

/**
 * A workspace below WORKSPACE_ROOT is given to SANDBOX_ACCOUNT. A directory from --workspace keeps its owner, and the
 * tools run as that user. If root owns it, it is given to SANDBOX_ACCOUNT only when it is empty: agents never run as
 * root, and existing files never change their owner.
 */
async function accountOf(workspace: string, ours: boolean): Promise<Account> {
  const { uid, gid } = await lstat(workspace);
  if (uid !== 0) return { uid, gid: gid === 0 ? SANDBOX_ACCOUNT.gid : gid };
  if (!ours) await refuseRoots(workspace);
  await chown(workspace, SANDBOX_ACCOUNT.uid, SANDBOX_ACCOUNT.gid);
  return SANDBOX_ACCOUNT;
}

/** Rejects with WorkspaceUnusable where root owns a directory that has files. */
export async function refuseRoots(workspace: string): Promise<void> {
  if ((await lstat(workspace)).uid !== 0) return;
  const names = (await readdir(workspace)).filter((name) => name !== STATE_DIRECTORY);
  if (names.length > 0) {
    throw new WorkspaceUnusable(
      `${workspace} belongs to root and is not empty; agents never run as root. ` +
        `Change its owner: chown -R ${SANDBOX_ACCOUNT.uid}:${SANDBOX_ACCOUNT.gid} ${workspace}`,
    );
  }
}

async function requireWritable(workspace: string): Promise<void> {
  await access(workspace, constants.W_OK | constants.X_OK).catch((error: unknown) => {
    throw new WorkspaceUnusable(
      `This worker's user cannot write to ${workspace} (${reasonOf(error)}). Change its owner or mode.`,
      {
        cause: error,
      },
    );
  });
}

/**
 * The marker id of a workspace root or of a directory from --workspace. Creates the directory and the marker if they
 * are missing. Missions carry the id, and a worker that finds another one does not run them. Rejects with
 * WorkspaceUnusable.
 */
export async function workspaceMarker(directory: string): Promise<string> {
  if (!isAbsolute(directory)) throw new WorkspaceUnusable(`The workspace ${directory} is not an absolute path.`);
  try {
    // No access for other users: outputs may contain what the agents' files contain.
    await makeDirectory(directory);
    await mkdir(join(directory, STATE_DIRECTORY), { mode: 0o700 }).catch(existing);
    await ignoreState(directory);
    return (await readMarker(directory)) ?? (await writeMarker(directory));
  } catch (error) {
    if (error instanceof WorkspaceUnusable) throw error;
    const advice = isOutOfSpace(codeOf(error))
      ? 'Free some space, or choose another directory'
      : 'Choose a directory that this user can write';
    throw new WorkspaceUnusable(`${directory} cannot hold workspaces (${reasonOf(error)}). ${advice}.`, {
      cause: error,
    });
  }
}

/** Git sees nothing of the state, whatever the .gitignore of the repository says. */
async function ignoreState(directory: string): Promise<void> {
  await linkNew(join(directory, STATE_DIRECTORY, '.gitignore'), '*\n');
}

/** By hand: in Node 20, recursive mkdir never ends on a file system that answers ENOENT to mkdir, such as /proc. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o755 }).catch(existing);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || (await stat(dirname(path)).catch(absent)) !== null) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path, { mode: 0o755 }).catch(existing);
  }
}

async function writeMarker(directory: string): Promise<string> {
  const path = join(directory, STATE_DIRECTORY, 'workspace-id');
  // If another process is first, its marker counts.
  await linkNew(path, `${randomUUID()}\n`);
  const marker = await readMarker(directory);
  if (marker === null) throw new WorkspaceUnusable(`The marker of ${directory} disappeared after it was written.`);
  return marker;
}

/** null: the directory has none. */
export async function readMarker(directory: string): Promise<string | null> {
  const path = join(directory, STATE_DIRECTORY, 'workspace-id');
  const text = await readFile(path, 'utf8').catch(absent);
  if (text === null) return null;
  const marker = text.trim();
  if (!MARKER.test(marker))
    throw new WorkspaceUnusable(
      `${path} does not contain a marker id. Restore it, or remove it if no mission uses the directory any more.`,
    );
  return marker;
}
