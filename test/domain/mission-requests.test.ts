/** What people ask of a mission whose requests must be accepted: it waits for the holder, and counts only then. */
import { REQUEST_WINDOW_MS } from '../../src/domain/requests.js';
import type { AgentEvent, EventOf, PayloadOf } from '../../src/domain/events.js';
import type { Decision } from '../../src/domain/mission-decide.js';
import { timerKeys } from '../../src/domain/mission-timers.js';
import { lacksOperators } from '../../src/domain/request-decisions.js';
import { reportMission } from '../../src/domain/mission-report.js';
import type { Signable, VerifyRequest } from '../../src/domain/requests.js';
import { eventOf, T0 } from './support/events.js';
import {
  answered,
  approved,
  cancelRequested,
  CERT,
  claimed,
  completed,
  ENV,
  expired,
  failed,
  given,
  ID,
  opened,
  planFailed,
  proposed,
  rejected,
  requested,
  retryRequested,
  TWO_WAVES,
} from './support/mission-log.js';

const GOOD = { signed_by: 'ann', key_id: 'k1', signature: 'good', cluster: null };
const BAD = { ...GOOD, signature: 'bad' };

/** Good signatures hold. */
const verifyRequest: VerifyRequest = ({ payload }) =>
  payload.signed === null ? 'unsigned' : payload.signed.signature === 'good' ? null : 'forged';
const signs = { verifyRequest };

function signedAs<E extends AgentEvent>(event: E, signed: Signable['payload']['signed'] = GOOD): E {
  return { ...event, payload: { ...event.payload, signed } };
}
const typesOf = (decisions: readonly Decision[]) => decisions.map(({ event_type }) => event_type);
const codesOf = (decisions: readonly Decision[]) =>
  decisions.flatMap((each) => (each.event_type === 'request_void' ? [each.payload.code] : []));

const guarded = (changes: Parameters<typeof requested>[0] = {}) =>
  given(claimed(), opened(), requested({ signed: GOOD, ...changes }));

