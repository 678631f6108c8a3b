import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { ToolSetupError } from './errors.js';

/** Inside the sandbox the task's files have these names, wherever they lie outside. */
export const INSIDE = {
  workspace: '/workspace',
  outputs: '/outputs',
  toolbox: '/toolbox',
  node: '/opt/node/bin',
} as const;

/** A read-only mount for the sandbox. Packages for the toolbox belong at /node_modules/NAME, where node looks last. */
export interface ReadOnlyBind {
  readonly source: string;
  /** Absolute, outside every other mount. */
  readonly target: string;
  /** Environment variable that tells commands where it is: the target in the sandbox, the source without one. */
  readonly variable?: string;
}

/** Who runs inside; set when the worker is root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user of the sandboxes that root starts: high and unassigned, because 65534 is shared by whatever else has no
 * user of its own. It owns the workspaces below the root.
 */
export const SANDBOX_ACCOUNT: Account = { uid: 61337, gid: 61337 };

/** What probeSandbox found out about bubblewrap here. */
export interface UsableSandbox {
  readonly ok: true;
  /** root: mounts by root, then setpriv to an account without rights. user: a user namespace of the worker's own user. */
  readonly mode: 'root' | 'user';
  readonly version: string;
  /** Whether --disable-userns (0.8) is there; it needs a user namespace of its own. */
  readonly disableUserNamespaces: boolean;
}

export interface UnusableSandbox {
  readonly ok: false;
  readonly reason: string;
  /** What to do, in one line. */
  readonly fix: string;
}

export interface SystemOptions {
  readonly toolboxDir: string | null;
  readonly extraBinds: readonly ReadOnlyBind[];
  /** Absolute path of the node that commands find as `node`. */
  readonly nodePath: string;
}

/** The mounts that all sandboxes of this process share, and the PATH inside. */
export interface SystemMounts {
  readonly arguments: readonly string[];
  readonly path: string;
}

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const TAKEN_TARGETS = [
  '/workspace',
  '/outputs',
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
const ETC = ['alternatives', 'ssl/certs', 'ssl/openssl.cnf', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'localtime'];

/** Reads how this computer's system directories lie. Throws ToolSetupError for a bind that cannot be mounted. */
export function systemMounts(options: SystemOptions): SystemMounts {
  const args = ['--ro-bind', '/usr', '/usr'];
  for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64']) args.push(...systemDirectory(`/${name}`));
  args.push(...parentsOf('/etc/ssl/certs'), ...parentsOf(`${INSIDE.node}/node`));
  for (const name of ETC) args.push('--ro-bind-try', `/etc/${name}`, `/etc/${name}`);
  const node = realpathSync(options.nodePath);
  const nodeIsSystem = node.startsWith('/usr/') && basename(node) === 'node';
  if (!nodeIsSystem) args.push('--ro-bind', node, `${INSIDE.node}/node`);
  if (options.toolboxDir !== null) args.push('--ro-bind', realpathSync(options.toolboxDir), INSIDE.toolbox);
  for (const bind of options.extraBinds)
    args.push(...parentsOf(checkedTarget(bind.target)), '--ro-bind', realpathSync(bind.source), bind.target);
  for (const { variable, target } of options.extraBinds)
    if (variable !== undefined) args.push('--setenv', variable, target);
  return { arguments: args, path: `${nodeIsSystem ? dirname(node) : INSIDE.node}:${SYSTEM_PATH}` };
}

/** /bin and its kind are links into /usr on merged systems and directories elsewhere. */
function systemDirectory(path: string): string[] {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry === undefined) return [];
  return entry.isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path];
}

/** bwrap 0.8 makes the directories above a mount point for root alone (0700). */
function parentsOf(target: string): string[] {
  const names = target.split('/').slice(1, -1);
  return names.flatMap((_, index) => ['--perms', '0755', '--dir', `/${names.slice(0, index + 1).join('/')}`]);
}

function checkedTarget(target: string): string {
  const taken = TAKEN_TARGETS.find((name) => target === name || target.startsWith(`${name}/`));
  if (!target.startsWith('/') || taken !== undefined) {
    throw new ToolSetupError(
      `A read-only bind cannot go to ${target}: ${taken === undefined ? 'the path must be absolute' : `${taken} is mounted by the sandbox itself`}. Packages belong at /node_modules/NAME.`,
    );
  }
  return target;
}

