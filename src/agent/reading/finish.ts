/** The arguments of finish: what was done, and small facts for the tasks that depend on this one. */
import { z } from 'zod';
import { nearest } from '../../domain/did-you-mean.js';
import { isBag, jsonText, type Bag } from './proposals.js';
import type { Repair } from './repairs.js';

/** Of summary and outputs together as JSON: a result travels with the assignments of other tasks. */
const FINISH_BYTES = 64 * 1024;

const finishSchema = z.object({
  summary: z.string({ error: 'is missing; say what was done' }).trim().min(1, 'must not be empty; say what was done'),
  outputs: z
    .record(z.string(), z.string(), { error: 'must be a map of texts, or a list of {name, value}' })
    .default({}),
});

/** finish as a model may say it now; a journaled one was allowed then. */
export const newFinishSchema = finishSchema.refine(
  (finish) => Buffer.byteLength(JSON.stringify(finish)) <= FINISH_BYTES,
  { error: `summary and outputs must not have more than ${FINISH_BYTES} bytes; write a file and give its path` },
);

export type Finish = z.output<typeof finishSchema>;

/** Parses the arguments of a journaled finish. Throws a ZodError for others. */
export function parseFinish(args: Bag): Finish {
  return finishSchema.parse(args);
}

const SUMMARY_KEYS: readonly string[] = ['result', 'answer', 'message', 'text', 'final_answer'];

/** A finish in its usual form, out of any spelling; what cannot be brought to it is left to finishSchema. */
export function plainFinish(value: unknown, beside: Bag, repairs: Set<Repair>): unknown {
  const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (!isBag(single)) return single;
  const bag: Bag = { ...beside, ...single };
  const other = SUMMARY_KEYS.filter((key) => typeof bag[key] === 'string');
  const [key] = other;
  if (bag['summary'] === undefined && other.length === 1 && key !== undefined) repairs.add('keys');
  const summary = bag['summary'] ?? (other.length === 1 && key !== undefined ? bag[key] : undefined);
  const outputsName = outputsKey(bag);
  if (outputsName !== 'outputs') repairs.add('keys');
  const outputs = plainOutputs(bag[outputsName], repairs);
  const known = ['summary', outputsName, ...other];
  if (Object.keys(bag).some((one) => !known.includes(one))) repairs.add('extra_keys');
  return { summary, ...(outputs === undefined || outputs === null ? {} : { outputs }) };
}

/** outputs, or the key nearly of that name that has a map or list: facts must not be lost by a slip of the pen. */
function outputsKey(bag: Bag): string {
  if (bag['outputs'] !== undefined) return 'outputs';
  const near = Object.keys(bag).filter((key) => nearest(key, ['outputs']) !== null);
  const full = near.filter((key) => {
    const value = bag[key];
    const plain = typeof value === 'string' ? jsonText(value, new Set()) : value;
    return isBag(plain) || Array.isArray(plain);
  });
  const [key, ...more] = full;
  return key !== undefined && more.length === 0 ? key : 'outputs';
}

function plainOutputs(given: unknown, repairs: Set<Repair>): unknown {
  const value = typeof given === 'string' && given.trim() !== '' ? jsonText(given, repairs) : given;
  if (typeof given === 'string' && value !== undefined) repairs.add('json_text');
  if (given === '') return undefined;
  if (isBag(value)) return withTexts(value, repairs);
  if (!Array.isArray(value)) return value ?? given;
  const pairs = value.map(pairOf);
  if (pairs.some((pair) => pair === null)) return value;
  const outputs = new Map<string, unknown>();
  for (const [name, text] of pairs.filter((pair) => pair !== null)) {
    // Two values of one name: neither is sure.
    if (outputs.has(name) && outputs.get(name) !== text) return value;
    outputs.set(name, text);
  }
  return withTexts(Object.fromEntries(outputs), repairs);
}

/** Numbers and truth values as texts. A number with more digits than a computer keeps stays as it is. */
function withTexts(outputs: Bag, repairs: Set<Repair>): Bag {
  const isPlain = (value: unknown) =>
    typeof value === 'boolean' || (typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER);
  if (!Object.values(outputs).some(isPlain)) return outputs;
  repairs.add('scalar_text');
  return Object.fromEntries(
    Object.entries(outputs).map(([key, value]) => [key, isPlain(value) ? String(value) : value]),
  );
}

/** {name, value}, {key, value} or {a: "b"}. */
function pairOf(item: unknown): readonly [string, unknown] | null {
  if (!isBag(item)) return null;
  const name = item['name'] ?? item['key'];
  if (typeof name === 'string' && name !== '' && 'value' in item) return [name, item['value']];
  const [entry, ...more] = Object.entries(item);
  return entry !== undefined && more.length === 0 ? entry : null;
}
