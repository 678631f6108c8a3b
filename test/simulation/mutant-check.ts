/** The mutation check: with each rule switched off, some seed must break a promise; else the simulation sleeps. */
import { FAULT_NAMES } from './faults.js';
import { MUTANTS, type Mutant } from './mutants.js';
import { runSeeds, type SeedReport } from './run-seeds.js';

export type CompileMutant = (name: string, changes: Mutant['changes']) => Promise<string>;

export interface MutantCheck {
  readonly base: string;
  readonly compileMutant: CompileMutant;
  /** Only these; all when there is none. */
  readonly names: readonly string[];
  readonly recordedOnly: boolean;
  readonly from: number;
  readonly seeds: number;
  print(line: string): void;
}

/** Resolves with 0 when every mutant was noticed. */
export async function checkMutants({ base, compileMutant, names, recordedOnly, from, seeds, print }: MutantCheck): Promise<number> {
  const unknown = names.filter((name) => MUTANTS.every((mutant) => mutant.name !== name));
  if (unknown.length > 0) {
    print(`no such rule: ${unknown.join(', ')}; there are ${MUTANTS.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  let survived = 0;
  for (const mutant of MUTANTS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const tree = await compileMutant(mutant.name, mutant.changes);
    const found = await firstBroken({ base, tree, mutant, recordedOnly, from, seeds });
    if (found === null) survived += 1;
    print(`${found === null ? 'SURVIVED' : 'noticed '} ${mutant.name.padEnd(24)} ${found === null ? `${recordedOnly ? `seed ${mutant.seed}` : `${seeds} seeds`} kept every promise` : `seed ${found.seed} breaks ${found.violation?.invariant}: ${found.violation?.detail.split('\n')[0]?.slice(0, 160)}`}`);
  }
  return survived === 0 ? 0 : 1;
}

async function firstBroken({ base, tree, mutant, recordedOnly, from, seeds }: Omit<MutantCheck, 'names' | 'print' | 'compileMutant'> & { readonly tree: string; readonly mutant: Mutant }): Promise<SeedReport | null> {
  let found: SeedReport | null = null;
  const run = recordedOnly ? { from: mutant.seed, count: 1, threads: 1 } : { from, count: seeds, threads: 2 };
  await runSeeds({ base, tree, faults: FAULT_NAMES, stopAtFirst: true, ...run }, (report) => {
    if (report.violation !== null && (found === null || report.seed < found.seed)) found = report;
  });
  return found;
}
