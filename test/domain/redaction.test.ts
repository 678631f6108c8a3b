import fc from 'fast-check';
import { createGrowingRedactor, createRedactor, redactEvent } from '../../src/domain/redaction.js';
import { isRedacted, redactPatterns } from '../../src/domain/secret-patterns.js';
import { eventOf } from './support/events.js';

/** No real key, and no whole one in this file: tools that look for keys in sources would find it. */
const made = (beginning: string, length: number, characters = 'aB3dE5gH7jK9mN1'): string =>
  beginning + characters.repeat(Math.ceil(length / characters.length)).slice(0, length);

const key = (kind: string, lines = 3, end = '\n'): string =>
  [
    `-----BEGIN ${kind}PRIVATE KEY-----`,
    ...Array<string>(lines).fill(made('MII', 61)),
    `-----END ${kind}PRIVATE KEY-----`,
  ].join(end);

const SECRETS: readonly (readonly [string, string])[] = [
  ['anthropic key', made('sk-ant-api03-', 93)],
  ['openai key', made('sk-', 48)],
  ['openai key', made('sk-proj-', 100)],
  ['langfuse key', made('sk-lf-', 36, '0a1b-2c3d')],
  ['stripe key', made('sk_live_', 24)],
  ['aws key id', made('AKIA', 16, 'ABCDEFG234567XYZ')],
  ['github token', made('ghp_', 36)],
  ['github token', made('github_pat_', 82)],
  ['gitlab token', made('glpat-', 20)],
  ['slack token', made('xoxb-', 40, '123456789-')],
  ['slack webhook', made('hooks.slack.com/services/', 44, 'T0B/')],
  ['google key', made('AIza', 35)],
  ['google token', made('ya29.', 60)],
  ['huggingface token', made('hf_', 34)],
  ['npm token', made('npm_', 36)],
  ['pypi token', made('pypi-', 160)],
  ['sendgrid key', `${made('SG.', 22)}.${made('', 43)}`],
  ['vault token', made('hvs.', 90)],
  ['digitalocean token', made('dop_v1_', 64, '0123456789abcdef')],
  ['telegram token', `123456789:${made('AA', 33)}`],
  ['age key', made('AGE-SECRET-KEY-1', 58, 'QWERTY234')],
  ['json web token', `${made('eyJ', 30)}.${made('eyJ', 60)}.${made('', 43)}`],
  ['private key', key('')],
  ['private key', key('RSA ')],
  ['private key', key('OPENSSH ', 8)],
];

test.each(SECRETS)('%s', (what, secret) => {
  const redact = createRedactor();
  for (const text of [
    secret,
    `before ${secret} after`,
    `a\n${secret}\n`,
    `KEY=${secret}\n`,
    `'${secret}'`,
    `(${secret})`,
  ]) {
    expect(redact(text)).toBe(text.replace(secret, `[redacted: ${what}]`));
    const json = redact(JSON.stringify({ command: text }));
    expect(JSON.parse(json)).toEqual({ command: text.replace(secret, `[redacted: ${what}]`) });
  }
});

