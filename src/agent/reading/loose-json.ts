/**
 * Reads one JSON value out of a text, also where it is only almost JSON. A parser and not a repair library: those
 * complete a text that was cut (jsonrepair, partial-json and the parsers of SDKs turn {"command":"rm -rf /workspace/
 * into a valid call). This one reads each value to its own closing bracket or quote and never adds text.
 */
import {
  cut,
  FAILED,
  match,
  skipBlank,
  startCursor,
  wrong,
  type Cursor,
  type Cut,
  type Read,
  type Wrong,
} from './cursor.js';
import { readBareText, readMarkedText, readNumber, readText, readWord } from './loose-scalars.js';
import type { Repair } from './repairs.js';

export type Loose = { readonly kind: 'value'; readonly value: unknown; readonly end: number } | Cut | Wrong;

/** Deeper values are no step, and a recursive parser must end. */
const MAX_DEPTH = 100;
/** Keys of a step or plan: an object in prose that begins with one of them, unquoted, was meant as JSON. */
const MEANT =
  /^(thought|action|tool|name|function|arguments|args|parameters|input|finish|summary|outputs|strategy|waves)$/;

/** Reads the value that begins at an index. Repairs are added to the set only if there is a value. */
export function readLooseJson(text: string, from: number, repairs: Set<Repair>): Loose {
  const cursor = startCursor(text, from);
  const value = readValue(cursor);
  if (cursor.fault !== null) return cursor.fault;
  for (const repair of cursor.repairs) repairs.add(repair);
  return { kind: 'value', value, end: cursor.at };
}

function readValue(cursor: Cursor): Read<unknown> {
  if (!skipBlank(cursor)) return FAILED;
  const first = cursor.text[cursor.at];
  if (first === undefined) return cut(cursor, 'an object or list');
  if (first === '{' || first === '[') {
    cursor.depth += 1;
    if (cursor.depth > MAX_DEPTH) return wrong(cursor, 'it is nested too deeply');
    const value = first === '{' ? readObject(cursor) : readList(cursor);
    cursor.depth -= 1;
    return value;
  }
  if (/["'`“”‘’]/.test(first)) return readText(cursor);
  if (first === '<') return readMarkedText(cursor);
  return /[-+.\d]/.test(first) ? readNumber(cursor) : readWord(cursor);
}

function readObject(cursor: Cursor): Read<unknown> {
  const entries = new Map<string, unknown>();
  cursor.at += 1;
  if (!skipBlank(cursor)) return FAILED;
  if (cursor.text[cursor.at] === '{') return readDoubled(cursor);
  for (let comma = true; ; ) {
    if (!skipBlank(cursor)) return FAILED;
    const next = cursor.text[cursor.at];
    if (next === undefined) return cut(cursor, 'an object');
    if (next === '}') {
      if (comma && entries.size > 0) cursor.repairs.add('trailing_comma');
      cursor.at += 1;
      return Object.fromEntries(entries);
    }
    if (!comma) {
      if (!/["'“”]/.test(next) || !/\s/.test(cursor.text[cursor.at - 1] ?? ''))
        return wrong(cursor, 'a comma or } is missing here');
      cursor.repairs.add('missing_comma');
    }
    if (readEntry(cursor, entries) === FAILED || !skipBlank(cursor)) return FAILED;
    comma = skipComma(cursor);
  }
}

/** {{…}}, as prompts write an object that a template must not fill in, and models that imitate them. */
function readDoubled(cursor: Cursor): Read<unknown> {
  cursor.depth += 1;
  if (cursor.depth > MAX_DEPTH) return wrong(cursor, 'it is nested too deeply');
  // The first word of two braces in prose need not be a key either.
  const inner = readObject(cursor);
  cursor.depth -= 1;
  if (inner === FAILED || !skipBlank(cursor)) return FAILED;
  if (cursor.at >= cursor.text.length) return cut(cursor, 'an object');
  if (cursor.text[cursor.at] !== '}') return wrong(cursor, 'an object begins with two braces and ends with one');
  cursor.at += 1;
  cursor.repairs.add('braces');
  return inner;
}

function readEntry(cursor: Cursor, entries: Map<string, unknown>): Read<true> {
  const quoted = /["'“”‘’]/.test(cursor.text[cursor.at] ?? '');
  // The first word of a brace in prose need not be a key. One in escaped quotes is, and what follows is no other value.
  const certain = quoted || match(cursor, /\\["']/y) !== null || entries.size > 0 || cursor.depth > 1;
  const key = quoted ? readText(cursor) : readKey(cursor, certain);
  if (key === FAILED || !skipBlank(cursor)) return FAILED;
  const meant = certain || MEANT.test(key);
  if (cursor.at >= cursor.text.length) return cut(cursor, 'an object');
  const colon = match(cursor, /:|=>/y);
  if (!colon) return wrong(cursor, `there is no colon after the key ${JSON.stringify(key.slice(0, 40))}`, meant);
  cursor.at += colon[0].length;
  const value = readBareText(cursor) ?? readValue(cursor);
  if (value === FAILED) return doubt(cursor, meant);
  if (entries.has(key) && JSON.stringify(entries.get(key)) !== JSON.stringify(value))
    return wrong(cursor, `the key ${JSON.stringify(key)} is there twice with different values`);
  entries.set(key, value);
  return true;
}

function readKey(cursor: Cursor, serious: boolean): Read<string> {
  const word = match(cursor, /[A-Za-z_$][\w$-]*/y);
  if (!word) return wrong(cursor, 'a key in double quotes is missing here', serious);
  cursor.at += word[0].length;
  cursor.repairs.add('quotes');
  return word[0];
}

function readList(cursor: Cursor): Read<unknown> {
  const items: unknown[] = [];
  cursor.at += 1;
  for (let comma = true; ; ) {
    if (!skipBlank(cursor)) return FAILED;
    const next = cursor.text[cursor.at];
    if (next === undefined) return cut(cursor, 'a list');
    if (next === ']') {
      if (comma && items.length > 0) cursor.repairs.add('trailing_comma');
      cursor.at += 1;
      return items;
    }
    // Two texts without a comma are one text in Python; two objects are two.
    if (!comma && next !== '{')
      return doubt(cursor, cursor.depth > 1 || isOpening(items[0]), 'a comma or ] is missing here');
    if (!comma) cursor.repairs.add('missing_comma');
    const item = readValue(cursor);
    // A bracket in prose, such as [x], need not be a list.
    if (item === FAILED) return doubt(cursor, cursor.depth > 1 || items.length > 0 || /[{["'“”]/.test(next));
    items.push(item);
    if (!skipBlank(cursor)) return FAILED;
    comma = skipComma(cursor);
  }
}

const isOpening = (item: unknown): boolean => typeof item === 'object' || typeof item === 'string';

function skipComma(cursor: Cursor): boolean {
  const comma = cursor.text[cursor.at] === ',';
  if (comma) cursor.at += 1;
  return comma;
}

/** The fault, which is not serious where the text need not have been meant as JSON. */
function doubt(cursor: Cursor, serious: boolean, what = 'a value is missing here'): typeof FAILED {
  if (cursor.fault === null) return wrong(cursor, what, serious);
  if (!serious) cursor.fault = { ...cursor.fault, serious: false };
  return FAILED;
}
