import fc from 'fast-check';
import { backoffMs } from '../../src/domain/backoff.js';
import { propertyRuns } from '../support/quick.js';

const limits = { baseMs: 100, maxMs: 5_000 };

describe('the pause before another attempt', () => {
  test('lies between nothing and a bound that doubles with each attempt up to the longest', () => {
    const bounds = [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => backoffMs(attempt, limits, () => 1));
    expect(bounds).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(backoffMs(8, limits, () => 0)).toBe(0);
  });

  test('stays a number within its bounds after any number of attempts, whatever the limits and the chance', () => {
    const upTo = (max: number) => fc.double({ min: 0, max, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3_000 }),
        upTo(10_000),
        upTo(1_000_000),
        upTo(1),
        (attempt, baseMs, more, chance) => {
          const maxMs = baseMs + more;
          const pause = backoffMs(attempt, { baseMs, maxMs }, () => chance);
          expect(pause).toBeGreaterThanOrEqual(0);
          expect(pause).toBeLessThanOrEqual(Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 1_000)));
        },
      ),
      { numRuns: propertyRuns(1_000), seed: 1 },
    );
  });

  test('uses the whole range: no part of it is left out', () => {
    const tenths = new Set(
      Array.from({ length: 1_000 }, (_, index) => Math.floor(backoffMs(4, limits, () => index / 1_000) / 80)),
    );
    expect([...tenths].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
