/** Reads a call with a tag for each parameter, in any of the forms of tag-forms.ts. */
import { isJson } from '../../domain/json-object.js';
import { cut, FAILED, match, startCursor, wrong, type Cursor, type Read } from './cursor.js';
import { readLooseJson, type Loose } from './loose-json.js';
import { readM3Call } from './minimax-call.js';
import type { Repair } from './repairs.js';
import { keyOf, TAG_FORMS, type Key, type TagForm, type TaggedCall, type Written } from './tag-forms.js';

/** MiniCPM5 writes a value with < or & in it so. */
const CDATA = /<!\[CDATA\[/y;
const END_OF_CDATA = /\]\]>\s*<\/param>/gi;

/** The call that begins at the cursor as {tool, arguments}, its parameters mostly texts; null if none begins there. */
export function readTaggedCall({ text, at }: Cursor, repairs: Set<Repair>): Loose | null {
  const m3 = readM3Call(startCursor(text, at));
  if (m3 !== null) return m3;
  for (const form of TAG_FORMS) {
    const call = readCallOf(form, startCursor(text, at), repairs);
    if (call !== null) return call;
  }
  return null;
}

/** The call in one form that begins at the cursor; null if none begins there. */
export function readCallOf(form: TagForm, cursor: Cursor, repairs: Set<Repair>): Loose | null {
  const { text, at } = cursor;
  const open = match(cursor, form.open);
  if (!open) return null;
  const tool = open.groups?.['tool'] ?? '';
  cursor.at += open[0].length;
  const json = match(cursor, /\s*(?=\{)/y);
  if (json) return readArgumentsOf(tool, text, cursor.at + json[0].length, repairs);
  const args = readParameters(cursor, form, text.slice(0, at));
  if (cursor.fault !== null || args === FAILED) return cursor.fault;
  return { kind: 'value', value: { tool, arguments: args }, end: cursor.at };
}

/** The JSON that begins there as the arguments of a call: {tool, arguments}. */
export function readArgumentsOf(tool: string, text: string, at: number, repairs: Set<Repair>): Loose {
  const read = readLooseJson(text, at, repairs);
  return read.kind === 'value' ? { ...read, value: { tool, arguments: read.value } } : read;
}

function readParameters(cursor: Cursor, form: TagForm, before: string): Read<Readonly<Record<string, unknown>>> {
  const written: Written[] = [];
  for (;;) {
    const onOwnLine = match(cursor, /[ \t]*\r?\n\s*/y) !== null;
    skipSpace(cursor);
    const close = match(cursor, form.close);
    if (close) {
      cursor.at += close[0].length;
      return valuesOf(cursor, form, { before, parameters: written });
    }
    const found = match(cursor, form.key);
    if (!found) return missing(cursor);
    const key = keyOf(found);
    cursor.at += found[0].length;
    const text = readText(cursor, form, key);
    if (text === FAILED) return FAILED;
    if (written.some((one) => one.key.name === key.name)) return unclear(cursor, key.name);
    written.push({ key, onOwnLine, ...text });
  }
}

function readText(cursor: Cursor, form: TagForm, key: Key): Read<Pick<Written, 'text' | 'isMarked'>> {
  const marked = key.element === 'param' && !key.assigned ? match(cursor, CDATA) : null;
  const start = cursor.at + (marked?.[0].length ?? 0);
  const ending = marked === null ? form.endOfValue(key) : END_OF_CDATA;
  ending.lastIndex = start;
  const end = ending.exec(cursor.text);
  if (!end) return marked === null ? endless(cursor, key.name) : cut(cursor, 'an argument');
  const text = cursor.text.slice(start, end.index);
  if ((marked === null ? form.nested : /<!\[CDATA\[/).test(text)) return unclear(cursor, key.name);
  cursor.at = end.index + end[0].length;
  return { text, isMarked: marked !== null };
}

function valuesOf(cursor: Cursor, form: TagForm, call: TaggedCall): Read<Readonly<Record<string, unknown>>> {
  const last = call.parameters.at(-1);
  // The last value held its own end tags: more of it is behind the call.
  if (last !== undefined && endsAgain(cursor, form, last.key)) return unclear(cursor, last.key.name);
  const entries: [string, unknown][] = [];
  for (const one of call.parameters) {
    const { key, text } = one;
    if (key.type === 'unclear') return wrong(cursor, `it is not clear whether the parameter ${key.name} is a text`);
    if (key.type === 'json' && !one.isMarked && hasEqualKeys(text))
      return wrong(cursor, `a key is written twice in the parameter ${key.name}`);
    const value = one.isMarked ? text : key.type === 'json' ? jsonOr(text) : form.valueOf(one, call);
    if (value === null && key.type === 'text')
      return wrong(cursor, `it is not clear whether the last line break of the parameter ${key.name} is part of it`);
    entries.push([key.name, value]);
  }
  return Object.fromEntries(entries);
}

/** A value that its tag calls JSON, or the text that it is instead. */
function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parsers of these forms take it as a text too; whether a parameter may be one is checked with its tool.
    return text;
  }
}

/** Whether two keys of one object in a JSON text are the same: JSON.parse takes the last one without a word. */
function hasEqualKeys(text: string): boolean {
  const read = readLooseJson(text, text.search(/\S/), new Set());
  return read.kind === 'wrong' && isJson(text);
}

/** Whether a parameter ends behind the call without having begun there. */
function endsAgain({ text, at }: Cursor, form: TagForm, key: Key): boolean {
  const ending = form.endOfValue(key);
  ending.lastIndex = at;
  const end = ending.exec(text);
  if (!end) return false;
  const between = text.slice(at, end.index);
  return !new RegExp(form.key.source, form.key.flags.replace('y', '')).test(between);
}

/** Cut if the text ends here or inside a tag; else wrong. */
function missing(cursor: Cursor): typeof FAILED {
  const rest = cursor.text.slice(cursor.at);
  return rest === '' || /^<[^<>]*$/.test(rest)
    ? cut(cursor, 'a call')
    : wrong(cursor, 'there is something else between the parameters of the call');
}

/** A call whose own end is there was not cut: the parameter's is missing. */
function endless(cursor: Cursor, name: string): typeof FAILED {
  return /<\/[^<>]*(?:function|invoke|tool_calls?|function_calls?)(?::\w+)?\s*>\s*$/i.test(cursor.text.slice(cursor.at))
    ? wrong(cursor, `the parameter ${name} has no tag that ends it`)
    : cut(cursor, 'an argument');
}

function unclear(cursor: Cursor, name: string): typeof FAILED {
  return wrong(cursor, `it is not clear where the parameter ${name} ends`);
}

function skipSpace(cursor: Cursor): void {
  cursor.at += match(cursor, /\s*/y)?.[0].length ?? 0;
}
