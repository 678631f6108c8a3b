/** The values of a mission's inputs: those that are given, else the defaults of its file. */
import { plannedCommands } from '../domain/agent-spec.js';
import type { Plan } from '../domain/events.js';
import { chooseInstead } from '../domain/did-you-mean.js';
import {
  inputBytes,
  inputsNotGiven,
  isSecretInput,
  readingOf,
  variableOf,
  type MissionInput,
} from '../domain/mission-inputs.js';
import { quoted } from '../domain/quoted.js';
import type { Redact } from '../domain/redaction.js';
import { firstRedacted, redactPatterns } from '../domain/secret-patterns.js';
import { byteLength, SIZES } from '../domain/sizes.js';
import { ConfigError, type Problem } from './config-error.js';
import type { InputDeclaration } from './input-declarations.js';
import { readInputValue, type ReadValue } from './input-value.js';
import type { Roster } from './roster.js';
import type { YamlSource } from './yaml-source.js';

/** A value that a person gives, and where. */
export interface GivenInput {
  readonly name: string;
  readonly value: unknown;
  /** typed: as YAML, JSON and programs have it. text: as it was typed or stored. */
  readonly form: 'typed' | 'text';
  /** Whether it is left out where the file has no such input. */
  readonly mayBeUnknown?: boolean;
  /** A problem with it, with its place. */
  problem(message: string, fix: string): Problem;
}

export interface InputOptions {
  /** What the log passes: a value that it would change is refused. Default: by the forms of secrets. */
  readonly redact?: Redact;
  /** How the missing ones are given, for the person. */
  howToGive?(names: readonly string[]): string;
}

/** In the order of the file. Throws ConfigError with every problem. */
export function readInputs<T>(
  declared: readonly InputDeclaration[],
  given: readonly GivenInput[],
  source: YamlSource<T>,
  { redact, howToGive = (names) => `give them in inputs: ${names.join(', ')}` }: InputOptions,
): readonly MissionInput[] {
  const names = declared.map(({ name }) => name);
  const problems = given
    .filter(({ name, mayBeUnknown }) => mayBeUnknown !== true && !names.includes(name))
    .map(({ name, problem }) =>
      problem(
        `the mission has no input ${quoted(name)}`,
        names.length === 0 ? 'leave it out' : chooseInstead(name, names),
      ),
    );
  const inputs = declared.flatMap((input): readonly MissionInput[] => {
    const last = given.findLast(({ name }) => name === input.name);
    const value = last?.value ?? input.default;
    if (last === undefined && value === null) return [];
    const read = requireText(input, readInputValue(input, value, last?.form ?? 'typed', redact));
    if (read.ok) return [{ name: input.name, type: input.type, value: read.value, description: input.description }];
    const message = `the input ${quoted(input.name)} ${read.wrong}`;
    problems.push(last?.problem(message, read.fix) ?? source.problemAt(['inputs'], message, read.fix));
    return [];
  });
  const missing = missingInputs(declared, given).map(({ name }) => name);
  if (missing.length > 0)
    problems.push(
      source.problemAt(
        ['inputs'],
        `${missing.length === 1 ? 'an input has' : `${missing.length} inputs have`} no value: ${missing.join(', ')}`,
        howToGive(missing),
      ),
    );
  const bytes = inputBytes(inputs);
  if (bytes > SIZES.missionInputs)
    problems.push(
      source.problemAt(
        ['inputs'],
        `names, values and descriptions of the inputs must have at most ${SIZES.missionInputs} bytes in all ` +
          `(they have ${bytes})`,
        'shorten them, or give the path of a file',
      ),
    );
  if (problems.length > 0) throw new ConfigError(problems);
  return inputs;
}

/** The inputs that need a value and are not given. */
export const missingInputs = (
  declared: readonly InputDeclaration[],
  given: readonly GivenInput[],
): readonly InputDeclaration[] =>
  declared.filter(({ name, required }) => required && !given.some((each) => each.name === name));

/** A variable of a script that is empty gives "" where a value is needed. */
const requireText = ({ required }: InputDeclaration, read: ReadValue): ReadValue =>
  required && read.ok && read.value === ''
    ? { ok: false, wrong: 'is empty', fix: 'give a value; with required: false in the file it may be empty' }
    : read;

/** What is wrong with a text after values were put in; null: nothing. */
export function wrongInText(text: string, most: number): { readonly message: string; readonly fix: string } | null {
  if (text.trim() === '') return { message: 'is empty', fix: 'give a value, or more text' };
  const bytes = byteLength(text);
  if (bytes > most) return { message: `must have at most ${most} bytes (it has ${bytes})`, fix: 'shorten it' };
  const secret = firstRedacted(redactPatterns(text));
  return secret === null || firstRedacted(text) !== null
    ? null
    : { message: `has a secret (${secret})`, fix: 'make it an input of type secret' };
}

interface MissionOfSecrets {
  readonly agents: readonly string[];
  readonly plan: Plan | null;
  readonly success: readonly { readonly command: string }[];
  readonly inputs: readonly MissionInput[];
}

/** Secret inputs that the agents which need them do not have, as far as files say which these are. */
export function secretInputProblems<T>(
  { agents, plan, success, inputs }: MissionOfSecrets,
  source: YamlSource<T>,
  roster: Roster,
): readonly Problem[] {
  if (!inputs.some(isSecretInput)) return [];
  const secretsOf = (agent: string): readonly string[] => roster.byName(agent)?.secrets ?? [];
  const planned = plan?.waves.flatMap((wave) => wave.tasks.map(({ agent }) => agent)) ?? agents;
  const had = [...new Set(planned.flatMap(secretsOf))].toSorted();
  const useless = inputs
    .filter((input) => isSecretInput(input) && !had.includes(input.value))
    .map(({ name }) =>
      // Its value may be the secret itself: it is not repeated.
      source.problemAt(
        ['inputs'],
        `no agent of the mission has the secret that the input ${quoted(name)} names`,
        `${had.length === 0 ? '' : `give one that they have: ${had.join(', ')}; or `}` +
          `add it to secrets in the file of the agent that needs it: agents/${planned[0] ?? 'NAME'}.md`,
      ),
    );
  if (useless.length > 0) return useless;
  const tasks = (plan?.waves ?? []).flatMap((wave, at) =>
    wave.tasks.flatMap((task, index) => {
      const commands = plannedCommands(task, roster.byName(task.agent));
      return inputsNotGiven(commands, inputs, secretsOf(task.agent)).map((input) =>
        source.problemAt(
          ['plan', 'waves', at, 'tasks', index],
          `a command of ${task.agent} reads ${readingOf(input)}, and the agent does not have the secret ${input.value}`,
          `add it to secrets in agents/${task.agent}.md`,
        ),
      );
    }),
  );
  const checks = success.flatMap(({ command }, index) =>
    inputsNotGiven([command], inputs, []).map((input) =>
      source.problemAt(
        ['success', index],
        `success checks have no secrets, and this one reads $${variableOf(input)}`,
        'make it a check of a task',
      ),
    ),
  );
  return [...tasks, ...checks];
}
