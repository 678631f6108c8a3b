import { percentReached } from '../../src/domain/budget.js';
import { reportMission } from '../../src/domain/mission-report.js';
import { timerKeys } from '../../src/domain/mission-timers.js';
import { eventOf, T0 } from './support/events.js';
import {
  budgetRequested,
  cancelRequested,
  CERT,
  claimed,
  completed,
  ENV,
  expired,
  failed,
  ID,
  named,
  only,
  pauseRequested,
  resumeRequested,
  underWay,
  type MissionLog,
} from './support/mission-log.js';

const MINUTE = 60_000;
const tokens = (limit: number) => ({ budget: { usd: null, tokens: limit, minutes: null } });
const minutes = (limit: number) => ({ budget: { usd: null, tokens: null, minutes: limit } });
const by = (percent: number) => timerKeys.minutesUsed(ID, percent);
const word = (changes: object = {}) =>
  eventOf('budget_used', {
    ...{ mission_id: ID, owner: 'o-1', budget: 'tokens', percent: 75, used: 80, limit: 100 },
    ...changes,
  });
const saidOf = (log: MissionLog) => reportMission(log.mission()).budget_used;

/** An attempt has failed that has used so many tokens; the next one may not begin yet. */
function used(log: MissionLog, ...amounts: readonly number[]): void {
  for (const tokens_in of amounts) {
    log.when(failed(CERT, log.task(CERT).attempt, { tokens_in }));
    log.settle(expired(timerKeys.retry(ID, CERT, log.task(CERT).attempt)));
  }
}

test.each([
  [74.9, 100, 0],
  [75, 100, 75],
  [94.9, 100, 75],
  [95, 100, 95],
  [300, 100, 95],
  [0, 0, 0],
])('%d of %d is %d percent', (amount, limit, percent) => expect(percentReached(amount, limit)).toBe(percent));

describe('the share of a limit that is used', () => {
  test('is said when 75 % and when 95 % are passed, once each, and is in the report', () => {
    const log = underWay({ ...tokens(100), retries: 9 });
    log.when(failed(CERT, 1, { tokens_in: 74 }));
    expect(named(log.settle())).toEqual([`task_retry_scheduled ${CERT}`]);
    log.when(failed(ENV, 1, { tokens_in: 1 }));
    expect(only('budget_used', log.settle())).toEqual({
      ...{ mission_id: ID, owner: 'o-1', budget: 'tokens', percent: 75, used: 75, limit: 100 },
    });
    expect(log.decides()).toEqual([]);
    log.settle(expired(timerKeys.retry(ID, CERT, 1)));
    log.when(failed(CERT, 2, { tokens_in: 20 }));
    expect(only('budget_used', log.settle())).toMatchObject({ percent: 95, used: 95 });
    expect(saidOf(log)).toEqual([
      { budget: 'tokens', percent: 95, used: 95, limit: 100, at: expect.stringMatching(/^2026-11-23T14:15:02/) },
    ]);
  });

  test('is only 95 % where one step passes both', () => {
    const log = underWay(tokens(100));
    log.when(completed(CERT, 1, { tokens_in: 96 }));
    expect(only('budget_used', log.settle()).percent).toBe(95);
  });

  test('is said of each limit by itself', () => {
    const log = underWay({ budget: { usd: 2, tokens: 100, minutes: 20 } });
    log.when(completed(CERT, 1, { tokens_in: 80, cost_usd: 1.95 }));
    const said = log
      .settle(expired(by(75)))
      .flatMap(({ event_type, payload }) =>
        event_type === 'budget_used' ? [[payload.budget, payload.percent, payload.used, payload.limit]] : [],
      );
    expect(said).toEqual([
      ['usd', 95, 1.95, 2],
      ['tokens', 75, 80, 100],
      ['minutes', 75, 15, 20],
    ]);
  });

  test('is said before the end of the mission that passes it with its last step', () => {
    const log = underWay(tokens(90));
    log.when(cancelRequested());
    // What cancelled attempts have used is not known: their shares of 30 count. The third task has none.
    expect(named(log.settle())).toEqual([`task_cancelled ${CERT}`, `task_cancelled ${ENV}`, 'mission_cancelled']);
    const spent = underWay(tokens(90));
    spent.when(completed(CERT, 1, { tokens_in: 30 }));
    spent.when(completed(ENV, 1, { tokens_in: 20 }));
    spent.settle();
    spent.when(cancelRequested());
    expect(named(spent.settle()).slice(1)).toEqual(['budget_used', 'mission_cancelled']);
  });

  test('is not said without a limit', () => {
    const log = underWay();
    log.when(completed(CERT, 1, { tokens_in: 1_000_000, cost_usd: 1_000 }));
    expect(named(log.settle())).toEqual([]);
  });

  test('is not said again by a new holder', () => {
    const log = underWay(tokens(100));
    log.when(completed(CERT, 1, { tokens_in: 80 }));
    log.settle();
    log.when(claimed('o-2'));
    expect(log.decides()).toEqual([]);
  });

  test('is not taken back by a late copy of an earlier word', () => {
    const log = underWay(tokens(100));
    log.when(completed(CERT, 1, { tokens_in: 96 }));
    log.settle();
    expect(log.when(word())).toBe('void: said before');
    expect(saidOf(log)[0]?.percent).toBe(95);
  });

  test.each([
    ['another limit than holds now', { limit: 90 }, 'void: the limit is another one now'],
    ['a limit that does not exist', { budget: 'euros' }, 'void: no such limit'],
    ['another process than the holder', { owner: 'o-9' }, 'void: not the holder'],
  ])('does not count from %s', (_, changes, why) => expect(underWay(tokens(100)).when(word(changes))).toBe(why));

  test('does not keep a mission from its decisions: both are said in one step', () => {
    const log = underWay(tokens(100));
    log.when(completed(CERT, 1, { tokens_in: 40 }));
    log.when(completed(ENV, 1, { tokens_in: 40 }));
    expect(named(log.decides()).slice(0, 3)).toEqual(['budget_used', 'wave_completed 1', 'wave_started 2']);
  });
});

