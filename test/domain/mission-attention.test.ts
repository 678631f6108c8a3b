import { questionOf } from '../../src/domain/mission-state.js';
import { timersOf } from './support/mission-log.js';
import { DEFAULT_TIMINGS, timerKeys } from '../../src/domain/mission-timers.js';
import { reportMission } from '../../src/domain/mission-report.js';
import { restoreCoordination } from '../../src/domain/mission-replay.js';
import { evolveCoordination } from '../../src/domain/mission-evolve.js';
import {
  answered,
  cancelRequested,
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
  PARTITION,
  planFailed,
  planOf,
  proposed,
  requested,
  underWay,
  type MissionLog,
} from './support/mission-log.js';

const ONE_WAVE = planOf([['cert_agent']]);
const CERT_3 = 'deploy-cert_agent-wave3';

/** Fails a task's attempts, each as soon as it is made, until nothing is tried again. */
function failAll(log: MissionLog, task: string, error = 'it broke'): void {
  const first = log.task(task).attempt;
  for (let attempt = first; log.task(task).attempt === attempt && log.task(task).status !== 'failed'; attempt += 1) {
    log.when(failed(task, attempt, { error }));
    log.settle(expired(timerKeys.retry(ID, task, attempt)));
  }
}

/** A mission without its own plan: planned, failed, planned again, and failed again. */
function failedTwice(): MissionLog {
  const log = given(claimed(), opened(), requested({ on_failure: 'ask' }));
  log.settle();
  log.when(proposed(1, ONE_WAVE));
  log.settle();
  failAll(log, CERT);
  log.when(proposed(2, planOf([['cert_agent']], 3)));
  log.settle();
  failAll(log, CERT_3, 'still broken');
  return log;
}

describe('an agent that has failed three times on a mission', () => {
  test('is given up although the task that failed last has retries left', () => {
    const log = underWay({ plan: planOf([['cert_agent', 'env_agent'], ['cert_agent']]), retries: 5 });
    log.when(completed(ENV));
    log.when(failed(CERT, 1));
    log.settle(expired(timerKeys.retry(ID, CERT, 1)));
    log.when(failed(CERT, 2));
    log.settle(expired(timerKeys.retry(ID, CERT, 2)));
    log.when(completed(CERT, 3));
    log.settle();
    const second = 'deploy-cert_agent-wave2';
    log.when(failed(second, 1));
    expect(log.task(second)).toMatchObject({ status: 'failed', failures: 1 });
    expect(named(log.settle())).toEqual(['mission_failed']);
  });

  test('is escalated to the planner, whose changed plan begins with all of its patience', () => {
    const log = given(claimed(), opened(), requested({ retries: 9 }));
    log.settle();
    log.when(proposed(1, ONE_WAVE));
    log.settle();
    failAll(log, CERT);
    expect(log.task(CERT)).toMatchObject({ status: 'failed', failures: 3 });
    expect(log.mission()).toMatchObject({
      planning: { kind: 'requested', reason: `${CERT} failed after 3 attempts: it broke` },
    });
    log.when(proposed(2, planOf([['cert_agent']], 3)));
    log.settle();
    log.when(failed(CERT_3, 1));
    expect(log.task(CERT_3).status).toBe('retrying');
  });

  test('has no part in the failures of another agent', () => {
    const log = underWay({ plan: planOf([['cert_agent', 'env_agent']]), retries: 5 });
    for (const attempt of [1, 2]) {
      log.when(failed(CERT, attempt));
      log.settle(expired(timerKeys.retry(ID, CERT, attempt)));
    }
    log.when(failed(ENV, 1));
    expect([log.task(CERT).status, log.task(ENV).status]).toEqual(['assigned', 'retrying']);
  });
});

