/** given / when / then for calls of a mission that wait for a person. */
import { pauseOf } from '../../src/domain/mission-task-state.js';
import { createCoordinationView } from '../../src/domain/coordination-view.js';
import type { AgentEvent, PayloadOf } from '../../src/domain/events.js';
import { reportMission } from '../../src/domain/mission-report.js';
import { DEFAULT_TIMINGS, timerKeys } from '../../src/domain/mission-timers.js';
import type { VoidCode } from '../../src/domain/waiting-call.js';
import { eventOf, T0 } from './support/events.js';
import {
  cancelRequested,
  CERT,
  completed,
  ENV,
  expired,
  failed,
  ID,
  named,
  only,
  progress,
  started,
  timersOf,
  underWay,
  type MissionLog,
} from './support/mission-log.js';

const DIGEST = 'a'.repeat(64);
const about = { mission_id: ID, task_id: CERT, attempt: 1 };

function paused(step = 2, changes: Partial<PayloadOf<'task_paused'>> = {}): AgentEvent {
  return eventOf('task_paused', {
    ...about,
    step,
    owner: 'w',
    agent: 'cert_agent',
    approval_id: `call-${step}`,
    tool: 'execute_terminal_command',
    arguments: '{"command":"git push"}',
    checks: [],
    working_dir: null,
    rule: 'no-push',
    reason: 'a person pushes',
    digest: DIGEST,
    expires_at: T0 + 3_600_000,
    remaining_ms: 40_000,
    tainted_by: [],
    ...changes,
  });
}
const resumed = (step = 2): AgentEvent =>
  eventOf('task_resumed', { ...about, step, owner: 'w', approval_id: `call-${step}` });
const answered = (changes: Partial<PayloadOf<'call_answered'>> = {}): AgentEvent =>
  eventOf('call_answered', {
    ...about,
    approval_id: 'call-2',
    digest: DIGEST,
    approved: true,
    reason: '',
    answered_by: 'ann',
    answered_at: T0,
    signature: null,
    key_id: null,
    cluster: null,
    ...changes,
  });

/** A mission of which a call waits. */
function waiting(request: Parameters<typeof underWay>[0] = {}): MissionLog {
  const log = underWay(request);
  log.when(started(CERT));
  log.when(progress(CERT, 1));
  log.when(paused());
  return log;
}

const deadlines = (log: MissionLog) => timersOf(log.mission()).filter(({ key }) => key.includes('/deadline'));

describe('a task with a call that waits', () => {
  test('has no deadline; once it is decided the rest of the deadline runs', () => {
    const log = waiting();
    expect(log.task(CERT).status).toBe('paused');
    expect(deadlines(log)).toEqual([]);
    expect(log.decides(expired(timerKeys.deadline(ID, CERT, 1)))).toEqual([]);
    log.when(resumed());
    expect(deadlines(log)).toMatchObject([
      { key: timerKeys.deadline(ID, CERT, 1, 2), delayMs: 40_000 + DEFAULT_TIMINGS.deadlineGraceMs },
    ]);
  });

  test('a deadline that was decided before the pause was read has no effect', () => {
    const log = underWay();
    log.when(started(CERT));
    const decision = only('task_cancelled', log.decides(expired(timerKeys.deadline(ID, CERT, 1))));
    log.when(paused());
    expect(log.when(eventOf('task_cancelled', decision))).toBe('void: a call waits');
    log.when(resumed());
    expect(log.task(CERT)).toMatchObject({ status: 'running', attempt: 1 });
  });

  test('the minutes of its mission run on', () => {
    const log = waiting({ budget: { usd: null, tokens: null, minutes: 5 } });
    expect(timersOf(log.mission()).map(({ key }) => key)).toContain(timerKeys.minutes(ID));
    expect(named(log.settle(expired(timerKeys.minutes(ID))))).toContain('mission_failed');
    expect(pauseOf(log.task(CERT))).toBeNull();
  });

  test('late copies neither pause nor resume it again', () => {
    const log = waiting();
    expect(log.when(paused())).toBe('void: paused before');
    expect(log.when(started(CERT))).toBe('void: a call waits');
    log.when(progress(CERT, 1));
    expect(log.task(CERT).status).toBe('paused');
    log.when(resumed());
    expect(log.when(paused())).toBe('void: paused before');
    expect(log.when(resumed())).toBe('void: resumed before');
    log.when(paused(3));
    expect(log.when(resumed(2))).toBe('void: resumed before');
    expect(pauseOf(log.task(CERT))?.approvalId).toBe('call-3');
  });

  test('is shown with the exact call, until it has ended', () => {
    const log = waiting();
    expect(reportMission(log.mission())).toMatchObject({
      status: 'running',
      waiting_calls: [{ approval_id: 'call-2', arguments: { command: 'git push' }, digest: DIGEST, answered: false }],
    });
    log.when(completed(CERT));
    expect(reportMission(log.mission()).waiting_calls).toEqual([]);
  });

  test('is cancelled with its mission', () => {
    const log = waiting();
    log.when(cancelRequested());
    expect(named(log.settle())).toContain(`task_cancelled ${CERT}`);
    expect(log.task(CERT)).toMatchObject({ status: 'cancelled', wait: { kind: 'none' } });
  });
});

