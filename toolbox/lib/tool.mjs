/** What every program of the toolbox shares: arguments, usage, problems and exit codes. */
import { parseArgs } from 'node:util';

/** The program was called wrongly; exit code 2. */
export class UsageError extends Error {}

/** What a check found, one sentence each, each naming its file; exit code 1. */
export class Problems extends Error {
  constructor(problems) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** Throws Problems when there is at least one. */
export function refuse(problems) {
  if (problems.length > 0) throw new Problems(problems);
}

/**
 * Runs a program and sets the exit code: 0 done, 1 the check failed, 2 wrong use.
 * @param {string} usage shown by --help and after a usage error
 * @param {(argv: string[]) => Promise<string> | string} main answers the line that says what was found good
 */
export async function runTool(usage, main) {
  const argv = process.argv.slice(2);
  if (argv.includes('--help')) {
    console.log(usage);
    return;
  }
  try {
    console.log(await main(argv));
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${usage}`);
      process.exitCode = 2;
    } else if (error instanceof Problems) {
      for (const problem of error.problems) console.error(`FAILED ${problem}`);
      process.exitCode = 1;
    } else if (error?.code === 'ENOENT' || error?.code === 'EACCES' || error?.code === 'EISDIR') {
      console.error(`FAILED ${error.path}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`);
      process.exitCode = 1;
    } else throw error;
  }
}

/**
 * Reads options and positionals strictly.
 * @param {string[]} argv
 * @param {Record<string, 'string' | 'strings' | 'boolean'>} options strings: may be given several times, or once with
 *   commas
 * @param {{ positionals?: [number, number], required?: string[] }} rules smallest and largest number of positionals;
 *   options that must be given
 */
export function readArguments(argv, options, { positionals = [0, 0], required = [] } = {}) {
  const config = Object.fromEntries(
    Object.entries(options).map(([name, kind]) => [
      name,
      {
        type: kind === 'boolean' ? 'boolean' : 'string',
        multiple: kind === 'strings',
      },
    ]),
  );
  let parsed;
  try {
    parsed = parseArgs({ args: argv, options: config, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error.message);
  }
  const missing = required.filter((name) => parsed.values[name] === undefined);
  if (missing.length > 0) throw new UsageError(`missing option: ${missing.map((name) => `--${name}`).join(', ')}`);
  const [least, most] = positionals;
  if (parsed.positionals.length < least || parsed.positionals.length > most) {
    throw new UsageError(
      `expected ${least === most ? least : `${least} or more`} arguments, got ${parsed.positionals.length}`,
    );
  }
  return { options: parsed.values, positionals: parsed.positionals };
}

/** Splits the values of an option that takes a list: --names a,b --names c. */
export function listOf(values) {
  return (values ?? [])
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
}

/** A whole number within bounds, or a UsageError that names the option. */
export function wholeNumber(name, text, least = 1) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new UsageError(`--${name} must be a whole number of at least ${least}, not "${text}"`);
  return value;
}
