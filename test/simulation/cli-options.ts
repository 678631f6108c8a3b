/** What npm run simulate is asked to do. */
import { parseArgs } from 'node:util';
import { FAULT_NAMES, FAULTS, type Fault } from './faults.js';
import { MUTANTS } from './mutants.js';

export const USAGE = `npm run simulate -- [options]
  --seeds N          how many seeds to run (default 200; of the mutation check 2000)
  --from S           the first seed (default 1); an interrupted run prints where to continue
  --fresh            start at a random seed, and print it
  --seed S           only this one
  --trace            print the story of --seed
  --faults a,b       only these: ${FAULT_NAMES.join(', ')}
  --mutants [rule …] the mutation check: each safety rule switched off must break a promise
  --recorded         with --mutants: the recorded seed of each rule first (else last), and --seeds only if it notices
                     nothing
  --results FILE     write what was counted, as JSON: {"passed": seeds or rules, "failed": seeds or rules}
  --list             the faults and what they do, and the rules of the mutation check
  --help             this text

Ends with 0 when every promise was kept, 1 when not, 2 for wrong use, 130 when it was interrupted (Ctrl-C).
`;

export type Task =
  | { readonly kind: 'help' | 'list' }
  | { readonly kind: 'trace'; readonly seed: number; readonly faults: readonly Fault[] }
  | {
      readonly kind: 'run';
      readonly from: number;
      readonly count: number;
      readonly faults: readonly Fault[];
      readonly results: string | null;
    }
  | {
      readonly kind: 'mutants';
      readonly names: readonly string[];
      readonly recordedFirst: boolean;
      readonly from: number;
      readonly count: number;
      readonly results: string | null;
    };

/** The command line asks for something that is not there. */
export class WrongUse extends Error {
  readonly code = 'wrong_use';
  readonly retriable = false;
}

/** All chance of a run comes from 32 bits. */
const LAST_SEED = 2 ** 32 - 1;

const OPTIONS = {
  seeds: { type: 'string' },
  from: { type: 'string' },
  fresh: { type: 'boolean' },
  seed: { type: 'string' },
  trace: { type: 'boolean' },
  faults: { type: 'string' },
  mutants: { type: 'boolean' },
  recorded: { type: 'boolean' },
  results: { type: 'string' },
  list: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;
type Given = ReturnType<typeof parse>['values'];

/**
 * @param chance for --fresh: at least 0 and below 1
 * @throws WrongUse
 */
export function taskOf(argv: readonly string[], chance: () => number): Task {
  const { values, positionals } = parse(argv);
  if (values.help === true) return { kind: 'help' };
  if (values.list === true) return { kind: 'list' };
  checkTogether(values, positionals);
  const results = values.results ?? null;
  const from = values.fresh === true ? Math.floor(chance() * 2 ** 31) : seedOf('--from', values.from ?? '1');
  const count = countOf(values.seeds ?? (values.mutants === true ? '2000' : '200'), from);
  if (values.mutants === true)
    return {
      kind: 'mutants',
      names: rulesOf(positionals),
      recordedFirst: values.recorded === true,
      from,
      count,
      results,
    };
  const faults = faultsOf(values.faults);
  if (values.seed === undefined) return { kind: 'run', from, count, faults, results };
  const seed = seedOf('--seed', values.seed);
  return values.trace === true
    ? { kind: 'trace', seed, faults }
    : { kind: 'run', from: seed, count: 1, faults, results };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    // parseArgs says which option it is; its second sentence is about other programs.
    throw new WrongUse(error instanceof Error ? (error.message.split('. ')[0] ?? error.message) : String(error));
  }
}

/** Options that contradict one another, or mean nothing alone. */
function checkTogether(values: Given, positionals: readonly string[]): void {
  const never: readonly (readonly [keyof Given, keyof Given])[] = [
    ['seed', 'seeds'],
    ['seed', 'from'],
    ['seed', 'fresh'],
    ['from', 'fresh'],
    ['mutants', 'seed'],
    ['mutants', 'fresh'],
    ['mutants', 'faults'],
    ['trace', 'results'],
  ];
  const clash = never.find(([one, other]) => values[one] !== undefined && values[other] !== undefined);
  if (clash !== undefined) throw new WrongUse(`--${clash[0]} and --${clash[1]} exclude each other`);
  if (values.trace === true && values.seed === undefined)
    throw new WrongUse('--trace tells the story of one seed: name it with --seed');
  if (values.recorded === true && values.mutants !== true) throw new WrongUse('--recorded belongs to --mutants');
  if (values.mutants !== true && positionals.length > 0)
    throw new WrongUse(`what is ${positionals.join(' ')}? Only --mutants takes names`);
}

function seedOf(option: string, text: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || seed > LAST_SEED)
    throw new WrongUse(`${option} ${text}: a seed is a whole number from 0 to ${LAST_SEED}`);
  return seed;
}

function countOf(text: string, from: number): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1)
    throw new WrongUse(`--seeds ${text}: how many seeds is a whole number of at least 1`);
  if (from + count - 1 > LAST_SEED)
    throw new WrongUse(`--seeds ${text} from ${from} on: the last seed is ${LAST_SEED}`);
  return count;
}

function faultsOf(text: string | undefined): readonly Fault[] {
  if (text === undefined) return FAULT_NAMES;
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.filter((name) => !Object.hasOwn(FAULTS, name));
  if (unknown.length > 0)
    throw new WrongUse(`--faults: there is no ${unknown.join(', ')}; there are ${FAULT_NAMES.join(', ')}`);
  return FAULT_NAMES.filter((name) => names.includes(name));
}

function rulesOf(names: readonly string[]): readonly string[] {
  const unknown = names.filter((name) => MUTANTS.every((mutant) => mutant.name !== name));
  if (unknown.length > 0)
    throw new WrongUse(
      `--mutants: there is no rule ${unknown.join(', ')}; there are ${MUTANTS.map(({ name }) => name).join(', ')}`,
    );
  return names;
}
