/** A configured secret in the spellings of programs: encoded by real ones' rules, it is redacted as a whole. */
import fc from 'fast-check';
import { createRedactor } from '../../src/domain/redaction.js';

const MARKED = '[redacted: configured secret]';
const hex = (text: string, encoding: 'utf8' | 'latin1' = 'utf8') =>
  Buffer.from(text, encoding).toString('hex').match(/../g) ?? [];
const everyChar = (text: string, code: (char: string) => string) => [...text].map(code).join('');
const special = (text: string, code: (char: string) => string) => text.replaceAll(/[^\da-zA-Z]/gu, code);
const codeOf = (char: string) => char.codePointAt(0) ?? 0;
const percent = (text: string) =>
  everyChar(text, (char) =>
    hex(char)
      .map((byte) => `%${byte}`)
      .join(''),
  );
const NAMES: Readonly<Record<string, string>> = { '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos', '&': 'amp' };
const entities = (text: string) => text.replaceAll(/[<>"'&]/g, (char) => `&${NAMES[char]};`);
const inLines = (text: string, width: number, end: string) =>
  text.match(new RegExp(`.{1,${width}}`, 'g'))?.join(end) ?? '';

/** What the whole of a secret becomes. */
const SPELLINGS: Readonly<Record<string, (secret: string) => string>> = {
  'a URL': encodeURIComponent,
  'a URL, in small letters': (secret) => encodeURIComponent(secret).replaceAll(/%../g, (code) => code.toLowerCase()),
  'a whole URL': encodeURI,
  'a URL in a URL': (secret) => encodeURIComponent(encodeURIComponent(secret)),
  'a form': (secret) => new URLSearchParams({ x: secret }).toString().slice(2),
  'a URL with every character encoded': percent,
  XML: entities,
  'XML in XML': (secret) => entities(entities(secret)),
  'XML by numbers': (secret) => special(secret, (char) => `&#${codeOf(char)};`),
  'HTML by hexadecimal numbers': (secret) => special(secret, (char) => `&#x${codeOf(char).toString(16)};`),
  'a shell, between quotes': (secret) => secret.replaceAll("'", String.raw`'\''`),
  'a shell, between quotes of both kinds': (secret) => secret.replaceAll("'", `'"'"'`),
  'a shell, with backslashes': (secret) => special(secret, (char) => `\\${char}`),
  'SQL or YAML': (secret) => secret.replaceAll("'", "''"),
  Python: (secret) => secret.replaceAll(/['\\]/g, (char) => `\\${char}`),
  'bytes of Python': (secret) =>
    everyChar(secret, (char) =>
      hex(char)
        .map((byte) => `\\x${byte}`)
        .join(''),
    ),
  'octal numbers, as git has names': (secret) =>
    everyChar(secret, (char) =>
      [...Buffer.from(char)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''),
    ),
  'JSON with every character escaped': (secret) =>
    secret
      .split('')
      .map((unit) => `\\u${codeOf(unit).toString(16).padStart(4, '0')}`)
      .join(''),
  'JavaScript with every character escaped': (secret) =>
    everyChar(secret, (char) => `\\u{${codeOf(char).toString(16)}}`),
  JSON: (secret) => JSON.stringify(secret).slice(1, -1),
  'JSON in JSON': (secret) => JSON.stringify(JSON.stringify(secret).slice(1, -1)).slice(1, -1),
  'xxd -p': (secret) => inLines(hex(secret).join(''), 14, '\n'),
  'od -An -tx1': (secret) => inLines(hex(secret).join(' '), 12, '\n'),
  openssl: (secret) => hex(secret).join(':').toUpperCase(),
  C: (secret) => hex(secret).join(', 0x'),
  rev: (secret) => [...secret].toReversed().join(''),
};

const CHARACTERS = 'abzAZ059_-.~!*()\'"`$&<>?=%#@:;,/\\|+^ {}[]äß€漢😀';

/** Of eight characters or more, none of which is a space at an end: the redactor looks for what is between. */
const secrets = fc
  .array(fc.constantFrom(...CHARACTERS), { minLength: 8, maxLength: 40 })
  .map((chars) => chars.join('').trim())
  .filter((secret) => secret.length >= 8 && !MARKED.includes(secret));

const RUNS = { numRuns: 150 };

describe.each(Object.entries(SPELLINGS))('a configured secret as in %s', (_, spell) => {
  test('is redacted, and what is beside it stays', () => {
    fc.assert(
      fc.property(secrets, (secret) => {
        const redact = createRedactor([secret]);
        expect(redact(`key=${spell(secret)};\n`)).toContain(MARKED);
        const once = redact(`(${spell(secret)})`);
        expect(once).toContain(MARKED);
        expect(once).not.toContain(spell(secret));
        expect(redact(once)).toBe(once);
      }),
      RUNS,
    );
  });

  test('is redacted in a text of JSON, which stays one', () => {
    fc.assert(
      fc.property(secrets, (secret) => {
        const text = JSON.stringify({ command: `say "${spell(secret)}"\n` });
        const redacted = createRedactor([secret])(text);
        expect(redacted).toContain(MARKED);
        expect(Object.keys(JSON.parse(redacted))).toEqual(['command']);
      }),
      // Between quotes of both kinds, its beginning comes before an escaped quote.
      { ...RUNS, examples: [["aaaaaa'\\"]] },
    );
  });
});

test.each(['\n', '\r\n', '\n    ', '\\n'])(
  'base64 in lines that end with %j is redacted, wherever they are broken',
  (end) => {
    fc.assert(
      fc.property(secrets, fc.nat(2), fc.integer({ min: 4, max: 19 }), (secret, before, width) => {
        const code = Buffer.from('x'.repeat(before) + secret)
          .toString('base64')
          .replaceAll('=', '');
        const redacted = createRedactor([secret])(`: ${inLines(code, width, end)}.`);
        expect(redacted).toContain(MARKED);
        expect(redacted.length).toBeLessThan(MARKED.length + 3 + 2 * (2 + end.length) + before * 2);
      }),
      RUNS,
    );
  },
);

test('ordinary escapes and numbers stay', () => {
  const redact = createRedactor(['configured-secret', "p'w & more"]);
  for (const text of [
    'a%20b &amp; c &#1114112; \\x41 \\u0041 \\101 it\'"\'"\'s \\\\" 7034 7373, 0x10 AB:CD',
    '%zz %2 &; \\ \\x \\u{} %E4 %25',
    JSON.stringify({ a: '\\"', b: ['\\\\', "'\\''"] }),
  ])
    expect(redact(text)).toBe(text);
});

test('a text of a million characters that is nothing but escapes takes seconds at most', () => {
  const redact = createRedactor(['configured-secret', 'another-secret-value']);
  for (const start of ['%2525', '\\', "'\\'", '&amp;', 'a\n', '00:', '\\x', '%c3%a4', '0x'])
    expect(redact(start.repeat(Math.ceil(1_000_000 / start.length))).length).toBeGreaterThan(0);
}, 60_000);
