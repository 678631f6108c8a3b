import { endReasonOf, statusOf } from '../../src/domain/mission-state.js';
import { timersOf } from './support/mission-log.js';
import { DEFAULT_TIMINGS, timerKeys } from '../../src/domain/mission-timers.js';
import { eventOf } from './support/events.js';
import {
  cancelRequested,
  CERT,
  claimed,
  completed,
  ENV,
  expired,
  given,
  ID,
  named,
  only,
  opened,
  planOf,
  proposed,
  requested,
  started,
  TWO_WAVES,
  underWay,
} from './support/mission-log.js';

describe('cancel', () => {
  test('ends open attempts first, each by its own decision, then the mission', () => {
    const log = underWay();
    log.when(cancelRequested('wrong cluster'));
    const first = log.decides();
    expect(named(first)).toEqual([`task_cancelled ${CERT}`, `task_cancelled ${ENV}`]);
    expect(first[0]?.payload).toMatchObject({
      code: 'cancelled',
      reason: 'cancelled by ann: wrong cluster',
      attempt: 1,
      target_partition: 2,
    });
    const all = log.settle();
    expect(named(all)).toEqual([`task_cancelled ${CERT}`, `task_cancelled ${ENV}`, 'mission_cancelled']);
    expect(log.mission()).toMatchObject({
      course: { kind: 'cancelled', reason: 'cancelled by ann: wrong cluster' },
    });
  });

  test('leaves what has ended as it is', () => {
    const log = underWay();
    log.when(completed(CERT));
    log.when(cancelRequested());
    expect(named(log.settle())).toEqual([`task_cancelled ${ENV}`, 'mission_cancelled']);
    expect(log.task(CERT).status).toBe('verified');
  });

  test('twice keeps the first reason', () => {
    const log = underWay();
    log.when(cancelRequested('first'));
    log.when(cancelRequested('second'));
    log.settle();
    expect(endReasonOf(log.mission())).toBe('cancelled by ann: first');
  });

  test.each([
    ['before a plan was asked for', given(claimed(), opened(), requested())],
    [
      'while a planner thinks',
      given(
        claimed(),
        opened(),
        requested(),
        eventOf('plan_requested', {
          mission_id: ID,
          owner: 'o-1',
          revision: 1,
          reason: null,
          answer: null,
          reserved_tokens: 0,
          reserved_usd: 0,
        }),
      ),
    ],
    [
      'while the plan waits for approval',
      given(
        claimed(),
        opened(),
        requested({ plan: TWO_WAVES, approval: 'approval' }),
        proposed(1, TWO_WAVES, { planner: 'mission' }),
      ),
    ],
  ])('%s ends the mission at once', (_, log) => {
    log.when(cancelRequested());
    expect(named(log.settle())).toEqual(['mission_cancelled']);
    expect(log.when(proposed(1, TWO_WAVES))).toBe('void: mission ended');
  });

  test('of an ended mission is void, and so is everything that comes after the end', () => {
    const log = underWay({ plan: planOf([['cert_agent']]) });
    log.when(completed(CERT));
    log.settle();
    expect(log.when(cancelRequested())).toBe('void: mission ended');
    expect(log.when(completed(CERT))).toBe('void: mission ended');
    expect(statusOf(log.mission())).toBe('completed');
  });

  test('that reaches the log beside the last result lets the result stand, then ends the mission', () => {
    const log = underWay({ plan: planOf([['cert_agent']]) });
    log.when(completed(CERT));
    log.when(cancelRequested());
    expect(named(log.settle())).toEqual(['mission_cancelled']);
    expect(log.task(CERT).status).toBe('verified');
  });
});

describe('the minutes of the budget', () => {
  const minutes = { usd: null, tokens: null, minutes: 20 };
  const over = expired(timerKeys.minutes(ID));

  test('are a timer of the whole mission', () => {
    const timers = timersOf(underWay({ budget: minutes }).mission());
    expect(timers).toContainEqual({ key: timerKeys.minutes(ID), delayMs: 1_200_000 });
  });

  test('that are over end open attempts, then the mission', () => {
    const log = underWay({ budget: minutes });
    log.when(started(CERT));
    const decisions = log.settle(over);
    expect(named(decisions)).toEqual([
      'budget_used',
      `task_cancelled ${CERT}`,
      `task_cancelled ${ENV}`,
      'mission_failed',
    ]);
    expect(only('mission_failed', decisions).reason).toBe('the budget of 20 minutes is used up');
  });

  test('stay over when another orchestrator takes over before the end is written', () => {
    const log = given(claimed(), opened(), requested({ budget: minutes }));
    log.settle();
    log.when(proposed(1, planOf([['cert_agent']])));
    log.settle();
    for (const decision of log.decides(over)) log.when(eventOf(decision.event_type, decision.payload));
    log.when(claimed('o-2'));
    expect(named(log.settle())).toEqual(['mission_failed']);
    expect(endReasonOf(log.mission())).toBe('the budget of 20 minutes is used up');
  });
});

describe('timers', () => {
  test('an ended mission has none', () => {
    const log = underWay({ budget: { usd: null, tokens: null, minutes: 1 } });
    log.when(cancelRequested());
    log.settle();
    expect(timersOf(log.mission())).toEqual([]);
  });

  test('a plan that waits for approval has one, and only then', () => {
    const log = given(claimed(), opened(), requested({ plan: TWO_WAVES, approval: 'approval' }));
    log.settle();
    expect(timersOf(log.mission())).toEqual([{ key: timerKeys.approval(ID, 1), delayMs: DEFAULT_TIMINGS.approvalMs }]);
  });
});
