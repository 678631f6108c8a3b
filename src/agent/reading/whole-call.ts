/**
 * A call by its tool's name alone: NAME and the JSON of its arguments on the next line, or NAME(key="value") as Python
 * writes it. Nothing but the name says that it is one, so it counts only where it is the whole reply, and its tool
 * exists: the same in prose only speaks of the tool.
 */
import { match, startCursor, type Cursor } from './cursor.js';
import { readLooseJson, type Loose } from './loose-json.js';
import { readPythonCall } from './python-call.js';
import type { Repair } from './repairs.js';

/** Whether a name that a model has written is a tool's. */
export type IsTool = (written: string) => boolean;

const WITH_JSON =
  /\s*[`*"]{0,3}([A-Za-z_][\w.:/-]{0,127}?)[`*"]{0,3}:?[`*"]{0,3}[ \t]*\r?\n\s*(?:```\w*[ \t]*\r?\n\s*)?(?=\{)/y;
const AS_PYTHON = /\s*(?:```(?:python|py)?[ \t]*\r?\n\s*)?(?=(?:print[ \t]*\([ \t]*)?([A-Za-z_][\w.]{0,127})[ \t]*\()/y;
/** The end of a block, and tokens that end a reply; without the blanks at its end. */
const END = /^\s*(?:`{3,}\s*)?(?:(?:<\|\w+\|>|<\/s>)\s*)*$/;
/** Keys of a whole step, which is read as one wherever it is. */
const OF_A_STEP = /^(?:action|tool|tool_name|tool_calls|function|finish|arguments|parameters|args)$/;

export const isStepLike = (value: unknown): boolean => Object.keys(Object(value)).some((key) => OF_A_STEP.test(key));

/** Whether a tool's name is there as such a call begins; cheap, unlike reading it. */
export const mayBeWholeCall = (cursor: Cursor, isTool: IsTool): boolean =>
  isTool(match(cursor, WITH_JSON)?.[1] ?? '') || isTool(match(cursor, AS_PYTHON)?.[1] ?? '');

/** The call that all of the text behind the cursor is; null: it is none. */
export function readWholeCall({ text, at }: Cursor, repairs: Set<Repair>, isTool: IsTool): Loose | null {
  const cursor = startCursor(text, at);
  const used = new Set<Repair>();
  const read = withJson(cursor, used, isTool) ?? asPython(cursor, used, isTool);
  if (read?.kind !== 'value') return read;
  if (!END.test(withoutBlanksAtEnd(text.slice(read.end)))) return null;
  for (const repair of used) repairs.add(repair);
  return { ...read, end: text.length };
}

/** By hand: a regular expression would look for the end from each blank. */
function withoutBlanksAtEnd(text: string): string {
  let end = text.length;
  while (end > 0 && /[\s\0]/.test(text[end - 1] ?? '')) end -= 1;
  return text.slice(0, end);
}

function withJson(cursor: Cursor, repairs: Set<Repair>, isTool: IsTool): Exclude<Loose, { kind: 'wrong' }> | null {
  const head = match(cursor, WITH_JSON);
  const tool = head?.[1] ?? '';
  if (!head || !isTool(tool)) return null;
  const read = readLooseJson(cursor.text, cursor.at + head[0].length, repairs);
  if (read.kind !== 'value') return orNone(read);
  return isStepLike(read.value) ? null : { ...read, value: { tool, arguments: read.value } };
}

function asPython(cursor: Cursor, repairs: Set<Repair>, isTool: IsTool): Exclude<Loose, { kind: 'wrong' }> | null {
  const head = match(cursor, AS_PYTHON);
  if (!head || !isTool(head[1] ?? '')) return null;
  const read = readPythonCall(cursor.text, cursor.at + head[0].length, repairs);
  return orNone(read);
}

/** What is no JSON and no Python may be anything; what was cut was meant as a call. */
const orNone = (read: Loose): Exclude<Loose, { kind: 'wrong' }> | null => (read.kind === 'wrong' ? null : read);
