import { formTokenBound, tokenBound, tokenFloor } from '../../src/models/token-bound.js';
import fc from 'fast-check';
import { propertyRuns } from '../support/quick.js';

/** The bound as regular expressions: slower, but easy to verify by reading. */
const RULES: readonly (readonly [piece: RegExp, tokensOf: (piece: string) => number])[] = [
  [/^ (?=[A-Za-z])/, () => 0],
  [/^[A-Z]?[a-z]+/, ({ length }) => Math.ceil(length / 2)],
  [/^[A-Z]+/, ({ length }) => Math.ceil((length * 2) / 3)],
  [/^[ \t]+/, ({ length }) => Math.ceil(length / 4)],
  [/^[\x00-\x7f]/, () => 1],
  [/^[^\x00-\x7f]+/, (piece) => Buffer.byteLength(piece)],
];

function tokensByRules(text: string): number {
  let tokens = 0;
  let rest = text;
  while (rest !== '') {
    const [piece, tokensOf] = RULES.map(([pattern, count]) => [pattern.exec(rest)?.[0] ?? '', count] as const).find(
      ([found]) => found !== '',
    ) ?? [rest, () => Number.NaN];
    tokens += tokensOf(piece);
    rest = rest.slice(piece.length);
  }
  return tokens;
}

describe('token bounds (test/ollama measures them on a real tokenizer)', () => {
  test.each([
    [
      'prose comes to half its bytes or less',
      'The agent reads every line of the log and writes down what it sees. '.repeat(20),
      0.5,
    ],
    [
      'configuration stays below three quarters',
      'http:\n  routers:\n    api:\n      rule: Host(`api.local`)\n'.repeat(20),
      0.75,
    ],
  ])('%s', (_, text, share) => {
    expect(tokenBound(text)).toBeLessThanOrEqual(text.length * share);
  });

  test.each(['0123456789'.repeat(10), '配置文件', '{}[]();:!?'.repeat(5)])(
    'counts each character of text that tokenizers split finely: %s',
    (text) => {
      expect(tokenBound(text)).toBeGreaterThanOrEqual(text.length);
    },
  );

  test('a bound is at most one token per byte and at least one per word', () => {
    for (const text of [
      '',
      'a',
      'A B C',
      'camelCaseName',
      'x'.repeat(999),
      'ŻÓŁĆ',
      '\n\n\t  \n',
      'POSTGRES_PASSWORD=1',
    ]) {
      expect(tokenBound(text)).toBeLessThanOrEqual(Buffer.byteLength(text));
      expect(tokenFloor(text)).toBeLessThanOrEqual(tokenBound(text));
    }
  });

  test('equals the reference implementation for any text', () => {
    const parts = [
      'a',
      'b',
      'z',
      'A',
      'Q',
      'Z',
      ' ',
      ' ',
      '\t',
      '\n',
      '0',
      '9',
      '{',
      '`',
      '@',
      '[',
      '\u007f',
      '\u0080',
      'é',
      '配',
      '😀',
      '\ud83d',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 40, size: 'max' }), (text) => {
        const made = text.join('');
        expect([made, tokenBound(made)]).toEqual([made, tokensByRules(made)]);
      }),
      { numRuns: propertyRuns(5_000), seed: 1 },
    );
  });

  test('is the same when a long text is counted again, also after many others', () => {
    const text = (n: number) => `Text ${n}: ${'the CA is at /certs/ca.pem (sha256 9f86d081). '.repeat(20)}`;
    const texts = Array.from({ length: 200 }, (_, n) => text(n));
    const counts = texts.map(tokensByRules);
    expect(texts.map(tokenBound)).toEqual(counts);
    expect(texts.map(tokenBound)).toEqual(counts);
    expect(tokenBound('x'.repeat(100_000))).toBe(50_000);
  });

  test('of a form is that of its schema and tools', () => {
    const request = (name: string) => ({
      ...{ messages: [], maxOutputTokens: 1, turn: null },
      schema: { type: 'object', properties: { [name]: { type: 'string' } } },
    });
    const [short, long] = [request('a'), request('a_property_with_a_long_name_'.repeat(10))];
    const counts = [short, long].map(formTokenBound);
    expect(counts[1]).toBeGreaterThan(counts[0] ?? 0);
    expect([short, long].map(formTokenBound)).toEqual(counts);
    expect(
      formTokenBound({ ...short, tools: [{ name: 'x', description: 'y'.repeat(10_000), parameters: {} }] }),
    ).toBeGreaterThan(counts[1] ?? 0);
  });

  test('never decreases when text is appended', () => {
    const text = 'The CA is at /certs/ca.pem (sha256 9f86d081); 3 of 7 SANs match.';
    const bounds = Array.from(text, (_, index) => tokenBound(text.slice(0, index + 1)));
    for (const [index, bound] of bounds.entries()) expect(bound).toBeGreaterThanOrEqual((bounds[index - 1] ?? 0) - 1);
  });
});
