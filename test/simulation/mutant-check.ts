/** The mutation check: with each rule switched off, some seed must break a promise; else the simulation sleeps. */
import { availableParallelism } from 'node:os';
import { FAULT_NAMES } from './faults.js';
import { MUTANTS, type Mutant } from './mutants.js';
import { runSeeds, type SeedReport } from './run-seeds.js';

/** Compiles a copy of the sources with its changes; resolves with the directory. */
export type CompileMutant = (mutant: Pick<Mutant, 'name' | 'changes'>) => Promise<string>;

export interface MutantCheck {
  readonly base: string;
  readonly compileMutant: CompileMutant;
  /** Only these; all when there is none. */
  readonly names: readonly string[];
  readonly recordedOnly: boolean;
  readonly from: number;
  readonly seeds: number;
  readonly signal: AbortSignal;
  print(line: string): void;
}

/** Resolves with the number of mutants that broke a promise, and of those that broke none. */
export async function checkMutants(
  check: MutantCheck,
): Promise<{ readonly noticed: number; readonly survived: number }> {
  const waiting = MUTANTS.filter(({ name }) => check.names.length === 0 || check.names.includes(name));
  const found: boolean[] = [];
  const work = async () => {
    for (let mutant = waiting.shift(); mutant !== undefined && !check.signal.aborted; mutant = waiting.shift())
      found.push(await isNoticed(mutant, check));
  };
  // One seed is one thread's work: the recorded seeds are run side by side, else the seeds of one mutant are.
  await Promise.all(Array.from({ length: check.recordedOnly ? availableParallelism() : 1 }, work));
  return { noticed: found.filter((each) => each).length, survived: found.filter((each) => !each).length };
}

async function isNoticed(
  mutant: Mutant,
  { base, compileMutant, recordedOnly, from, seeds, signal, print }: MutantCheck,
): Promise<boolean> {
  const tree = await compileMutant(mutant);
  const run = recordedOnly
    ? { from: mutant.seed, count: 1, threads: 1 }
    : { from, count: seeds, threads: availableParallelism() };
  let first: SeedReport | null = null;
  await runSeeds({ base, tree, faults: mutant.faults ?? FAULT_NAMES, stopAtFirst: true, signal, ...run }, (report) => {
    if (report.violation !== null && (first === null || report.seed < first.seed)) first = report;
  });
  print(lineOf(mutant, first, recordedOnly ? `seed ${mutant.seed}` : `${seeds} seeds`));
  return first !== null;
}

function lineOf({ name }: Mutant, first: SeedReport | null, seeds: string): string {
  if (first?.violation === null || first === null) return `SURVIVED ${name.padEnd(25)} ${seeds} kept every promise`;
  return (
    `noticed  ${name.padEnd(25)} seed ${first.seed} breaks ${first.violation.invariant}: ` +
    `${first.violation.detail.split('\n')[0]?.slice(0, 160)}`
  );
}
