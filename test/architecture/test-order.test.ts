import { existsSync } from 'node:fs';
import { interleaved, WAITING } from '../support/interleave.mjs';

const root = new URL('../../', import.meta.url);
const named = (names: string, seconds: number) => [...names].map((test) => ({ test, seconds }));
const order = (waiting: ReturnType<typeof named>, others: ReturnType<typeof named>) =>
  interleaved(waiting, others)
    .map(({ test }) => test)
    .join('');

describe('the order of test files', () => {
  test('names files that there are', () => {
    expect(Object.keys(WAITING).filter((file) => !existsSync(new URL(file, root)))).toEqual([]);
  });

  test('has beside each that waits others that take as long', () => {
    expect(order(named('AB', 20), named('abcdefgh', 10))).toBe('AabBcdefgh');
  });

  test('has each file once, also where there are too few others', () => {
    expect(order(named('ABC', 30), named('abcd', 10))).toBe('AabcBdC');
    expect(order([], named('ab', 10))).toBe('ab');
    expect(order(named('A', 10), [])).toBe('A');
  });
});
