/** The inputs that a mission file declares. */
import { z } from 'zod';
import { INPUT_NAME, variableOf } from '../domain/mission-inputs.js';
import { quoted } from '../domain/quoted.js';
import { SIZES } from '../domain/sizes.js';
import { text, textWithin } from './checked-values.js';
import type { Problem } from './config-error.js';
import { INPUT_TYPES, readInputValue, type InputKind } from './input-value.js';
import type { YamlSource } from './yaml-source.js';

export interface InputDeclaration extends InputKind {
  readonly name: string;
  /** Empty: none. */
  readonly description: string;
  /** Whether a mission needs a value and the file has none. */
  readonly required: boolean;
  /** As the file has it; null: none. */
  readonly default: string | number | boolean | null;
}

const inputSchema = z.strictObject({
  name: text
    .max(SIZES.name, `must have at most ${SIZES.name} characters`)
    .regex(INPUT_NAME, 'must be letters, digits and _, and begin with no digit: it becomes a variable')
    .describe('Commands have it as INPUT_NAME, in capitals.'),
  type: z
    .enum(INPUT_TYPES)
    .default('string')
    .describe('secret: its value is the name of a secret of the worker; commands have its file in INPUT_NAME_FILE.'),
  description: textWithin(1_000).optional().describe('What it is: for the person who is asked, and for models.'),
  required: z.boolean().optional().describe('Whether it needs a value. Default: where it has no default.'),
  default: z
    .union([z.string(), z.number(), z.boolean()], 'must be text, a number, true or false')
    .optional()
    .describe('Its value where none is given.'),
  options: z
    .array(text)
    .min(1, 'must name at least one option')
    .max(SIZES.inputsCount, `must name at most ${SIZES.inputsCount} options`)
    .optional()
    .describe('What a choice can be.'),
});

export const inputsSchema = z
  .array(inputSchema)
  .max(SIZES.inputsCount, `must have at most ${SIZES.inputsCount} inputs`)
  .default([])
  .describe(
    'What the person gives who starts the mission: by --set, --inputs, or asked on a terminal. ' +
      '${{ inputs.NAME }} in the brief, and in descriptions and paths of tasks, "$INPUT_NAME" in commands and checks.',
  );

type InputSource = z.output<typeof inputSchema>;

export const declarationOf = (input: InputSource): InputDeclaration => ({
  name: input.name,
  type: input.type,
  description: input.description ?? '',
  required: input.required ?? input.default === undefined,
  default: input.default ?? null,
  options: input.options ?? [],
});

/** What is wrong with valid keys together. */
export function declarationProblems<T>(inputs: readonly InputSource[], source: YamlSource<T>): readonly Problem[] {
  return inputs.flatMap((input, index) => [
    ...clashProblems(inputs, index, source),
    ...keyProblems(input, index, source),
    ...defaultProblems(input, index, source),
  ]);
}

/** Two inputs that would be one variable. */
function clashProblems<T>(inputs: readonly InputSource[], index: number, source: YamlSource<T>): readonly Problem[] {
  const input = inputs[index];
  const before = inputs.slice(0, index).find((other) => input !== undefined && variableOf(other) === variableOf(input));
  if (input === undefined || before === undefined) return [];
  const message =
    before.name === input.name
      ? `the input ${quoted(input.name)} is declared twice`
      : `the inputs ${quoted(before.name)} and ${quoted(input.name)} would both be ${variableOf(input)}`;
  return [source.problemAt(['inputs', index, 'name'], message, 'rename one of them')];
}

function keyProblems<T>(input: InputSource, index: number, source: YamlSource<T>): readonly Problem[] {
  const at = (key: string, message: string, fix: string) => source.problemAt(['inputs', index, key], message, fix);
  const named = quoted(input.name);
  if (input.type === 'choice' && input.options === undefined)
    return [at('type', `the choice ${named} has no options`, 'list what it can be in options')];
  if (input.type !== 'choice' && input.options !== undefined)
    return [at('options', `the input ${named} has options and is no choice`, 'give it type: choice')];
  if (input.required === true && input.default !== undefined)
    return [at('required', `the input ${named} is required and has a default`, 'leave one of them out')];
  return [];
}

function defaultProblems<T>(input: InputSource, index: number, source: YamlSource<T>): readonly Problem[] {
  if (input.default === undefined || (input.type === 'choice' && input.options === undefined)) return [];
  const read = readInputValue(declarationOf(input), input.default, 'typed');
  return read.ok
    ? []
    : [source.problemAt(['inputs', index, 'default'], `the default of ${quoted(input.name)} ${read.wrong}`, read.fix)];
}
