/** Counts the seeds of a run, so that an interrupted run reports exactly what it has run and where to continue. */
import type { SeedReport } from './run-seeds.js';

export interface SeedTally {
  add(report: SeedReport): void;
  /** Seeds that were run to their end. */
  run(): number;
  broken(): number;
  /** One line: how far it is. */
  progress(): string;
  /** One or two lines: what was run, and which seeds broke a promise. */
  summary(): string;
}

export interface SeedTallyOptions {
  readonly from: number;
  readonly count: number;
  /** Milliseconds since some moment. */
  nowMs(): number;
}

export function createSeedTally({ from, count, nowMs }: SeedTallyOptions): SeedTally {
  const startedMs = nowMs();
  /** Seeds beyond the first that is not run yet: threads end in no certain order. */
  const ahead = new Set<number>();
  let next = from;
  let run = 0;
  const broken: number[] = [];
  let steps = 0;
  const seconds = () => (nowMs() - startedMs) / 1000;
  const speed = () => `${elapsed(seconds())}, ${Math.round((run / seconds()) * 60)} seeds a minute`;

  return {
    add(report) {
      run += 1;
      steps += report.steps;
      if (report.violation !== null) broken.push(report.seed);
      ahead.add(report.seed);
      while (ahead.delete(next)) next += 1;
    },
    run: () => run,
    broken: () => broken.length,
    progress: () => `${run} of ${count} seeds, ${broken.length} broken, ${speed()}`,
    summary() {
      const which = broken.length === 0 ? '' : ` (${listed(broken)})`;
      const whole = `${run} seeds, ${broken.length} broken${which}, ${steps} steps, ${speed()}`;
      if (run === count) return whole;
      return (
        `${whole}\ninterrupted: every seed from ${from} to ${next - 1} was run; continue with --from ${next} ` +
        `--seeds ${from + count - next}`
      );
    },
  };
}

/** A run that breaks nearly everything has said so by its first ones. */
const LISTED = 20;

function listed(seeds: readonly number[]): string {
  const first = [...seeds]
    .sort((a, b) => a - b)
    .slice(0, LISTED)
    .join(', ');
  return seeds.length > LISTED ? `${first}, …` : first;
}

function elapsed(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.floor(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
