/** Runs seeds in parallel; each thread has its own modules. */
import { Worker } from 'node:worker_threads';
import type { Fault } from './faults.js';
import { createSeedQueue } from './seed-queue.js';
import type { Invariant } from './violation.js';

export interface SeedReport {
  readonly seed: number;
  readonly violation: { readonly invariant: Invariant; readonly detail: string } | null;
  readonly steps: number;
  readonly fingerprint: number;
}

export interface SeedRun {
  /** Directory of the compiled simulation. */
  readonly base: string;
  /** Directory of the compiled code under test: base, or a mutant's. */
  readonly tree: string;
  readonly from: number;
  readonly count: number;
  readonly faults: readonly Fault[];
  readonly threads: number;
  /**
   * No seed begins after one has broken a promise; those before it are run to their end, so that the first is the
   * first.
   */
  readonly stopAtFirst: boolean;
  /** No seed begins after it was aborted. */
  readonly signal: AbortSignal;
}

export interface ThreadData extends Pick<SeedRun, 'tree' | 'from' | 'faults'> {
  /** The queue that all threads share. */
  readonly queue: SharedArrayBuffer;
}

/** A run's objects all die with it, and a scavenger that comes seldom finds few of them alive. */
const YOUNG_MB = 64;

/** Resolves when all started seeds have ended. */
export async function runSeeds(
  { tree, from, count, faults, threads, stopAtFirst, signal }: SeedRun,
  onReport: (report: SeedReport) => void,
): Promise<void> {
  const queue = createSeedQueue(count);
  const stop = () => queue.stop();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const thread = () =>
    new Promise<void>((resolve, reject) => {
      const workerData: ThreadData = { tree, from, faults, queue: queue.memory };
      const worker = new Worker(new URL('seed-thread.js', import.meta.url), {
        workerData,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      });
      worker.on('message', (report: SeedReport) => {
        if (stopAtFirst && report.violation !== null) stop();
        onReport(report);
      });
      worker.on('error', (error) => {
        stop();
        reject(error);
      });
      worker.on('exit', () => resolve());
    });
  try {
    await Promise.all(Array.from({ length: threads }, thread));
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
