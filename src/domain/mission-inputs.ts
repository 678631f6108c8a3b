/** What a person gives a mission when it is started, as its request and its assignments carry it. */
import type { PayloadOf } from './events.js';
import { SECRETS_DIRECTORY } from './permissions.js';
import { isRedacted } from './secret-patterns.js';
import { byteLength, SIZES } from './sizes.js';

export type MissionInput = PayloadOf<'mission_requested'>['inputs'][number];

/** An input's name is part of a variable's. */
export const INPUT_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

type Named = Pick<MissionInput, 'name' | 'type'>;

/** A secret input's value is the name of a secret of the worker. */
export const isSecretInput = ({ type }: Pick<MissionInput, 'type'>): boolean => type === 'secret';

/** The variable of an input: INPUT_DOMAIN of domain. A secret's has the path of its file: INPUT_TOKEN_FILE of token. */
export const variableOf = (input: Named): string =>
  `INPUT_${input.name.toUpperCase()}${isSecretInput(input) ? '_FILE' : ''}`;

/** How a command reads it. */
export const readingOf = (input: Named): string => `"$${variableOf(input)}"`;

/**
 * The variables of commands, with their values.
 * @param secrets what the agent may have; the variable of another one is not set
 */
export function inputVariables(
  inputs: readonly MissionInput[],
  secrets: readonly string[],
): Readonly<Record<string, string>> {
  const given = inputs.filter((input) => isGiven(input, secrets));
  return Object.fromEntries(
    given.map((input) => [
      variableOf(input),
      isSecretInput(input) ? `${SECRETS_DIRECTORY}/${input.value}` : input.value,
    ]),
  );
}

const isGiven = (input: MissionInput, secrets: readonly string[]): boolean =>
  !isSecretInput(input) || secrets.includes(input.value);

/** Names of the inputs of which only one of two missions has the value: those that were added, removed or changed. */
export function changedInputs(before: readonly MissionInput[], now: readonly MissionInput[]): readonly string[] {
  const others = (inputs: readonly MissionInput[], of: readonly MissionInput[]) =>
    of.filter(
      (input) =>
        !inputs.some(({ name, type, value }) => name === input.name && type === input.type && value === input.value),
    );
  return [...new Set([...others(before, now), ...others(now, before)].map(({ name }) => name))];
}

/** Bytes of UTF-8 that the inputs add to a record. */
export const inputBytes = (inputs: readonly MissionInput[]): number =>
  inputs.reduce((sum, { name, value, description }) => sum + byteLength(name + value + description), 0);

/**
 * Why commands cannot have these inputs; null: they can. A client says so before it submits a mission; this is for
 * records of other programs, and for what a process with more secrets has redacted.
 */
export function inputsFault(inputs: readonly MissionInput[]): string | null {
  if (inputs.length > SIZES.inputsCount)
    return `there are ${inputs.length} inputs, and at most ${SIZES.inputsCount} fit`;
  const badName = inputs.find(({ name }) => !INPUT_NAME.test(name));
  if (badName !== undefined) return `the input ${JSON.stringify(badName.name)} cannot be a variable`;
  const withNul = inputs.find(({ value }) => value.includes('\0'));
  if (withNul !== undefined) return `the input ${withNul.name} has a NUL, which no variable can have`;
  const redacted = inputs.find(({ value }) => isRedacted(value));
  if (redacted !== undefined)
    return `the input ${redacted.name} had a secret, which was redacted; give it as an input of type secret`;
  const variables = inputs.map(variableOf);
  const twice = variables.find((variable, index) => variables.indexOf(variable) !== index);
  if (twice !== undefined) return `two inputs are ${twice}`;
  const bytes = inputBytes(inputs);
  return bytes > SIZES.missionInputs ? `the inputs have ${bytes} bytes, and at most ${SIZES.missionInputs} fit` : null;
}

/** The secret inputs whose variable a command names although the agent does not have the secret. */
export function inputsNotGiven(
  commands: readonly string[],
  inputs: readonly MissionInput[],
  secrets: readonly string[],
): readonly MissionInput[] {
  return inputs
    .filter((input) => !isGiven(input, secrets))
    .filter((input) => commands.some((command) => namesVariable(command, variableOf(input))));
}

const READ_VARIABLE = /\$(?:(INPUT_\w+)|\{#?(INPUT_\w+)(:?[-+=])?)/g;

/** Variables of inputs that a command reads: neither with a value for the case that there is none, nor its own. */
export function inputsReadBy(command: string): readonly string[] {
  const read = [...command.matchAll(READ_VARIABLE)].flatMap(([, plain, braced, otherwise]) =>
    otherwise === undefined ? [plain ?? braced ?? ''] : [],
  );
  const own = ownVariables(command);
  return [...new Set(read)].filter((variable) => !own.has(variable));
}

/** Variables that a command sets itself. One pass: the text may be a model's, and long. */
function ownVariables(command: string): ReadonlySet<string> {
  const own = new Set(Array.from(command.matchAll(/(?<![\w$])(INPUT_\w+)=/g), ([, name = '']) => name));
  for (const part of command.split(/[;|&]/)) {
    const at = part.search(/\b(?:for|read)\s/);
    if (at !== -1) for (const [name] of part.slice(at).matchAll(/\bINPUT_\w+/g)) own.add(name);
  }
  return own;
}

/** Whether a command names an environment variable, by its whole name. */
export const namesVariable = (command: string, variable: string): boolean =>
  command.includes(variable) && new RegExp(`(?<![A-Za-z0-9_])${variable}(?![A-Za-z0-9_])`).test(command);

/** For a model: the variables of commands; empty: there are none. What they are worth stays out of its prompt. */
export function inputsText(inputs: readonly MissionInput[], secrets: readonly string[] | null): readonly string[] {
  const given = inputs.filter((input) => secrets === null || isGiven(input, secrets));
  if (given.length === 0) return [];
  const lines = given.map((input) => {
    const what = isSecretInput(input) ? ['the path of a file with a secret; never print or copy what is in it'] : [];
    const said = [...what, ...(input.description === '' ? [] : [input.description])].join('. ');
    return `- ${variableOf(input)}${said === '' ? '' : `: ${said}`}`;
  });
  return [
    '# Inputs\nCommands and checks have these environment variables. ' +
      `Read them in quotes, such as ${readingOf(given[0] ?? { name: '', type: '' })}:\n${lines.join('\n')}`,
  ];
}
