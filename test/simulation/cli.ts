/** npm run simulate: runs seeds on every core and prints what was broken, with the command that shows its story. */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { taskOf, USAGE, WrongUse, type Task } from './cli-options.js';
import { FAULT_NAMES, FAULTS, type Fault } from './faults.js';
import { checkMutants, type CompileMutant } from './mutant-check.js';
import { MUTANTS } from './mutants.js';
import { runSeeds } from './run-seeds.js';
import { createSeedTally } from './seed-tally.js';
import { simulate } from './simulate.js';
import { loadSystem } from './system.js';

export interface Surroundings {
  /** Directory of the compiled true sources. */
  readonly base: string;
  readonly compileMutant: CompileMutant;
  /** Aborted by Ctrl-C: no further seed begins. */
  readonly interrupted: AbortSignal;
  out(text: string): void;
  err(text: string): void;
}

/** Resolves with the exit code; USAGE says what it means. */
export async function main(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  let task: Task;
  try {
    task = taskOf(argv, Math.random);
  } catch (error) {
    if (!(error instanceof WrongUse)) throw error;
    surroundings.err(`${error.message}\nnpm run simulate -- --help lists the options.\n`);
    return 2;
  }
  return perform(task, surroundings);
}

async function perform(task: Task, surroundings: Surroundings): Promise<number> {
  const { out } = surroundings;
  switch (task.kind) {
    case 'help':
      return (out(USAGE), 0);
    case 'list':
      return (out(list()), 0);
    case 'trace':
      return trace(task.seed, task.faults, surroundings);
    case 'run':
      return run(task, surroundings);
    case 'mutants':
      return mutants(task, surroundings);
  }
}

function list(): string {
  const faults = Object.entries(FAULTS).map(([name, what]) => `  ${name.padEnd(10)} ${what}`);
  const rules = MUTANTS.map(({ name, rule }) => `  ${name.padEnd(25)} ${rule}`);
  return `faults\n${faults.join('\n')}\nrules of the mutation check\n${rules.join('\n')}\n`;
}

async function trace(seed: number, faults: readonly Fault[], { base, out }: Surroundings): Promise<number> {
  const system = await loadSystem((path) => import(pathToFileURL(`${base}/src/${path}`).href));
  const result = await simulate({ seed, system, faults, tracing: true });
  out(`${result.story.join('\n')}\n`);
  return result.violation === null ? 0 : 1;
}

/** A line at least this often, so that a long run shows that it lives. */
const PROGRESS_MS = 30_000;

async function run(
  { from, count, faults, results }: Extract<Task, { kind: 'run' }>,
  { base, interrupted, out }: Surroundings,
): Promise<number> {
  out(`seeds ${from} to ${from + count - 1}\n`);
  const tally = createSeedTally({ from, count, nowMs: () => performance.now() });
  const progress = setInterval(() => out(`${tally.progress()}\n`), PROGRESS_MS);
  try {
    await runSeeds(
      {
        base,
        tree: base,
        from,
        count,
        faults,
        threads: Math.min(count, availableParallelism()),
        stopAtFirst: false,
        signal: interrupted,
      },
      (report) => {
        tally.add(report);
        if (report.violation !== null)
          out(
            `seed ${report.seed} BROKEN ${report.violation.invariant}: ${report.violation.detail.slice(0, 600)}\n` +
              `  ${storyOf(report.seed, faults)}\n`,
          );
        else if (tally.run() % 10_000 === 0) out(`${tally.progress()}\n`);
      },
    );
  } finally {
    clearInterval(progress);
  }
  out(`${tally.summary()}\n`);
  await writeResults(results, tally.run() - tally.broken(), tally.broken());
  if (tally.run() < count) return 130;
  return tally.broken() === 0 ? 0 : 1;
}

const storyOf = (seed: number, faults: readonly Fault[]): string =>
  `npm run simulate -- --seed ${seed} --trace` +
  `${faults.length < FAULT_NAMES.length ? ` --faults ${faults.join(',')}` : ''}`;

async function mutants(
  { names, recordedFirst, from, count, results }: Extract<Task, { kind: 'mutants' }>,
  { base, compileMutant, interrupted, out }: Surroundings,
): Promise<number> {
  const { noticed, survived } = await checkMutants({
    base,
    compileMutant,
    names,
    recordedFirst,
    from,
    seeds: count,
    signal: interrupted,
    print: (line) => out(`${line}\n`),
  });
  out(`${noticed} rules noticed, ${survived} not\n`);
  await writeResults(results, noticed, survived);
  if (interrupted.aborted) return 130;
  return survived === 0 ? 0 : 1;
}

async function writeResults(file: string | null, passed: number, failed: number): Promise<void> {
  if (file !== null) await writeFile(file, `${JSON.stringify({ passed, failed })}\n`);
}
