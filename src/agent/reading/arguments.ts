/** The arguments of a tool, out of what a model wrote for them. */
import type { ToolDefinition } from '../../ports/tools.js';
import { optionalProperties } from '../portable-schema.js';
import { textArguments } from './arguments-text.js';
import { branchTypes, capTimeout, fit, parametersOf, requiredOf } from './fit-arguments.js';
import { ARGUMENT_KEYS, ENVELOPE_KEYS, isBag, THOUGHT_KEYS, type Bag, type Proposal } from './proposals.js';
import type { Repair } from './repairs.js';

export type Arguments =
  | { readonly ok: true; readonly arguments: Bag }
  | { readonly ok: false; readonly fault: 'cut' | 'arguments'; readonly reason: string };

/** What was written for a call: a text among the arguments was in quotes if wasQuoted. */
export type Given = Pick<Proposal, 'arguments' | 'beside' | 'wasQuoted'>;

export function readArguments(
  tool: ToolDefinition,
  { arguments: given, beside, wasQuoted }: Given,
  repairs: Set<Repair>,
): Arguments {
  const parameters = parametersOf(tool.parameters);
  const read =
    typeof given === 'string'
      ? textArguments(given, { name: tool.name, alone: aloneOf(tool), wasQuoted }, repairs)
      : { ok: true as const, value: given ?? {} };
  if (!read.ok) return read;
  const single = Array.isArray(read.value) && read.value.length === 1 ? read.value[0] : read.value;
  if (!isBag(single)) return refused(`the arguments of ${tool.name} must be one JSON object`);
  const inner = unwrapped(single, parameters, repairs);
  const twice = Object.keys(beside).filter(
    (key) => Object.hasOwn(parameters, key) && Object.hasOwn(inner, key) && !same(inner[key], beside[key]),
  );
  if (twice.length > 0)
    return refused(`${twice.join(', ')} is there twice with different values; write it once, in the arguments`);
  const args = fitted(withBeside(inner, beside, parameters, repairs), tool, parameters, repairs);
  const problem = tool.validate(args);
  return problem === null
    ? { ok: true, arguments: args }
    : refused(`the arguments of ${tool.name} are wrong: ${problem}`);
}

function aloneOf({ parameters }: ToolDefinition): string | null {
  const [name, ...others] = requiredOf(parameters);
  if (name === undefined || others.length > 0) return null;
  return branchTypes(parametersOf(parameters)[name]).includes('string') ? name : null;
}

/** {"arguments": {…}} inside the arguments. */
function unwrapped(bag: Bag, parameters: Bag, repairs: Set<Repair>): Bag {
  const keys = Object.keys(bag).filter((key) => !ENVELOPE_KEYS.includes(key) && !THOUGHT_KEYS.includes(key));
  const [key, ...more] = keys.filter((one) => !Object.hasOwn(parameters, one));
  if (key === undefined || more.length > 0 || keys.length > 1 || !ARGUMENT_KEYS.includes(key)) return bag;
  const inner = bag[key];
  if (!isBag(inner)) return bag;
  repairs.add('wrapped');
  return inner;
}

/** Parameters that are beside the arguments belong to them; other keys there, and comments, are left out. */
function withBeside(bag: Bag, beside: Bag, parameters: Bag, repairs: Set<Repair>): Bag {
  const comment = (key: string) =>
    !Object.hasOwn(parameters, key) && (THOUGHT_KEYS.includes(key) || ENVELOPE_KEYS.includes(key));
  const inside = Object.entries(bag).filter(([key]) => !comment(key));
  const outside = Object.entries(beside).filter(([key]) => Object.hasOwn(parameters, key) && !Object.hasOwn(bag, key));
  if (outside.length > 0) repairs.add('keys');
  const left =
    Object.keys(bag).length -
    inside.length +
    Object.keys(beside).filter((key) => !Object.hasOwn(parameters, key)).length;
  if (left > 0) repairs.add('extra_keys');
  return Object.fromEntries([...outside, ...inside]);
}

function fitted(bag: Bag, tool: ToolDefinition, parameters: Bag, repairs: Set<Repair>): Bag {
  const optional = optionalProperties(tool.parameters);
  const entries = Object.entries(bag).flatMap(([key, given]): readonly (readonly [string, unknown])[] => {
    if (!Object.hasOwn(parameters, key)) return [[key, given]];
    const value = fit(parameters[key], given, repairs);
    if (value === null && optional.includes(key)) return [];
    return [[key, key === 'timeout' ? capTimeout(parameters[key], value, repairs) : value]];
  });
  return Object.fromEntries(entries);
}

const refused = (reason: string): Arguments => ({ ok: false, fault: 'arguments', reason });
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
