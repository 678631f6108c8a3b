import { reportMission } from '../../src/domain/mission-report.js';
import { DEFAULT_TIMINGS, timerKeys } from '../../src/domain/mission-timers.js';
import type { AgentEvent } from '../../src/domain/events.js';
import { copyOfMission } from '../../src/domain/mission-copy.js';
import { eventOf, T0 } from './support/events.js';
import {
  accepted,
  answered,
  approved,
  budgetRequested,
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
  pauseRequested,
  progress,
  proposed,
  PROXY,
  requested,
  resumeRequested,
  started,
  timersOf,
  TWO_WAVES,
  underWay,
  type MissionLog,
} from './support/mission-log.js';

/** A mission in its first wave, of which one task runs and the other waits to be accepted. */
function paused(changes: Parameters<typeof underWay>[0] = {}): MissionLog {
  const log = underWay(changes);
  log.when(started(CERT));
  log.when(pauseRequested());
  return log;
}

const suspended = (task: string, waits: boolean, changes: object = {}): AgentEvent =>
  eventOf('task_suspended', {
    task_id: task,
    mission_id: ID,
    attempt: 1,
    agent: 'cert_agent',
    owner: 'o-1',
    suspended: waits,
    target_partition: 2,
    source: null,
    ...changes,
  });