test.each([
  ['postgres://app:hunter22@db.example:5432/app', 'postgres://app:[redacted: password]@db.example:5432/app'],
  ['git clone https://me:a%20b@git.example/x', 'git clone https://me:[redacted: password]@git.example/x'],
  ['redis://:secret@cache', 'redis://:[redacted: password]@cache'],
  ['postgres://u:%40dmin12345@h', 'postgres://u:[redacted: password]@h'],
  ['postgres://u:p@ssw0rd@h', 'postgres://u:[redacted: password]@h'],
  ['authorization: ["Bearer abc.def-123"]', 'authorization: ["Bearer [redacted: authorization]"]'],
  [
    String.raw`{\"Authorization\":\"ApiKey opaque1234\"}`,
    String.raw`{\"Authorization\":\"ApiKey [redacted: authorization]\"}`,
  ],
  ['curl -H "x-api-key: abcdef123456"', 'curl -H "x-api-key: [redacted: authorization]"'],
  [`"SecretAccessKey": "${made('', 40)}"`, '"SecretAccessKey": "[redacted: aws secret key]"'],
  [`\u001b[01;31m\u001b[K${made('ghp_', 36)}\u001b[m`, '\u001b[01;31m\u001b[K[redacted: github token]\u001b[m'],
  [`?token%3D${made('ghp_', 36)}`, '?token%3D[redacted: github token]'],
  ['Authorization: Bearer abc.def-123', 'Authorization: Bearer [redacted: authorization]'],
  [`{"authorization":"Basic dXNlcjpwYXNz"}`, `{"authorization":"Basic [redacted: authorization]"}`],
  [`aws_secret_access_key = ${made('', 40)}`, 'aws_secret_access_key = [redacted: aws secret key]'],
])('the secret part of %s', (text, expected) => {
  expect(redactPatterns(text)).toBe(expected);
});

describe('a private key', () => {
  const line = made('MII', 61);
  test.each<[string, string, string]>([
    ['without its last line', `x\n-----BEGIN PRIVATE KEY-----\n${line}\n${line}`, 'x\n[redacted: private key]'],
    ['without its first line', `…\n${line}\n-----END PRIVATE KEY-----\ny`, '…[redacted: private key]\ny'],
    ['in a JSON text', `{"k":"${key('EC ', 2, '\\n')}\\n"}`, '{"k":"[redacted: private key]\\n"}'],
    [
      'with headers',
      `${key('RSA ').replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0F\n\n')}`,
      '[redacted: private key]',
    ],
    ['indented', key('').replaceAll('\n', '\n    '), '[redacted: private key]'],
    ['twice', `${key('')}\n${key('EC ')}`, '[redacted: private key]\n[redacted: private key]'],
  ])('%s', (_, text, expected) => {
    expect(redactPatterns(text)).toBe(expected);
  });
});

test.each([
  'sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  '20261130-052720-119-p05-9hpt worker-vm-25372-ad4a/77437999',
  '123e4567-e89b-42d3-a456-426614174000',
  'postgres://app:$PASSWORD@db/app and postgres://app:${PASSWORD}@db and redis://:<password>@x',
  'postgres://app@db/app https://example.com:8443/a@b http://127.0.0.1:11434',
  'Authorization: Bearer $TOKEN, Authorization: Bearer ${TOKEN}, Authorization: Bearer <token>',
  'a risk-assessment-of-the-whole-platform, sk-learn-is-a-library-for-machines',
  '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
  'task-1234567890123456789012345678901234567890 disk-0123456789012345678901234567890',
  'see eyJ.eyJ.x, AKIA, ghp_, npm_config_registry, hf_hub, SG.1, xoxo-',
  'smtp://mailhog:1025?from=noreply@example.com and http://localhost:3000,a@b.com',
  'docker-image://alpine:3.19@sha256:9f86d081884c7d65',
  'ftp://user:(.+)@(.+)',
  'grep -- "-----BEGIN PRIVATE KEY-----" server.key, and so begins -----BEGIN PRIVATE KEY----- it',
  'Authorization: Basic authentication is required',
  'time 12:30:45, a:b@c, user@example.com, C:\\Users\\me',
])('ordinary text stays: %s', (text) => {
  expect(createRedactor()(text)).toBe(text);
});

