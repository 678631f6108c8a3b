import { spawn } from 'node:child_process';
import { open, readFile, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { FenceLost } from '../ports/tools.js';
import { FENCE_SCRIPT, LAUNCHER_EXIT, LAUNCHER_SCRIPT } from './launcher-script.js';
import type { RunPlace } from './places.js';

/** Where the launcher finds flock, cat, mv, bwrap and others; it does not use the worker's PATH. */
export const LAUNCHER_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Launch {
  readonly place: RunPlace;
  /** Base name of the step's files. */
  readonly stem: string;
  readonly claimOffset: number;
  readonly timeLimitMs: number;
  /** true: the step's tool starts at most once. false: checks, which may run again. */
  readonly once: boolean;
  /**
   * Of checks: all run, whatever their exit codes, and the time limit is that of each; absent: the first failure
   * ends it.
   */
  readonly each?: boolean;
  readonly isolated: boolean;
  /** File with the system call filter, which bwrap gets as descriptor 7; null: not isolated. */
  readonly seccomp: string | null;
  /** Marks the run's processes in their environment. */
  readonly token: string;
  /** Run in sequence, each appended to the argument vector. */
  readonly commands: readonly string[];
  readonly argumentVector: readonly string[];
  /** The tool's standard input; null: empty. */
  readonly input: string | null;
}

/** done: the launcher left outcomes. All others: this launcher started nothing. */
export type LaunchEnd =
  | { readonly kind: 'done' | 'started_before' | 'aborted' }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * Runs the launcher to its end. On an abort it kills the tool; this resolves when no process of the tool is left.
 * Rejects with FenceLost if a higher claim held the fence before the start.
 */
export async function launch(request: Launch, signal: AbortSignal): Promise<LaunchEnd> {
  const log = await open(join(request.place.run, 'launcher.log'), 'a', 0o600);
  const input = request.input === null ? null : await unnamedFile(request.place.run, request.input);
  try {
    const exit = await runScript(
      LAUNCHER_SCRIPT,
      {
        argumentVector: request.argumentVector,
        variables: variablesOf(request),
        input: input?.fd ?? null,
        log: log.fd,
      },
      signal,
    );
    return await endOf(request, exit, signal);
  } finally {
    await input?.close();
    await log.close();
  }
}

function variablesOf(request: Launch): Record<string, string> {
  const commands = Object.fromEntries(request.commands.map((command, index) => [`command_${index + 1}`, command]));
  return {
    run: request.place.run,
    claim: String(request.claimOffset),
    stem: request.stem,
    limit_ms: String(Math.max(1, Math.ceil(request.timeLimitMs))),
    once: request.once ? 'yes' : 'no',
    each: request.each === true ? 'yes' : 'no',
    isolated: request.isolated ? 'yes' : 'no',
    seccomp: request.seccomp ?? '',
    token: request.token,
    count: String(request.commands.length),
    ...commands,
  };
}

async function endOf(request: Launch, exit: ScriptExit, signal: AbortSignal): Promise<LaunchEnd> {
  switch (exit.code) {
    case 0:
      return { kind: 'done' };
    case LAUNCHER_EXIT.fenced:
      throw new FenceLost(`A newer claim than ${request.claimOffset} holds the task; this worker's steps are void.`);
    case LAUNCHER_EXIT.startedBefore:
      return { kind: 'started_before' };
    case LAUNCHER_EXIT.aborted:
      return { kind: 'aborted' };
    case LAUNCHER_EXIT.lockBusy:
      return {
        kind: 'failed',
        reason:
          "the task's lock was not free within the time limit, or flock(1) is missing (package util-linux)" +
          (await lastLogLine(request)),
      };
    default:
      // SIGTERM before the script's first line: nothing was started.
      if (exit.signal === 'SIGTERM' && signal.aborted) return { kind: 'aborted' };
      return {
        kind: 'failed',
        reason: `the launcher ended with ${exit.code ?? exit.signal}${await lastLogLine(request)}`,
      };
  }
}

async function lastLogLine(request: Launch): Promise<string> {
  const log = await readFile(join(request.place.run, 'launcher.log'), 'utf8');
  const last = log.trim().split('\n').at(-1) ?? '';
  return last === '' ? '' : `: ${last.slice(-500)}`;
}

/** An unlinked file: it disappears with its last descriptor, even if the worker dies. */
async function unnamedFile(directory: string, content: string): Promise<FileHandle> {
  const path = join(directory, `input-${randomUUID()}`);
  try {
    await writeFile(path, content, { mode: 0o600, flag: 'wx' });
    return await open(path, 'r');
  } finally {
    await rm(path, { force: true });
  }
}

/**
 * Raises the fence to a claim's offset and waits for the task's lock. Rejects with FenceLost if a higher claim holds
 * the fence, and with the signal's reason on an abort.
 */
export async function takeFence(place: RunPlace, claimOffset: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const log = await open(join(place.run, 'launcher.log'), 'a', 0o600);
  try {
    const exit = await runScript(
      FENCE_SCRIPT,
      { argumentVector: [], variables: { run: place.run, claim: String(claimOffset) }, input: null, log: log.fd },
      signal,
    );
    if (exit.code === 0) return;
    if (exit.code === LAUNCHER_EXIT.fenced) throw new FenceLost(`A newer claim than ${claimOffset} holds the task.`);
    signal.throwIfAborted();
    throw new Error(
      `Could not take the fence in ${place.run}: sh ended with ${exit.code ?? exit.signal}. ` +
        'Install flock(1) (package util-linux) and make the directory writable.',
    );
  } finally {
    await log.close();
  }
}

interface ScriptOptions {
  readonly argumentVector: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  readonly input: number | null;
  readonly log: number;
}

interface ScriptExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Signals that a terminal sends to its foreground processes: Ctrl-C, Ctrl-\, and when it closes. */
const TERMINAL_SIGNALS: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT', 'SIGHUP']);
const MOST_STARTS = 20;

/**
 * Runs a script, and restarts it if a signal of the terminal ended it. Such a signal can only arrive between fork and
 * the child's setsid(). It stays pending there, and the child has the default action for it when it becomes the script:
 * libuv's uv_spawn resets signals before setsid and unblocks them last. With many signals, Ctrl-C killed a launcher
 * before its first line in 6 of 60 starts, and the step was refused instead of drained. A restart is safe: a launcher
 * that was killed later has left its start mark, and the next one finds it.
 */
async function runScript(script: string, options: ScriptOptions, signal: AbortSignal): Promise<ScriptExit> {
  for (let starts = 1; ; starts += 1) {
    const exit = await runScriptOnce(script, options, signal);
    if (exit.signal === null || !TERMINAL_SIGNALS.has(exit.signal) || starts === MOST_STARTS) return exit;
  }
}

/** In a new session, to outlive the worker, and without a pipe to the worker, whose death would break it. */
function runScriptOnce(script: string, options: ScriptOptions, signal: AbortSignal): Promise<ScriptExit> {
  // No await between this check and the listener, so that no abort is missed.
  if (signal.aborted) return Promise.resolve({ code: LAUNCHER_EXIT.aborted, signal: null });
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', script, 'ravenhelm-launcher', ...options.argumentVector], {
      cwd: '/',
      detached: true,
      env: { PATH: LAUNCHER_PATH, ...options.variables },
      stdio: [options.input ?? 'ignore', options.log, options.log],
    });
    const stop = () => child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    child.once('error', (error) => {
      signal.removeEventListener('abort', stop);
      reject(error);
    });
    child.once('exit', (code, exitSignal) => {
      signal.removeEventListener('abort', stop);
      resolve({ code, signal: exitSignal });
    });
  });
}
