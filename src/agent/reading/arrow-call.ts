/**
 * Calls with arguments like a command's, of MiniMax M2 where its server gives it no template for calls
 * (lmstudio-bug-tracker #1177): {tool => "NAME", args => {--KEY VALUE --KEY VALUE}}. The values are JSON. Those without
 * dashes, {tool => "NAME", args => {KEY: VALUE}}, are almost JSON (loose-json.ts).
 */
import { cut, FAILED, joined, match, startCursor, wrong, type Cursor, type Read } from './cursor.js';
import { readLooseJson, type Loose } from './loose-json.js';
import type { Repair } from './repairs.js';

const HEAD = joined('', 'iy', [
  /\{\s*["']?(?:tool|name|function)["']?\s*(?:=>|:)\s*["']?([\w.:/-]+)["']?\s*,\s*/,
  /["']?(?:args|arguments|parameters|params|input)["']?\s*(?:=>|:)\s*\{(?=\s*--[A-Za-z_])/,
]);
const FIRST_KEY = /\s*--([A-Za-z_][\w-]*)(?:\s+|\s*=\s*)/y;
/** Space is before it: --a "x"--b "y" may be one text with quotes inside. */
const NEXT_KEY = /\s+--([A-Za-z_][\w-]*)(?:\s+|\s*=\s*)/y;

/** The call that begins at the cursor as {tool, arguments}; null if none begins there. */
export function readArrowCall({ text, at }: Cursor, repairs: Set<Repair>): Loose | null {
  const cursor = startCursor(text, at);
  const head = match(cursor, HEAD);
  if (!head) return null;
  cursor.at += head[0].length;
  const args = readArguments(cursor, repairs);
  if (args === FAILED || !closes(cursor)) return cursor.fault;
  return { kind: 'value', value: { tool: head[1], arguments: args }, end: cursor.at };
}

function readArguments(cursor: Cursor, repairs: Set<Repair>): Read<Readonly<Record<string, unknown>>> {
  const entries = new Map<string, unknown>();
  for (let key = match(cursor, FIRST_KEY); key !== null; key = match(cursor, NEXT_KEY)) {
    const name = key[1] ?? '';
    cursor.at += key[0].length;
    const read = readLooseJson(cursor.text, cursor.at, repairs);
    if (read.kind !== 'value') {
      cursor.fault = { ...read, serious: true };
      return FAILED;
    }
    if (entries.has(name)) return wrong(cursor, `the argument ${name} is there twice`);
    entries.set(name, read.value);
    cursor.at = read.end;
  }
  return closes(cursor) ? Object.fromEntries(entries) : FAILED;
}

/** Moves behind a closing brace; else the call is cut if the text ends here or inside a key, or wrong. */
function closes(cursor: Cursor): boolean {
  cursor.at += match(cursor, /\s*/y)?.[0].length ?? 0;
  if (cursor.text[cursor.at] === '}') {
    cursor.at += 1;
    return true;
  }
  if (/^(?:-[\w-]*\s*=?)?\s*$/.test(cursor.text.slice(cursor.at))) cut(cursor, 'a call');
  else wrong(cursor, 'only --KEY VALUE, with the value as JSON, may be in the arguments of this call');
  return false;
}