describe('the request for the mission', () => {
  test('counts when its signature holds, before anything else is decided', () => {
    const log = guarded({ plan: TWO_WAVES });
    const decisions = log.settle(signs);
    expect(typesOf(decisions).slice(0, 3)).toEqual(['request_accepted', 'plan_proposed', 'plan_approved']);
    expect(decisions[0]?.payload).toMatchObject({ request_type: 'mission_requested', signed_by: 'ann', key_id: 'k1' });
    expect(reportMission(log.mission()).signed_by).toEqual({ name: 'ann', key_id: 'k1' });
  });

  test.each([
    ['without a signature', null, 'unsigned'],
    ['with one that does not hold', BAD, 'forged'],
  ])('is void %s: the mission fails, and nothing of it is planned', (_, signed, code) => {
    const log = guarded({ signed, plan: TWO_WAVES });
    // Not even with a plan that others have put in its place.
    log.when(proposed(1, TWO_WAVES, { planner: 'mission', owner: null }));
    const decisions = log.settle(signs);
    expect(typesOf(decisions)).toEqual(['request_void', 'mission_failed']);
    expect(codesOf(decisions)).toEqual([code]);
    const report = reportMission(log.mission());
    expect(report).toMatchObject({ status: 'failed', code: 'request_void', tasks: [] });
    expect(report.void_requests).toMatchObject([{ type: 'mission_requested', requested_by: 'test', code }]);
  });

  test('gets its plans only from the planner of its holder', () => {
    const log = guarded();
    log.settle(signs);
    const word = 'void: the planner of another than the holder';
    for (const owner of [null, 'mallory', 'o-0']) {
      expect(log.when(proposed(1, TWO_WAVES, { owner }))).toBe(word);
      expect(log.when(planFailed(1, 'mine', { owner }))).toBe(word);
    }
    log.when(claimed('o-2'));
    expect(log.when(proposed(1, TWO_WAVES))).toBe(word);
    expect(log.mission().planning.kind).toBe('requested');
    expect(log.when(proposed(1, TWO_WAVES, { owner: 'o-2' }))).toBe('applied');
  });

  test("that is not signed gets another planner's plan too, as events of older builds are", () => {
    const log = given(claimed(), opened(), requested());
    log.settle();
    expect(log.when(proposed(1, TWO_WAVES, { owner: null }))).toBe('applied');
  });

  test('is refused again by a holder that takes over between the refusal and the end', () => {
    const log = guarded({ signed: null });
    const [refusal] = log.decides(signs);
    if (refusal?.event_type !== 'request_void') throw new TypeError('a refusal');
    log.when(eventOf('request_void', refusal.payload));
    log.when(claimed('o-2'));
    expect(typesOf(log.settle(signs))).toEqual(['request_void', 'mission_failed']);
  });

  test.each([
    ['after', -REQUEST_WINDOW_MS - 60_000],
    ['before', REQUEST_WINDOW_MS + 60_000],
  ])('is void when the log took it long %s it was signed', (_, shiftMs) => {
    const log = given(claimed(), opened(), { ...requested({ signed: GOOD }), timestamp: T0 + shiftMs });
    const [refusal] = log.decides(signs);
    expect(refusal?.payload).toMatchObject({ code: 'late', reason: expect.stringContaining('11 minutes') });
  });

  test('that a holder has begun before requests had to be signed continues, and is guarded from there on', () => {
    const log = given(claimed(), opened(), requested());
    log.settle();
    const decisions = log.settle(signs);
    expect(decisions[0]).toMatchObject({ event_type: 'request_accepted', payload: { signed_by: null } });
    log.when(cancelRequested());
    expect(codesOf(log.settle(signs))).toEqual(['unsigned']);
    expect(log.mission().course.kind).toBe('working');
  });

  test('once accepted stays so when its key is known no more', () => {
    const log = guarded({ plan: TWO_WAVES });
    log.settle(signs);
    log.when(claimed('o-2'));
    expect(codesOf(log.settle({ verifyRequest: () => 'unknown_key' }))).toEqual([]);
    expect(reportMission(log.mission()).status).toBe('running');
  });

  test('is not accepted in the name of a signer whom it does not name itself', () => {
    const log = guarded({ signed: null });
    const about = { mission_id: ID, owner: 'o-1', request_id: 'r', request_type: 'mission_requested' };
    const forged = { ...about, requested_by: 'ann', signed_by: 'ann', key_id: 'k1' };
    expect(log.when(eventOf('request_accepted', forged))).toBe('void: the request names another signer');
    expect(codesOf(log.settle(signs))).toEqual(['unsigned']);
    expect(reportMission(log.mission())).toMatchObject({ status: 'failed', signed_by: null });
  });

  test('needs no decision where there are no operators', () => {
    expect(typesOf(given(claimed(), opened(), requested()).settle())).not.toContain('request_accepted');
    const log = guarded({ plan: TWO_WAVES });
    expect(typesOf(log.settle())).not.toContain('request_accepted');
    // Its client signs; what it asks later is accepted as it is.
    log.when(cancelRequested());
    expect(log.settle()[0]).toMatchObject({ event_type: 'request_accepted', payload: { signed_by: null } });
    expect(reportMission(log.mission()).status).toBe('cancelled');
  });
});

/** A mission in the state that the request is about. */
const LATER: readonly (readonly [string, () => ReturnType<typeof given>, AgentEvent, string])[] = [
  ['a cancel', () => running(), cancelRequested(), 'cancelled'],
  ['an approval', () => waiting(), approved(1), 'running'],
  ['a rejection', () => waiting(), rejected(1), 'failed'],
  ['an answer', () => asking(), answered(1), 'running'],
  ['a retry', () => hopeless(), retryRequested(CERT, 1), 'running'],
];

