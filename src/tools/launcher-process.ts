/** One start of the launcher: the program, the request that it reads, and how it ended. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** Where the launcher finds perl, bwrap, setpriv and others; it does not use the worker's PATH. */
export const LAUNCHER_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Its head says what it guarantees. */
export const LAUNCHER_PROGRAM = fileURLToPath(new URL('../../bin/ravenhelm-launcher.pl', import.meta.url));

/** The launcher's exit codes. 0: it left outcomes, or holds the fence. */
export const LAUNCHER_EXIT = { fenced: 70, startedBefore: 71, lockBusy: 72, aborted: 73 } as const;

/** A field of the request: its name and its value. */
export type RequestField = readonly [name: string, value: string];

export interface LauncherExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why no process could be started; null: one was. */
  readonly notStarted: string | null;
}

/**
 * Signals that a terminal sends to its foreground processes (Ctrl-C, Ctrl-\, and when it closes), and the one that ends
 * a launcher that has waited too long for a request.
 */
const SIGNALS_BEFORE_THE_START: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGALRM']);
const MOST_STARTS = 20;

/**
 * Runs the launcher, and restarts it if a signal of the terminal ended it. Such a signal can only arrive between fork
 * and the child's setsid(). It stays pending there, and the child has the default action for it when it becomes the
 * launcher: libuv's uv_spawn resets signals before setsid and unblocks them last. With many signals, Ctrl-C killed a
 * launcher before its first line in 6 of 60 starts, and the step was refused instead of drained. A restart is safe: a
 * launcher that was killed later has left its start mark, and the next one finds it.
 */
export async function runLauncher(fields: readonly RequestField[], signal: AbortSignal): Promise<LauncherExit> {
  const request = encodeRequest(fields);
  for (let starts = 1; ; starts += 1) {
    const exit = await runOnce(request, signal);
    if (exit.signal === null || !SIGNALS_BEFORE_THE_START.has(exit.signal) || starts === MOST_STARTS) return exit;
  }
}

/** What the launcher reads: each field is "NAME BYTES\n" and that many bytes. */
export function encodeRequest(fields: readonly RequestField[]): Buffer {
  const parts = [...fields, ['machine', process.arch] as const].map(
    ([name, value]) => `${name} ${Buffer.byteLength(value)}\n${value}`,
  );
  return Buffer.from(`${parts.join('')}end 0\n`);
}

/** After the launcher has read its request, no pipe leads to the worker any more. */
function runOnce(request: Buffer, signal: AbortSignal): Promise<LauncherExit> {
  // No await between this check and the listener, so that no abort is missed.
  if (signal.aborted) return Promise.resolve({ code: LAUNCHER_EXIT.aborted, signal: null, notStarted: null });
  return new Promise((resolve) => {
    const { child, ended } = takeLauncher();
    const stop = () => child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    void ended.then((exit) => {
      signal.removeEventListener('abort', stop);
      resolve(exit);
    });
    child.stdin.end(request);
    startSpare();
  });
}

interface Launcher {
  readonly child: ChildProcessByStdio<Writable & { ref?(): void; unref?(): void }, null, null>;
  readonly ended: Promise<LauncherExit>;
}

/** Waits for its request, so that the next call does not wait for the start of perl. It ends when it gets none. */
let spare: Launcher | null = null;

function takeLauncher(): Launcher {
  const isWaiting = spare !== null && spare.child.exitCode === null && spare.child.signalCode === null;
  const launcher = spare !== null && isWaiting ? spare : startLauncher();
  spare = null;
  launcher.child.ref();
  launcher.child.stdin.ref?.();
  return launcher;
}

function startSpare(): void {
  if (spare !== null) return;
  const launcher = startLauncher();
  // It keeps no process alive, and ends with this one.
  launcher.child.unref();
  launcher.child.stdin.unref?.();
  spare = launcher;
  void launcher.ended.then(() => {
    if (spare === launcher) spare = null;
  });
}

/** In a new session, to outlive the worker. */
function startLauncher(): Launcher {
  const child = spawn('perl', ['-w', LAUNCHER_PROGRAM], {
    cwd: '/',
    detached: true,
    env: { PATH: LAUNCHER_PATH },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // A launcher that ends before it has read all of it: its exit code says why.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<LauncherExit>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, notStarted: reasonOf(error) }));
    child.once('exit', (code, signal) => resolve({ code, signal, notStarted: null }));
  });
  return { child, ended };
}

function reasonOf(error: Error): string {
  return 'code' in error && error.code === 'ENOENT'
    ? 'perl is not installed (package perl-base of Debian and Ubuntu, perl of others)'
    : `perl could not be started: ${error.message}`;
}
