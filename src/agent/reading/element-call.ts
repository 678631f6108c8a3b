/**
 * A call in elements that name its tool: <NAME>{…}</NAME>, <NAME><command>…</command></NAME>, <name>NAME</name>{…}.
 * Such elements may be anything else, so the tool must exist, and the element must end.
 */
import { cut, joined, match, startCursor, type Cursor } from './cursor.js';
import { readLooseJson, type Loose } from './loose-json.js';
import type { Repair } from './repairs.js';
import { elementForm } from './tag-forms.js';
import { readArgumentsOf, readCallOf } from './tagged-call.js';
import { isStepLike, type IsTool } from './whole-call.js';

const ELEMENT = /<([A-Za-z_][\w.-]*)>/y;
const NAMED = joined('', 'iy', [
  /<(name|tool_name|function|function_name|tool)>\s*([\w.:/-]+)\s*<\/\1>\s*/,
  /(?:<(?:arguments|parameters|args|input|params)>\s*)?(?=\{)/,
]);
/**
 * The call that begins at the cursor as {tool, arguments}; null if none begins there. Behind a call in prose, such as
 * one that the model says it must not make, the sentence continues: it is none. Nor is what is no JSON, which may be
 * anything.
 */
export function readElementCall(cursor: Cursor, repairs: Set<Repair>, isTool: IsTool): Loose | null {
  const read = readElement(cursor, repairs, isTool);
  if (read?.kind === 'wrong') return read.serious ? read : null;
  if (read?.kind !== 'value') return read;
  const behind = cursor.text.slice(read.end, read.end + MOST_BLANKS);
  return /^\s*(?:[<`[{]|$)/.test(behind) ? read : null;
}

/** Enough for empty lines; behind more of them something else begins. */
const MOST_BLANKS = 1_000;

function readElement({ text, at }: Cursor, repairs: Set<Repair>, isTool: IsTool): Loose | null {
  const cursor = startCursor(text, at);
  const named = match(cursor, NAMED);
  if (named) {
    const name = named[2] ?? '';
    return isTool(name) ? readArgumentsOf(name, text, at + named[0].length, repairs) : null;
  }
  const element = match(cursor, ELEMENT);
  const tool = element?.[1] ?? '';
  if (!element || !isTool(tool)) return null;
  cursor.at += element[0].length;
  const blank = match(cursor, /\s*(?=\{)/y);
  if (blank) {
    cursor.at += blank[0].length;
    return inElement(cursor, tool, repairs);
  }
  cursor.at = at;
  return match(cursor, new RegExp(`<${tool}>\\s*<[A-Za-z_][\\w-]*>`, 'y'))
    ? readCallOf(elementForm(tool), cursor, repairs)
    : null;
}

/** JSON with the element's end behind it. A whole step inside is read as one. */
function inElement(cursor: Cursor, tool: string, repairs: Set<Repair>): Loose | null {
  const read = readLooseJson(cursor.text, cursor.at, repairs);
  if (read.kind !== 'value') return read;
  if (isStepLike(read.value)) return null;
  cursor.at = read.end;
  const end = match(cursor, new RegExp(`\\s*</${tool}>`, 'y'));
  if (end) return { kind: 'value', value: { tool, arguments: read.value }, end: cursor.at + end[0].length };
  if (!/^\s*(?:<[^<>]*)?$/.test(cursor.text.slice(cursor.at))) return null;
  cut(cursor, 'a call');
  return cursor.fault;
}
