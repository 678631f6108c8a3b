import { ToolSetupError } from './errors.js';
import { execFile } from 'node:child_process';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_LIMITS } from '../domain/limits.js';
import { readEnds } from './truncate.js';
import { launch } from './launcher.js';
import { LAUNCHER_PATH } from './launcher-process.js';
import { outputPaths, readLauncherOutcome, type LauncherOutcome } from './outcome.js';
import { preparePlace, stepName, workspaceMarker, type RunPlace } from './places.js';
import { shellProgram } from './programs.js';
import { filterFor, hasFilter } from './seccomp/filter.js';
import { reasonOf } from './system-errors.js';
import {
  INSIDE,
  sandboxArguments,
  systemMounts,
  type SandboxKind,
  type SystemOptions,
  type UnusableSandbox,
  type UsableSandbox,
} from './sandbox.js';

const OFF = 'Or run with --sandbox off; agents may then do everything that this user may do.';
const PROBE_LIMIT_MS = 20_000;

/** By system options and user, as JSON. */
const probed = new Map<string, Promise<UsableSandbox | UnusableSandbox>>();

/**
 * Tests the sandbox in the way the tools use it: bubblewrap, the account, node inside. Takes the same system options as
 * the executor. If the sandbox does not work, it resolves with the reason and the fix. A process does this once for the
 * same options and user, and again if it has failed. Rejects with ToolSetupError if there is no temporary directory.
 */
export async function probeSandbox(options: SystemOptions): Promise<UsableSandbox | UnusableSandbox> {
  const { toolboxDir, extraBinds, nodePath } = options;
  const key = JSON.stringify([toolboxDir, extraBinds, nodePath, process.getuid?.(), process.getgid?.()]);
  const probe = probed.get(key) ?? probeNow(options);
  probed.set(key, probe);
  const result = await probe.catch((error: unknown) => {
    probed.delete(key);
    throw error;
  });
  if (!result.ok) probed.delete(key);
  return result;
}

/** Rejects with ToolSetupError only. */
async function probeNow(options: SystemOptions): Promise<UsableSandbox | UnusableSandbox> {
  if (process.platform !== 'linux') {
    return {
      ok: false,
      reason: `bubblewrap needs Linux, this is ${process.platform}`,
      fix: `Run the workers in the container of docker-compose.redpanda.yml. ${OFF}`,
    };
  }
  if (!hasFilter(process.arch))
    return {
      ok: false,
      reason: `there is no system call filter for ${process.arch}`,
      fix: `Run the workers on x64 or arm64. ${OFF}`,
    };
  const filter = filterFor(process.arch);
  const isRoot = process.getuid?.() === 0;
  // Only a user's sandbox depends on the version: root's is tried while bwrap says its own.
  const [programs, ofRoot] = await Promise.all([
    probePrograms(),
    isRoot ? trySandbox({ mode: 'root', disableUserNamespaces: false }, options, filter) : null,
  ]);
  if (!programs.ok) return programs;
  const version = programs.bwrap.replace('bubblewrap', '').trim();
  const kind = { mode: isRoot ? 'root' : 'user', disableUserNamespaces: atLeast(version, 0, 8) } as const;
  const problem = isRoot ? ofRoot : await trySandbox(kind, options, filter);
  return problem ?? { ok: true, version, limitsTmpfs: atLeast(version, 0, 7), ...kind };
}

const PROGRAMS = [
  ['bwrap', 'bubblewrap'],
  ['perl', 'perl-base'],
  ['setpriv', 'util-linux'],
] as const;

/** What bwrap says of its version; or the program that is missing. Only bwrap is started: the others are looked up. */
async function probePrograms(): Promise<{ readonly ok: true; readonly bwrap: string } | UnusableSandbox> {
  const [answer, ...installed] = await Promise.all([
    output(['bwrap', '--version']),
    ...PROGRAMS.map(([program]) => isInstalled(program)),
  ]);
  const [program, name] = PROGRAMS.find((_, index) => installed[index] !== true) ?? [];
  if (program !== undefined)
    return {
      ok: false,
      reason: `${program} is not installed`,
      fix: `Install it: apt-get install -y ${name} (or your system's package ${name}). ${OFF}`,
    };
  if (answer.code === 0) return { ok: true, bwrap: answer.stdout };
  return {
    ok: false,
    reason: 'bwrap --version fails',
    fix: `Run it to see why, and install bubblewrap again: apt-get install -y --reinstall bubblewrap. ${OFF}`,
  };
}

