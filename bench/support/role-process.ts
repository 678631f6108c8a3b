/**
 * A role as users run it, and what it takes: the command line as a process, its log, its memory and its processor time.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { closeOnce } from './closing.js';

export interface RoleProcess {
  /**
   * Resolves with the seconds from the start until the first line of this event in its log, of those that `is` takes;
   * rejects when it ends before.
   */
  logged(event: string, is?: (line: LogLine) => boolean): Promise<number>;
  /** Seconds since the start. */
  seconds(): number;
  /** Resident memory in MB, every SAMPLE_MS. */
  readonly memory: readonly MemorySample[];
  /** Processor time so far, in seconds. */
  cpuSeconds(): number;
  /** Drains and ends it. */
  stop(): Promise<void>;
}

export interface MemorySample {
  readonly atSeconds: number;
  readonly mb: number;
}

/** A line of the log, with its fields. */
export type LogLine = Readonly<Record<string, unknown>>;

const SAMPLE_MS = 100;
const PAGE_BYTES = 4096;
/** USER_HZ, the unit of /proc/PID/stat; a constant of Linux. */
const TICKS_PER_SECOND = 100;

export function startRole(
  projectDir: string,
  role: 'worker' | 'orchestrator',
  env: Readonly<Record<string, string>>,
  sandbox: 'on' | 'off' = 'off',
): RoleProcess {
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1000;
  const child = spawn(process.execPath, [join(projectDir, 'bin/ravenhelm.js'), '--role', role, '--sandbox', sandbox], {
    cwd: projectDir,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const memory: MemorySample[] = [];
  const sampling = setInterval(() => memory.push({ atSeconds: seconds(), mb: residentMb(child.pid) }), SAMPLE_MS);
  const ended = once(child, 'exit').then(() => clearInterval(sampling));
  const seen = new Map<string, { readonly at: number; readonly line: LogLine }[]>();
  const waiting = new Set<() => void>();
  const tail: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    tail.push(line);
    if (tail.length > 20) tail.shift();
    const parsed = logLine(line);
    const event = typeof parsed['event'] === 'string' ? parsed['event'] : '';
    seen.set(event, [...(seen.get(event) ?? []), { at: seconds(), line: parsed }]);
    for (const check of [...waiting]) check();
  });

  return {
    memory,
    seconds,
    logged: (event, is = () => true) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const at = seen.get(event)?.find(({ line }) => is(line))?.at;
          if (at === undefined) return;
          waiting.delete(check);
          resolve(at);
        };
        waiting.add(check);
        check();
        void ended.then(() =>
          reject(new Error(`the ${role} has ended before it logged ${event}:\n${tail.join('\n')}`)),
        );
      }),
    cpuSeconds() {
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    },
    stop: closeOnce(async () => {
      child.kill('SIGTERM');
      await ended;
    }),
  };
}

function residentMb(pid: number | undefined): number {
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES) / 1024 / 1024;
  } catch {
    return 0; // it has just ended
  }
}

/** Without fields when it is no log line. */
function logLine(line: string): LogLine {
  if (!line.startsWith('{')) return {};
  const parsed: unknown = JSON.parse(line);
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
}
