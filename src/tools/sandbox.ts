import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Limits } from '../domain/limits.js';
import { SECRETS_DIRECTORY } from '../domain/permissions.js';
import { isWithin, SANDBOX_PATHS } from '../domain/sandbox-paths.js';
import { ToolSetupError } from './errors.js';
import type { Account } from './account.js';
import { mountedEtcDirectories } from './shared-files.js';

/** Paths inside the sandbox, independent of the paths outside. */
export const INSIDE = {
  workspace: '/workspace',
  outputs: '/outputs',
  keys: '/keys',
  toolbox: '/toolbox',
  node: '/opt/node/bin',
} as const;

/** A read-only mount. Mount packages for the toolbox at /node_modules/NAME, the last place where node looks. */
export interface ReadOnlyBind {
  readonly source: string;
  /** Absolute, outside all other mounts. */
  readonly target: string;
}

/** A container engine for the commands of one call. */
export interface CallEngine {
  /** Path of the proxy's socket, outside of the sandbox. */
  readonly socket: string;
  /** The compose project. */
  readonly project: string;
}

/** The result of probeSandbox when bubblewrap works. */
export interface UsableSandbox {
  readonly ok: true;
  /** root: root mounts, then setpriv switches to an account without rights. user: uses a user namespace. */
  readonly mode: 'root' | 'user';
  readonly version: string;
  /** Whether bwrap has --disable-userns (from 0.8); it requires --unshare-user. */
  readonly disableUserNamespaces: boolean;
  /** Whether bwrap has --size (from 0.7); without it /tmp and /dev/shm are limited by memory only. */
  readonly limitsTmpfs: boolean;
}

export interface UnusableSandbox {
  readonly ok: false;
  readonly reason: string;
  /** What to do, as one line. */
  readonly fix: string;
}

export interface SystemOptions {
  readonly toolboxDir: string | null;
  readonly extraBinds: readonly ReadOnlyBind[];
  /** Absolute path of the program that commands find as `node`. */
  readonly nodePath: string;
}

/** The mounts that all sandboxes of this process share, and the PATH inside them. */
export interface SystemMounts {
  readonly arguments: readonly string[];
  readonly path: string;
}

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Reads the layout of this computer's system directories. Throws ToolSetupError for a bind that cannot be mounted. */
export function systemMounts(options: SystemOptions): SystemMounts {
  const args = ['--ro-bind', '/usr', '/usr'];
  for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64']) args.push(...systemDirectory(`/${name}`));
  for (const name of mountedEtcDirectories()) args.push('--ro-bind', `/etc/${name}`, `/etc/${name}`);
  args.push(...parentsOf(`${INSIDE.node}/node`));
  const node = realpathSync(options.nodePath);
  const nodeIsSystem = node.startsWith('/usr/') && basename(node) === 'node';
  if (!nodeIsSystem) args.push('--ro-bind', node, `${INSIDE.node}/node`);
  if (options.toolboxDir !== null) args.push('--ro-bind', realpathSync(options.toolboxDir), INSIDE.toolbox);
  for (const bind of options.extraBinds)
    args.push(...parentsOf(checkedTarget(bind.target)), '--ro-bind', realpathSync(bind.source), bind.target);
  return { arguments: args, path: `${nodeIsSystem ? dirname(node) : INSIDE.node}:${SYSTEM_PATH}` };
}

/** /bin, /sbin and /lib are links into /usr on merged systems and directories on others. */
function systemDirectory(path: string): string[] {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry === undefined) return [];
  return entry.isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path];
}

/** bwrap 0.8 creates the directories above a mount point for root alone (0700). */
function parentsOf(target: string): string[] {
  const names = target.split('/').slice(1, -1);
  return names.flatMap((_, index) => ['--perms', '0755', '--dir', `/${names.slice(0, index + 1).join('/')}`]);
}

function checkedTarget(target: string): string {
  const taken = SANDBOX_PATHS.find((path) => isWithin(target, path));
  if (!target.startsWith('/') || taken !== undefined) {
    const reason = taken === undefined ? 'the path is not absolute' : `the sandbox mounts ${taken} itself`;
    throw new ToolSetupError(
      `Cannot mount a read-only bind at ${target}: ${reason}. Mount packages at /node_modules/NAME.`,
    );
  }
  return target;
}

/** What of a sandbox its argument vector depends on. */
export type SandboxKind = Pick<UsableSandbox, 'mode' | 'disableUserNamespaces'> &
  Partial<Pick<UsableSandbox, 'limitsTmpfs'>>;

