import { endReasonOf } from '../../src/domain/mission-state.js';
import { timersOf as everyTimerOf } from './support/mission-log.js';
import { DEFAULT_TIMINGS, timerKeys } from '../../src/domain/mission-timers.js';
import { eventOf } from './support/events.js';
import {
  accepted,
  CERT,
  claimed,
  completed,
  ENV,
  expired,
  failed,
  given,
  ID,
  named,
  only,
  opened,
  planFailed,
  planOf,
  proposed,
  PROXY,
  requested,
  started,
  underWay,
  type MissionLog,
} from './support/mission-log.js';

const ONE_WAVE = planOf([['cert_agent']]);
const retryKey = (attempt: number) => timerKeys.retry(ID, CERT, attempt);
const timersOf = (log: MissionLog) =>
  everyTimerOf(log.mission()).filter((timer) => timer.key.includes('/cert') || timer.key.includes(CERT));

describe('a failed task', () => {
  test('is tried again as a new attempt, after a back-off, with what went wrong', () => {
    const log = underWay({ plan: ONE_WAVE });
    log.when(failed(CERT, 1, { error: 'no openssl' }));
    expect(named(log.settle())).toEqual([`task_retry_scheduled ${CERT}`]);
    expect(only('task_assigned', log.settle(expired(retryKey(1))))).toMatchObject({
      attempt: 2,
      retry_count: 1,
      feedback: 'no openssl',
    });
  });

  test('begins behind the model that used up an attempt, as the results so far name it', () => {
    const log = underWay({ plan: ONE_WAVE, retries: 3 });
    log.when(failed(CERT, 1, { used_up_by: 'ollama:slow' }));
    log.settle();
    // Under another holder too: it is in the log.
    log.when(claimed('o-2'));
    expect(only('task_assigned', log.settle({ ...expired(retryKey(1)), owner: 'o-2' }))).toMatchObject({
      attempt: 2,
      used_up_by: 'ollama:slow',
    });
    // A failure of another kind says nothing about the models.
    log.when(failed(CERT, 2, { code: 'workspace' }));
    log.settle({ owner: 'o-2' });
    expect(only('task_assigned', log.settle({ ...expired(retryKey(2)), owner: 'o-2' })).used_up_by).toBe('ollama:slow');
  });

  test('waits for as long as the log says, under any later holder', () => {
    const log = underWay({ plan: ONE_WAVE });
    log.when(failed(CERT));
    expect(timersOf(log)).toEqual([]);
    expect(only('task_retry_scheduled', log.settle({ retryDelayMs: (failures) => 700 * failures }))).toMatchObject({
      attempt: 2,
      failures: 1,
      delay_ms: 700,
      reason: 'it broke',
    });
    log.when(claimed('o-2'));
    const wait = { kind: 'retry', agent: 'cert_agent' };
    expect(timersOf(log)).toEqual([{ key: retryKey(1), delayMs: 700, wait }]);
    expect(log.decides()).toEqual([]);
  });

  test('has one back-off an attempt: a second decision about it is void', () => {
    const log = underWay({ plan: ONE_WAVE });
    log.when(failed(CERT));
    const decision = only('task_retry_scheduled', log.decides());
    expect(log.when(eventOf('task_retry_scheduled', decision))).toBe('applied');
    expect(log.when(eventOf('task_retry_scheduled', { ...decision, delay_ms: 9 }))).toBe('void: no back-off to decide');
    expect(log.task(CERT).retryDelayMs).toBe(decision.delay_ms);
  });

  test('has as many further attempts as the mission allows', () => {
    const log = underWay({ plan: ONE_WAVE, retries: 2 });
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      log.when(failed(CERT, attempt));
      log.settle(expired(retryKey(attempt)));
    }
    expect(log.mission()).toMatchObject({
      course: { kind: 'failed', reason: `${CERT} failed after 3 attempts: it broke` },
    });
  });

  test('that cannot do better is not tried again', () => {
    const log = underWay({ plan: ONE_WAVE });
    log.when(failed(CERT, 1, { retriable: false }));
    expect(named(log.settle())).toEqual(['mission_failed']);
  });

  test("does not hear of an earlier attempt's late result", () => {
    const log = underWay({ plan: ONE_WAVE });
    log.when(failed(CERT));
    log.settle(expired(retryKey(1)));
    expect(log.when(completed(CERT, 1))).toBe('void: another attempt');
    expect(log.task(CERT)).toMatchObject({ status: 'assigned', attempt: 2 });
  });
});

