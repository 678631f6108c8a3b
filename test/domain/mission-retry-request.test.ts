import { timerKeys } from '../../src/domain/mission-timers.js';
import {
  accepted,
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
  planOf,
  PROXY,
  retryRequested,
  started,
  underWay,
} from './support/mission-log.js';

const ONE_WAVE = planOf([['cert_agent']]);

describe('a new attempt that a person asks for', () => {
  test.each([
    ['assigned', []],
    ['accepted', [accepted(CERT)]],
    ['running', [accepted(CERT), started(CERT)]],
  ])('of a task that is %s cancels the open attempt by a separate decision, then assigns the next one', (_, events) => {
    const log = underWay({ plan: ONE_WAVE, retries: 0 });
    for (const event of events) log.when(event);
    expect(log.when(retryRequested(CERT, 1, 'its assignment was poison'))).toBe('applied');
    expect(named(log.decides())).toEqual([`task_cancelled ${CERT}`]);
    const decisions = log.settle();
    expect(named(decisions)).toEqual([`task_cancelled ${CERT}`, `task_assigned ${CERT}`]);
    expect(only('task_cancelled', decisions)).toMatchObject({
      attempt: 1,
      code: 'retry_requested',
      reason: 'asked for by ann: its assignment was poison',
      target_partition: 2,
    });
    expect(only('task_assigned', decisions)).toMatchObject({ attempt: 2, retry_count: 0, target_partition: 2 });
    expect([...log.mission().effects.values()].map(({ event }) => event.event_type)).toEqual([
      'task_assigned',
      'task_cancelled',
      'task_assigned',
    ]);
  });

  test('uses up no retry', () => {
    const log = underWay({ plan: ONE_WAVE, retries: 1 });
    log.when(retryRequested(CERT, 1));
    log.settle();
    log.when(failed(CERT, 2));
    expect(named(log.settle(expired(timerKeys.retry(ID, CERT, 2))))).toEqual([
      `task_retry_scheduled ${CERT}`,
      `task_assigned ${CERT}`,
    ]);
  });

  test('leaves the other tasks of the wave alone', () => {
    const log = underWay();
    log.when(retryRequested(ENV, 1));
    expect(named(log.settle())).toEqual([`task_cancelled ${ENV}`, `task_assigned ${ENV}`]);
    expect(log.task(CERT)).toMatchObject({ status: 'assigned', attempt: 1 });
  });

  test('counts once: a second request, and one for an attempt that is over, are void', () => {
    const log = underWay({ plan: ONE_WAVE });
    log.when(retryRequested(CERT, 1));
    expect(log.when(retryRequested(CERT, 1, 'and again'))).toBe('void: asked for before');
    log.settle();
    expect(log.when(retryRequested(CERT, 1))).toBe('void: another attempt');
    expect(log.decides()).toEqual([]);
  });

  test('is made by the next holder when the one that read the request did not decide any more', () => {
    const log = underWay({ plan: ONE_WAVE });
    log.when(retryRequested(CERT, 1));
    log.when(claimed('o-2'));
    expect(only('task_cancelled', log.settle())).toMatchObject({ owner: 'o-2', code: 'retry_requested' });
  });

  test('yields to a result that was there first', () => {
    const log = underWay({ plan: ONE_WAVE });
    log.when(retryRequested(CERT, 1));
    log.when(completed(CERT));
    expect(named(log.settle())).toEqual(['wave_completed 1', 'mission_completed']);
    const done = underWay();
    done.when(completed(CERT));
    expect(done.when(retryRequested(CERT, 1))).toBe('void: the task has ended');
  });

  test('is the last hope of an attempt that fails beside it', () => {
    for (const end of [failed(CERT, 1), failed(CERT, 1, { retriable: false })]) {
      const log = underWay({ plan: ONE_WAVE, retries: 0 });
      log.when(retryRequested(CERT, 1));
      log.when(end);
      expect(only('task_assigned', log.settle())).toMatchObject({ attempt: 2, feedback: 'it broke' });
    }
  });

  test('begins behind the model that used up the attempt before', () => {
    const log = underWay({ retries: 0 });
    log.when(failed(CERT, 1, { retriable: false, used_up_by: 'ollama:slow' }));
    log.when(retryRequested(CERT, 1));
    expect(only('task_assigned', log.settle())).toMatchObject({ attempt: 2, used_up_by: 'ollama:slow' });
    // Cancelled for another one, an attempt says nothing about the models.
    log.when(retryRequested(CERT, 2));
    expect(only('task_assigned', log.settle())).toMatchObject({ attempt: 3, used_up_by: 'ollama:slow' });
  });

  test('brings back a task that has failed for good while its mission continues with others', () => {
    const log = underWay({ retries: 0 });
    log.when(failed(CERT));
    expect(log.decides()).toEqual([]);
    expect(log.when(retryRequested(CERT, 1))).toBe('applied');
    expect(named(log.settle())).toEqual([`task_assigned ${CERT}`]);
    log.when(completed(CERT, 2));
    log.when(completed(ENV));
    expect(named(log.settle())).toEqual(['wave_completed 1', 'wave_started 2', `task_assigned ${PROXY}`]);
  });

  test('is void where another attempt follows anyway, and where the mission is about to end or has ended', () => {
    const retrying = underWay({ plan: ONE_WAVE });
    retrying.when(failed(CERT));
    expect(retrying.when(retryRequested(CERT, 1))).toBe('void: another attempt follows anyway');

    const stopping = underWay({ plan: ONE_WAVE });
    stopping.when(cancelRequested());
    expect(stopping.when(retryRequested(CERT, 1))).toBe('void: the task is not being done');
    stopping.settle();
    expect(stopping.when(retryRequested(CERT, 1))).toBe('void: mission ended');
    expect(stopping.decides()).toEqual([]);
  });

  test('of an unknown task is void', () => {
    expect(underWay().when(retryRequested('deploy-ghost-wave1', 1))).toBe('void: no such task');
  });

  test('the cancelled attempt has spent its whole share', () => {
    const log = underWay({ plan: ONE_WAVE, budget: { usd: null, tokens: 1_000, minutes: null } });
    log.when(retryRequested(CERT, 1));
    expect(only('task_assigned', log.settle()).share_tokens).toBe(0);
  });
});