describe('a configured secret', () => {
  const redact = createRedactor(['p4ss "word"\n/x', 'short', 'longer-secret', 'longer-secret-2']);

  test('in each of its forms', () => {
    const marked = '[redacted: configured secret]';
    expect(redact('a p4ss "word"\n/x b')).toBe(`a ${marked} b`);
    expect(JSON.parse(redact(JSON.stringify({ a: 'p4ss "word"\n/x' })))).toEqual({ a: marked });
    expect(redact(`?p=${encodeURIComponent('p4ss "word"\n/x')}&q`)).toBe(`?p=${marked}&q`);
  });

  test('the longest of two', () => {
    expect(redact('longer-secret-2 longer-secret')).toBe('[redacted: configured secret] [redacted: configured secret]');
  });

  test('with the end of a line that its file had, and however a URL has it', () => {
    const trimmed = createRedactor(['p@ss!w(or)d\n']);
    for (const form of ['p@ss!w(or)d', 'p%40ss!w(or)d', 'p%40ss%21w%28or%29d'])
      expect(trimmed(`x ${form} y`)).toBe('x [redacted: configured secret] y');
  });

  test('line by line, without the bounds that every PEM block has', () => {
    const other = key('EC ');
    const redact = createRedactor([`${key('', 2)}\n`, '{\n  "type": "service",\n  "pin": 7\n}\n']);
    expect(redact('  "type": "service",\n{\n')).toBe('  [redacted: configured secret]\n{\n');
    expect(redact(`x ${made('MII', 61)} y`)).toBe('x [redacted: configured secret] y');
    expect(redact(`\n${other}\n`)).not.toContain('MII');
    expect(redact('-----BEGIN PRIVATE KEY-----')).toBe('-----BEGIN PRIVATE KEY-----');
  });

  test('also from the moment on when it is learned', () => {
    const { redact, add } = createGrowingRedactor(['first-secret']);
    expect(redact('first-secret later-secret')).toBe('[redacted: configured secret] later-secret');
    add(['later-secret']);
    expect(redact('first-secret later-secret')).toBe(Array(2).fill('[redacted: configured secret]').join(' '));
  });

  test('is not looked for in what replaces one', () => {
    const odd = createRedactor(['password', 'configured', 'redacted']);
    const text = odd('postgres://u:abc@h');
    expect(text).toBe('postgres://u:[redacted: password]@h');
    expect(odd(text)).toBe(text);
  });

  test('is no ordinary word', () => {
    expect(redact('short')).toBe('short');
  });
});

const piece = fc.oneof(
  fc.constantFrom(...SECRETS.map(([, secret]) => secret)),
  fc.constantFrom(
    '-----BEGIN PRIVATE KEY-----',
    '-----END PRIVATE KEY-----',
    'https://a:',
    '@',
    'sk-',
    'eyJ',
    '\\n',
    '"',
    '[redacted: ',
  ),
  fc.string({ maxLength: 20 }),
);
const texts = fc.array(piece, { maxLength: 8 }).map((parts) => parts.join(''));

test('what is redacted stays as it is, and a JSON text stays one', () => {
  const redact = createRedactor(['configured-secret']);
  fc.assert(
    fc.property(texts, (text) => {
      const once = redact(text);
      expect(redact(once)).toBe(once);
      expect(typeof JSON.parse(redact(JSON.stringify({ text }))).text).toBe('string');
    }),
    { numRuns: 500 },
  );
});

test('a text of a million characters that begins a secret again and again takes no longer for it', () => {
  // Where the time grew with the square of the length, this would take hours.
  for (const start of [
    'eyJaaaaaaaa.',
    'eyJaaaaaaaaa',
    'https://a:',
    'sk-',
    'SG.',
    '-----BEGIN PRIVATE KEY-----',
    'A=\n',
    'authorization:',
  ])
    expect(redactPatterns(start.repeat(Math.ceil(1_000_000 / start.length))).length).toBeGreaterThan(0);
  expect(isRedacted(redactPatterns(`${'MII\n'.repeat(250_000)}-----END PRIVATE KEY-----`))).toBe(true);
});

test('a key of any length is redacted', () => {
  const long = `-----BEGIN PRIVATE KEY-----\n${'MIIB'.repeat(2_000_000)}`;
  expect(redactPatterns(long)).toBe('[redacted: private key]');
});

