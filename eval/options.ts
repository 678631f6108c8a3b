/** What npm run eval is asked to do. */
import { parseArgs } from 'node:util';

export const USAGE = `npm run eval -- [options]
Runs small tasks with a chain of models, several times each, and prints what was solved and what was claimed wrongly.
Without --models the scripted personalities run, and the result is compared with eval/expected.yaml.
  --models CHAIN        such as ollama:qwen3:8b or ollama:llama3.1,anthropic; keys and OLLAMA_HOST come from the
                        environment
  --personality A,B     of the scripted models, these only
  --tasks A,B           of eval/tasks, these only
  --trials K            of each task (default 1); pass^K is the share of tasks that K trials of K solve
  --timeout S           limit of an attempt in seconds, 1 to 3600 (default 120)
  --retries N           new attempts after a failed one, 0 to 10 (default 0)
  --parallel N          trials that run side by side, 1 to 16 (default 2)
  --validate            only shows that each task's checks pass after its solution, and on nothing else
  --json                the results as one JSON document on stdout
  --help                this text
Exit code: 0 measured (scripted: as expected), 1 not as expected or a task that is not valid, 2 wrong use.
`;

export interface EvalOptions {
  readonly kind: 'scripted' | 'models' | 'validate';
  /** kind models: the chain. */
  readonly models: readonly string[];
  readonly personalities: readonly string[] | null;
  readonly tasks: readonly string[] | null;
  readonly trials: number;
  readonly timeoutSeconds: number;
  readonly retries: number;
  readonly parallel: number;
  readonly json: boolean;
}

/** The command line asks for something that is not there. */
export class WrongUse extends Error {
  readonly code = 'wrong_use';
  readonly retriable = false;
}

/** null: --help. Throws WrongUse. */
export function parseOptions(argv: readonly string[]): EvalOptions | null {
  const { values } = parsed(argv);
  if (values.help) return null;
  const models = list(values.models);
  const kind = values.validate ? 'validate' : models === null ? 'scripted' : 'models';
  return {
    kind,
    models: models ?? [],
    personalities: list(values.personality),
    tasks: list(values.tasks),
    trials: wholeNumber('--trials', values.trials, 1, 100, 1),
    timeoutSeconds: wholeNumber('--timeout', values.timeout, 1, 3600, 120),
    retries: wholeNumber('--retries', values.retries, 0, 10, 0),
    parallel: wholeNumber('--parallel', values.parallel, 1, 16, 2),
    json: values.json,
  };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        models: { type: 'string' },
        personality: { type: 'string' },
        tasks: { type: 'string' },
        trials: { type: 'string' },
        timeout: { type: 'string' },
        retries: { type: 'string' },
        parallel: { type: 'string' },
        validate: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new WrongUse(error instanceof Error ? error.message : String(error));
  }
}

function list(text: string | undefined): readonly string[] | null {
  if (text === undefined) return null;
  const parts = text.split(',').map((part) => part.trim());
  if (parts.some((part) => part === '')) throw new WrongUse(`"${text}" has an empty name; separate names by one comma`);
  return parts;
}

function wholeNumber(flag: string, text: string | undefined, low: number, high: number, preset: number): number {
  if (text === undefined) return preset;
  const value = Number(text);
  if (!Number.isInteger(value) || value < low || value > high)
    throw new WrongUse(`${flag} must be a whole number from ${low} to ${high}, not ${text}`);
  return value;
}

/** The wanted ones of all, in the order of all. Throws WrongUse for a name that is not there. */
export function chosen<T extends { readonly name: string }>(
  flag: string,
  all: readonly T[],
  names: readonly string[] | null,
): readonly T[] {
  if (names === null) return all;
  const unknown = names.find((name) => !all.some((each) => each.name === name));
  if (unknown !== undefined)
    throw new WrongUse(`${flag}: there is no ${unknown}; use some of ${all.map(({ name }) => name).join(', ')}`);
  return all.filter(({ name }) => names.includes(name));
}
