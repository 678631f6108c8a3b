import { backoffMs } from '../../src/domain/backoff.js';
import { seededRandom } from './support/events.js';

const LIMITS = { baseMs: 100, maxMs: 5_000 };

describe('the back-off', () => {
  test('may last up to a ceiling that doubles with each attempt, and no longer than the longest', () => {
    const longest = [1, 2, 3, 4, 5, 6, 7, 50, 2_000].map((attempt) => backoffMs(attempt, LIMITS, () => 1 - Number.EPSILON));
    expect(longest).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
  });

  test('has full jitter: anything from nothing on, evenly', () => {
    const random = seededRandom(7);
    const delays = Array.from({ length: 10_000 }, () => backoffMs(4, LIMITS, random.next));
    const tenths = Array.from({ length: 10 }, (_, tenth) => delays.filter((delay) => Math.min(9, Math.floor(delay / 80)) === tenth).length);
    expect(Math.min(...tenths)).toBeGreaterThan(850);
    expect(Math.max(...tenths)).toBeLessThan(1_150);
    expect(delays.every((delay) => Number.isInteger(delay) && delay >= 0 && delay <= 800)).toBe(true);
  });
});
