/**
 * What has the form of a secret. A pattern has a beginning that only secrets have, so that ordinary text stays as it
 * is; hashes, ids and base64 text without such a beginning are none. Repetitions have an upper bound, for texts may
 * come from strangers: the time grows with the length of the text.
 */

/** What takes the place of something that was redacted. */
export const mark = (what: string): string => `[redacted: ${what}]`;
const MARK = /\[redacted: ([a-z ]+)\]/;

/** Whether something was redacted in the text, here or before. */
export const isRedacted = (text: string): boolean => MARK.test(text);

/** What the first redacted place of the text was; null: nothing was redacted. */
export const firstRedacted = (text: string): string | null => MARK.exec(text)?.[1] ?? null;

/** How often something was redacted in the text. */
export const countMarks = (text: string): number => text.split(MARK_SPLIT).length - 1;
const MARK_SPLIT = new RegExp(MARK.source.replace('(', '(?:'));

/** The text without what has the form of a secret. */
export function redactPatterns(text: string): string {
  let redacted = text;
  for (let pass = 0; pass < MOST_PASSES; pass += 1) {
    const before = redacted;
    redacted = redactPrivateKeys(before);
    for (const { what, signs, expression } of PATTERNS)
      if (signs.some((sign) => redacted.includes(sign)))
        redacted = redacted.replace(expression, (...found) => `${beforeOf(found.at(-1))}${mark(what)}`);
    if (redacted === before) break;
  }
  return redacted;
}

/** Behind what was redacted another secret may begin; a text that is made of them is not read again and again. */
const MOST_PASSES = 4;

/** The group `before` of a match; replace() gives groups last, and the whole text where there are none. */
function beforeOf(groups: unknown): string {
  return typeof groups === 'object' && groups !== null && 'before' in groups ? String(groups.before) : '';
}

interface Pattern {
  readonly what: string;
  /** One of them is in each text that it matches: looking for them is much faster than trying the expression. */
  readonly signs: readonly string[];
  /** Global; a group `before` is kept. */
  readonly expression: RegExp;
}

/** No letter or digit, but the end of a line as a JSON text has it, of a colour, or of a character in a URL. */
const BEFORE = String.raw`(?:(?<![A-Za-z0-9])|(?<=\\[nrt]|%[0-9A-Fa-f]{2}|(?:\x1b|\\u001[bB])\[[0-9;]{0,20}[A-Za-z]))`;

/**
 * @param signs what a token begins with, or has at its beginning
 * @param beginning the same as an expression, behind no letter or digit
 */
const token = (
  what: string,
  signs: string,
  beginning: string,
  least: number,
  characters = '[A-Za-z0-9_-]',
): Pattern => ({
  what,
  signs: signs.split(' '),
  expression: new RegExp(`${BEFORE}${beginning}${characters}{${least},}`, 'g'),
});
const WORD = '[A-Za-z0-9]';

/** A pattern for the value after a name; the name is kept. */
const valueOf = (name: string, value: string): RegExp => new RegExp(`(?<before>${name})${value}`, 'gi');

/** Of a key or a value, also in a JSON text that is in another one. */
const QUOTE = String.raw`(?:\\{0,3}["'])?`;

const URL_USER = String.raw`:\/\/(?<=[a-z0-9+.-]:\/\/)[^\s:@/"'<>$[\]]{0,100}:`;
/** A variable, a placeholder, a pattern, a port before another part of the URL, or the tag of an image. */
const NO_PASSWORD =
  String.raw`(?![<{(]|\$[A-Za-z_{(]|%[a-z_]+%?@|%(?![0-9a-f]{2})|\*+@|\d{1,5}[?#,;]|` +
  String.raw`[\w.-]{1,100}@sha256:)`;
