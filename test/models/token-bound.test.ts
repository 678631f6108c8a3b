import { tokenBound, tokenFloor } from '../../src/models/token-bound.js';

describe('token bounds (test/ollama measures them on a real tokenizer)', () => {
  test.each([
    ['prose comes to half its bytes or less', 'The agent reads every line of the log and writes down what it sees. '.repeat(20), 0.5],
    ['configuration stays below three quarters', 'http:\n  routers:\n    api:\n      rule: Host(`api.local`)\n'.repeat(20), 0.75],
  ])('%s', (_, text, share) => {
    expect(tokenBound(text)).toBeLessThanOrEqual(text.length * share);
  });

  test.each(['0123456789'.repeat(10), '配置文件', '{}[]();:!?'.repeat(5)])('what tokenizers cut small counts each character: %s', (text) => {
    expect(tokenBound(text)).toBeGreaterThanOrEqual(text.length);
  });

  test('no text has more than one token a byte, and none fewer than its words', () => {
    for (const text of ['', 'a', 'A B C', 'camelCaseName', 'x'.repeat(999), 'ŻÓŁĆ', '\n\n\t  \n', 'POSTGRES_PASSWORD=1']) {
      expect(tokenBound(text)).toBeLessThanOrEqual(Buffer.byteLength(text));
      expect(tokenFloor(text)).toBeLessThanOrEqual(tokenBound(text));
    }
  });

  test('a longer text never has a lower bound', () => {
    const text = 'The CA is at /certs/ca.pem (sha256 9f86d081); 3 of 7 SANs match.';
    const bounds = Array.from(text, (_, index) => tokenBound(text.slice(0, index + 1)));
    for (const [index, bound] of bounds.entries()) expect(bound).toBeGreaterThanOrEqual((bounds[index - 1] ?? 0) - 1);
  });
});