function running() {
  const log = guarded({ plan: TWO_WAVES });
  log.settle(signs);
  return log;
}
function waiting() {
  const log = guarded({ plan: TWO_WAVES, approval: 'approval' });
  log.settle(signs);
  return log;
}
function hopeless(changes: Parameters<typeof requested>[0] = {}) {
  const log = guarded({ plan: TWO_WAVES, retries: 0, ...changes });
  log.settle(signs);
  log.when(failed(CERT, 1, { retriable: false }));
  return log;
}
function asking() {
  const log = hopeless({ on_failure: 'ask' });
  for (const { plan, attempt } of log.mission().index.open.values())
    log.when(failed(plan.task_id, attempt, { retriable: false }));
  log.settle(signs);
  return log;
}

describe.each(LATER)('%s', (_, state, event, status) => {
  test('changes nothing before it is accepted, and counts then', () => {
    const log = state();
    const before = reportMission(log.mission()).status;
    expect(log.when(signedAs(event))).toBe('applied');
    expect(reportMission(log.mission()).status).toBe(before);
    const [decision] = log.settle(signs);
    expect(decision).toMatchObject({
      event_type: 'request_accepted',
      payload: { request_id: event.event_id, request_type: event.event_type, signed_by: 'ann', key_id: 'k1' },
    });
    expect(reportMission(log.mission()).status).toBe(status);
  });

  test.each([
    ['not signed', null, 'unsigned'],
    ['forged', BAD, 'forged'],
  ])('is void when it is %s, and recorded; the right one counts after it', (__, signed, code) => {
    const log = state();
    const before = reportMission(log.mission()).status;
    log.when({ ...signedAs(event, signed), event_id: 'rogue' });
    const decisions = log.settle(signs);
    expect(codesOf(decisions)).toEqual([code]);
    expect(typesOf(decisions)).toEqual(['request_void']);
    expect(reportMission(log.mission())).toMatchObject({
      status: before,
      void_requests: [{ request_id: 'rogue', code }],
    });
    log.when(signedAs(event));
    log.settle(signs);
    expect(reportMission(log.mission()).status).toBe(status);
  });

  test('is void when it comes late, and when the same record waits already', () => {
    const log = state();
    const late = { ...signedAs(event), timestamp: T0 - 2 * REQUEST_WINDOW_MS };
    log.when(late);
    expect(log.when(late)).toBe('void: asked before');
    expect(codesOf(log.settle(signs))).toEqual(['late']);
  });

  test('is not accepted in the name of a signer whom it does not name itself', () => {
    const log = state();
    log.when(signedAs(event, null));
    const about = { mission_id: ID, owner: 'o-1', request_id: event.event_id, request_type: event.event_type };
    const forged = { ...about, requested_by: 'ann', signed_by: 'ann', key_id: 'k1' };
    expect(log.when(eventOf('request_accepted', forged))).toBe('void: no such request waits');
    expect(codesOf(log.settle(signs))).toEqual(['unsigned']);
  });

  test('is not carried out by a decision of anyone but the holder', () => {
    const log = state();
    log.when(signedAs(event, null));
    const forged = { request_id: event.event_id, request_type: event.event_type, requested_by: 'ann' };
    expect(
      log.when(
        eventOf('request_accepted', { mission_id: ID, owner: 'mallory', ...forged, signed_by: 'ann', key_id: 'k1' }),
      ),
    ).toBe('void: not the holder');
    expect(codesOf(log.settle(signs))).toEqual(['unsigned']);
  });
});

test('a signed request that was carried out is void when it is replayed, and says why', () => {
  const log = waiting();
  const good = signedAs(approved(1));
  log.when(good);
  log.settle(signs);
  log.when(good);
  const [refusal] = log.settle(signs);
  expect(refusal?.payload).toMatchObject({ code: 'no_effect', reason: 'it changes nothing: the plan is not proposed' });
  const answer = asking();
  answer.when(signedAs(answered(2)));
  expect(answer.settle(signs)[0]?.payload).toMatchObject({ code: 'no_effect', reason: /another question/ });
});