describe('the start deadline', () => {
  const late = expired(timerKeys.accept(ID, CERT, 1));

  test('runs while an assignment is not accepted, and ends with the acceptance', () => {
    const log = underWay({ plan: ONE_WAVE });
    expect(timersOf(log)).toEqual([
      { key: timerKeys.withoutWorker(ID, CERT, 1), delayMs: DEFAULT_TIMINGS.withoutWorkerMs },
      {
        key: timerKeys.accept(ID, CERT, 1),
        delayMs: DEFAULT_TIMINGS.acceptMs,
        wait: { kind: 'accept', agent: 'cert_agent' },
      },
    ]);
    log.when(accepted(CERT));
    expect(timersOf(log)).toEqual([]);
  });

  test('that has passed cancels the attempt and decides it again, without using up a retry', () => {
    const log = underWay({ plan: ONE_WAVE, retries: 0 });
    const decisions = log.settle(late);
    expect(named(decisions)).toEqual([`task_cancelled ${CERT}`, `task_assigned ${CERT}`]);
    expect(only('task_cancelled', decisions)).toMatchObject({ attempt: 1, code: 'not_accepted', target_partition: 2 });
    expect(only('task_assigned', decisions)).toMatchObject({ attempt: 2, retry_count: 0, feedback: null });
    expect(log.task(CERT).failures).toBe(0);
  });

  test('doubles with each attempt that used up no retry, up to 32 times', () => {
    const log = underWay({ plan: ONE_WAVE, retries: 1 });
    const delays: (number | undefined)[] = [];
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      delays.push(timersOf(log).find(({ wait }) => wait?.kind === 'accept')?.delayMs);
      log.settle(expired(timerKeys.accept(ID, CERT, attempt)));
    }
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 32, 32].map((factor) => factor * DEFAULT_TIMINGS.acceptMs));
  });

  test('is not longer after an attempt that used up a retry', () => {
    const log = underWay({ plan: ONE_WAVE });
    log.when(failed(CERT));
    log.settle(expired(retryKey(1)));
    expect(timersOf(log).find(({ wait }) => wait?.kind === 'accept')?.delayMs).toBe(DEFAULT_TIMINGS.acceptMs);
  });

  test('cancels nothing while no worker lives that serves the agent: another attempt would only wait, too', () => {
    const log = underWay({ plan: ONE_WAVE });
    expect(log.decides({ ...late, hasWorker: () => false })).toEqual([]);
    expect(named(log.decides({ ...late, hasWorker: (agent) => agent === 'cert_agent' }))).toEqual([
      `task_cancelled ${CERT}`,
    ]);
  });
});

describe('the execution deadline', () => {
  const late = expired(timerKeys.deadline(ID, CERT, 1));

  test("runs from the task's start, a little longer than the worker's own", () => {
    const log = underWay({ plan: ONE_WAVE });
    log.when(accepted(CERT));
    log.when(started(CERT));
    expect(timersOf(log)).toEqual([
      {
        key: timerKeys.deadline(ID, CERT, 1),
        delayMs: 300_000 + DEFAULT_TIMINGS.deadlineGraceMs,
        wait: { kind: 'deadline', agent: 'cert_agent' },
      },
    ]);
  });

  test('that has passed cancels the attempt, and uses up a retry', () => {
    const log = underWay({ plan: ONE_WAVE, retries: 1 });
    log.when(started(CERT));
    expect(only('task_cancelled', log.settle(late))).toMatchObject({ attempt: 1, code: 'deadline' });
    expect(log.task(CERT)).toMatchObject({ status: 'retrying', failures: 1 });
    expect(log.task(CERT).retryDelayMs).not.toBeNull();
  });

  test('fails the task when no retry is left', () => {
    const log = underWay({ plan: ONE_WAVE, retries: 0 });
    log.when(started(CERT));
    expect(named(log.settle(late))).toEqual([`task_cancelled ${CERT}`, 'mission_failed']);
    expect(endReasonOf(log.mission())).toContain('the execution deadline has passed');
  });

  test('says nothing of a task that waits for a slot', () => {
    const log = underWay({ plan: ONE_WAVE });
    log.when(accepted(CERT));
    expect(log.decides(late)).toEqual([]);
  });
});