/** It may have an @ that is not encoded. */
const PASSWORD = String.raw`[^\s@/"'${'`'}<>\\[\]{}]{1,200}(?:@[^\s@/?#:"'${'`'}<>\\[\]{}]{1,100}){0,3}`;

/** By the vendors' documentation of their keys; what they say of lengths are lower bounds here. */
const PATTERNS: readonly Pattern[] = [
  token('anthropic key', 'sk-ant-', 'sk-ant-', 16),
  token('langfuse key', 'sk-lf-', 'sk-lf-', 16),
  // With a digit: words may follow sk- too.
  token('openai key', 'sk-', '(?=sk-[A-Za-z_-]{0,200}[0-9])sk-(?:proj-|svcacct-|admin-)?', 20),
  token('stripe key', 'sk_ rk_', '[sr]k_(?:live|test)_', 16, WORD),
  token('aws key id', 'AKIA ASIA', '(?:AKIA|ASIA)', 16, '[A-Z2-7]'),
  token('github token', 'ghp_ gho_ ghs_ ghu_ ghr_ github_pat_', '(?:gh[opsur]_|github_pat_)', 20, String.raw`\w`),
  token('gitlab token', 'glpat- gldt- glrt- glcbt- glptt- glft- glsoat-', 'gl(?:pat|dt|rt|cbt|ptt|ft|soat)-', 16),
  token('slack token', 'xox xapp-', '(?:xox[abeoprs]|xapp)-', 10, '[A-Za-z0-9-]'),
  token('slack webhook', 'hooks.slack.com', String.raw`hooks\.slack\.com/(?:services|workflows)/`, 20, '[A-Za-z0-9/]'),
  token('google key', 'AIza', 'AIza', 35),
  token('google token', 'ya29.', String.raw`ya29\.`, 20, '[A-Za-z0-9_.-]'),
  token('huggingface token', 'hf_', 'hf_', 20, WORD),
  token('npm token', 'npm_', 'npm_', 30, WORD),
  token('pypi token', 'pypi-', 'pypi-', 50),
  token('sendgrid key', 'SG.', String.raw`SG\.[A-Za-z0-9_-]{16,64}\.`, 16),
  token('vault token', 'hvs. hvb. hvr.', String.raw`hv[sbr]\.`, 20),
  token('digitalocean token', 'dop_ doo_ dor_', 'do[opr]_v1_', 40, '[0-9a-f]'),
  token('telegram token', ':AA', String.raw`\d{8,10}:AA`, 33),
  token('groq key', 'gsk_', 'gsk_', 20, WORD),
  token('xai key', 'xai-', 'xai-', 20, WORD),
  token('nvidia key', 'nvapi-', 'nvapi-', 20),
  token('replicate token', 'r8_', 'r8_', 30, WORD),
  token('docker token', 'dckr_pat_', 'dckr_pat_', 16),
  token('shopify token', 'shpat_', 'shpat_', 20, WORD),
  token('google secret', 'GOCSPX-', 'GOCSPX-', 16),
  token('atlassian token', 'ATATT3x', 'ATATT3x', 40, '[A-Za-z0-9_=-]'),
  token('webhook secret', 'whsec_', 'whsec_', 16, '[A-Za-z0-9+/=]'),
  token('azure key', 'AccountKey=', 'AccountKey=', 40, '[A-Za-z0-9+/=]'),
  token('age key', 'AGE-SECRET-KEY-', 'AGE-SECRET-KEY-1', 50, '[A-Z0-9]'),
  token('json web token', 'eyJ', String.raw`eyJ[A-Za-z0-9_-]{8,1024}\.eyJ[A-Za-z0-9_-]{8,2048}\.`, 8),
  {
    what: 'aws secret key',
    signs: ['secret_access_key', 'SECRET_ACCESS_KEY', 'ecretAccessKey'],
    expression: valueOf(
      `(?:secret_access_key|secretaccesskey)${QUOTE}\\s{0,3}[=:]\\s{0,3}${QUOTE}`,
      '[A-Za-z0-9/+=]{40}',
    ),
  },
  {
    what: 'authorization',
    signs: ['uthorization', 'UTHORIZATION'],
    expression: valueOf(
      `authorization${QUOTE}\\s{0,3}[:=]\\s{0,3}\\[?${QUOTE}(?:bearer|basic|token|apikey)\\s{1,3}`,
      String.raw`(?![a-z]+(?:[ ,]|\.(?:\s|$)))[A-Za-z0-9._~+/=-]{8,4096}`,
    ),
  },
  {
    what: 'authorization',
    signs: ['-api-key', '-Api-Key', '-API-KEY'],
    expression: valueOf(`x-api-key${QUOTE}\\s{0,3}[:=]\\s{0,3}${QUOTE}`, '[A-Za-z0-9._~+/=-]{8,4096}'),
  },
  {
    what: 'password',
    signs: ['://'],
    expression: new RegExp(`(?<before>${URL_USER})${NO_PASSWORD}${PASSWORD}(?=@)`, 'gi'),
  },
];

const LEAST_KEY_TEXT = 16;
const KEY_LINE = /-----(BEGIN|END) (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;
/** Lines that may be between the first line and the key's text; line ends also as a JSON text has them. */
const KEY_HEADERS = new RegExp(
  String.raw`(?:(?:\r?\n|\\r|\\n)[ \t]*(?:Proc-Type|DEK-Info|Version|Comment): [^\r\n\\"]{0,200}){0,20}`,
  'y',
);
const KEY_CHARACTER = /[A-Za-z0-9+/=\r\n \t]/;

/** Keys in PEM, also without their first or last line: outputs are cut. */
function redactPrivateKeys(text: string): string {
  if (!text.includes('PRIVATE KEY')) return text;
  const parts: string[] = [];
  let kept = 0;
  for (const { index, 0: line, 1: side } of text.matchAll(KEY_LINE)) {
    if (index < kept) continue; // The end of the key before it.
    const from = side === 'BEGIN' ? index : beginningOf(text, index, kept);
    const end = side === 'BEGIN' ? endOf(text, index + line.length) : index + line.length;
    // A command that looks for such a line, or code that makes one, has no key.
    const body = text.slice(from, end).replaceAll(/-----[^-]*-----|\\[nr]|\s/g, '');
    if (body.length < LEAST_KEY_TEXT) continue;
    parts.push(text.slice(kept, from), mark('private key'));
    kept = end;
  }
  return `${parts.join('')}${text.slice(kept)}`;
}

/** Behind the key's text and its last line, if that follows. Character by character: a text may have millions. */
function endOf(text: string, from: number): number {
  KEY_HEADERS.lastIndex = from;
  let end = from + (KEY_HEADERS.exec(text)?.[0].length ?? 0);
  for (;;) {
    const char = text[end] ?? '';
    const isEscaped = char === '\\' && (text[end + 1] === 'n' || text[end + 1] === 'r');
    if (isEscaped) end += 2;
    else if (char !== '' && KEY_CHARACTER.test(char) && (!/[ \t]/.test(char) || isIndent(text, end))) end += 1;
    else break;
  }
  const last = /^-----END [A-Z0-9 ]{0,60}PRIVATE KEY(?: BLOCK)?-----/.exec(text.slice(end, end + 120));
  return end + (last?.[0].length ?? 0);
}

/** Whether the space is at the beginning of a line: one behind a word ends the key. */
const isIndent = (text: string, at: number): boolean =>
  /(?:[\r\n \t]|\\[nr])$/.test(text.slice(Math.max(0, at - 2), at));

/** Where the base64 text before a last line begins. */
function beginningOf(text: string, end: number, least: number): number {
  let at = end;
  while (at > least) {
    const before = text.slice(at - 2, at);
    if (/^\\[nr]$/.test(before) && text[at - 3] !== '\\') at -= 2;
    else if (/[A-Za-z0-9+/=\r\n]$/.test(before)) at -= 1;
    else break;
  }
  return Math.max(at, least);
}

/** What all marks say. */
export const EVERY_MARK = ['private key', ...PATTERNS.map(({ what }) => what)].join(' ');