export interface SandboxOptions {
  readonly sandbox: SandboxKind;
  readonly system: SystemMounts;
  /** The prepared /etc. */
  readonly etcDir: string;
  readonly workspace: string;
  readonly workspaceWritable: boolean;
  /** Whether to hide .ravenhelm in the workspace; a directory from --workspace contains it. */
  readonly hideState: boolean;
  readonly outputs: string;
  /** The directory with the workspace's key; null: none is mounted. */
  readonly keys: string | null;
  readonly limits: Pick<Limits, 'tmp_mb' | 'shm_mb'>;
  /** More variables, by name; absent: none. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Whether the launcher adds variables with the mission's inputs; absent: it does not. */
  readonly hasInputs?: boolean;
  /** Set in mode root only. */
  readonly account: Account | null;
  /** Absent: there is none. */
  readonly engine?: CallEngine;
  /** Of the agent, outside all other mounts; absent: none. */
  readonly mounts?: readonly ReadOnlyBind[];
  /** Names and values; absent: none. */
  readonly secrets?: readonly (readonly [name: string, value: string])[];
  /** Runs inside, as the account, in mode user as pid 1; the launcher appends the command. */
  readonly program: readonly string[];
}

/** The argument vector of a sandbox. The launcher inserts bwrap's options for its status and the system call filter. */
export function sandboxArguments(options: SandboxOptions): string[] {
  return [
    'bwrap',
    ...namespaces(options.sandbox),
    ...words('--die-with-parent --new-session --as-pid-1 --hostname ravenhelm'),
    ...environment(options.system.path, options.variables),
    ...(options.hasInputs === true ? ['--args', INPUTS_ARGUMENT] : []),
    ...['--ro-bind', options.etcDir, '/etc'],
    ...options.system.arguments,
    ...words('--proc /proc --dev /dev'),
    ...tmpfs('/dev/shm', options.limits.shm_mb, options.sandbox),
    // Otherwise a user could fill it: it is a tmpfs that belongs to the one who starts bwrap.
    ...words('--remount-ro /dev'),
    ...tmpfs('/tmp', options.limits.tmp_mb, options.sandbox),
    ...taskMounts(options),
    ...(options.mounts ?? []).flatMap(({ source, target }) => [...parentsOf(target), '--ro-bind', source, target]),
    ...engineSocket(options.engine),
    ...secretFiles(options),
    ...words('--remount-ro / --cap-drop ALL'),
    ...asAccount(options),
    ...options.program,
  ];
}

/** The last options, and how root's first process switches to the account. */
function asAccount({ account, sandbox, secrets = [] }: SandboxOptions): string[] {
  const hasSecrets = secrets.length > 0;
  const root = words('--cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP');
  return [
    ...(sandbox.mode === 'root' ? root : []),
    ...(account !== null && hasSecrets ? words('--cap-add CAP_CHOWN') : []),
    '--',
    ...(account === null
      ? []
      : ['/bin/sh', '-c', firstProcess(account, hasSecrets), 'init', ...withoutRights(account)]),
  ];
}

/** Where docker's clients look for it. */
function engineSocket(engine: CallEngine | undefined): string[] {
  if (engine === undefined) return [];
  const inside = '/var/run/docker.sock';
  return [
    ...[...parentsOf(inside), '--ro-bind', engine.socket, inside],
    ...['--setenv', 'DOCKER_HOST', `unix://${inside}`, '--setenv', 'COMPOSE_PROJECT_NAME', engine.project],
  ];
}

const PAGE_BYTES = 4_096;

/**
 * Files on a tmpfs, which the launcher passes by descriptor: an argument can be seen by all users of the computer. In
 * mode user it is read-only; in mode root its directory is root's, and its files are given to the account afterwards.
 */
function secretFiles({ secrets = [], sandbox }: SandboxOptions): string[] {
  if (secrets.length === 0) return [];
  const pages = secrets.reduce((sum, [, value]) => sum + Math.ceil(Buffer.byteLength(value) / PAGE_BYTES), 1);
  return [
    ...words('--perms 0755 --dir /run --perms 0755'),
    ...(sandbox.limitsTmpfs === true ? ['--size', String(pages * PAGE_BYTES)] : []),
    ...['--tmpfs', SECRETS_DIRECTORY],
    ...secrets.flatMap(([name]) => [
      ...words('--perms 0400 --file'),
      secretArgument(name),
      `${SECRETS_DIRECTORY}/${name}`,
    ]),
    ...(sandbox.mode === 'user' ? ['--remount-ro', SECRETS_DIRECTORY] : []),
  ];
}

