import { capReached, nextDayMs, NOTHING_SPENT, spendOn, type DaySpending } from '../../src/domain/daily-spending.js';
import { coordinationReplayPoint, restoreCoordination } from '../../src/domain/mission-replay.js';
import { reportMission } from '../../src/domain/mission-report.js';
import { timerKeys } from '../../src/domain/mission-timers.js';
import { T0 } from './support/events.js';
import {
  CERT,
  cancelRequested,
  claimed,
  completed,
  ENV,
  failed,
  given,
  ID,
  named,
  opened,
  PARTITION,
  planFailed,
  requested,
  timersOf,
  underWay,
} from './support/mission-log.js';

const NOON = Date.parse('2026-11-30T12:00:00Z');
const CAP = { reason: 'the daily cap of the swarm is reached', untilMs: nextDayMs(NOON) };

describe('what is spent in a day', () => {
  test.each([
    ['nothing before', NOTHING_SPENT, NOON, { day: '2026-11-30', tokens: 5, usd: 1 }],
    ['the same day', { day: '2026-11-30', tokens: 2, usd: 3 }, NOON, { day: '2026-11-30', tokens: 7, usd: 4 }],
    ['another day', { day: '2026-11-29', tokens: 2, usd: 3 }, NOON, { day: '2026-11-30', tokens: 5, usd: 1 }],
    ['a day before', { day: '2026-12-01', tokens: 2, usd: 3 }, NOON, { day: '2026-12-01', tokens: 7, usd: 4 }],
  ])('%s', (_, before, atMs, after) => {
    expect(spendOn(before, atMs, { tokens: 5, usd: 1 })).toEqual(after);
  });

  test('is the known use of attempts and planners, and what a planner that was lost may have used', () => {
    const log = underWay();
    const day = new Date(T0).toISOString().slice(0, 10);
    log.when(completed(CERT, 1, { tokens_in: 10, tokens_out: 5, cost_usd: 0.5 }));
    log.when(failed(ENV, 1, { tokens_in: 1, cost_usd: 0.25 }));
    expect(log.state.today).toEqual({ day, tokens: 16, usd: 0.75 });
    log.when(completed(CERT, 1, { tokens_in: 10 }));
    expect(log.state.today.tokens).toBe(16);

    const planned = given(claimed(), opened(), requested());
    planned.settle({ planningWorstCase: () => ({ tokens: 100, usd: 1 }) });
    planned.when(claimed('o-2'));
    expect(planned.state.today).toEqual({ day, tokens: 100, usd: 1 });
    planned.when(planFailed(1, 'no', { tokens_in: 7 }));
    expect(planned.state.today.tokens).toBe(107);
  });

  test('travels with the replay point, and is nothing where an older build has committed', () => {
    const log = underWay();
    log.when(completed(CERT, 1, { tokens_in: 10, cost_usd: 0.1 }));
    const { today } = log.state;
    // It has ended, and its effects have arrived: a replay does not meet it.
    log.when(cancelRequested());
    log.settle();
    const point = coordinationReplayPoint(log.state, () => true);
    const restored = restoreCoordination(PARTITION, point?.offset ?? 0, point?.metadata ?? '', () => T0);
    expect(restored.today).toEqual(today);
    const older = JSON.stringify({ ...JSON.parse(point?.metadata ?? ''), d: undefined });
    expect(restoreCoordination(PARTITION, 0, older, () => T0).today).toEqual(NOTHING_SPENT);
  });
});

describe('the cap', () => {
  const sums: readonly DaySpending[] = [
    { day: '2026-11-30', tokens: 600, usd: 2 },
    { day: '2026-11-30', tokens: 400, usd: 3 },
    { day: '2026-11-29', tokens: 9_000, usd: 90 },
  ];
  test.each([
    ['none', { usd: null, tokens: null }, NOON, null],
    ['more than was spent', { usd: 5.01, tokens: 1_001 }, NOON, null],
    ['reached in dollars', { usd: 5, tokens: null }, NOON, /\$5\.00 of \$5 spent on 2026-11-30/],
    ['reached in tokens', { usd: 50, tokens: 1_000 }, NOON, /1000 of 1000 tokens/],
    ['the next day', { usd: 5, tokens: 1_000 }, nextDayMs(NOON), null],
  ] as const)('%s', (_, cap, nowMs, reason) => {
    const reached = capReached(cap, sums, nowMs);
    if (reason === null) expect(reached).toBeNull();
    else expect(reached).toEqual({ reason: expect.stringMatching(reason), untilMs: nextDayMs(NOON) });
  });
});

describe('a mission under a cap that is reached', () => {
  test('asks no planner, says once for what it waits, and asks when it is lifted', () => {
    const log = given(claimed(), opened(), requested());
    expect(named(log.settle({ cap: CAP }))).toEqual(['mission_waits']);
    expect(log.decides({ cap: CAP })).toEqual([]);
    expect(reportMission(log.mission()).waits_for).toEqual({ reason: CAP.reason, until: '2026-12-01T00:00:00.000Z' });
    expect(named(log.settle())).toEqual(['mission_waits', 'plan_requested']);
    expect(reportMission(log.mission()).waits_for).toBeNull();
  });

  test('assigns nothing; what is under way continues, and checks, which cost nothing, run', () => {
    const success = [{ name: 'all', command: 'test -f x' }];
    const log = underWay({ success });
    log.when(completed(CERT));
    expect(log.decides({ cap: CAP })).toEqual([]);
    log.when(completed(ENV));
    expect(named(log.settle({ cap: CAP }))).toEqual(['wave_completed 1', 'wave_started 2', 'mission_waits']);
    const [wave2] = named(log.settle()).filter((name) => name.startsWith('task_assigned'));
    log.when(completed(wave2?.split(' ')[1] ?? ''));
    expect(named(log.settle({ cap: CAP })).some((name) => name.startsWith('task_assigned verify'))).toBe(true);
  });

  test("does not use up the mission's minutes", () => {
    const log = given(claimed(), opened(), requested({ budget: { usd: null, tokens: null, minutes: 5 } }));
    log.settle({ cap: CAP });
    expect(timersOf(log.mission())).toEqual([
      { key: timerKeys.minutesUsed(ID, 95), delayMs: 285_000, frozen: true },
      { key: timerKeys.minutesUsed(ID, 75), delayMs: 225_000, frozen: true },
      { key: timerKeys.minutes(ID), delayMs: 300_000, frozen: true },
    ]);
  });
});
