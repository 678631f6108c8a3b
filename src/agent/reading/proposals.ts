/** What a value in a reply says: the calls that can be read from it, in any of the usual spellings. */
import { FINISH } from '../step.js';
import { readLooseJson } from './loose-json.js';
import type { Repair } from './repairs.js';

/** A call as the model wrote it; its tool may not exist, its arguments may be wrong. */
export interface Proposal {
  readonly thought: string;
  /** As written. */
  readonly tool: string;
  readonly arguments: unknown;
  /** What was beside tool and arguments. */
  readonly beside: Bag;
  /** Whether arguments that are a text were in quotes that had ended. */
  readonly wasQuoted: boolean;
  /** Whether it is in a list of calls, of which the first is taken. */
  readonly inSequence: boolean;
  readonly repairs: ReadonlySet<Repair>;
}

export type Bag = Readonly<Record<string, unknown>>;

/** The tool of a name as a model writes it; null if there is none. finish is one. */
export type FindTool = (written: string) => string | null;

/** Keys that say why, in a step or beside arguments. */
export const THOUGHT_KEYS: readonly string[] =
  'thought thoughts thinking reasoning reason rationale explanation analysis comment'.split(' ');
const TOOL_KEYS: readonly string[] =
  'tool name tool_name toolName function function_name action recipient_name tool_call'.split(' ');
/** An object with one of these is meant as a call even if there is no such tool. */
const CERTAIN_TOOL_KEYS: readonly string[] = ['tool', 'tool_name', 'action'];
export const ARGUMENT_KEYS: readonly string[] = (
  'arguments args parameters params input action_input tool_input toolInput kwargs argument ' +
  'tool_args toolArgs tool_arguments tool_parameters function_args'
).split(' ');
/** Keys of an API's envelope. */
export const ENVELOPE_KEYS: readonly string[] = 'id type role index call_id tool_call_id status'.split(' ');
/** Lists of calls in their order, of which the first is taken. */
const SEQUENCES: readonly string[] = 'tool_calls toolCalls tool_uses function_calls actions calls'.split(' ');
/** Keys that wrap nothing but a step or a list of steps. */
const CERTAIN_WRAPPERS: readonly string[] = [
  ...'action step next_step next_action tool_call toolCall function_call functionCall function call'.split(' '),
  ...SEQUENCES,
];
/** The same where their value is an object: as a text they are a tool's name or a parameter. */
const WRAPPING_OBJECTS: readonly string[] = ['tool', 'command'];
const WRAPPERS: readonly string[] = [
  ...CERTAIN_WRAPPERS,
  ...'response reply result output content message json assistant tool tool_use properties'.split(' '),
];
const MAX_DEPTH = 6;

export const isBag = (value: unknown): value is Bag =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

interface Place {
  readonly thought: string;
  /** A value in JSON is whole. */
  readonly wasQuoted: true;
  readonly inSequence: boolean;
  readonly repairs: ReadonlySet<Repair>;
  readonly depth: number;
  /** Whether the value is that of the key action. */
  readonly inAction: boolean;
}

/** @param thought what was said before the value */
export function proposalsOf(value: unknown, find: FindTool, thought = ''): readonly Proposal[] {
  return within(value, find, {
    thought,
    wasQuoted: true,
    inSequence: false,
    repairs: new Set(),
    depth: 0,
    inAction: false,
  });
}

function within(value: unknown, find: FindTool, place: Place): readonly Proposal[] {
  if (place.depth > MAX_DEPTH) return [];
  const inner = { ...place, depth: place.depth + 1 };
  if (typeof value === 'string') {
    const repairs = new Set(place.repairs).add('json_text');
    const parsed = jsonText(value, repairs);
    return parsed === undefined ? [] : within(parsed, find, { ...inner, repairs });
  }
  if (Array.isArray(value))
    return value.flatMap((item) => within(item, find, withRepair(inner, place.inSequence ? null : 'list')));
  return isBag(value) ? ofBag(value, find, inner) : [];
}

function ofBag(given: Bag, find: FindTool, place: Place): readonly Proposal[] {
  const bag = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  const here = { ...place, thought: thoughtOf(bag) ?? place.thought };
  const direct = [...finishIn(bag, here), ...callIn(bag, find, here), ...namedIn(bag, find, here)];
  return [...direct, ...wrappedIn(bag, find, here, direct.length > 0)];
}

/** {finish: {…}}, {finish: "summary"} and {finish: true, summary, outputs}. */
function finishIn(bag: Bag, place: Place): readonly Proposal[] {
  const value = bag[FINISH];
  if (value === undefined || value === false) return [];
  const flat = value === true || value === '';
  const beside = without(bag, [FINISH, ...WRAPPERS, ...TOOL_KEYS, ...ARGUMENT_KEYS]);
  const repaired = isBag(value) ? place : withRepair(place, 'keys');
  return [{ ...repaired, tool: FINISH, arguments: flat ? beside : value, beside: flat ? {} : beside }];
}

