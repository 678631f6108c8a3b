import { backoffMs } from '../../src/domain/backoff.js';
import { createRandom } from '../simulation/random.js';

const limits = { baseMs: 100, maxMs: 5_000 };

describe('the pause before another attempt', () => {
  test('lies between nothing and a bound that doubles with each attempt up to the longest', () => {
    const bounds = [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => backoffMs(attempt, limits, () => 1));
    expect(bounds).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(backoffMs(8, limits, () => 0)).toBe(0);
  });

  test('stays a number within its bounds after any number of attempts, whatever the limits and the chance', () => {
    const random = createRandom(1);
    for (let round = 0; round < 5_000; round += 1) {
      const attempt = 1 + Math.floor(random.next() * 3_000);
      const baseMs = random.next() * 10_000;
      const maxMs = baseMs + random.next() * 1_000_000;
      const pause = backoffMs(attempt, { baseMs, maxMs }, () => random.next());
      expect(pause).toBeGreaterThanOrEqual(0);
      expect(pause).toBeLessThanOrEqual(Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 1_000)));
    }
  });

  test('uses the whole range: no part of it is left out', () => {
    const random = createRandom(2);
    const tenths = new Set(
      Array.from({ length: 1_000 }, () => Math.floor(backoffMs(4, limits, () => random.next()) / 80)),
    );
    expect([...tenths].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
