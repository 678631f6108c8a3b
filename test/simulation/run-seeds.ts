/** Runs seeds side by side, each thread with modules of its own. */
import { Worker } from 'node:worker_threads';
import type { Fault } from './faults.js';
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
  readonly stopAtFirst: boolean;
}

export interface ThreadData extends Omit<SeedRun, 'threads'> {
  /** Distance of this thread's seeds. */
  readonly stride: number;
}

/** A run's objects all die with it, and a scavenger that comes seldom finds few of them alive. */
const YOUNG_MB = 64;

/** Resolves when every seed was run, or with stopAtFirst when one has broken a promise. */
export async function runSeeds({ threads, ...run }: SeedRun, onReport: (report: SeedReport) => void): Promise<void> {
  const workers: Worker[] = [];
  const end = (index: number) => new Promise<void>((resolve, reject) => {
    const workerData: ThreadData = { ...run, from: run.from + index, count: Math.ceil((run.count - index) / threads), stride: threads };
    const worker = new Worker(new URL('seed-thread.js', import.meta.url), { workerData, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
    workers.push(worker);
    worker.on('message', (report: SeedReport) => {
      onReport(report);
      if (run.stopAtFirst && report.violation !== null) for (const each of workers) void each.terminate();
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve());
  });
  await Promise.all(Array.from({ length: threads }, (_, index) => end(index)));
}