/** {tool, arguments}, also under other names, with the arguments beside the tool, or as a call of an API. */
function callIn(bag: Bag, find: FindTool, place: Place): readonly Proposal[] {
  const named = TOOL_KEYS.filter((key) => typeof bag[key] === 'string' && /^\s*[^\s{[]/.test(bag[key]));
  const known = named.filter((key) => find(String(bag[key])) !== null);
  const written = ARGUMENT_KEYS.filter((key) => bag[key] !== undefined);
  const full = written.filter((key) => !isEmpty(bag[key]));
  const unknown = written.length > 0 ? named : named.filter((key) => CERTAIN_TOOL_KEYS.includes(key));
  // {type: NAME, arguments}; an API's own type is no tool.
  const typed = written.length > 0 && typeof bag['type'] === 'string' && find(bag['type']) !== null ? ['type'] : [];
  const keys = known.length > 0 ? known : typed.length > 0 ? typed : unknown.slice(0, 1);
  const tools = new Map(keys.map((key) => [find(String(bag[key])) ?? String(bag[key]), key]));
  return [...tools.values()].flatMap((key): readonly Proposal[] => {
    const tool = String(bag[key]);
    const beside = without(bag, [key, FINISH, ...written, ...named.filter((other) => !known.includes(other))]);
    if (written.length === 0) {
      const repair = Object.keys(beside).length > 0 ? 'keys' : null;
      return [{ ...withRepair(place, repair), tool, arguments: beside, beside: {} }];
    }
    const repair = key === 'tool' && full.every((one) => one === 'arguments') ? null : 'keys';
    const values = full.length === 0 ? [{}] : full.map((one) => bag[one]);
    return values.map((args) => {
      const written = withRepair(place, repair);
      const isText = typeof args === 'string' && /^\s*[{["]/.test(args);
      return { ...withRepair(written, isText ? 'json_text' : null), tool, arguments: args, beside };
    });
  });
}

/** {workspace_read: {path: …}} */
function namedIn(bag: Bag, find: FindTool, place: Place): readonly Proposal[] {
  return Object.entries(bag).flatMap(([key, value]): readonly Proposal[] => {
    if (key === FINISH || !isBag(value) || find(key) === null || WRAPPERS.includes(key)) return [];
    return [{ ...withRepair(place, 'keys'), tool: key, arguments: value, beside: {} }];
  });
}

/** @param besideCall whether the object is a call itself: then only what can be nothing but a call is another one */
function wrappedIn(bag: Bag, find: FindTool, place: Place, besideCall: boolean): readonly Proposal[] {
  const alone = Object.keys(without(bag, ENVELOPE_KEYS)).length === 1;
  const objects = WRAPPING_OBJECTS.filter((key) => isBag(bag[key]));
  const certain = besideCall || !alone ? [...CERTAIN_WRAPPERS, ...objects] : [...new Set([...WRAPPERS, ...objects])];
  const keys = certain.filter((key) => bag[key] !== undefined);
  return keys.flatMap((key) => {
    const value = bag[key];
    if (besideCall && typeof value === 'string') return [];
    const usual = key === 'action' && isBag(value) && !place.inAction;
    const inner = withRepair(place, usual ? null : 'wrapped');
    return within(value, find, { ...inner, inSequence: place.inSequence || SEQUENCES.includes(key), inAction: true });
  });
}

function thoughtOf(bag: Bag): string | null {
  const said = THOUGHT_KEYS.map((key) => bag[key]).find((value) => value !== undefined && value !== '');
  if (said !== undefined) return typeof said === 'string' ? said : JSON.stringify(said);
  const message = bag['content'];
  return typeof message === 'string' && SEQUENCES.some((key) => bag[key] !== undefined) ? message : null;
}

/** The bag without these keys, and without what says why. */
function without(bag: Bag, keys: readonly string[]): Bag {
  return Object.fromEntries(
    Object.entries(bag).filter(([key, value]) => !keys.includes(key) && (!THOUGHT_KEYS.includes(key) || isBag(value))),
  );
}

function withRepair(place: Place, repair: Repair | null): Place {
  return repair === null ? place : { ...place, repairs: new Set(place.repairs).add(repair) };
}

const isEmpty = (value: unknown): boolean => value === '' || (isBag(value) && Object.keys(value).length === 0);

/** The object or list that a whole text is; undefined if it is none. */
export function jsonText(text: string, repairs: Set<Repair>): unknown {
  const start = text.search(/\S/);
  if (!/[{["]/.test(text[start] ?? '')) return undefined;
  const read = readLooseJson(text, start, repairs);
  return read.kind === 'value' && text.slice(read.end).trim() === '' ? read.value : undefined;
}
