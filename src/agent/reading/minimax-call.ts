/**
 * MiniMax M3's calls. A token is before each tag, and a parameter's tag is its name:
 * NS<invoke name="TOOL">NS<KEY>…NS</KEY>NS</invoke>. Lists and objects are tags inside: NS<item> for each item of a
 * list.
 */
import { cut, FAILED, joined, match, wrong, type Cursor, type Read } from './cursor.js';
import type { Loose } from './loose-json.js';

const NS = /\]<\]minimax\[>\[\s*/;
const OPEN = joined('', 'y', [NS, /<invoke\s+name="([\w.:/-]+)">/]);
const CLOSE = joined('', 'y', [/\s*/, NS, /<\/invoke>/]);
const TAG = joined('', 'y', [/\s*/, NS, /<([A-Za-z_][\w-]*)>/]);
const NEXT = new RegExp(NS.source, 'g');
const MAX_DEPTH = 20;

/** The call that begins at the cursor; null if none begins there. */
export function readM3Call(cursor: Cursor): Loose | null {
  const open = match(cursor, OPEN);
  if (!open) return null;
  cursor.at += open[0].length;
  const args = readTags(cursor, CLOSE);
  if (cursor.fault !== null || args === FAILED) return cursor.fault;
  return { kind: 'value', value: { tool: open[1], arguments: args }, end: cursor.at };
}

/** The tags until an end. */
function readTags(cursor: Cursor, close: RegExp): Read<unknown> {
  const items: unknown[] = [];
  const entries = new Map<string, unknown>();
  cursor.depth += 1;
  if (cursor.depth > MAX_DEPTH) return wrong(cursor, 'it is nested too deeply');
  for (;;) {
    const end = match(cursor, close);
    if (end) {
      cursor.at += end[0].length;
      cursor.depth -= 1;
      if (items.length > 0 && entries.size > 0) return unclear(cursor, 'item');
      return items.length > 0 ? items : Object.fromEntries(entries);
    }
    const tag = match(cursor, TAG);
    if (!tag) return missing(cursor);
    const name = tag[1] ?? '';
    cursor.at += tag[0].length;
    const value = readValue(cursor, name);
    if (value === FAILED) return FAILED;
    if (name === 'item' && cursor.depth > 1) items.push(value);
    else if (entries.has(name)) return unclear(cursor, name);
    else entries.set(name, value);
  }
}

/** Text, of which every character counts, or tags. */
function readValue(cursor: Cursor, name: string): Read<unknown> {
  const close = joined('', 'y', [/\s*/, NS, new RegExp(`</${name}>`)]);
  if (match(cursor, TAG)) return readTags(cursor, close);
  NEXT.lastIndex = cursor.at;
  const next = NEXT.exec(cursor.text);
  if (!next) return cut(cursor, 'an argument');
  const text = cursor.text.slice(cursor.at, next.index);
  cursor.at = next.index;
  const end = match(cursor, close);
  if (!end) return isCut(cursor, `</${name}>`) ? cut(cursor, 'an argument') : unclear(cursor, name);
  cursor.at += end[0].length;
  return text;
}

function missing(cursor: Cursor): typeof FAILED {
  return isCut(cursor, '</invoke>') || match(cursor, joined('', 'y', [/\s*/, NS, /<[\w-]*$/]))
    ? cut(cursor, 'a call')
    : wrong(cursor, 'there is something else between the parameters of the call');
}

/** Whether the text ends inside the token and a tag. */
function isCut({ text, at }: Cursor, tag: string): boolean {
  return `]<]minimax[>[${tag}`.startsWith(text.slice(at).replaceAll(/\s/g, ''));
}

function unclear(cursor: Cursor, name: string): typeof FAILED {
  return wrong(cursor, `it is not clear where the parameter ${name} ends`);
}
