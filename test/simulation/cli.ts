/** npm run simulate: runs seeds on every core and prints what was broken, with the command that shows its story. */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { FAULT_NAMES, FAULTS, type Fault } from './faults.js';
import { checkMutants, type CompileMutant } from './mutant-check.js';
import { runSeeds, type SeedReport } from './run-seeds.js';
import { simulate } from './simulate.js';
import { loadSystem } from './system.js';

const USAGE = `npm run simulate -- [options]
  --seeds N          how many seeds to run (default 200)
  --from S           the first seed (default 1)
  --fresh            begin at a seed that nobody has chosen, and print it
  --seed S           only this one
  --trace            print the story of --seed
  --faults a,b       only these: ${FAULT_NAMES.join(', ')}
  --mutants [name]   the mutation check: each safety rule switched off must break a promise
  --recorded         with --mutants: only the recorded seed of each rule
  --list             the faults and what they do
`;

export interface Places {
  /** Directory of the compiled true sources. */
  readonly base: string;
  readonly compileMutant: CompileMutant;
}

/** Resolves with the exit code: 0 when every promise was kept, 1 when not, 2 for wrong use. */
export async function main(argv: readonly string[], { base, compileMutant }: Places): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv], allowPositionals: true,
    options: {
      seeds: { type: 'string' }, from: { type: 'string' }, fresh: { type: 'boolean' }, seed: { type: 'string' }, trace: { type: 'boolean' }, faults: { type: 'string' },
      mutants: { type: 'boolean' }, recorded: { type: 'boolean' }, list: { type: 'boolean' }, help: { type: 'boolean' },
    },
  });
  if (values.help === true) return print(USAGE, 0);
  if (values.list === true) return print(`${Object.entries(FAULTS).map(([name, what]) => `${name.padEnd(10)} ${what}`).join('\n')}\n`, 0);
  const faults = faultsOf(values.faults);
  if (typeof faults === 'string') return print(faults, 2);
  const from = values.fresh === true ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed ?? values.from ?? 1);
  const count = values.seed === undefined ? Number(values.seeds ?? 200) : 1;
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || count < 1) return print(`seeds are whole numbers\n${USAGE}`, 2);
  if (values.mutants === true) return checkMutants({ base, compileMutant, names: positionals, recordedOnly: values.recorded === true, from, seeds: Number(values.seeds ?? 2000), print: (line) => void print(`${line}\n`, 0) });
  if (values.trace === true) return trace(base, from, faults);
  return run(base, from, count, faults);
}

function faultsOf(text: string | undefined): readonly Fault[] | string {
  if (text === undefined) return FAULT_NAMES;
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.filter((name) => !(name in FAULTS));
  return unknown.length > 0 ? `no such fault: ${unknown.join(', ')}; there are ${FAULT_NAMES.join(', ')}\n` : FAULT_NAMES.filter((name) => names.includes(name));
}

async function trace(base: string, seed: number, faults: readonly Fault[]): Promise<number> {
  const system = await loadSystem((path) => import(pathToFileURL(`${base}/src/${path}`).href));
  const result = await simulate({ seed, system, faults, tracing: true });
  print(`${result.story.join('\n')}\n`, 0);
  return result.violation === null ? 0 : 1;
}

async function run(base: string, from: number, count: number, faults: readonly Fault[]): Promise<number> {
  print(`seeds ${from} to ${from + count - 1}\n`, 0);
  const startedMs = Date.now();
  let steps = 0;
  let done = 0;
  const broken: SeedReport[] = [];
  await runSeeds({ base, tree: base, from, count, faults, threads: Math.min(count, availableParallelism()), stopAtFirst: false }, (report) => {
    steps += report.steps;
    done += 1;
    if (done % 1000 === 0) print(`${done} of ${count}\n`, 0);
    if (report.violation === null) return;
    broken.push(report);
    print(`seed ${report.seed} BROKEN ${report.violation.invariant}: ${report.violation.detail.slice(0, 600)}\n  npm run simulate -- --seed ${report.seed} --trace${faults.length < FAULT_NAMES.length ? ` --faults ${faults.join(',')}` : ''}\n`, 0);
  });
  const seconds = (Date.now() - startedMs) / 1000;
  print(`${count} seeds, ${broken.length} broken, ${steps} steps, ${seconds.toFixed(1)} s, ${Math.round((count / seconds) * 60)} seeds a minute\n`, 0);
  return broken.length === 0 ? 0 : 1;
}

function print(text: string, exitCode: number): number {
  (exitCode === 2 ? process.stderr : process.stdout).write(text);
  return exitCode;
}
