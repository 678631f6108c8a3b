/**
 * A call in elements that name its tool: <NAME>{…}</NAME>, <NAME><command>…</command></NAME>, <name>NAME</name>{…}.
 * Such elements may be anything else, so the tool must exist, and the element must end.
 */
import { cut, joined, match, startCursor, type Cursor } from './cursor.js';
import { readLooseJson, type Loose } from './loose-json.js';
import type { Repair } from './repairs.js';
import { elementForm } from './tag-forms.js';
import { readCallOf } from './tagged-call.js';
import { isStepLike, type IsTool } from './whole-call.js';

const ELEMENT = /<([A-Za-z_][\w.-]*)>/y;
const NAMED = joined('', 'iy', [
  /<(name|tool_name|function|function_name|tool)>\s*([\w.:/-]+)\s*<\/\1>\s*/,
  /(?:<(?:arguments|parameters|args|input|params)>\s*)?(?=\{)/,
]);
/** The call that begins at the cursor as {tool, arguments}; null if none begins there. */
export function readElementCall({ text, at }: Cursor, repairs: Set<Repair>, isTool: IsTool): Loose | null {
  const cursor = startCursor(text, at);
  const named = match(cursor, NAMED);
  if (named)
    return isTool(named[2] ?? '') ? alone(text, withArguments(cursor, named[0], named[2] ?? '', repairs)) : null;
  const element = match(cursor, ELEMENT);
  const tool = element?.[1] ?? '';
  if (!element || !isTool(tool)) return null;
  cursor.at += element[0].length;
  const blank = match(cursor, /\s*(?=\{)/y);
  if (blank) {
    cursor.at += blank[0].length;
    return alone(text, inElement(cursor, tool, repairs));
  }
  cursor.at = at;
  return match(cursor, new RegExp(`<${tool}>\\s*<[A-Za-z_][\\w-]*>`, 'y'))
    ? alone(text, readCallOf(elementForm(tool), cursor, repairs))
    : null;
}

/**
 * Behind a call in prose, such as one that the model says it must not make, the sentence continues: it is none. Nor is
 * what no JSON is, which may be anything.
 */
function alone(text: string, read: Loose | null): Loose | null {
  if (read?.kind === 'wrong' && !read.serious) return null;
  return read?.kind === 'value' && !/^\s*(?:[<`[{]|$)/.test(text.slice(read.end, read.end + MOST_BLANKS)) ? null : read;
}

/** Enough for empty lines; behind more of them something else begins. */
const MOST_BLANKS = 1_000;

function withArguments(cursor: Cursor, head: string, tool: string, repairs: Set<Repair>): Loose {
  const read = readLooseJson(cursor.text, cursor.at + head.length, repairs);
  return read.kind === 'value' ? { ...read, value: { tool, arguments: read.value } } : read;
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
