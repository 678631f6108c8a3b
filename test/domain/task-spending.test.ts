import { spentBefore } from '../../src/domain/task-partition.js';
import { assigned, called, claimed, given, reserved, returned, source } from './support/task-log.js';

const HELD_BY_A = [claimed('a'), assigned(source(10))];
const TURN = { tokens_in: 100, tokens_out: 20, cost_usd: 0.5, reserved_tokens: 1000, reserved_usd: 2 };

describe('what an attempt has spent', () => {
  test('nothing at first', () => {
    expect(spentBefore(given(...HELD_BY_A).attempt(), 'a')).toEqual({ tokens: 0, usd: 0 });
  });

  test('the sum of its turns, prompt and reply', () => {
    const log = given(...HELD_BY_A, called('a', 1, TURN), returned('a', 1), called('a', 2, TURN));
    expect(log.attempt().spending).toMatchObject({ tokensIn: 200, tokensOut: 40, costUsd: 1 });
    expect(spentBefore(log.attempt(), 'a')).toEqual({ tokens: 240, usd: 1 });
  });

  test('a turn of the same owner that led to a step is not counted as lost', () => {
    const log = given(
      ...HELD_BY_A,
      reserved('a', 700, 3),
      called('a', 1, TURN),
      returned('a', 1),
      called('a', 2, TURN),
    );
    expect(log.attempt().spending).toMatchObject({ lostTokens: 0, lostUsd: 0 });
  });

  test("an earlier owner's turn that led to no step counts with all that it had reserved", () => {
    const log = given(...HELD_BY_A, called('a', 1, TURN), returned('a', 1), claimed('b'));
    expect(spentBefore(log.attempt(), 'b')).toEqual({ tokens: 1120, usd: 2.5 });
    expect(spentBefore(log.attempt(), 'a')).toEqual({ tokens: 120, usd: 0.5 });
  });

  test('a first turn that was reserved and never journaled counts, too', () => {
    const log = given(...HELD_BY_A, reserved('a', 700, 3), claimed('b'));
    expect(spentBefore(log.attempt(), 'b')).toEqual({ tokens: 700, usd: 3 });
  });

  test('a lost reservation is counted once, by whichever record of the new owner comes first', () => {
    const taken = given(...HELD_BY_A, called('a', 1, TURN), returned('a', 1), claimed('b'), reserved('b', 900, 1));
    expect(taken.attempt().spending).toMatchObject({ lostTokens: 1000, lostUsd: 2 });
    taken.when(called('b', 2, TURN));
    expect(taken.attempt().spending).toMatchObject({ lostTokens: 1000, lostUsd: 2, tokensIn: 200 });
  });

  test('each take-over in the middle of a turn loses one more', () => {
    const log = given(
      ...HELD_BY_A,
      reserved('a', 10, 1),
      claimed('b'),
      reserved('b', 20, 2),
      claimed('c'),
      reserved('c', 40, 4),
    );
    expect(log.attempt().spending).toMatchObject({ lostTokens: 30, lostUsd: 3 });
    expect(spentBefore(log.attempt(), 'd')).toEqual({ tokens: 70, usd: 7 });
  });

  test('reserving again under the same claim replaces the reservation', () => {
    const log = given(...HELD_BY_A, reserved('a', 10, 1));
    expect(log.when(reserved('a', 30, 3))).toBe('applied');
    expect(log.attempt()).toMatchObject({
      reservation: { owner: 'a', tokens: 30, usd: 3 },
      spending: { lostTokens: 0 },
    });
  });

  test("only the holder's reservations count", () => {
    const log = given(...HELD_BY_A, claimed('b'));
    expect(log.when(reserved('a', 10, 1))).toBe('void: not the holder');
    expect(log.attempt().reservation).toBeNull();
  });
});
