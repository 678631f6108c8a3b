/** The values of a mission's inputs, from flags, files and the terminal. */
import { readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../agent/config-error.js';
import type { InputDeclaration } from '../agent/input-declarations.js';
import { readInputValue } from '../agent/input-value.js';
import type { GivenInput } from '../agent/input-values.js';
import type { OpenedMission } from '../agent/mission-file.js';
import { decodeText, isFileSystemError, NO_TEXT, unreadableReason } from '../agent/text-file.js';
import { readYaml } from '../agent/yaml-source.js';
import { wrongUse } from './cli-error.js';
import type { CommandContext } from './context.js';
import { inPlace, setInputs, type InputFlags } from './input-arguments.js';
import { oneLine } from './text-width.js';

/** All that is given: files first, then --set, then what is asked for. Throws CliError and ConfigError. */
export async function givenInputs(
  context: CommandContext,
  mission: OpenedMission,
  flags: InputFlags,
  carried: readonly GivenInput[] = [],
): Promise<readonly GivenInput[]> {
  const set = setInputs(flags);
  const files = await Promise.all((flags.inputs ?? []).map((file) => readInputsFile(context, file)));
  const given = [...carried, ...files.flat(), ...set];
  return [...given, ...(await askFor(context, mission.missing(given)))];
}

/** How a person gives those that are missing. */
export const howToGive = (names: readonly string[]): string =>
  `give ${names.length === 1 ? 'it' : 'them'}: ${names.map((name) => `--set ${name}=…`).join(' ')}, or --inputs FILE`;

/** YAML or JSON, which is YAML. */
async function readInputsFile({ host }: CommandContext, file: string): Promise<readonly GivenInput[]> {
  const path = resolve(host.cwd, file);
  const shown = relative(host.cwd, path).startsWith('..') ? path : file;
  const text = decodeText(await readFile(path).catch((error: unknown) => unreadable(path, error)));
  if (text === null) throw new ConfigError([inPlace(shown)(NO_TEXT, 'name a file with NAME: VALUE in each line')]);
  const source = readYaml(text, shown, z.record(z.string(), z.unknown()));
  if (source.value === null) throw new ConfigError(source.problems);
  return Object.entries(source.value).map(([name, value]) => ({
    name,
    value,
    form: 'typed',
    problem: (message, fix) => source.problemAt([name], message, fix),
  }));
}

function unreadable(path: string, error: unknown): never {
  if (!isFileSystemError(error)) throw error;
  throw wrongUse(`the inputs cannot be read: ${path} (${unreadableReason(error)})`, 'Correct the name after --inputs.');
}

/** How often a person may type a value that is none. */
const MOST_TRIES = 3;

/** An empty answer gives no value. */
async function askFor(context: CommandContext, missing: readonly InputDeclaration[]): Promise<readonly GivenInput[]> {
  const { ask } = context.host;
  if (ask === null || context.json) return [];
  const given: GivenInput[] = [];
  for (const input of missing) {
    const value = await answerFor(context, input, ask);
    if (value !== '')
      given.push({ name: input.name, value, form: 'text', problem: inPlace(`the answer for ${input.name}`) });
  }
  return given;
}

/** The last answer, which may still be wrong. */
async function answerFor(
  { host, swarm }: CommandContext,
  input: InputDeclaration,
  ask: NonNullable<CommandContext['host']['ask']>,
): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    const answer = await ask(questionOf(input));
    const read = readInputValue(input, answer, 'text', swarm.redact);
    if (answer === '' || read.ok || tries === MOST_TRIES) return answer;
    host.stderr.write(`${input.name} ${read.wrong}; ${read.fix}\n`);
  }
}

function questionOf({ name, type, description, options }: InputDeclaration): string {
  const kinds: Readonly<Record<InputDeclaration['type'], string>> = {
    string: '',
    number: 'a number',
    boolean: 'true or false',
    choice: `one of: ${options.join(', ')}`,
    secret: 'the name of a secret of the workers',
  };
  const said = [oneLine(description), kinds[type]].filter((part) => part !== '').join('; ');
  return `${name}${said === '' ? '' : ` (${said})`}: `;
}