describe('a limit that a person changes', () => {
  test('is said of again when the share is passed again, and not before', () => {
    const log = underWay({ ...tokens(100), retries: 9 });
    used(log, 80);
    log.when(budgetRequested({ tokens: 200 }));
    expect(saidOf(log)).toEqual([]);
    expect(log.decides()).toEqual([]);
    used(log, 60);
    expect(saidOf(log)).toEqual([]);
    used(log, 10);
    expect(saidOf(log)).toMatchObject([{ percent: 75, used: 150, limit: 200 }]);
  });

  test('is not said of again where the share is passed all the same', () => {
    const log = underWay(tokens(100));
    log.when(completed(CERT, 1, { tokens_in: 96 }));
    log.settle();
    log.when(budgetRequested({ tokens: 110 }));
    expect(saidOf(log)).toMatchObject([{ percent: 75, limit: 110 }]);
    expect(named(log.settle())).toEqual([]);
    log.when(completed(ENV, 1, { tokens_in: 9 }));
    expect(only('budget_used', log.settle())).toMatchObject({ percent: 95, used: 105, limit: 110 });
  });

  test('is said of at once where a lower limit passes the share', () => {
    const log = underWay(tokens(100));
    log.when(completed(CERT, 1, { tokens_in: 50 }));
    log.when(budgetRequested({ tokens: 60 }));
    expect(only('budget_used', log.settle())).toMatchObject({ percent: 75, used: 50, limit: 60 });
  });
});

describe('minutes', () => {
  /** A record so long after the request. */
  const after = (log: MissionLog, ms: number, event: Parameters<MissionLog['when']>[0]) => log.whenAt(T0 + ms, event);

  test("are measured by the holder's timers, as their end is", () => {
    const log = underWay(minutes(20));
    expect(only('budget_used', log.settle(expired(by(75))))).toMatchObject({
      budget: 'minutes',
      percent: 75,
      used: 15,
    });
    expect(log.decides(expired(by(75)))).toEqual([]);
    expect(only('budget_used', log.settle(expired(by(75), by(95))))).toMatchObject({
      percent: 95,
      used: 19,
      limit: 20,
    });
  });

  test.each([
    ['all timers in order', [by(75), by(95), timerKeys.minutes(ID)]],
    ['only the last one yet', [timerKeys.minutes(ID)]],
  ])('that are used up are said to be, before the mission fails: %s', (_, keys) => {
    const log = underWay(minutes(20));
    const decided = named(log.settle(expired(...keys)));
    expect([decided[0], decided.at(-1)]).toEqual(['budget_used', 'mission_failed']);
    expect(decided.filter((name) => name === 'budget_used')).toHaveLength(1);
  });

  test.each([
    ['15 of 40 minutes have passed', 40, 0, 15, []],
    ['18 of 21 minutes have passed', 21, 0, 18, [{ percent: 75, limit: 21 }]],
    ['18 of 21 minutes have passed, 10 of which it was paused', 21, 10, 18, []],
  ])('that are raised may be said of again unless the share is still passed: %s', (_, limit, pausedFor, at, said) => {
    const log = underWay(minutes(20));
    log.settle(expired(by(75)));
    if (pausedFor > 0) {
      after(log, 2 * MINUTE, pauseRequested());
      after(log, (2 + pausedFor) * MINUTE, resumeRequested());
    }
    after(log, at * MINUTE, budgetRequested({ minutes: limit }));
    expect(saidOf(log)).toMatchObject(said);
    expect(saidOf(log)).toHaveLength(said.length);
  });
});
