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
  /** Try the recorded seed of each first, and the others only when it keeps every promise. */
  readonly recordedFirst: boolean;
  readonly from: number;
  readonly seeds: number;
  readonly signal: AbortSignal;
  print(line: string): void;
}

/** Resolves with the number of mutants that broke a promise, and of those that broke none. */
export async function checkMutants(
  check: MutantCheck,
): Promise<{ readonly noticed: number; readonly survived: number }> {
  const { recordedFirst, signal } = check;
  const waiting = MUTANTS.filter(({ name }) => check.names.length === 0 || check.names.includes(name));
  let noticed = 0;
  let survived = 0;
  const survivors: Mutant[] = recordedFirst ? [] : waiting.splice(0);
  const work = async () => {
    for (let mutant = waiting.shift(); mutant !== undefined && !signal.aborted; mutant = waiting.shift())
      if (await recordedSeedNotices(mutant, check)) noticed += 1;
      else survivors.push(mutant);
  };
  // One seed is one thread's work: the recorded seeds are run side by side, then the seeds of one mutant are.
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  for (const mutant of survivors) {
    if (signal.aborted) break;
    if (await someSeedNotices(mutant, check)) noticed += 1;
    else survived += 1;
  }
  return { noticed, survived };
}

async function recordedSeedNotices(mutant: Mutant, check: MutantCheck): Promise<boolean> {
  const first = await firstBroken(mutant, { from: mutant.seed, count: 1, threads: 1 }, check);
  if (first !== null) check.print(lineOf(mutant, first));
  return first !== null;
}

/**
 * A change of what a run draws makes every recorded seed another run: then others of the first seeds must notice. Some
 * rules matter too seldom for that: where the recorded seed was not tried before, it is tried last.
 */
async function someSeedNotices(mutant: Mutant, check: MutantCheck): Promise<boolean> {
  const { from, seeds: count, recordedFirst, signal, print } = check;
  const first = await firstBroken(mutant, { from, count, threads: availableParallelism() }, check);
  if (signal.aborted) return first !== null;
  const kept = recordedFirst ? ` (its recorded seed ${mutant.seed} kept every promise)` : '';
  if (first !== null) {
    print(`${lineOf(mutant, first)}${kept}`);
    return true;
  }
  const last = recordedFirst ? null : await firstBroken(mutant, { from: mutant.seed, count: 1, threads: 1 }, check);
  if (last === null)
    print(`SURVIVED ${mutant.name.padEnd(25)} ${count} seeds and its recorded seed ${mutant.seed} kept every promise`);
  else print(`${lineOf(mutant, last)} (only its recorded seed; ${count} seeds kept every promise)`);
  return last !== null;
}

type Broken = SeedReport & { readonly violation: NonNullable<SeedReport['violation']> };

/** The lowest seed that broke a promise; null when none did. */
async function firstBroken(
  mutant: Mutant,
  run: { readonly from: number; readonly count: number; readonly threads: number },
  { base, compileMutant, signal }: MutantCheck,
): Promise<Broken | null> {
  const tree = await compileMutant(mutant);
  const broken: Broken[] = [];
  await runSeeds(
    { base, tree, faults: mutant.faults ?? FAULT_NAMES, stopAtFirst: true, signal, ...run },
    ({ violation, ...report }) => {
      if (violation !== null) broken.push({ ...report, violation });
    },
  );
  return broken.sort((one, other) => one.seed - other.seed)[0] ?? null;
}

const lineOf = ({ name }: Mutant, { seed, violation: { invariant, detail } }: Broken): string =>
  `noticed  ${name.padEnd(25)} seed ${seed} breaks ${invariant}: ${detail.split('\n')[0]?.slice(0, 160)}`;
