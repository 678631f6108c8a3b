/** Texts, numbers and words of almost-JSON. */
import { cut, FAILED, match, wrong, type Cursor, type Read } from './cursor.js';

/** By opening quote: what a text may hold up to its closing one, and the closing one. */
const QUOTES: Readonly<Record<string, { readonly part: RegExp; readonly close: string }>> = {
  '"': { part: /[^"\\]*/y, close: '"' },
  "'": { part: /[^'\\]*/y, close: "'" },
  '`': { part: /[^`\\]*/y, close: '`' },
  '“': { part: /[^“”\\]*/y, close: '”' },
  '”': { part: /[^“”\\]*/y, close: '”' },
  '‘': { part: /[^‘’\\]*/y, close: '’' },
  '’': { part: /[^‘’\\]*/y, close: '’' },
};
/** Nothing escapes a curved quote: what looks like a comment behind one, with another in it, may be the text's rest. */
const COMMENT_OR_REST = /[ \t]*(?:#|\/\/|\/\*)[^\n]*[“”‘’]/y;
const TRIPLE = /"""|'''/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** A text in any quotes, up to its closing one. */
export function readText(cursor: Cursor): Read<string> {
  const triple = match(cursor, TRIPLE);
  if (triple) return readTriple(cursor, triple[0]);
  const quote = QUOTES[cursor.text[cursor.at] ?? ''];
  if (!quote) return wrong(cursor, 'a text in double quotes is missing here');
  if (quote.close !== '"') cursor.repairs.add('quotes');
  cursor.at += 1;
  let markdown: number | null = null;
  for (let text = ''; ; ) {
    const part = match(cursor, quote.part)?.[0] ?? '';
    text += part;
    noteControls(cursor, part);
    cursor.at += part.length;
    const next = cursor.text[cursor.at];
    if (next === undefined) return cut(cursor, 'a text');
    if (next !== '\\') {
      // Markdown's escape of a name; in any other text the backslash may be meant.
      if (markdown !== null && !/^\w+$/.test(text)) {
        cursor.at = markdown;
        return noEscape(cursor, '_');
      }
      if (next !== quote.close) return wrong(cursor, `it is not clear where a text ends that has ${next} in it`);
      cursor.at += 1;
      if (/[”’]/.test(quote.close) && match(cursor, COMMENT_OR_REST))
        return wrong(cursor, 'it is not clear where a text in curved quotes ends; use double quotes');
      return quote.close === '`' && text.includes('${') ? wrong(cursor, '${…} in a text cannot be read') : text;
    }
    if (match(cursor, /\\_/y)) markdown ??= cursor.at;
    const character = readEscape(cursor);
    if (character === FAILED) return FAILED;
    text += character;
  }
}

/** A text in three quotes, as Python has it. */
function readTriple(cursor: Cursor, quotes: string): Read<string> {
  const end = cursor.text.indexOf(quotes, cursor.at + 3);
  if (end === -1) return cut(cursor, 'a text');
  const text = cursor.text.slice(cursor.at + 3, end);
  if (text.includes('\\')) return wrong(cursor, `a text in ${quotes} with a backslash cannot be read for sure`);
  if (cursor.text[end + 3] === quotes[0]) return wrong(cursor, `it is not clear where the text in ${quotes} ends`);
  cursor.repairs.add('quotes');
  cursor.at = end + 3;
  return text;
}

/** A text between two tokens that Gemma writes for quotes. */
export function readMarkedText(cursor: Cursor): Read<string> {
  const token = match(cursor, /<escape>|<\|"\|>/y)?.[0];
  if (token === undefined) return wrong(cursor, 'a value is missing here');
  const end = cursor.text.indexOf(token, cursor.at + token.length);
  if (end === -1) return cut(cursor, 'a text');
  const text = cursor.text.slice(cursor.at + token.length, end);
  noteControls(cursor, text);
  cursor.repairs.add('quotes');
  cursor.at = end + token.length;
  return text;
}

function noteControls({ repairs }: Cursor, part: string): void {
  if (/[\0-\x1f]/.test(part)) repairs.add('control_characters');
}

function readEscape(cursor: Cursor): Read<string> {
  const escape = match(cursor, /\\(?:u([\da-fA-F]{4})|x([\da-fA-F]{2})|([^]))/y);
  const [whole, unicode, hex, letter] = escape ?? [];
  // The end of the text inside an escape: \, \u12 or \x4.
  if (whole === undefined || match(cursor, /\\(?:u[\da-fA-F]{0,3}|x[\da-fA-F]?)$/y)) return cut(cursor, 'a text');
  const code = unicode ?? hex;
  const character = code === undefined ? (ESCAPES[letter ?? ''] ?? (/['_]/.test(letter ?? '') ? letter : null)) : null;
  if (code === undefined && (character === null || character === undefined)) return noEscape(cursor, letter);
  if (hex !== undefined || /['_]/.test(letter ?? '')) cursor.repairs.add('escapes');
  cursor.at += whole.length;
  return character ?? String.fromCharCode(Number.parseInt(code ?? '', 16));
}

const noEscape = (cursor: Cursor, letter: string | undefined): typeof FAILED =>
  wrong(cursor, `\\${letter} is no escape of JSON; write \\\\ for a backslash`);

export function readNumber(cursor: Cursor): Read<number> {
  const found = match(cursor, /[-+.\w]+/y)?.[0] ?? '';
  if (cursor.at + found.length >= cursor.text.length) return cut(cursor, 'a number');
  if (!/^-?(0|[1-9]\d*)(\.\d+)?(e[-+]?\d+)?$/i.test(found)) {
    if (!/^[-+]?((0|[1-9]\d*)\.?|(0|[1-9]\d*)?\.\d+)$/.test(found))
      return wrong(cursor, `${found.slice(0, 40)} is no number; write texts in double quotes`);
    cursor.repairs.add('numbers');
  }
  cursor.at += found.length;
  return Number(found);
}

const WORDS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };
const PYTHON: Readonly<Record<string, boolean | null>> = { True: true, False: false, None: null };

/** Words that are no text in some language. */
const NO_TEXT = /^(true|false|null|none|nil|undefined|nan|infinity)$/i;

/** One word without quotes that is all of a key's value; null: there is something else. */
export function readBareText(cursor: Cursor): string | null {
  const [whole = '', word = ''] = match(cursor, /\s*([A-Za-z_][\w.-]*)(?=\s*[,}])/y) ?? [];
  if (word === '' || NO_TEXT.test(word)) return null;
  cursor.at += whole.length;
  cursor.repairs.add('quotes');
  return word;
}

export function readWord(cursor: Cursor): Read<boolean | null> {
  const word = match(cursor, /[A-Za-z_$][\w$.-]*/y)?.[0] ?? '';
  if (word !== '' && cursor.at + word.length >= cursor.text.length) return cut(cursor, 'a value');
  if (Object.hasOwn(PYTHON, word)) cursor.repairs.add('literals');
  else if (!Object.hasOwn(WORDS, word))
    return wrong(cursor, `a value is missing here, or it is a text without double quotes`);
  cursor.at += word.length;
  return WORDS[word] ?? PYTHON[word] ?? null;
}
