/**
 * Watches a directory of agents' files. What the operating system says of it only makes the next look come sooner: it
 * says nothing on network file systems, of links that change elsewhere, or of a directory that was replaced.
 */
import { watch, type FSWatcher } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAgentFile } from '../agent/roster.js';
import { asError } from '../domain/as-error.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';

export interface AgentsWatch {
  /** Looks now. Resolves when what is there was handed on, or nothing has changed. */
  refresh(): Promise<void>;
  /** Resolves when nothing is under way; nothing follows. */
  stop(): Promise<void>;
}

export interface WatchAgentsOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timings?: Partial<WatchTimings>;
  /** Reads the files; isFaulty: some of them cannot be used or are gone, perhaps because they are being written. */
  read(): Promise<{ readonly isFaulty: boolean; apply(): Promise<void> }>;
  /** Whether what was applied should be read and applied again although no file has changed. */
  isWaiting(): boolean;
}

export interface WatchTimings {
  /** Between looks that nothing asked for. */
  readonly pollMs: number;
  /** What stays as it is for so long is no longer being written: a burst of writes is read once. */
  readonly settleMs: number;
  /** The same for files that cannot be used or are gone: an editor or a slow copy may be in the middle of one. */
  readonly faultyMs: number;
  /** Between attempts to apply what waits for something else than a file. */
  readonly againMs: number;
}

const TIMINGS: WatchTimings = { pollMs: 2_000, settleMs: 200, faultyMs: 1_500, againMs: 10_000 };

export function watchAgents(options: WatchAgentsOptions): AgentsWatch {
  const { dir, clock, logger } = options;
  const timings = { ...TIMINGS, ...options.timings };
  const pauses = createPauses(clock);
  const system = createSystemWatch(dir, () => void look());
  const parts: Parts = { ...options, timings, pauses, handedOn: null, handedOnMs: clock.monotonicMs() };
  let running: Promise<void> | null = null;

  async function settleOnce(): Promise<void> {
    try {
      await settle(parts);
    } catch (error) {
      // Read again at the next look.
      logger.warn({ err: asError(error) }, 'agents.not_read');
    } finally {
      running = null;
    }
  }

  function look(): Promise<void> {
    if (pauses.isOver()) return Promise.resolve();
    running ??= settleOnce();
    return running;
  }

  async function poll(): Promise<void> {
    while (!pauses.isOver()) {
      await system.open();
      await look();
      await pauses.pause(timings.pollMs);
    }
  }

  const polling = poll();
  return {
    async refresh() {
      await running;
      await look();
    },
    async stop() {
      pauses.end();
      system.close();
      await Promise.all([running, polling]);
    },
  };
}

interface Parts extends Omit<WatchAgentsOptions, 'timings'> {
  readonly timings: WatchTimings;
  readonly pauses: Pauses;
  /** The state of the directory that was handed on, and when; null: none yet. */
  handedOn: string | null;
  handedOnMs: number;
}

/** Hands on what is there, once nothing has changed for long enough. */
async function settle(parts: Parts): Promise<void> {
  const { dir, clock, timings, pauses } = parts;
  const isDue = parts.isWaiting() && clock.monotonicMs() - parts.handedOnMs >= timings.againMs;
  let seen = await fingerprint(dir);
  let sinceMs = clock.monotonicMs();
  if (seen === parts.handedOn && !isDue) return;
  while (!pauses.isOver()) {
    await pauses.pause(timings.settleMs);
    const files = await parts.read();
    const now = await fingerprint(dir);
    if (now !== seen) [seen, sinceMs] = [now, clock.monotonicMs()];
    else if (!files.isFaulty || clock.monotonicMs() - sinceMs >= timings.faultyMs) {
      if (!pauses.isOver()) await files.apply();
      [parts.handedOn, parts.handedOnMs] = [seen, clock.monotonicMs()];
      return;
    }
  }
}

/** What tells one state of the directory from another, without reading the files. Links are followed. */
async function fingerprint(dir: string): Promise<string> {
  const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error));
  try {
    const names = (await readdir(dir)).filter(isAgentFile).sort();
    const facts = names.map(async (name) => {
      const { ino, size, mtimeNs, ctimeNs } = await stat(join(dir, name), { bigint: true });
      return `${name} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
    });
    const found = await Promise.allSettled(facts);
    return found
      .map((fact, index) => (fact.status === 'fulfilled' ? fact.value : `${names[index]} ${codeOf(fact.reason)}`))
      .join('\n');
  } catch (error) {
    return codeOf(error); // reading the files says what it means
  }
}

/** fs.watch, opened again when the directory is another one. */
function createSystemWatch(dir: string, onChange: () => void): { open(): Promise<void>; close(): void } {
  let watcher: FSWatcher | null = null;
  let watched: bigint | null = null;
  let ended = false;

  function close(): void {
    watcher?.close();
    watcher = null;
    watched = null;
  }

  return {
    close() {
      ended = true;
      close();
    },
    async open() {
      const found = await stat(dir, { bigint: true }).catch(() => null); // gone: the next look says so
      if (ended || (found !== null && found.ino === watched)) return;
      close();
      if (found === null) return;
      try {
        watcher = watch(dir, { persistent: false }, onChange);
        watcher.on('error', close);
        watched = found.ino;
      } catch {
        watched = found.ino; // no watches left (ENOSPC), or none here: looks alone must do
      }
    },
  };
}

/** Pauses that end at once when everything does. */
interface Pauses {
  isOver(): boolean;
  pause(ms: number): Promise<void>;
  end(): void;
}

function createPauses(clock: Clock): Pauses {
  const waiting = new Set<() => void>();
  let over = false;
  return {
    isOver: () => over,
    async pause(ms: number): Promise<void> {
      if (over) return;
      await new Promise<void>((resolve) => {
        const done = () => {
          timer.cancel();
          waiting.delete(done);
          resolve();
        };
        const timer = clock.setTimer(ms, done);
        waiting.add(done);
      });
    },
    end() {
      over = true;
      for (const done of [...waiting]) done();
    },
  };
}
