/**
 * Calls as Python writes them: [NAME(key="value", …), …] alone on its lines (Llama 3.2 and 4, OLMo), or behind a
 * mark: a block or an element of tool_code (Gemma, Gemini), <|python_tag|> (Llama 3.1), <|python_start|> (Llama 4),
 * <|tool_call_start|> (LFM2) and <function_calls>, with one call in each line (OLMo 3). Only arguments with names and
 * literal values can be read without doubt.
 */
import { cut, FAILED, match, startCursor, wrong, type Cursor, type Cut, type Read, type Wrong } from './cursor.js';
import { readLooseJson, type Loose } from './loose-json.js';
import type { Repair } from './repairs.js';

interface PythonCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export type PythonCalls =
  | { readonly kind: 'calls'; readonly calls: readonly PythonCall[]; readonly end: number }
  | Cut
  | Wrong;

const MARK = /```tool_code[ \t]*\r?\n\s*|<tool_code>\s*|<\|(?:python_(?:tag|start)|tool_call_start)\|>\s*/iy;
const LINES = /<function_calls>\s*(?=[A-Za-z_][\w.]*[ \t]*\()/y;
const CALL = /([A-Za-z_][\w.]*)[ \t]*\(/y;
/** What may follow a list of calls on its line. */
const END_OF_LINE = /[ \t]*(?:\r?\n|$|<|`)/y;

/** The calls that begin at the cursor; null if none begin there. */
export function readPythonCalls({ text, at }: Cursor, repairs: Set<Repair>): PythonCalls | null {
  const cursor = startCursor(text, at);
  const lines = match(cursor, LINES);
  const mark = lines ?? match(cursor, MARK);
  cursor.at += mark?.[0].length ?? 0;
  const inList =
    text[cursor.at] === '[' && /\[\s*[A-Za-z_][\w.]*[ \t]*\(/y.test(text.slice(cursor.at, cursor.at + 200));
  if (mark === null && !(inList && isAtLineStart(text, at))) return null;
  if (!inList && !match(cursor, /(?:print[ \t]*\([ \t]*)?[A-Za-z_][\w.]*[ \t]*\(/y)) return null;
  const calls =
    lines !== null ? readLines(cursor, repairs) : inList ? readList(cursor, repairs) : readOne(cursor, repairs);
  if (calls === FAILED) return mark === null && cursor.fault?.kind === 'wrong' ? null : cursor.fault;
  if (mark === null && !match(cursor, END_OF_LINE)) return null;
  return { kind: 'calls', calls, end: cursor.at };
}

/** The one call that begins there as {tool, arguments}. */
export function readPythonCall(text: string, at: number, repairs: Set<Repair>): Loose {
  const cursor = startCursor(text, at);
  const calls = readOne(cursor, repairs);
  if (calls !== FAILED) return { kind: 'value', value: calls[0], end: cursor.at };
  return cursor.fault ?? { kind: 'wrong', at, what: 'it is no call', serious: false };
}

/** More than any tags before a call, so that a long line with many brackets is not read again for each of them. */
const MOST_BEFORE = 1000;

/** Whether only blanks and tags are before it in its line. */
function isAtLineStart(text: string, at: number): boolean {
  const from = Math.max(0, at - MOST_BEFORE);
  const before = text.slice(from, at);
  const line = before.lastIndexOf('\n') + 1;
  return (line > 0 || from === 0) && /^[ \t]*(?:<[^<>\n]{0,60}>[ \t]*)*$/.test(before.slice(line));
}

function readList(cursor: Cursor, repairs: Set<Repair>): Read<readonly PythonCall[]> {
  const calls: PythonCall[] = [];
  cursor.at += 1;
  for (;;) {
    skipSpace(cursor);
    if (cursor.text[cursor.at] === ']' && calls.length > 0) {
      cursor.at += 1;
      return calls;
    }
    if (calls.length > 0 && !skip(cursor, ',')) return endOr(cursor, 'a comma or ] is missing here');
    skipSpace(cursor);
    const call = readCall(cursor, repairs);
    if (call === FAILED) return FAILED;
    calls.push(call);
  }
}

/** Calls until something else follows. */
function readLines(cursor: Cursor, repairs: Set<Repair>): Read<readonly PythonCall[]> {
  const calls: PythonCall[] = [];
  while (match(cursor, /\s*[A-Za-z_]/y)) {
    skipSpace(cursor);
    const call = readCall(cursor, repairs);
    if (call === FAILED) return FAILED;
    calls.push(call);
  }
  return calls;
}

/** One call, which print(…) may be around. */
function readOne(cursor: Cursor, repairs: Set<Repair>): Read<readonly PythonCall[]> {
  const print = match(cursor, /print[ \t]*\([ \t]*(?=[A-Za-z_][\w.]*[ \t]*\()/y);
  cursor.at += print?.[0].length ?? 0;
  const call = readCall(cursor, repairs);
  if (call === FAILED) return FAILED;
  skipSpace(cursor);
  return print === null || skip(cursor, ')') ? [call] : endOr(cursor, 'a ) is missing here');
}

function readCall(cursor: Cursor, repairs: Set<Repair>): Read<PythonCall> {
  const head = match(cursor, CALL);
  if (!head) return endOr(cursor, 'a call is missing here');
  cursor.at += head[0].length;
  const entries = new Map<string, unknown>();
  for (let comma = true; ; comma = skip(cursor, ',')) {
    skipSpace(cursor);
    if (skip(cursor, ')'))
      return { tool: (head[1] ?? '').replace(/\.call$/, ''), arguments: Object.fromEntries(entries) };
    const key = comma ? match(cursor, /([A-Za-z_]\w*)\s*=(?!=)\s*/y) : null;
    if (!key) return endOr(cursor, 'the arguments of a call must be NAME=VALUE');
    cursor.at += key[0].length;
    const name = key[1] ?? '';
    const read = readLooseJson(cursor.text, cursor.at, repairs);
    if (read.kind !== 'value') {
      cursor.fault = read;
      return FAILED;
    }
    if (entries.has(name)) return wrong(cursor, `the argument ${name} is there twice`);
    entries.set(name, read.value);
    cursor.at = read.end;
    skipSpace(cursor);
  }
}

function skip(cursor: Cursor, character: string): boolean {
  const found = cursor.text[cursor.at] === character;
  if (found) cursor.at += 1;
  return found;
}

function skipSpace(cursor: Cursor): void {
  cursor.at += match(cursor, /\s*/y)?.[0].length ?? 0;
}

/** Cut if the text ends here, or inside a name; else wrong. */
function endOr(cursor: Cursor, what: string): typeof FAILED {
  return /^[\w.\s]*=?\s*$/.test(cursor.text.slice(cursor.at)) ? cut(cursor, 'a call') : wrong(cursor, what);
}
