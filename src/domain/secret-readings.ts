/** Ways to read a text in which a secret may be spelled otherwise, and what it is in a text that was read so. */
import { decodeText, type DecodedText } from './decoded-text.js';
import { base64FormsOf, hexFormsOf, turned } from './secret-forms.js';

export interface Reading {
  /** What the text reads as, once for each encoding that is inside of another one; none: it reads as it is. */
  read(text: string): readonly DecodedText[];
  formsOf(secret: string): readonly string[];
}

/** One character as two digits for each byte of its UTF-8, or for its code, each behind the same beginning. */
const bytes = (begin: RegExp): readonly string[] => [
  `${begin.source}[c-fC-F][\\da-fA-F](?:${begin.source}[89abAB][\\da-fA-F]){1,3}`,
  `${begin.source}[\\da-fA-F]{2}`,
];

/** One character as URLs, XML and HTML, programs (JSON, C, Python, git, shells) and quotes of a shell spell it. */
const KINDS = {
  url: bytes(/%/),
  markup: [/&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|lt|gt|quot|apos|amp);/.source],
  backslash: [
    ...bytes(/\\x/),
    /\\[01][0-7]{2}|\\3[0-7]{2}(?:\\2[0-7]{2}){1,3}/.source,
    /\\u(?:[\da-fA-F]{4}|\{[\da-fA-F]{1,6}\})/.source,
    /\\[^\dac-eg-mo-qsu-zA-Z\n\r]/.source,
  ],
  // '"'"' or '\''.
  quotes: [/'(?:"'"|\\')'/.source],
} as const satisfies Readonly<Record<string, readonly string[]>>;

const ofKinds = (...kinds: readonly (keyof typeof KINDS)[]): RegExp =>
  new RegExp(kinds.flatMap((kind) => KINDS[kind]).join('|'), 'g');
const EVERY_ESCAPE = ofKinds('quotes', 'url', 'markup', 'backslash');
const URL_ESCAPE = ofKinds('url');
const MARKUP_ESCAPE = ofKinds('markup');
const BACKSLASH_ESCAPE = ofKinds('backslash');
const QUOTES_ESCAPE = ofKinds('quotes');

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
const LETTERS: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

function unescaped(escape: string): string {
  if (escape.startsWith("'")) return "'";
  if (escape.startsWith('&')) return ofEntity(escape.slice(1, -1));
  if (escape.startsWith('%')) return ofBytes(escape.split('%'), 16);
  if (escape.startsWith('\\x')) return ofBytes(escape.split('\\x'), 16);
  if (escape.startsWith('\\u')) return ofCode(Number.parseInt(escape.replaceAll(/[\\u{}]/g, ''), 16));
  if (/^\\\d/.test(escape)) return ofBytes(escape.split('\\'), 8);
  return LETTERS[escape.slice(1)] ?? escape.slice(1);
}

/** @param parts the first is empty, each other one is a byte; a single byte is the code of its character */
function ofBytes([, ...parts]: readonly string[], base: 8 | 16): string {
  const codes = parts.map((part) => Number.parseInt(part, base));
  return codes.length === 1 ? ofCode(codes[0] ?? 0) : Buffer.from(codes).toString('utf8');
}

const ofCode = (code: number): string => (code <= 0x10_ff_ff ? String.fromCodePoint(code) : '');

function ofEntity(name: string): string {
  if (!name.startsWith('#')) return ENTITIES[name] ?? '';
  return ofCode(/^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1)));
}

/** Such as a shell's text in JSON that is a string in JSON. */
const MOST_LEVELS = 4;

/** The text with each escape read, and that again, as long as there are some. */
function levelsOf(text: string, escapes: RegExp, most: number): readonly DecodedText[] {
  const levels: DecodedText[] = [];
  while (levels.length < most) {
    const outer = levels.at(-1);
    const level = decodeText(outer?.text ?? text, escapes, unescaped);
    if (level === null) break;
    levels.push(outer === undefined ? level : within(outer, level));
  }
  return levels;
}

/** Escapes of one kind only, as they are and in a text of JSON. */
function kindsApart(text: string): readonly DecodedText[] {
  const apart = (given: string) =>
    [URL_ESCAPE, MARKUP_ESCAPE, QUOTES_ESCAPE].flatMap((escapes) => levelsOf(given, escapes, 2));
  const inJson = levelsOf(text, BACKSLASH_ESCAPE, 3);
  return [
    ...apart(text),
    ...inJson,
    ...inJson.slice(0, 1).flatMap((json) => apart(json.text).map((one) => within(json, one))),
  ];
}

/** Read as an escape, a character of the secret itself would be lost. */
const LIKE_ESCAPES = /[%&\\]/;

const within = (outer: DecodedText, inner: DecodedText): DecodedText => ({
  text: inner.text,
  originOf: (start, end) => outer.originOf(...inner.originOf(start, end)),
});

function joined(text: string, separators: RegExp): readonly DecodedText[] {
  const read = decodeText(text, separators, () => '');
  return read === null ? [] : [read];
}

/** base64 breaks its lines; a text of JSON has those as escapes. */
const BETWEEN_LINES = /(?<=[\w+/-])(?:\r?\n|(?:\\{1,3}r)?\\{1,3}n)[ \t]*(?=[\w+/-])/g;
/** xxd -p breaks its lines, od has spaces, openssl colons, and C has 0x before each byte. */
const BETWEEN_BYTES = /(?<=[\da-f])(?:[\s:,-]|\\{1,3}[nrt]|\\{1,3}x|0x)+(?=[\da-f])/g;

const lowerDigits = (text: string): string => text.replaceAll(/[A-F]+/g, (digits) => digits.toLowerCase());

export const READINGS: readonly Reading[] = [
  { read: (text) => levelsOf(text, EVERY_ESCAPE, MOST_LEVELS), formsOf: turned },
  { read: kindsApart, formsOf: (secret) => (LIKE_ESCAPES.test(secret) ? turned(secret) : []) },
  { read: (text) => joined(text, BETWEEN_LINES), formsOf: base64FormsOf },
  { read: (text) => joined(lowerDigits(text), BETWEEN_BYTES), formsOf: (secret) => hexFormsOf(secret).slice(0, 1) },
];