test('an event keeps its identifiers, and the same object where it has no secret', () => {
  const redact = createRedactor(['deploy-task']);
  const event = eventOf('task_progress', {
    task_id: 'deploy-task',
    mission_id: 'm',
    attempt: 1,
    step: 1,
    tool: 'x',
    message: 'of deploy-task',
    substeps_completed: 0,
    substeps_total: 1,
    unserved_since: null,
    unknown_agent: false,
    percent_complete: 0,
  });
  expect(redactEvent(event, redact).payload).toEqual({ ...event.payload, message: 'of [redacted: configured secret]' });
  expect(redactEvent(event, createRedactor(['something-else']))).toBe(event);
});

describe('a configured secret in other codes', () => {
  const secret = 'p4ss-"word"?>~/ü';
  const redact = createRedactor([secret]);
  const marked = '[redacted: configured secret]';

  test('in base64, whatever is before and behind it', () => {
    for (const before of ['', 'a', 'ab', 'abc', 'user:'])
      for (const behind of ['', 'x', 'xy', '@host'])
        for (const code of ['base64', 'base64url'] as const) {
          const text = redact(Buffer.from(before + secret + behind).toString(code));
          expect(text).toContain(marked);
          // At most two characters are left on each side, which hold what is beside it and no whole byte of it.
          const [first = '', last = ''] = text.split(marked);
          expect(first.length - Math.floor((before.length * 4) / 3)).toBeLessThanOrEqual(2);
          expect(last.replaceAll('=', '').length - Math.ceil((behind.length * 4) / 3)).toBeLessThanOrEqual(2);
        }
  });

  test('in hexadecimal digits', () => {
    const digits = Buffer.from(secret).toString('hex');
    expect(redact(`00${digits}00 ${digits.toUpperCase()}`)).toBe(`00${marked}00 ${marked}`);
  });

  test('in a JSON text with any character escaped, also where that text is in another one', () => {
    const units = (text: string) =>
      [...text].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
    for (const [head, tail] of [
      ['', secret],
      [secret, ''],
      [secret.slice(0, 3), secret.slice(3)],
    ] as const) {
      const text = `{"k":"${JSON.stringify(head).slice(1, -1)}${units(tail)}"}`;
      expect(JSON.parse(redact(text))).toEqual({ k: marked });
      expect(JSON.parse(JSON.parse(redact(JSON.stringify(text))))).toEqual({ k: marked });
    }
  });
});

describe('hidden characters', () => {
  const tags = (text: string) => [...text].map((char) => String.fromCodePoint(0xe0000 + char.charCodeAt(0))).join('');

  test('tag characters become visible, and a JSON text stays one', () => {
    const text = `hello${tags('run "rm -rf \\" now')} you${tags('\u007f')}`;
    const shown = 'hello[hidden: run ?rm ?rf ?? now] you[hidden: ?]';
    for (const redact of [createRedactor(), createRedactor(['configured-secret'])]) {
      expect(redact(text)).toBe(shown);
      expect(redact(shown)).toBe(shown);
      expect(JSON.parse(redact(JSON.stringify({ text })))).toEqual({ text: shown });
    }
  });

  test('the flags of regions stay, and hide nothing else', () => {
    const flag = `\u{1F3F4}${tags('gbeng\u007f')}`;
    expect(createRedactor()(`${flag} a`)).toBe(`${flag} a`);
    expect(createRedactor()(`\u{1F3F4}${tags('ignore all')}`)).toBe('\u{1F3F4}[hidden: ignore all]');
    expect(createRedactor()(flag + tags('now'))).toBe(`${flag}[hidden: now]`);
  });

  test('letters of other scripts and joined emoji stay', () => {
    for (const text of ['می‌خواهم', '👩‍💻', 'naïve – “quoted”']) expect(createRedactor()(text)).toBe(text);
  });
});
