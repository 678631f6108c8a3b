import { spawn } from 'node:child_process';
import { open, readFile, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { FenceLost } from '../ports/tools.js';
import { FENCE_SCRIPT, LAUNCHER_EXIT, LAUNCHER_SCRIPT } from './launcher-script.js';
import type { RunPlace } from './places.js';

/** The launcher's own programs (flock, cat, mv, bwrap …); never the worker's PATH. */
export const LAUNCHER_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Launch {
  readonly place: RunPlace;
  /** Name of the step's files. */
  readonly stem: string;
  readonly claimOffset: number;
  readonly timeLimitMs: number;
  /** A tool starts at most once for its step; checks may run again. */
  readonly once: boolean;
  readonly isolated: boolean;
  /** The mark of the run's processes in their environment. */
  readonly token: string;
  /** Each is appended to the argument vector. */
  readonly commands: readonly string[];
  readonly argumentVector: readonly string[];
  /** What the tool reads as its standard input. */
  readonly input: string | null;
}

/** done: outcomes are left. The others: nothing was started by this launcher. */
export type LaunchEnd =
  | { readonly kind: 'done' | 'started_before' | 'aborted' }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * Runs the launcher to its end. An abort makes it kill its tool; this resolves when nothing of the tool is left.
 * Rejects with FenceLost when a higher claim was there before the start.
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
    isolated: request.isolated ? 'yes' : 'no',
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
        reason: `the task's lock was not free in time, or flock(1) is missing (package util-linux)${await lastWords(request)}`,
      };
    default:
      // SIGTERM before the script's first line: nothing was started.
      if (exit.signal === 'SIGTERM' && signal.aborted) return { kind: 'aborted' };
      return {
        kind: 'failed',
        reason: `the launcher ended with ${exit.code ?? exit.signal}${await lastWords(request)}`,
      };
  }
}

async function lastWords(request: Launch): Promise<string> {
  const log = await readFile(join(request.place.run, 'launcher.log'), 'utf8');
  const last = log.trim().split('\n').at(-1) ?? '';
  return last === '' ? '' : `: ${last.slice(-500)}`;
}

/** A file without a name: it is gone with its last descriptor, also when the worker dies. */
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
 * Raises the fence to a claim's offset and waits for the task's lock. Rejects with FenceLost when a higher claim is
 * there, and with the signal's reason when aborted.
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
      `The fence could not be taken in ${place.run}: sh ended with ${exit.code ?? exit.signal}. flock(1) is needed (package util-linux), and the directory must be writable.`,
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

/** What a terminal sends to everything in its foreground: Ctrl-C, Ctrl-\, and its own end. */
const TERMINAL_SIGNALS: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT', 'SIGHUP']);
const MOST_STARTS = 20;

/**
 * Starts a script that a terminal's signal ended again. The signal can only have come between the fork and the child's
 * setsid(): it stays pending there, and libuv's child has the default action for it when it becomes the script (uv_spawn
 * resets signals before setsid and unblocks them last), so that Ctrl-C killed a launcher before its first line in 6 of
 * 60 starts under a storm of signals, and the step was refused instead of drained. One that was killed later by hand
 * has left its start mark, and the next one says so.
 */
async function runScript(script: string, options: ScriptOptions, signal: AbortSignal): Promise<ScriptExit> {
  for (let starts = 1; ; starts += 1) {
    const exit = await runScriptOnce(script, options, signal);
    if (exit.signal === null || !TERMINAL_SIGNALS.has(exit.signal) || starts === MOST_STARTS) return exit;
  }
}

/** A session of its own (it outlives the worker) and no pipe to the worker, whose death would break it. */
function runScriptOnce(script: string, options: ScriptOptions, signal: AbortSignal): Promise<ScriptExit> {
  // From here on nothing is awaited before the listener is there, so that no abort is missed.
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