describe("a person's answer", () => {
  test('becomes a decision, once, that is an effect for the partition of the task', () => {
    const log = waiting();
    const answer = answered();
    log.when(answer);
    const decisions = log.settle();
    expect(only('call_decided', decisions)).toMatchObject({
      answer_id: answer.event_id,
      agent: 'cert_agent',
      target_partition: log.task(CERT).targetPartition,
      approved: true,
      source: null,
    });
    expect([...log.mission().effects.values()].map(({ event }) => event.event_type)).toContain('call_decided');
    expect(log.when(answer)).toBe('void: answered before');
    expect(log.decides()).toEqual([]);
  });

  test.each<readonly [string, Partial<PayloadOf<'call_answered'>>, VoidCode]>([
    ['about another call', { digest: 'b'.repeat(64) }, 'changed'],
    ['with an unknown id', { approval_id: 'call-9' }, 'unknown'],
    ['about an unknown task', { task_id: 'nothing' }, 'unknown'],
    ['about another attempt', { attempt: 2 }, 'unknown'],
  ])('%s is void, and that is recorded', (_, changes, code) => {
    const log = waiting();
    const answer = answered(changes);
    log.when(answer);
    const decisions = log.settle();
    expect(only('approval_void', decisions)).toMatchObject({ answer_id: answer.event_id, code });
    expect(pauseOf(log.task(CERT))?.answerId).toBeNull();
  });

  test('that comes too late is void by the time of the log', () => {
    const log = waiting();
    log.when(resumed());
    log.when(paused(3, { expires_at: T0 - 1 }));
    log.when(answered({ approval_id: 'call-3' }));
    expect(only('approval_void', log.settle()).code).toBe('expired');
  });

  test('about a call that was decided is void: the first one counts', () => {
    const log = waiting();
    log.when(answered());
    log.when(answered({ approved: false }));
    expect(named(log.settle()).map((name) => name.split(' ')[0])).toEqual(['call_decided', 'approval_void']);
    log.when(resumed());
    log.when(answered());
    expect(only('approval_void', log.settle()).code).toBe('used');
  });

  test('that cannot be verified is void, and leaves the call to another person', () => {
    const log = waiting();
    log.when(answered());
    expect(only('approval_void', log.settle({ verifyAnswer: () => 'forged' })).code).toBe('forged');
    log.when(answered());
    expect(named(log.settle()).map((name) => name.split(' ')[0])).toEqual(['call_decided']);
  });

  test('that a worker does not take leaves the call to another person', () => {
    const log = waiting();
    const answer = answered();
    log.when(answer);
    log.settle();
    const word = { ...about, approval_id: 'call-2', answered_by: 'ann', code: 'forged', reason: 'r', owner: null };
    log.when(eventOf('approval_void', { ...word, answer_id: answer.event_id }));
    expect(pauseOf(log.task(CERT))?.answerId).toBeNull();
  });

  test("is not removed by a worker's word before it was decided about", () => {
    const log = waiting();
    const answer = answered();
    log.when(answer);
    const word = { ...about, approval_id: 'call-2', answered_by: 'ann', code: 'forged', reason: 'r', owner: null };
    log.when(eventOf('approval_void', { ...word, answer_id: answer.event_id }));
    expect(named(log.settle()).map((name) => name.split(' ')[0])).toEqual(['call_decided']);
  });

  test('judged by a view changes nothing in it', () => {
    const log = waiting();
    const view = createCoordinationView();
    for (const record of log.records) view.apply(3, record);
    const before = structuredClone(view.report(ID));
    view.judge(3, answered(), T0);
    expect(view.mission(ID)?.answers.size).toBe(0);
    expect(view.report(ID)).toEqual(before);
  });
});

test('answers that do not count are refused together, and do not hold the mission up', () => {
  const log = waiting();
  for (let n = 1; n <= 30; n += 1) log.when(answered({ approval_id: `none-${n}` }));
  log.when(answered());
  const decisions = log.decides().map(({ event_type }) => event_type);
  expect([decisions.length, decisions.at(-1)]).toEqual([31, 'call_decided']);
  const other = waiting();
  other.when(failed(ENV));
  other.when(answered({ approval_id: 'none' }));
  expect(other.decides().map(({ event_type }) => event_type)).toEqual(['approval_void', 'task_retry_scheduled']);
});
