/**
 * Calls with a tag for each parameter: <function=NAME><parameter=KEY>…</parameter></function> (Qwen3-Coder,
 * Llama 3.1 with JSON inside), <invoke name="NAME"><parameter name="KEY">… (Claude, MiniMax, DeepSeek V3.2), and
 * <tool_call>NAME<arg_key>KEY</arg_key><arg_value>… (GLM 4.5, LongCat).
 */
import { cut, FAILED, match, startCursor, wrong, type Cursor, type Read } from './cursor.js';
import { readLooseJson, type Loose } from './loose-json.js';
import type { Repair } from './repairs.js';

interface Form {
  readonly open: RegExp;
  readonly close: RegExp;
  readonly key: RegExp;
  readonly endOfValue: RegExp;
}

const FORMS: readonly Form[] = [
  {
    open: /<(?:[\w-]+:|｜DSML｜)?(?:function|tool|invoke|tool_call)(?:=|\s+name\s*=\s*)["']?([\w.:/-]+)["']?\s*>/iy,
    close: /<\/(?:[\w-]+:|｜DSML｜)?(?:function|tool|invoke|tool_call)>/iy,
    key: /<(?:[\w-]+:|｜DSML｜)?(?:parameter|param)(?:=|\s+name\s*=\s*)["']?([\w.-]+)["']?(?:\s+[\w-]+="[^"]*")*\s*>/iy,
    endOfValue: /<\/(?:[\w-]+:|｜DSML｜)?(?:parameter|param)>/gi,
  },
  {
    open: /<(?:longcat_)?tool_call>\s*([A-Za-z_][\w.:/-]*)\s*(?=<(?:longcat_)?arg_key>|<\/(?:longcat_)?tool_call>)/iy,
    close: /<\/(?:longcat_)?tool_call>/iy,
    key: /<(?:longcat_)?arg_key>\s*([\w.-]+)\s*<\/(?:longcat_)?arg_key>\s*<(?:longcat_)?arg_value>/iy,
    endOfValue: /<\/(?:longcat_)?arg_value>/gi,
  },
];

/** A value that holds such tags itself: where it ends is not sure. */
const NESTED = /<(?:[\w-]+:|｜DSML｜|longcat_)?(?:parameter|param|function|invoke|arg_key|arg_value)[\s=>]/i;

/** The call that begins at the cursor as {tool, arguments}, all its parameters texts; null if none begins there. */
export function readTaggedCall({ text, at }: Cursor, repairs: Set<Repair>): Loose | null {
  const cursor = startCursor(text, at);
  for (const form of FORMS) {
    const open = match(cursor, form.open);
    if (!open) continue;
    cursor.at += open[0].length;
    skipSpace(cursor);
    if (text[cursor.at] === '{') {
      const read = readLooseJson(text, cursor.at, repairs);
      return read.kind === 'value' ? { ...read, value: { tool: open[1], arguments: read.value } } : read;
    }
    const args = readParameters(cursor, form);
    if (cursor.fault !== null || args === FAILED) return cursor.fault;
    return { kind: 'value', value: { tool: open[1], arguments: args }, end: cursor.at };
  }
  return null;
}

function readParameters(cursor: Cursor, form: Form): Read<Readonly<Record<string, string>>> {
  const entries = new Map<string, string>();
  for (;;) {
    skipSpace(cursor);
    const close = match(cursor, form.close);
    if (close) {
      cursor.at += close[0].length;
      return Object.fromEntries(entries);
    }
    const key = match(cursor, form.key);
    if (!key) {
      const rest = cursor.text.slice(cursor.at);
      return rest === '' || /^<[^<>]*$/.test(rest)
        ? cut(cursor, 'a call')
        : wrong(cursor, 'there is something else between the parameters of the call');
    }
    form.endOfValue.lastIndex = cursor.at + key[0].length;
    const end = form.endOfValue.exec(cursor.text);
    if (!end) return cut(cursor, 'an argument');
    const value = cursor.text.slice(cursor.at + key[0].length, end.index);
    const name = key[1] ?? '';
    if (NESTED.test(value) || entries.has(name))
      return wrong(cursor, `it is not clear where the parameter ${name} ends`);
    entries.set(name, value.replace(/^\r?\n/, '').replace(/\r?\n$/, ''));
    cursor.at = end.index + end[0].length;
  }
}

function skipSpace(cursor: Cursor): void {
  cursor.at += match(cursor, /\s*/y)?.[0].length ?? 0;
}