describe('a paused mission', () => {
  test('tells each open attempt to wait, once, and nothing else', () => {
    const log = paused();
    expect(named(log.settle())).toEqual([`task_suspended ${CERT}`, `task_suspended ${ENV}`]);
    expect(
      [...log.mission().effects.values()].filter(({ event }) => event.event_type === 'task_suspended'),
    ).toHaveLength(2);
    expect(log.decides()).toEqual([]);
  });

  test('says who paused it, when and why, until it is resumed', () => {
    const log = paused();
    const pause = { by: 'ann', reason: 'lunch', at: new Date(log.mission().pause?.atMs ?? 0).toISOString() };
    expect(log.mission().pause?.atMs).toBe(T0 + log.records.length - 1);
    expect(reportMission(log.mission())).toMatchObject({ status: 'paused', pause });
    log.when(resumeRequested());
    expect(reportMission(log.mission())).toMatchObject({ status: 'running', pause: null });
  });

  test('begins no wave, and completes only when it is resumed', () => {
    const log = paused();
    log.settle();
    log.when(completed(CERT));
    log.when(completed(ENV));
    expect(log.decides()).toEqual([]);
    log.when(resumeRequested());
    expect(named(log.settle())).toEqual(
      ['wave_completed', 'wave_started 2', `task_assigned ${PROXY}`].map((name) =>
        name === 'wave_completed' ? 'wave_completed 1' : name,
      ),
    );
  });

  test('begins no attempt after a failure', () => {
    const log = paused();
    log.settle();
    log.when(failed(CERT));
    expect(log.decides(expired(timerKeys.retry(ID, CERT, 1)))).toEqual([]);
    log.when(resumeRequested());
    expect(named(log.settle())).toContain(`task_retry_scheduled ${CERT}`);
  });

  test.each([
    ['plan_requested', given(claimed(), opened(), requested())],
    [
      'wave_started',
      given(
        claimed(),
        opened(),
        requested({ plan: TWO_WAVES }),
        proposed(1, TWO_WAVES, { planner: 'mission' }),
        approved(1),
      ),
    ],
    [
      'task_assigned',
      given(
        claimed(),
        opened(),
        requested({ plan: TWO_WAVES }),
        proposed(1, TWO_WAVES, { planner: 'mission' }),
        approved(1),
      ),
    ],
  ] as const)('a %s that was decided before the pause was read is void, and is decided again', (type, log) => {
    const decision = log.decides().find(({ event_type }) => event_type === type);
    if (decision === undefined) throw new RangeError(`no ${type}`);
    log.when(pauseRequested());
    expect(log.when(eventOf(decision.event_type, decision.payload))).toBe('void: the mission is paused');
    expect(log.decides()).toEqual([]);
    log.when(resumeRequested());
    expect(log.decides().map(({ event_type }) => event_type)).toContain(type);
  });

  test.each(['deadline', 'not_accepted'] as const)('no attempt is ended by its %s', (code) => {
    const log = underWay();
    if (code === 'deadline') log.when(started(CERT));
    const key = timerKeys[code === 'deadline' ? 'deadline' : 'accept'](ID, CERT, 1);
    const decision = only('task_cancelled', log.decides(expired(key)));
    log.when(pauseRequested());
    expect(named(log.settle(expired(key)))).toEqual([`task_suspended ${CERT}`, `task_suspended ${ENV}`]);
    expect(log.when(eventOf('task_cancelled', decision))).toBe('void: the mission is paused');
  });

  test('its time does not run: minutes, back-offs, deadlines and answers', () => {
    const log = paused({ budget: { usd: null, tokens: null, minutes: 5 } });
    expect(timersOf(log.mission()).map(({ key, frozen }) => [key, frozen])).toEqual([
      [timerKeys.minutesUsed(ID, 95), true],
      [timerKeys.minutesUsed(ID, 75), true],
      [timerKeys.minutes(ID), true],
      [timerKeys.deadline(ID, CERT, 1), true],
      [timerKeys.withoutWorker(ID, ENV, 1), true],
      [timerKeys.accept(ID, ENV, 1), true],
    ]);
    expect(
      named(log.decides(expired(timerKeys.minutes(ID)))).filter((name) => !name.startsWith('task_suspended')),
    ).toEqual(['budget_used']);
    log.when(resumeRequested());
    expect(timersOf(log.mission()).every(({ frozen }) => frozen === undefined)).toBe(true);
  });

  test('a resumed attempt has no deadline until its worker has it running again', () => {
    const log = paused();
    log.settle();
    log.when(resumeRequested());
    expect(named(log.settle())).toEqual([`task_suspended ${CERT}`, `task_suspended ${ENV}`]);
    const deadline = () => timersOf(log.mission()).find(({ key }) => key === timerKeys.deadline(ID, CERT, 1));
    expect(deadline()).toMatchObject({ frozen: true });
    expect(log.decides(expired(timerKeys.deadline(ID, CERT, 1)))).toEqual([]);
    log.when(started(CERT));
    expect(deadline()).toMatchObject({ delayMs: 300_000 + DEFAULT_TIMINGS.deadlineGraceMs });
    expect(deadline()?.frozen).toBeUndefined();
  });

  test('a step of the attempt shows that it continues, too', () => {
    const log = paused();
    log.settle();
    log.when(progress(CERT, 1));
    expect(log.task(CERT).suspended).toBe('yes');
    log.when(resumeRequested());
    log.settle();
    log.when(progress(CERT, 2));
    expect(log.task(CERT).suspended).toBe('no');
  });

  test('an attempt that fails while it waits, or is about to continue, has its back-off afterwards', () => {
    const log = paused();
    log.settle();
    log.when(resumeRequested());
    log.settle();
    log.when(failed(CERT));
    log.settle();
    expect(timersOf(log.mission())).toContainEqual(
      expect.objectContaining({ key: timerKeys.retry(ID, CERT, 1), delayMs: 100 }),
    );
  });

  test('an attempt that has waited for too long is no failure: another one follows when the mission is resumed', () => {
    const log = paused({ retries: 0 });
    log.settle();
    log.when(failed(CERT, 1, { code: 'paused', tokens_in: 5 }));
    expect(log.task(CERT)).toMatchObject({ status: 'waiting', failures: 0, suspended: 'no' });
    expect(log.task(CERT).usage.tokens).toBeGreaterThan(0);
    expect(log.decides()).toEqual([]);
    log.when(resumeRequested());
    expect(named(log.settle())).toEqual([`task_suspended ${ENV}`, `task_assigned ${CERT}`]);
  });

  test('a failure of that name is one like any other while no attempt waits', () => {
    const log = underWay({ retries: 0 });
    log.when(failed(CERT, 1, { code: 'paused' }));
    expect(log.task(CERT)).toMatchObject({ status: 'failed', failures: 1 });
  });

  test('is cancelled like any other, and then is paused no more', () => {
    const log = paused();
    log.settle();
    log.when(cancelRequested());
    expect(named(log.settle())).toEqual([`task_cancelled ${CERT}`, `task_cancelled ${ENV}`, 'mission_cancelled']);
    expect(reportMission(log.mission())).toMatchObject({ status: 'cancelled', pause: null });
  });

  test('may be asking: its question is answered, and it stays paused', () => {
    const log = underWay({ on_failure: 'ask', retries: 0 });
    log.when(failed(CERT, 1, { retriable: false }));
    log.when(completed(ENV));
    log.settle();
    log.when(pauseRequested());
    expect(log.decides(expired(timerKeys.attention(ID, 1)))).toEqual([]);
    expect(reportMission(log.mission())).toMatchObject({ status: 'paused', question: { number: 1 } });
    log.when(answered(1));
    expect(log.decides()).toEqual([]);
    log.when(resumeRequested());
    expect(named(log.settle())).toEqual([`task_assigned ${CERT}`]);
  });

  test.each([
    [
      'a second pause keeps the first person and reason',
      [pauseRequested('again')],
      'void: the mission is paused already',
    ],
    ['a resume without a pause', [resumeRequested(), resumeRequested()], 'void: the mission is not paused'],
    [
      'a pause of a mission that is about to end',
      [resumeRequested(), cancelRequested(), pauseRequested()],
      'void: the mission is about to end',
    ],
  ] as const)('%s changes nothing', (_, events, why) => {
    const log = paused();
    expect(events.map((event) => log.when(event)).at(-1)).toBe(why);
    expect(log.mission().pause?.reason ?? 'lunch').toBe('lunch');
  });

  test('a late copy of a pause or a resume changes nothing: each pause has its number', () => {
    const log = paused();
    log.when(resumeRequested());
    expect(log.when(pauseRequested())).toBe('void: another pause');
    expect(log.when(pauseRequested('again', 2))).toBe('applied');
    expect(log.when(resumeRequested())).toBe('void: another pause');
    expect(log.when(resumeRequested(2))).toBe('applied');
  });

  test('an ended mission is neither paused nor resumed', () => {
    const log = underWay();
    log.when(cancelRequested());
    log.settle();
    expect(log.when(pauseRequested())).toBe('void: mission ended');
    expect(log.when(resumeRequested())).toBe('void: mission ended');
  });

  test('survives a take-over: the next holder says the same', () => {
    const log = paused();
    log.when(claimed('o-2'));
    expect(named(log.settle())).toEqual([`task_suspended ${CERT}`, `task_suspended ${ENV}`]);
    expect(log.when(suspended(CERT, false, { owner: 'o-1' }))).toBe('void: not the holder');
    expect([...copyOfMission(log.mission()).index.suspended.keys()]).toEqual([CERT, ENV]);
  });

  test('with operators it is paused when its holder has accepted the request', () => {
    const log = given(claimed(), opened(), requested({ plan: TWO_WAVES }));
    const verifyRequest = () => null;
    log.settle({ verifyRequest });
    const verified = { verifyRequest };
    log.when(accepted(CERT));
    const signed = { signed_by: 'ann', key_id: 'k', signature: 's', cluster: null };
    const request = pauseRequested();
    if (request.event_type !== 'mission_pause_requested') throw new TypeError('a pause');
    log.when({ ...request, timestamp: T0, payload: { ...request.payload, signed } });
    expect(log.mission().pause).toBeNull();
    expect(named(log.settle(verified))).toEqual([
      'request_accepted',
      `task_suspended ${CERT}`,
      `task_suspended ${ENV}`,
    ]);
    expect(log.mission().pause).toMatchObject({ by: 'ann', reason: 'lunch' });
  });
});