test('of many void requests each is recorded at once, and the report keeps the last 20', () => {
  const log = running();
  for (let n = 1; n <= 30; n += 1) log.when({ ...cancelRequested(), event_id: `rogue-${n}` });
  expect(log.decides(signs)).toHaveLength(30);
  log.settle(signs);
  const kept = reportMission(log.mission()).void_requests.map(({ request_id }) => request_id);
  expect([kept.length, kept[0], kept.at(-1)]).toEqual([20, 'rogue-11', 'rogue-30']);
});

test("the holder's own approval by policy does not wait, and a person's plan is not approved by its name", () => {
  const byPolicy = (revision: number): EventOf<'plan_approved'> =>
    eventOf('plan_approved', { mission_id: ID, revision, approved_by: 'policy', signed: null, plan_digest: null });
  const log = waiting();
  log.when(byPolicy(1));
  expect(codesOf(log.settle(signs))).toEqual(['unsigned']);
  expect(reportMission(log.mission()).status).toBe('waiting_for_approval');
});

test('an answer about a plan that the person has not seen is void', () => {
  const log = waiting();
  const seen = { ...approved(1).payload, plan_digest: 'of another plan', signed: GOOD };
  log.when(eventOf('plan_approved', seen as PayloadOf<'plan_approved'>));
  expect(log.settle(signs)[0]?.payload).toMatchObject({ code: 'no_effect', reason: /the digests differ/ });
  const exact = { ...seen, plan_digest: JSON.stringify(TWO_WAVES) };
  log.when(eventOf('plan_approved', exact as PayloadOf<'plan_approved'>));
  log.settle(signs);
  expect(reportMission(log.mission()).status).toBe('running');
});

test('a request that was void for a reason which has passed is void when it is written again', () => {
  const log = running();
  const cancel = signedAs(cancelRequested());
  log.when(cancel);
  expect(codesOf(log.settle({ verifyRequest: () => 'not_allowed' }))).toEqual(['not_allowed']);
  // The operators file has changed.
  log.when(cancel);
  expect(log.settle(signs)[0]?.payload).toMatchObject({ code: 'no_effect', reason: 'it was decided about before' });
  expect(reportMission(log.mission()).status).toBe('running');
  // The id of a person's request cannot be used up that way.
  log.when({ ...signedAs(cancelRequested(), null), event_id: 'later' });
  log.settle(signs);
  log.when({ ...signedAs(cancelRequested()), event_id: 'later' });
  log.settle(signs);
  expect(reportMission(log.mission()).status).toBe('cancelled');
});

test('an orchestrator without operators leaves what is asked of a signed mission to one that knows them', () => {
  const log = running();
  log.when(claimed('o-2'));
  log.when(cancelRequested());
  expect(typesOf(log.settle())).not.toContain('request_accepted');
  expect(reportMission(log.mission()).status).toBe('running');
  expect(lacksOperators(log.mission(), { verifyRequest: null })).toBe(true);
  log.when(claimed('o-3'));
  expect(codesOf(log.settle(signs))).toEqual(['unsigned']);
});

test('void requests do not hold the mission up, nor the end of its time', () => {
  const log = guarded({ plan: TWO_WAVES, budget: { usd: null, tokens: null, minutes: 5 } });
  log.settle(signs);
  log.when(completed(CERT));
  log.when(completed(ENV));
  log.when(cancelRequested());
  expect(typesOf(log.decides(signs))).toEqual(['request_void', 'wave_completed', 'wave_started', 'task_assigned']);
  expect(typesOf(log.decides({ ...signs, ...expired(timerKeys.minutes(ID)) }))).toEqual([
    'request_void',
    'budget_used',
    'mission_failed',
  ]);
  log.when({ ...signedAs(cancelRequested()), event_id: 'good' });
  expect(typesOf(log.decides(signs))).toEqual(['request_void', 'request_accepted']);
});