describe('a changed plan', () => {
  const plannedAndFailed = () => {
    const log = given(claimed(), opened(), requested({ retries: 0 }));
    log.settle();
    log.when(proposed(1, planOf([['cert_agent', 'env_agent'], ['proxy_agent']])));
    log.settle();
    log.when(completed(ENV));
    log.when(failed(CERT));
    return log;
  };

  test('is asked for once, with what failed', () => {
    const log = plannedAndFailed();
    expect(only('plan_requested', log.settle())).toMatchObject({
      revision: 2,
      reason: `${CERT} failed after 1 attempt: it broke`,
    });
  });

  test('takes the place of what was not done, and keeps what was', () => {
    const log = plannedAndFailed();
    log.settle();
    log.when(proposed(2, planOf([['cert_agent'], ['proxy_agent']], 3)));
    expect(named(log.settle())).toEqual(['plan_approved', 'wave_started 3', 'task_assigned deploy-cert_agent-wave3']);
    expect(log.task(PROXY).status).toBe('replaced');
    expect(log.task(ENV).status).toBe('verified');
    expect(log.task(CERT).status).toBe('failed');
  });

  test('completes the mission although the first plan had failed', () => {
    const log = plannedAndFailed();
    log.settle();
    log.when(proposed(2, planOf([['cert_agent']], 3)));
    log.settle();
    log.when(completed('deploy-cert_agent-wave3'));
    expect(named(log.settle())).toEqual(['wave_completed 3', 'mission_completed']);
  });

  describe('where an attempt of what it replaces may still run', () => {
    const overdue = () => {
      const log = given(claimed(), opened(), requested({ retries: 0 }));
      log.settle();
      log.when(proposed(1, planOf([['cert_agent', 'env_agent'], ['proxy_agent']])));
      log.settle();
      log.when(completed(ENV));
      log.when(started(CERT));
      // Its worker may be paused, or cut off: no process says that the attempt has ended.
      log.settle(expired(timerKeys.deadline(ID, CERT, 1)));
      log.when(proposed(2, planOf([['cert_agent']], 3)));
      return log;
    };

    test('has that ended first, and begins nothing before', () => {
      const log = overdue();
      expect(only('task_assigned', log.settle())).toMatchObject({
        ...{ task_id: CERT, attempt: 2, only: 'fence', requires: ['workspace_of'], workspace_of: null },
        share_tokens: null,
      });
      log.when(completed(CERT, 2, {}, { status: 'unverified', summary: 'nothing is left' }));
      expect(log.task(CERT)).toMatchObject({
        status: 'failed',
        detail: 'the execution deadline has passed without a result',
        summary: '',
      });
      expect(named(log.settle())).toEqual(['wave_started 3', 'task_assigned deploy-cert_agent-wave3']);
    });

    test('ends the mission where that cannot be done', () => {
      const log = overdue();
      log.settle();
      log.when(failed(CERT, 2, { retriable: false, error: 'the lock is held' }));
      log.settle();
      log.when(planFailed(3, 'no planner knows'));
      log.settle();
      expect(endReasonOf(log.mission())).toContain(`${CERT} failed after 2 attempts: the lock is held`);
    });
  });

  test('that fails, too, ends the mission with the reason', () => {
    const log = plannedAndFailed();
    log.settle();
    log.when(proposed(2, planOf([['cert_agent']], 3)));
    log.settle();
    log.when(failed('deploy-cert_agent-wave3', 1, { error: 'still broken' }));
    expect(only('mission_failed', log.settle()).reason).toBe(
      'deploy-cert_agent-wave3 failed after 1 attempt: still broken',
    );
  });

  test('that no planner can make ends the mission with both reasons', () => {
    const log = plannedAndFailed();
    log.settle();
    log.when(planFailed(2, 'no planner knows'));
    expect(log.settle() && endReasonOf(log.mission())).toBe(
      `${CERT} failed after 1 attempt: it broke; no changed plan: no planner knows`,
    );
  });

  test("is never asked for when the mission's file has its own", () => {
    const log = underWay({ plan: ONE_WAVE, retries: 0 });
    log.when(failed(CERT));
    expect(named(log.settle())).toEqual(['mission_failed']);
  });
});