/** Whether the launcher finds the program. */
async function isInstalled(program: string): Promise<boolean> {
  const found = await Promise.all(
    LAUNCHER_PATH.split(':').map((directory) =>
      access(join(directory, program), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [found = 0, foundMinor = 0] = version.split('.').map(Number);
  return found > major || (found === major && foundMinor >= minor);
}

/**
 * Succeeds if it runs as the account, can write to the workspace and /tmp only, has the system call filter and node.
 * A container's own filter would also show as "Seccomp: 2", so a call that only ours refuses is tried too.
 */
const PROBE_COMMAND = [
  'owner=$(stat -c %u /workspace)',
  'test "$(id -u)" = "$owner" || { echo "it does not run as the owner of the workspace" >&2; exit 1; }',
  'test "$(id -u)" != 0 || { echo "it runs as root" >&2; exit 1; }',
  'touch /workspace/probe /tmp/probe || exit 1',
  'if touch /usr/probe 2>/dev/null || touch /outputs/probe 2>/dev/null; then',
  '  echo "it can write outside the workspace" >&2; exit 1',
  'fi',
  'filtered=; while read -r name value; do [ "$name" != Seccomp: ] || filtered=$value; done </proc/self/status',
  'if [ "$filtered" != 2 ] || chmod 4700 /tmp/probe 2>/dev/null; then',
  '  echo "the system call filter is not in force" >&2; exit 1',
  'fi',
  'node --version >/dev/null || { echo "node does not run in it" >&2; exit 1; }',
].join('\n');

const PROBE_TASK = { missionId: 'probe', taskId: 'probe', attempt: 1, workspace: null, secretsKey: 'none' } as const;

/** Runs the probe like any command, so that the launcher, its lock and its pipes are tested too. null: it works. */
async function trySandbox(
  sandbox: SandboxKind,
  options: SystemOptions,
  filter: Buffer,
): Promise<UnusableSandbox | null> {
  const base = await probeDirectory();
  try {
    const marker = await workspaceMarker(base);
    const task = { ...PROBE_TASK, workspaceMarker: marker };
    const separateAccount = sandbox.mode === 'root';
    const place = await preparePlace(task, { workspaceRoot: base, separateAccount, filter });
    const { etcDir, workspace, outputs, account } = place;
    const program = shellProgram(INSIDE.workspace, separateAccount ? null : undefined);
    const argumentVector = sandboxArguments({
      sandbox,
      system: systemMounts(options),
      etcDir,
      workspace,
      workspaceWritable: true,
      hideState: false,
      outputs,
      keys: null,
      limits: DEFAULT_LIMITS,
      account,
      program,
    });
    const stem = stepName(task, 1);
    const end = await launch(
      {
        place,
        stem,
        claimOffset: 0,
        timeLimitMs: PROBE_LIMIT_MS,
        callRecord: '{}',
        isolated: true,
        seccomp: place.seccomp,
        token: place.run,
        commands: [PROBE_COMMAND],
        argumentVector,
        input: null,
      },
      new AbortController().signal,
    );
    const left = await readLauncherOutcome(place, stem);
    if (left?.reason === 'exited' && left.exitCode === 0) return null;
    return {
      ok: false,
      reason: end.kind === 'failed' ? end.reason : await reasonLeft(place, stem, left),
      fix: fixFor(sandbox),
    };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : reasonOf(error), fix: fixFor(sandbox) };
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

function probeDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'ravenhelm-probe-')).catch((error: unknown) => {
    throw new ToolSetupError(
      `the sandbox is tried in ${tmpdir()}, where no directory can be made (${reasonOf(error)}). ` +
        'Set TMPDIR to a directory that this user can write.',
      { cause: error },
    );
  });
}

async function reasonLeft(place: RunPlace, stem: string, left: LauncherOutcome | null): Promise<string> {
  const { head } = await readEnds(outputPaths(place, stem)[1]);
  const last = head.trim().split('\n').at(-1) ?? '';
  if (last !== '') return last;
  return left === null ? 'the launcher left no outcome' : `${left.reason} with exit code ${left.exitCode}`;
}

const UNCONFINED = '--security-opt seccomp=unconfined --security-opt apparmor=unconfined';

function fixFor(sandbox: SandboxKind): string {
  return sandbox.mode === 'root'
    ? `Root needs the right to mount (CAP_SYS_ADMIN): in a container add --cap-add SYS_ADMIN ${UNCONFINED}, ` +
        `or run as another user. ${OFF}`
    : 'Allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1 (Debian), ' +
        'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), ' +
        `in a container ${UNCONFINED} --security-opt systempaths=unconfined. ${OFF}`;
}

function output(argumentVector: readonly string[]): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve) => {
    const [program = '', ...rest] = argumentVector;
    execFile(program, rest, { cwd: '/', env: { PATH: LAUNCHER_PATH }, timeout: PROBE_LIMIT_MS }, (error, stdout) =>
      resolve({ code: error === null ? 0 : 1, stdout }),
    );
  });
}
