import { clamp, fits, left, NOTHING, share } from '../../src/domain/budget.js';

const spending = {
  planner: { tokens: 100, usd: 0.1 },
  spent: { tokens: 200, usd: 0.2 },
  outstanding: { tokens: 300, usd: 0.3 },
};

describe('the share of an assignment', () => {
  test('is what planner, ended and running attempts leave, divided by the unfinished tasks', () => {
    const given = share({ tokens: 1_000, usd: 1 }, spending, 3);
    expect(given.tokens).toBe(133);
    expect(given.usd).toBeCloseTo(0.4 / 3, 12);
  });

  test('has no limit where the mission has none', () => {
    expect(share({ tokens: null, usd: null }, spending, 3)).toEqual({ tokens: null, usd: null });
  });

  test('is nothing, never less, when the budget is used up', () => {
    expect(share({ tokens: 500, usd: 0.5 }, spending, 2)).toEqual({ tokens: 0, usd: 0 });
  });

  test('returns what an ended task did not use to those that follow', () => {
    const before = share(
      { tokens: 1_000, usd: null },
      { planner: NOTHING, spent: NOTHING, outstanding: { tokens: 500, usd: 0 } },
      1,
    );
    const after = share(
      { tokens: 1_000, usd: null },
      { planner: NOTHING, spent: { tokens: 50, usd: 0 }, outstanding: NOTHING },
      1,
    );
    expect([before.tokens, after.tokens]).toEqual([500, 950]);
  });
});

describe('a call', () => {
  test.each([
    ['starts when its worst case just fits', { tokens: 40, usd: 0.4 }, true],
    ['does not start when its tokens do not fit', { tokens: 41, usd: 0 }, false],
    ['does not start when its dollars do not fit', { tokens: 0, usd: 0.5 }, false],
  ])('%s', (_, worstCase, expected) => {
    expect(fits({ tokens: 100, usd: 1 }, { tokens: 60, usd: 0.6 }, worstCase)).toBe(expected);
  });

  test('always starts without limits', () => {
    expect(fits({ tokens: null, usd: null }, NOTHING, { tokens: 1e9, usd: 1e9 })).toBe(true);
  });
});

describe('a reservation', () => {
  test('is what is left when the worst case is more, in whole tokens', () => {
    expect(clamp({ tokens: 10.2, usd: 3 }, left({ tokens: 100, usd: 2 }, { tokens: 60, usd: 1.5 }))).toEqual({
      tokens: 11,
      usd: 0.5,
    });
    expect(clamp({ tokens: 50, usd: 0 }, left({ tokens: 100, usd: null }, { tokens: 60, usd: 9 }))).toEqual({
      tokens: 40,
      usd: 0,
    });
  });
});