export interface SandboxOptions {
  readonly sandbox: UsableSandbox;
  readonly system: SystemMounts;
  /** Directory with passwd, group and hosts. */
  readonly etcDir: string;
  readonly workspace: string;
  readonly workspaceWritable: boolean;
  /** Whether the workspace holds .ravenhelm (a given directory does); it is hidden then. */
  readonly hideState: boolean;
  readonly outputs: string;
  /** Set in mode root. */
  readonly account: Account | null;
  /** What runs inside, as the account; the launcher appends the command. */
  readonly program: readonly string[];
}

/** The argument vector of a sandbox. The launcher opens descriptor 8 for bwrap's status. */
export function sandboxArguments(options: SandboxOptions): string[] {
  const { sandbox, workspace, outputs, etcDir } = options;
  return [
    'bwrap',
    ...(sandbox.mode === 'user'
      ? ['--unshare-user', ...(sandbox.disableUserNamespaces ? ['--disable-userns'] : [])]
      : []),
    '--unshare-pid',
    '--unshare-net',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    '--die-with-parent',
    '--new-session',
    '--as-pid-1',
    '--hostname',
    'ravenhelm',
    '--json-status-fd',
    '8',
    ...environment(options.system.path),
    ...options.system.arguments,
    '--ro-bind',
    `${etcDir}/passwd`,
    '/etc/passwd',
    '--ro-bind',
    `${etcDir}/group`,
    '/etc/group',
    '--ro-bind',
    `${etcDir}/hosts`,
    '/etc/hosts',
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    '--perms',
    '1777',
    '--tmpfs',
    '/dev/shm',
    '--perms',
    '1777',
    '--tmpfs',
    '/tmp',
    options.workspaceWritable ? '--bind' : '--ro-bind',
    workspace,
    INSIDE.workspace,
    ...(options.hideState
      ? [
          '--perms',
          '0555',
          '--tmpfs',
          `${INSIDE.workspace}/.ravenhelm`,
          '--remount-ro',
          `${INSIDE.workspace}/.ravenhelm`,
        ]
      : []),
    '--ro-bind',
    outputs,
    INSIDE.outputs,
    '--remount-ro',
    '/',
    '--cap-drop',
    'ALL',
    ...(sandbox.mode === 'root'
      ? ['--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID', '--cap-add', 'CAP_SETPCAP']
      : []),
    '--',
    '/bin/sh',
    '-c',
    FIRST_PROCESS,
    'init',
    ...(options.account === null ? [] : withoutRights(options.account)),
    ...options.program,
  ];
}

/**
 * Pid 1: runs the program as its child and ends with it, upon which the kernel kills whatever is left in the pid
 * namespace. (bwrap's own pid 1 would wait for background processes.) Limits: files of 1 GiB, no core dumps.
 */
const FIRST_PROCESS = 'ulimit -c 0; ulimit -f 2097152; "$@"; exit $?';

function environment(path: string): string[] {
  const variables = {
    PATH: path,
    HOME: '/tmp',
    LANG: 'C.UTF-8',
    WORKSPACE: INSIDE.workspace,
    OUTPUTS: INSIDE.outputs,
    TOOLBOX: INSIDE.toolbox,
  };
  return ['--clearenv', ...Object.entries(variables).flatMap(([name, value]) => ['--setenv', name, value])];
}

/** bwrap started by root keeps three capabilities for this step alone; afterwards none are left, nor can any come back. */
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
  readonly toolboxDir: string | null;
  readonly extraBinds: readonly ReadOnlyBind[];
  readonly nodePath: string;
  /** Marks the processes of this run in their environment, so that stragglers are found. */
  readonly token: string;
  readonly program: readonly string[];
}

/** The argument vector with --sandbox off: a session of its own and a clean environment, nothing else. */
export function unsandboxedArguments(options: UnsandboxedOptions): string[] {
  const places = options.extraBinds.flatMap(({ variable, source }) =>
    variable === undefined ? [] : [`${variable}=${source}`],
  );
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
    ...places,
    `RAVENHELM_RUN=${options.token}`,
    ...options.program,
  ];
}
