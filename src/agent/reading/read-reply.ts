/**
 * Reads exactly one step or plan from a model's reply, or says why there is none, for the model. It takes what can be
 * read without doubt, whatever wraps it, and never completes a text that was cut.
 */
import { isJson } from '../../domain/json-object.js';
import type { ChatReply, NativeCall } from '../../ports/model.js';
import { endsInside, faultText } from './refusal-text.js';
import type { Repair } from './repairs.js';
import { scan, type Scan } from './scan.js';
import type { IsTool } from './whole-call.js';

export type ReadingFault =
  | 'empty'
  | 'cut'
  | 'not_json'
  | 'ambiguous'
  | 'nothing'
  | 'unknown_tool'
  | 'arguments'
  | 'rules';

export interface Refused {
  readonly ok: false;
  readonly fault: ReadingFault;
  /** For the model: what is wrong and what to do differently. */
  readonly reason: string;
}

export type Reading<T> =
  | {
      readonly ok: true;
      readonly value: T;
      /** What was changed to read it, in the order of REPAIRS. */
      readonly repairs: readonly Repair[];
      /** Tools of further calls of the reply, which do not run. */
      readonly notRun: readonly string[];
    }
  | Refused;

/** A step or plan that part of a reply says. */
export interface Candidate<T> {
  /** Equal for two that mean the same. */
  readonly key: string;
  /** For people and models: the tool. */
  readonly label: string;
  /** Whether it is in a list of calls, of which the first is taken. */
  readonly inSequence: boolean;
  readonly result: { readonly ok: true; readonly value: T; readonly repairs: ReadonlySet<Repair> } | Refused;
}

/** What a reply is read for. */
export interface Wanted<T> {
  readonly noun: 'step' | 'plan';
  /** One line: what a reply must look like. */
  readonly form: string;
  /** Whether a name that a model has written is a tool's; absent: there are no tools. */
  readonly isTool?: IsTool;
  /** @param before what was said before the value */
  fromValue(value: unknown, before: string): readonly Candidate<T>[];
  /** What a call says: more than one if it is a list of calls itself. @param said the reply's text */
  fromCall(call: NativeCall, said: string): readonly Candidate<T>[];
}

type Replied = Pick<ChatReply, 'text' | 'toolCalls' | 'ending'>;

export function readReply<T>(reply: Replied, wanted: Wanted<T>): Reading<T> {
  const repairs = new Set<Repair>();
  const calls = reply.toolCalls ?? [];
  if (reply.ending?.kind === 'cut') {
    const { why, detail } = reply.ending;
    const atLimit = why === 'output_limit' || why === 'context_full';
    if (!atLimit || calls.length > 0 || !isWholeObject(reply.text)) return refused('cut', endsInside(detail, why));
    repairs.add('cut_after');
  }
  if (calls.length > 0) return fromCalls(calls, reply.text, wanted);
  if (withoutBlanks(reply.text) === '') return refused('empty', `the reply is empty; ${wanted.form}`);
  const found = scan(reply.text, repairs, wanted.isTool);
  if (found.fault) return { ok: false, ...faultText(found.fault, reply.text, wanted.form) };
  return choose(candidatesIn(found, wanted), repairs, wanted, found.fragments.length > 0);
}

/** Calls in an API's own form, which come in order: the first is taken. */
function fromCalls<T>(calls: readonly NativeCall[], text: string, wanted: Wanted<T>): Reading<T> {
  const found = scan(text, new Set(), wanted.isTool);
  const [candidate, ...others] = calls.flatMap((call, index) => wanted.fromCall(call, index === 0 ? found.before : ''));
  if (candidate === undefined) return refused('empty', `the reply is empty; ${wanted.form}`);
  const written = found.fault === null ? candidatesIn(found, wanted).filter(({ result }) => result.ok) : [];
  const keys = [candidate, ...others].map(({ key }) => key);
  if (written.some(({ key }) => !keys.includes(key)))
    return refused(
      'ambiguous',
      `the reply's text says another ${wanted.noun} than its tool call; reply with one of them`,
    );
  return candidate.result.ok
    ? { ...candidate.result, repairs: [...candidate.result.repairs], notRun: others.map(({ label }) => label) }
    : candidate.result;
}

function candidatesIn<T>({ fragments, before }: Scan, wanted: Wanted<T>): readonly Candidate<T>[] {
  return fragments.flatMap(({ value, call }) =>
    wanted.fromValue(value, before).map((one) => ({ ...one, inSequence: one.inSequence || call })),
  );
}

/** The only candidate, or the first of a list of calls if nothing else is there. */
function choose<T>(
  candidates: readonly Candidate<T>[],
  repairs: ReadonlySet<Repair>,
  { noun, form }: Wanted<T>,
  isJson: boolean,
): Reading<T> {
  const distinct = candidates.filter((one, index) => candidates.findIndex(({ key }) => key === one.key) === index);
  const [first, ...others] = distinct;
  if (first === undefined)
    return isJson
      ? refused('nothing', `the reply has no ${noun} in it; ${form}`)
      : refused('not_json', `the reply is not JSON; ${form}`);
  if (others.length > 0 && !distinct.every((one) => one.inSequence)) {
    const labels = [...new Set(distinct.map(({ label }) => label))].join(', ');
    return refused('ambiguous', `the reply has ${distinct.length} different ${noun}s in it (${labels}); ${form}`);
  }
  if (!first.result.ok) return first.result;
  const repeated: readonly Repair[] = candidates.length > distinct.length ? ['repeated'] : [];
  const all = new Set<Repair>([...repairs, ...first.result.repairs, ...repeated]);
  // A single item of a list of calls is the usual form of such a list.
  return { ok: true, value: first.result.value, repairs: [...all], notRun: others.map(({ label }) => label) };
}

/** Whether a text is one JSON object from its first to its last character: nothing of it can be missing. */
function isWholeObject(text: string): boolean {
  return text.trimStart().startsWith('{') && isJson(text);
}

const withoutBlanks = (text: string): string => text.replaceAll(/[\s\0-\x20\u200B\uFEFF]/g, '');

const refused = (fault: ReadingFault, reason: string): Refused => ({ ok: false, fault, reason });