/**
 * More of bwrap's options, by descriptor as secrets are. The launcher puts a descriptor's number in its place; no
 * argument of a program can have its first character.
 */
const INPUTS_ARGUMENT = '\0variables';
/** The same with a secret. */
const secretArgument = (name: string): string => `\0secret ${name}`;

function namespaces({ mode, disableUserNamespaces }: SandboxKind): string[] {
  const shared = words('--unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup-try');
  if (mode === 'root') return shared;
  return ['--unshare-user', ...(disableUserNamespaces ? ['--disable-userns'] : []), ...shared];
}

function tmpfs(path: string, sizeMb: number, { limitsTmpfs = false }: SandboxKind): string[] {
  const size = limitsTmpfs ? ['--size', String(sizeMb * 1024 * 1024)] : [];
  return ['--perms', '1777', ...size, '--tmpfs', path];
}

/** The workspace, with the swarm's state hidden, the outputs and the key. */
function taskMounts({ workspace, workspaceWritable, hideState, outputs, keys }: SandboxOptions): string[] {
  const state = `${INSIDE.workspace}/.ravenhelm`;
  return [
    ...[workspaceWritable ? '--bind' : '--ro-bind', workspace, INSIDE.workspace],
    ...(hideState ? ['--perms', '0555', '--tmpfs', state, '--remount-ro', state] : []),
    ...['--ro-bind', outputs, INSIDE.outputs],
    ...(keys === null ? [] : ['--ro-bind', keys, INSIDE.keys, '--setenv', 'KEYS', INSIDE.keys]),
  ];
}

/** Splits constant arguments, none of which contains a space. */
function words(text: string): string[] {
  return text.split(' ');
}

/**
 * Pid 1 of a sandbox that root starts: runs the program as its child and exits with it. It stays root, without more
 * than three capabilities, or four where it gives secrets to the account: bwrap may not send another user's process
 * the signal that ends pid 1 with bwrap, and the agent's processes cannot reach it.
 */
function firstProcess({ uid, gid }: Account, hasSecrets: boolean): string {
  // The account owns its secrets: ssh and others refuse a key that another user may read.
  const own = hasSecrets ? `chown ${uid}:${gid} ${SECRETS_DIRECTORY}/* || exit 126; ` : '';
  return `${own}"$@"; exit $?`;
}

/**
 * Python's compiled files stay out of the workspace: there they would be new files beside the tests that judge a task,
 * and one that an agent made would run in place of the test that it is named after.
 */
const UNCACHED = { PYTHONPYCACHEPREFIX: '/tmp/.pycache' };

function environment(path: string, more: SandboxOptions['variables']): string[] {
  const variables = {
    PATH: path,
    HOME: '/tmp',
    LANG: 'C.UTF-8',
    WORKSPACE: INSIDE.workspace,
    OUTPUTS: INSIDE.outputs,
    TOOLBOX: INSIDE.toolbox,
    ...UNCACHED,
    ...more,
  };
  return ['--clearenv', ...Object.entries(variables).flatMap(([name, value]) => ['--setenv', name, value])];
}

/** bwrap, started by root, keeps its capabilities for this step only. After it none are left or can be regained. */
function withoutRights(account: Account): string[] {
  return [
    'setpriv',
    '--reuid',
    String(account.uid),
    '--regid',
    String(account.gid),
    '--clear-groups',
    '--no-new-privs',
    '--bounding-set=-all',
    '--inh-caps=-all',
    '--ambient-caps=-all',
  ];
}

export interface UnsandboxedOptions {
  readonly workspace: string;
  readonly outputs: string;
  readonly keys: string | null;
  readonly toolboxDir: string | null;
  readonly nodePath: string;
  /** Marks the processes of this run in their environment, so that processes left behind are found. */
  readonly token: string;
  readonly program: readonly string[];
}

/**
 * The argument vector with --sandbox off: a new session and its environment, nothing else. The launcher starts it with
 * its PATH and the mission's inputs alone.
 */
export function unsandboxedArguments(options: UnsandboxedOptions): string[] {
  return [
    'setsid',
    'env',
    `PATH=${dirname(options.nodePath)}:${SYSTEM_PATH}`,
    'HOME=/tmp',
    'LANG=C.UTF-8',
    `WORKSPACE=${options.workspace}`,
    `OUTPUTS=${options.outputs}`,
    `TOOLBOX=${options.toolboxDir ?? ''}`,
    ...Object.entries(UNCACHED).map(([name, value]) => `${name}=${value}`),
    ...(options.keys === null ? [] : [`KEYS=${options.keys}`]),
    `RAVENHELM_RUN=${options.token}`,
    ...options.program,
  ];
}
