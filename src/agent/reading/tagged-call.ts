/**
 * Calls with a tag for each parameter: <function=NAME><parameter=KEY>…</parameter></function> (Qwen3-Coder,
 * Llama 3.1 with JSON inside), <invoke name="NAME"><parameter name="KEY">… (Claude, MiniMax, DeepSeek V3.2), and
 * <invoke name="NAME"><KEY>…</KEY> (MiniMax M3), <tool_call>NAME<arg_key>KEY</arg_key><arg_value>… (GLM 4.5,
 * LongCat, Ling 3, Hy3), and <|open|>call tool="NAME"<|sep|><|open|>argument key="KEY"<|sep|>… (Kimi K3).
 */
import { cut, FAILED, joined, match, startCursor, wrong, type Cursor, type Read } from './cursor.js';
import { readLooseJson, type Loose } from './loose-json.js';
import type { Repair } from './repairs.js';

interface Form {
  readonly open: RegExp;
  readonly close: RegExp;
  readonly key: RegExp;
  endOfValue(key: string): RegExp;
}

const always = (end: RegExp) => (): RegExp => end;

/** MiniCPM5 writes a value with < or & in it so. */
const CDATA = /<!\[CDATA\[/y;
const END_OF_CDATA = /\]\]>\s*<\/param>/gi;

const FORMS: readonly Form[] = [
  // MiniMax M3 names a parameter by its tag.
  {
    open: /<invoke\s+name="([\w.:/-]+)">(?=<(?!parameter>|param>)[A-Za-z_][\w-]*>)/y,
    close: /<\/invoke>/y,
    key: /<(?!parameter>|param>)([A-Za-z_][\w-]*)>/y,
    endOfValue: (key) => new RegExp(`</${key}>`, 'g'),
  },
  {
    open: /<(?:[\w-]+:|｜DSML｜)?(?:function|tool|invoke|tool_call)(?:=|\s+name\s*=\s*)["']?([\w.:/-]+)["']?\s*>/iy,
    close: /<\/(?:[\w-]+:|｜DSML｜)?(?:function|tool|invoke|tool_call)>/iy,
    key: /<(?:[\w-]+:|｜DSML｜)?(?:parameter|param)(?:=|\s+name\s*=\s*)["']?([\w.-]+)["']?(?:\s+[\w-]+="[^"]*")*\s*>/iy,
    endOfValue: always(/<\/(?:[\w-]+:|｜DSML｜)?(?:parameter|param)>/gi),
  },
  {
    open: /<(?:longcat_)?tool_call>\s*([A-Za-z_][\w.:/-]*)\s*(?=<(?:longcat_)?arg_key>|<\/(?:longcat_)?tool_call>)/iy,
    close: /<\/(?:longcat_)?tool_call>/iy,
    key: /<(?:longcat_)?arg_key>\s*([\w.-]+)\s*<\/(?:longcat_)?arg_key>\s*<(?:longcat_)?arg_value>/iy,
    endOfValue: always(/<\/(?:longcat_)?arg_value>/gi),
  },
  {
    open: /<tool_call(?::\w+)?>\s*([A-Za-z_][\w.:/-]*?)\s*<tool_sep(?::\w+)?>/iy,
    close: /<\/tool_call(?::\w+)?>/iy,
    key: /<arg_key(?::\w+)?>\s*([\w.-]+)\s*<\/arg_key(?::\w+)?>\s*<arg_value(?::\w+)?>/iy,
    endOfValue: always(/<\/arg_value(?::\w+)?>/gi),
  },
  {
    open: joined('', 'y', [
      /<\|open\|>call\s+tool="([\w.:/-]+)"(?:\s+[\w-]+="[^"]*")*<\|sep\|>/,
      /(?:<\|open\|>json\b[^<>|]*<\|sep\|>)?/,
    ]),
    close: /<\|close\|>call<\|sep\|>/y,
    key: /<\|open\|>argument\s+key="([\w.-]+)"(?:\s+[\w-]+="[^"]*")*<\|sep\|>/y,
    endOfValue: always(/<\|close\|>argument<\|sep\|>/g),
  },
];

/** A value that holds such tags itself: where it ends is not sure. */
const NESTED =
  /<(?:[\w-]+:|｜DSML｜|longcat_)?(?:parameter|param|function|invoke|arg_key|arg_value)[\s=>:]|<\|(?:open|close)\|>/i;

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
    const name = key[1] ?? '';
    cursor.at += key[0].length;
    const marked = key[0].startsWith('<param ') ? match(cursor, CDATA) : null;
    const start = cursor.at + (marked?.[0].length ?? 0);
    const ending = marked === null ? form.endOfValue(name) : END_OF_CDATA;
    ending.lastIndex = start;
    const end = ending.exec(cursor.text);
    if (!end) return cut(cursor, 'an argument');
    const value = cursor.text.slice(start, end.index);
    if ((marked === null ? NESTED : /<!\[CDATA\[/).test(value) || entries.has(name))
      return wrong(cursor, `it is not clear where the parameter ${name} ends`);
    entries.set(name, marked === null ? value.replace(/^\r?\n/, '').replace(/\r?\n$/, '') : value);
    cursor.at = end.index + end[0].length;
  }
}

function skipSpace(cursor: Cursor): void {
  cursor.at += match(cursor, /\s*/y)?.[0].length ?? 0;
}
