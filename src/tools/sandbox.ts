import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Limits } from '../domain/limits.js';
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
const TAKEN_TARGETS = [
  '/workspace',
  '/outputs',
  '/keys',
  '/toolbox',
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib64',
  '/etc',
  '/proc',
  '/dev',
  '/tmp',
  '/opt/node',
];

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
  const taken = TAKEN_TARGETS.find((name) => target === name || target.startsWith(`${name}/`));
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
  /** Set in mode root only. */
  readonly account: Account | null;
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
    ...['--ro-bind', options.etcDir, '/etc'],
    ...options.system.arguments,
    ...words('--proc /proc --dev /dev'),
    ...tmpfs('/dev/shm', options.limits.shm_mb, options.sandbox),
    // Otherwise a user could fill it: it is a tmpfs that belongs to the one who starts bwrap.
    ...words('--remount-ro /dev'),
    ...tmpfs('/tmp', options.limits.tmp_mb, options.sandbox),
    ...taskMounts(options),
    ...words('--remount-ro / --cap-drop ALL'),
    ...(options.sandbox.mode === 'root'
      ? words('--cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP')
      : []),
    '--',
    ...(options.account === null ? [] : ['/bin/sh', '-c', FIRST_PROCESS, 'init', ...withoutRights(options.account)]),
    ...options.program,
  ];
}

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
 * than three capabilities: bwrap may not send another user's process the signal that ends pid 1 with bwrap, and the
 * agent's processes cannot reach it.
 */
const FIRST_PROCESS = '"$@"; exit $?';

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

/** bwrap, started by root, keeps three capabilities for this step only. After it none are left or can be regained. */
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

/** The argument vector with --sandbox off: a new session and a clean environment, nothing else. */
export function unsandboxedArguments(options: UnsandboxedOptions): string[] {
  return [
    'setsid',
    'env',
    '-i',
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
