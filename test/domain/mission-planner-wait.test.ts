import { reportMission } from '../../src/domain/mission-report.js';
import { questionOf } from '../../src/domain/mission-state.js';
import { DEFAULT_TIMINGS, timerKeys } from '../../src/domain/mission-timers.js';
import {
  answered,
  claimed,
  expired,
  given,
  ID,
  named,
  noPlanner,
  only,
  opened,
  planFailed,
  plannerUnreached,
  proposed,
  requested,
  timersOf,
  TWO_WAVES,
  type MissionLog,
} from './support/mission-log.js';
import { T0 } from './support/events.js';

const OPEN = [claimed(), opened()];
const NO_BUDGET = { usd: null, tokens: null, minutes: null };

/** A mission whose planner could not be reached in so many calls. */
function unreached(calls: number, changes: Parameters<typeof requested>[0] = {}): MissionLog {
  const log = given(...OPEN, requested(changes));
  log.settle();
  for (let call = 1; call <= calls; call += 1) {
    log.when(plannerUnreached(call));
    if (call < calls) log.settle(expired(timerKeys.planner(ID, call)));
  }
  return log;
}

const delayOf = (log: MissionLog, key: string) => timersOf(log.mission()).find((timer) => timer.key === key)?.delayMs;

describe('a mission whose planner cannot be reached', () => {
  test('waits, and asks again with the next revision when the pause is over', () => {
    const log = unreached(1);
    expect(log.decides()).toEqual([]);
    expect(delayOf(log, timerKeys.planner(ID, 1))).toBe(2_000);
    expect(only('plan_requested', log.settle(expired(timerKeys.planner(ID, 1))))).toMatchObject({
      revision: 2,
      reason: null,
    });
    log.when(proposed(2, TWO_WAVES));
    expect(named(log.settle())).toContain('plan_approved');
    expect(log.mission().plannerWait).toBeNull();
  });

  test('shows in its report how often it was asked, why, and when it is asked again', () => {
    const log = unreached(3);
    const error = 'no planner model can be reached';
    expect(reportMission(log.mission())).toMatchObject({
      status: 'planning',
      planner_wait: { calls: 3, error, retry_in_ms: 2_000, code: 'planner_unreachable' },
    });
    log.settle(expired(timerKeys.planner(ID, 3)));
    expect(reportMission(log.mission()).planner_wait).toEqual({
      calls: 3,
      error: null,
      retry_in_ms: null,
      code: 'planner_unreachable',
    });
  });

  test('is the same wait for a new holder, whose timers begin again', () => {
    const log = unreached(2);
    log.when(claimed('o-2'));
    expect(log.mission().plannerWait).toEqual({ sinceRevision: 1, calls: 2 });
    expect(timersOf(log.mission()).map((timer) => timer.key)).toEqual([
      timerKeys.planner(ID, 2),
      timerKeys.plannerWait(ID, 1),
    ]);
    expect(only('plan_requested', log.settle(expired(timerKeys.planner(ID, 2)))).revision).toBe(3);
  });

  test.each([
    ['an hour without a time budget', {}, DEFAULT_TIMINGS.plannerWaitMs],
    ['all of its time budget', { budget: { ...NO_BUDGET, minutes: 10 } }, 600_000],
    [
      'half of its time budget where a person is asked then',
      { budget: { ...NO_BUDGET, minutes: 10 }, on_failure: 'ask' as const },
      300_000,
    ],
  ])('waits at most %s', (_, changes, delayMs) => {
    expect(delayOf(unreached(1, changes), timerKeys.plannerWait(ID, 1))).toBe(delayMs);
  });

  test('waits no longer while the daily cap keeps it from asking', () => {
    const log = unreached(1);
    const cap = { reason: 'the daily cap is reached', untilMs: T0 + 3_600_000 };
    log.settle({ ...expired(timerKeys.planner(ID, 1)), cap });
    const wait = timersOf(log.mission()).find(({ key }) => key === timerKeys.plannerWait(ID, 1));
    expect(wait).toMatchObject({ frozen: true });
  });

  test('fails with a code when it has waited long enough', () => {
    const log = unreached(2);
    expect(only('mission_failed', log.settle(expired(timerKeys.plannerWait(ID, 1))))).toMatchObject({
      code: 'planner_unreachable',
      reason: 'no plan: no planner model can be reached',
    });
    expect(reportMission(log.mission())).toMatchObject({ status: 'failed', code: 'planner_unreachable' });
  });

  test('fails with the planner in its reason when its time budget ends first', () => {
    const log = unreached(1, { budget: { ...NO_BUDGET, minutes: 10 } });
    expect(only('mission_failed', log.settle(expired(timerKeys.minutes(ID))))).toMatchObject({
      code: 'planner_unreachable',
      reason: 'the budget of 10 minutes is used up; no plan: no planner model can be reached',
    });
  });

  test('fails with that code, too, when its time ends while the planner is being asked again', () => {
    const log = unreached(1, { budget: { ...NO_BUDGET, minutes: 10 } });
    log.settle(expired(timerKeys.planner(ID, 1)));
    expect(only('mission_failed', log.settle(expired(timerKeys.minutes(ID))))).toMatchObject({
      code: 'planner_unreachable',
      reason: 'the budget of 10 minutes is used up; no plan: no planner could be reached, calls so far: 1',
    });
  });

  test('asks a person where it says so, and asks the planner again with the answer', () => {
    const log = unreached(2, { on_failure: 'ask' });
    log.settle(expired(timerKeys.plannerWait(ID, 1)));
    expect(questionOf(log.mission())?.text).toMatch(/planner be reached/);
    log.when(answered(1, 'it is up again'));
    expect(log.mission().plannerWait).toBeNull();
    expect(only('plan_requested', log.settle())).toMatchObject({
      revision: 3,
      answer: 'it is up again',
    });
  });

  test('does not wait when the planner was reached and gives no plan', () => {
    const log = unreached(1);
    log.settle(expired(timerKeys.planner(ID, 1)));
    log.when(planFailed(2, 'three plans that cannot be used'));
    expect(log.mission().plannerWait).toBeNull();
    expect(only('mission_failed', log.settle())).toMatchObject({ code: null });
  });
});

describe('a mission for which no planner model is configured', () => {
  test.each(['fail', 'ask'] as const)('fails with its code, with on_failure: %s, too', (on_failure) => {
    const log = given(...OPEN, requested({ on_failure }));
    log.settle();
    log.when(noPlanner(1));
    expect(only('mission_failed', log.settle())).toMatchObject({
      code: 'no_planner',
      reason: 'no plan: no planner model is configured',
    });
    expect(reportMission(log.mission()).code).toBe('no_planner');
  });
});

test('a code of a newer build is no code here', () => {
  const log = given(...OPEN, requested());
  log.settle();
  log.when(planFailed(1));
  const failed = only('mission_failed', log.decides());
  log.when({ ...requested(), event_type: 'mission_failed', payload: { ...failed, code: 'of_tomorrow' } });
  expect(reportMission(log.mission())).toMatchObject({ status: 'failed', code: null });
});