describe('a mission whose file says on_failure: ask', () => {
  test('asks the planner first, then a person, and waits', () => {
    const log = failedTwice();
    expect(questionOf(log.mission())).toEqual({
      number: 1,
      reason: `${CERT_3} failed after 3 attempts: still broken`,
      text: 'What should cert_agent do differently?',
    });
    expect(log.decides()).toEqual([]);
    expect(reportMission(log.mission())).toMatchObject({
      status: 'needs_attention',
      reason: null,
      question: { number: 1 },
    });
  });

  test('waits as well after another orchestrator has taken over', () => {
    const log = failedTwice();
    log.when(claimed('o-2'));
    expect(log.decides()).toEqual([]);
    const again = restoreCoordination(PARTITION, 0, JSON.stringify({ v: 1, h: null, e: null, ids: [] }), () => null);
    for (const record of log.records) evolveCoordination(again, record);
    expect(again.missions.get(ID)?.course).toEqual(log.mission().course);
  });

  test('has the planner make a changed plan of the answer, which every later task hears, too', () => {
    const log = failedTwice();
    expect(log.when(answered(1, 'use port 8443'))).toBe('applied');
    const reason = `${CERT_3} failed after 3 attempts: still broken`;
    expect(only('plan_requested', log.settle())).toMatchObject({ revision: 3, reason, answer: 'use port 8443' });
    log.when(proposed(3, planOf([['cert_agent']], 4)));
    const assigned = only('task_assigned', log.settle());
    expect(assigned).toMatchObject({ task_id: 'deploy-cert_agent-wave4', attempt: 1 });
    expect(assigned).toMatchObject({ feedback: reason, answer: 'use port 8443' });
    log.when(completed('deploy-cert_agent-wave4'));
    expect(named(log.settle())).toEqual(['wave_completed 4', 'mission_completed']);
  });

  test('climbs the whole ladder again when the answer did not help: retries, the planner, the next question', () => {
    const log = failedTwice();
    log.when(answered(1));
    log.settle();
    log.when(proposed(3, planOf([['cert_agent']], 4)));
    log.settle();
    failAll(log, 'deploy-cert_agent-wave4');
    expect(log.mission().planning.kind).toBe('requested');
    log.when(proposed(4, planOf([['cert_agent']], 5)));
    log.settle();
    failAll(log, 'deploy-cert_agent-wave5');
    expect(questionOf(log.mission())).toMatchObject({ number: 2 });
  });

  test('tries the failed tasks of a mission file’s plan again, with the answer', () => {
    const log = underWay({ plan: planOf([['cert_agent', 'env_agent']]), retries: 0, on_failure: 'ask' });
    log.when(completed(ENV));
    log.when(failed(CERT, 1, { error: 'no openssl' }));
    expect(only('attention_requested', log.settle())).toMatchObject({
      number: 1,
      task_id: CERT,
      reason: `${CERT} failed after 1 attempt: no openssl`,
    });
    log.when(answered(1, 'it is there now'));
    const assigned = only('task_assigned', log.settle());
    expect(assigned).toMatchObject({
      task_id: CERT,
      attempt: 2,
      retry_count: 0,
      feedback: `${CERT} failed after 1 attempt: no openssl`,
      answer: 'it is there now',
    });
    log.when(completed(CERT, 2));
    expect(named(log.settle())).toEqual(['wave_completed 1', 'mission_completed']);
  });

  test('runs its success checks again when a person has fixed what they check', () => {
    const log = underWay({ plan: ONE_WAVE, success: [{ name: 'up', command: 'test -e up' }], on_failure: 'ask' });
    log.when(completed(CERT));
    log.settle();
    const verify = 'verify-cert_agent-wave2';
    log.when(failed(verify, 1, { error: 'no file up', retriable: false }));
    expect(only('attention_requested', log.settle()).question).toBe(
      'What is to be done before its success checks run again?',
    );
    log.when(answered(1, 'up is there'));
    expect(only('task_assigned', log.settle())).toMatchObject({ task_id: verify, attempt: 2 });
  });

  test('asks when no planner can plan it, and asks the planner again with the answer', () => {
    const log = given(claimed(), opened(), requested({ on_failure: 'ask' }));
    log.settle();
    log.when(planFailed(1, 'the planner is lost'));
    expect(only('attention_requested', log.settle())).toMatchObject({
      task_id: null,
      reason: 'no plan: the planner is lost',
      question: 'How should the mission be planned?',
    });
    log.when(answered(1, 'certificates first'));
    expect(only('plan_requested', log.settle())).toMatchObject({
      revision: 2,
      reason: 'no plan: the planner is lost',
      answer: 'certificates first',
    });
  });

  test('takes an answer once, and only to the question that is open', () => {
    const log = failedTwice();
    expect(log.when(answered(2))).toBe('void: another question');
    log.when(answered(1));
    expect(log.when(answered(1, 'something else'))).toBe('void: no question is open');
    expect(log.mission().answer?.text).toBe('use port 8443');
  });

  test('can be cancelled while it waits', () => {
    const log = failedTwice();
    log.when(cancelRequested());
    expect(named(log.settle())).toEqual(['mission_cancelled']);
  });

  test('fails without an answer in time, and its timer waits as long as a person may', () => {
    const log = failedTwice();
    const key = timerKeys.attention(ID, 1);
    expect(timersOf(log.mission())).toEqual([{ key, delayMs: DEFAULT_TIMINGS.attentionMs }]);
    expect(only('mission_failed', log.settle(expired(key))).reason).toBe(
      `no answer in time: ${CERT_3} failed after 3 attempts: still broken`,
    );
  });

  test('does not ask about a mission file’s plan that can never be carried out', () => {
    const log = given(claimed(), opened(), requested({ plan: planOf([]), on_failure: 'ask' }));
    expect(named(log.settle())).toEqual(['plan_proposed', 'mission_failed']);
  });
});

test('a mission whose file says nothing fails without asking', () => {
  const log = underWay({ plan: ONE_WAVE, retries: 0 });
  log.when(failed(CERT));
  expect(named(log.settle())).toEqual(['mission_failed']);
});
