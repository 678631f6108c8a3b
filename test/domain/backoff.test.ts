import { backoffMs } from '../../src/domain/backoff.js';

const limits = { baseMs: 100, maxMs: 1_000 };

describe('the wait before a further attempt', () => {
  test('doubles with each attempt, up to its most', () => {
    expect([1, 2, 3, 4, 5, 60].map((attempt) => backoffMs(attempt, limits, () => 1))).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });
  test('is anything from nothing to that', () => {
    expect([0, 0.5, 0.999].map((chance) => backoffMs(2, limits, () => chance))).toEqual([0, 100, 199.8]);
  });
});
