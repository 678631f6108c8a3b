import { open, access } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_LIMITS, type Limits } from '../domain/limits.js';
import { FenceLost } from '../ports/tools.js';
import type { Cgroup } from './cgroups.js';
import { LAUNCHER_EXIT, runLauncher, type LauncherExit, type RequestField } from './launcher-process.js';
import type { RunPlace } from './places.js';
import { absent } from './system-errors.js';

export interface Launch {
  readonly place: RunPlace;
  /** Base name of the step's files. */
  readonly stem: string;
  readonly claimOffset: number;
  readonly timeLimitMs: number;
  /** The step's tool starts at most once, and this is kept beside its start mark; null: checks, which may run again. */
  readonly callRecord: string | null;
  /**
   * Of checks: all run, whatever their exit codes, and the time limit is that of each; absent: the first failure
   * ends it.
   */
  readonly each?: boolean;
  readonly isolated: boolean;
  /** File with the system call filter, which the launcher opens for bwrap; null: none. */
  readonly seccomp: string | null;
  /** What each command may use; absent: the defaults. */
  readonly limits?: Limits;
  /** Where the launcher may make a group for it; absent: nowhere. */
  readonly cgroups?: readonly Cgroup[];
  /** Whether it can write to the workspace, which is then measured while it runs; absent: it cannot. */
  readonly measured?: boolean;
  /** Marks the run's processes in their environment. */
  readonly token: string;
  /** Run in sequence, each appended to the argument vector. */
  readonly commands: readonly string[];
  readonly argumentVector: readonly string[];
  /** The tool's standard input; null: empty. */
  readonly input: string | null;
  /** Names and values; the argument "\0secret NAME" becomes the descriptor that has the value. Absent: none. */
  readonly secrets?: readonly (readonly [name: string, value: string])[];
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
  const exit = await runLauncher(fieldsOf(request), signal);
  switch (exit.code) {
    case 0:
      return { kind: 'done' };
    case LAUNCHER_EXIT.fenced:
      throw new FenceLost(`A newer claim than ${request.claimOffset} holds the task; this worker's steps are void.`);
    case LAUNCHER_EXIT.startedBefore:
      return { kind: 'started_before' };
    case LAUNCHER_EXIT.aborted:
      return { kind: 'aborted' };
    case LAUNCHER_EXIT.lockBusy: {
      const reason = `the task's lock was not free within the time limit${await lastLogLine(request.place)}`;
      return { kind: 'failed', reason };
    }
    default:
      return unexpectedEnd(request, exit, signal);
  }
}

/** The launcher's request. */
export function fieldsOf(request: Launch): readonly RequestField[] {
  const { place, callRecord, input, cgroups = [], limits = DEFAULT_LIMITS, secrets = [] } = request;
  return [
    ['what', 'run'],
    ['run', place.run],
    ['claim', String(request.claimOffset)],
    ['stem', request.stem],
    ['limit_ms', String(Math.max(1, Math.ceil(request.timeLimitMs)))],
    ['once', callRecord === null ? 'no' : 'yes'],
    ...(callRecord === null ? [] : [['call', callRecord] as const]),
    ['each', request.each === true ? 'yes' : 'no'],
    ['isolated', request.isolated ? 'yes' : 'no'],
    ...(request.seccomp === null ? [] : [['seccomp', request.seccomp] as const]),
    ...limitFields(limits, request.argumentVector.includes('--size')),
    ...cgroups.map(
      ({ version, controllers, directory }) => ['cgroup', `${version} ${controllers.join(',')} ${directory}`] as const,
    ),
    ...(request.measured === true
      ? [['workspace', place.workspace] as const, ['holds_state', place.holdsState ? 'yes' : 'no'] as const]
      : []),
    ...(place.network === undefined ? [] : [['relay', place.network.relayRequest] as const]),
    ['token', request.token],
    ...(input === null ? [] : [['input', input] as const]),
    ...secrets.map(([name, value]) => ['secret', `${name}\n${value}`] as const),
    ...Object.entries(place.inputs ?? {}).map(([name, value]) => ['variable', `${name}\n${value}`] as const),
    ...request.argumentVector.map((argument) => ['argument', argument] as const),
    ...request.commands.map((command) => ['command', command] as const),
  ];
}

/**
 * By the names that outcomes have; sizes in bytes. The wall time is the request's own.
 * @param sized whether bwrap makes /tmp and /dev/shm with their sizes
 */
function limitFields(limits: Limits, sized: boolean): readonly RequestField[] {
  const MIB = 1024 * 1024;
  const numbers = {
    cpu_seconds: limits.cpu_seconds,
    memory: limits.memory_mb * MIB,
    processes: limits.processes,
    open_files: limits.open_files,
    file_size: limits.file_mb * MIB,
    ...(sized ? { tmp_size: limits.tmp_mb * MIB, shm_size: limits.shm_mb * MIB } : {}),
    output: limits.output_mb * MIB,
    workspace_size: limits.workspace_mb * MIB,
    workspace_files: limits.workspace_files,
  };
  return Object.entries(numbers).map(([name, number]) => ['limit', `${name} ${number}`] as const);
}

/**
 * The launcher could not do its work, or was killed. If it was, its other process ends the tool and leaves the outcome
 * before it gives up the lock.
 */
async function unexpectedEnd(request: Launch, exit: LauncherExit, signal: AbortSignal): Promise<LaunchEnd> {
  if (exit.notStarted !== null) return { kind: 'failed', reason: exit.notStarted };
  // SIGTERM before the launcher's first line: nothing was started.
  if (exit.signal === 'SIGTERM' && signal.aborted) return { kind: 'aborted' };
  const { place, stem, claimOffset } = request;
  const reason = `the launcher ended with ${exit.code ?? exit.signal}${await lastLogLine(place)}`;
  await takeFence(place, claimOffset, new AbortController().signal);
  const mark = await access(join(place.run, `${stem}.started`)).then(() => true, absent);
  return mark === null || request.callRecord === null ? { kind: 'failed', reason } : { kind: 'started_before' };
}

const LOG_END_BYTES = 512;

async function lastLogLine(place: RunPlace): Promise<string> {
  const log = await open(join(place.run, 'launcher.log'), 'r').catch(absent);
  if (log === null) return '';
  try {
    const { size } = await log.stat();
    const { buffer, bytesRead } = await log.read({
      buffer: Buffer.alloc(LOG_END_BYTES),
      position: Math.max(0, size - LOG_END_BYTES),
    });
    const last = buffer.toString('utf8', 0, bytesRead).trim().split('\n').at(-1) ?? '';
    return last === '' ? '' : `: ${last}`;
  } finally {
    await log.close();
  }
}

/**
 * Raises the fence to a claim's offset and waits for the task's lock. Rejects with FenceLost if a higher claim holds
 * the fence, and with the signal's reason on an abort.
 */
export async function takeFence(place: RunPlace, claimOffset: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const exit = await runLauncher(
    [
      ['what', 'fence'],
      ['run', place.run],
      ['claim', String(claimOffset)],
    ],
    signal,
  );
  if (exit.code === 0) return;
  if (exit.code === LAUNCHER_EXIT.fenced) throw new FenceLost(`A newer claim than ${claimOffset} holds the task.`);
  signal.throwIfAborted();
  const why = exit.notStarted ?? `the launcher ended with ${exit.code ?? exit.signal}${await lastLogLine(place)}`;
  throw new Error(`Could not take the fence in ${place.run}: ${why}. The directory must be writable.`);
}
