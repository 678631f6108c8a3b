/** The plans that a value in a reply says, in the form that the schema of a plan wants. */
import { fit } from './fit-arguments.js';
import { ARGUMENT_KEYS, ENVELOPE_KEYS, isBag, jsonText, THOUGHT_KEYS, type Bag } from './proposals.js';
import type { Repair } from './repairs.js';

export interface ShapedPlan {
  readonly value: unknown;
  readonly repairs: ReadonlySet<Repair>;
}

const WRAPPERS: readonly string[] = [
  ...'plan mission_plan action response reply result output content message json function tool_call'.split(' '),
  ...ARGUMENT_KEYS,
];
/** Keys that name or explain a plan, a wave or a task, and change nothing about what is done. */
const COMMENTS: readonly string[] = [
  ...ENVELOPE_KEYS,
  ...'title notes note task_id wave_name mission version'.split(' '),
];
const MAX_DEPTH = 5;

/** @param schema JSON Schema of a plan */
export function planReadings(value: unknown, schema: object): readonly ShapedPlan[] {
  return within(value, schema, new Set(), 0);
}

function within(value: unknown, schema: object, repairs: ReadonlySet<Repair>, depth: number): readonly ShapedPlan[] {
  if (depth > MAX_DEPTH) return [];
  if (typeof value === 'string') {
    const more = new Set(repairs).add('json_text');
    const parsed = jsonText(value, more);
    return parsed === undefined ? [] : within(parsed, schema, more, depth + 1);
  }
  if (Array.isArray(value))
    return value.length === 1 ? within(value[0], schema, new Set(repairs).add('list'), depth + 1) : [];
  if (!isBag(value)) return [];
  if (value['waves'] !== undefined) return [shaped(value, schema, repairs)];
  const more = new Set(repairs).add('wrapped');
  return WRAPPERS.flatMap((key) => within(value[key], schema, more, depth + 1));
}

function shaped(plan: Bag, schema: object, before: ReadonlySet<Repair>): ShapedPlan {
  const repairs = new Set(before);
  const fitted = fit(schema, plan, repairs);
  if (!isBag(fitted)) return { value: plan, repairs };
  const value = {
    ...withoutComments(fitted, ['strategy', 'waves', 'risks', 'success_criteria'], repairs),
    waves: mapList(fitted['waves'], (wave) => ({
      ...withoutComments(wave, ['wave_number', 'rationale', 'tasks'], repairs),
      tasks: mapList(wave['tasks'], (task) => shapedTask(task, repairs)),
    })),
    ...checks(fitted, 'success_criteria', repairs),
  };
  return { value, repairs };
}

const TASK_KEYS = ['agent', 'description', 'playbook', 'acceptance', 'timeout_seconds'];

function shapedTask(task: Bag, repairs: Set<Repair>): unknown {
  const { playbook } = task;
  // Some models write "null" or "none" for no playbook.
  const none = typeof playbook === 'string' && /^(null|none)?$/i.test(playbook.trim()) ? { playbook: null } : {};
  return { ...withoutComments(task, TASK_KEYS, repairs), ...none, ...checks(task, 'acceptance', repairs) };
}

/** Checks that are only commands get the command as their name. */
function checks(bag: Bag, key: string, repairs: Set<Repair>): Bag {
  const given = bag[key];
  const list = typeof given === 'string' && given.trim() !== '' ? [given] : given;
  if (!Array.isArray(list)) return list === null ? { [key]: [] } : {};
  return {
    [key]: list.map((check: unknown) => {
      if (typeof check !== 'string' || check.trim() === '') return check;
      repairs.add('keys');
      return { name: check, command: check };
    }),
  };
}

function withoutComments(bag: Bag, known: readonly string[], repairs: Set<Repair>): Bag {
  const dropped = (key: string) => !known.includes(key) && (COMMENTS.includes(key) || THOUGHT_KEYS.includes(key));
  const entries = Object.entries(bag).filter(([key]) => !dropped(key));
  if (entries.length < Object.keys(bag).length) repairs.add('extra_keys');
  return Object.fromEntries(entries);
}

function mapList(value: unknown, map: (item: Bag) => unknown): unknown {
  return Array.isArray(value) ? value.map((item: unknown) => (isBag(item) ? map(item) : item)) : value;
}