describe('a changed budget', () => {
  test('holds for the next assignment and the next plan, and is in the report', () => {
    const log = underWay({ budget: { usd: 1, tokens: 1_000, minutes: 5 } });
    expect(log.when(budgetRequested({ tokens: 4_000 }))).toBe('applied');
    expect(reportMission(log.mission()).budget).toEqual({ usd: 1, tokens: 4_000, minutes: 5 });
    log.when(completed(CERT, 1, { tokens_in: 100 }));
    log.when(completed(ENV, 1, { tokens_in: 100 }));
    expect(only('task_assigned', log.settle())).toMatchObject({ share_tokens: 3_800, share_usd: 1 });
  });

  test('of minutes is another length of the same wait', () => {
    const log = underWay({ budget: { usd: null, tokens: null, minutes: 5 } });
    log.when(budgetRequested({ minutes: 9 }));
    expect(timersOf(log.mission())).toContainEqual({ key: timerKeys.minutes(ID), delayMs: 9 * 60_000 });
    expect(only('mission_failed', log.settle(expired(timerKeys.minutes(ID)))).reason).toContain('9 minutes');
  });

  test.each([
    ['the same values', { usd: 1 }, 'void: the budget is so already'],
    ['no value', {}, 'void: the budget is so already'],
    ['a value that is none', { usd: -1 }, 'void: no such budget'],
  ])('%s changes nothing', (_, changes, why) => {
    const log = underWay({ budget: { usd: 1, tokens: null, minutes: null } });
    expect(log.when(budgetRequested(changes))).toBe(why);
    expect(log.mission().budget).toEqual({ usd: 1, tokens: null, minutes: null });
  });

  test('again needs the next number: a late copy does not take it back', () => {
    const log = underWay({ budget: { usd: 1, tokens: null, minutes: null } });
    log.when(budgetRequested({ usd: 2 }));
    expect(log.when(budgetRequested({ usd: 3, number: 2 }))).toBe('applied');
    expect(log.when(budgetRequested({ usd: 2 }))).toBe('void: another change of the budget');
    expect(log.mission().budget.usd).toBe(3);
  });

  test('does not revive a mission that has failed for its budget', () => {
    const log = underWay({ budget: { usd: null, tokens: null, minutes: 5 } });
    log.settle(expired(timerKeys.minutes(ID)));
    expect(log.when(budgetRequested({ minutes: 50 }))).toBe('void: mission ended');
  });

  test('does not change the request, which its signature covers', () => {
    const log = underWay({ budget: { usd: 1, tokens: null, minutes: null } });
    log.when(budgetRequested({ usd: 2 }));
    expect(log.mission().request.budget.usd).toBe(1);
  });
});
