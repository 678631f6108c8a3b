/** given / when / then for a call that waits in a tasks partition. */
import type { AgentEvent, PayloadOf } from '../../src/domain/events.js';
import { createTaskPartitionState, evolveTaskPartition, spentBefore } from '../../src/domain/task-partition.js';
import { attemptKey } from '../../src/domain/partitioning.js';
import { describeFolded } from '../../src/domain/record.js';
import { countingDecision } from '../../src/domain/waiting-call.js';
import { eventOf, recordsOf, T0 } from './support/events.js';
import { assigned, called, cancelled, claimed, returned, source } from './support/task-log.js';

const KEY = { mission_id: 'm1', task_id: 't1', attempt: 1 };
const DIGEST = 'a'.repeat(64);

function stepOf(owner: string, step: number): PayloadOf<'tool_called'> {
  const event = called(owner, step, { tokens_in: 10, tokens_out: 5, reserved_tokens: 100 });
  if (event.event_type !== 'tool_called') throw new TypeError('a call');
  return event.payload;
}

function proposed(owner: string, step: number, changes: Partial<PayloadOf<'call_proposed'>> = {}): AgentEvent {
  const { decision: _, approval_id: _id, approved_by: _by, refused_because: _why, ...call } = stepOf(owner, step);
  return eventOf('call_proposed', {
    ...call,
    rule: 'ask',
    reason: 'it matters',
    checks: [],
    working_dir: null,
    digest: DIGEST,
    expires_at: T0 + 1_000,
    remaining_ms: 7_000,
    ...changes,
  });
}

function decided(
  offset: number | null,
  approvalId: string,
  changes: Partial<PayloadOf<'call_decided'>> = {},
): AgentEvent {
  return eventOf('call_decided', {
    ...identityOf(stepOf('w', 1)),
    agent: 'cert_agent',
    owner: 'o',
    target_partition: 0,
    answer_id: `answer-${offset}`,
    approval_id: approvalId,
    digest: DIGEST,
    approved: true,
    reason: '',
    answered_by: 'ann',
    answered_at: T0,
    signature: null,
    source: offset === null ? null : source(offset),
    key_id: null,
    cluster: null,
    ...changes,
  });
}

const identityOf = ({ mission_id, task_id, attempt }: PayloadOf<'tool_called'>) => ({ mission_id, task_id, attempt });

function decidedCall(
  approvalId: string | null,
  changes: Partial<PayloadOf<'tool_called'>> = {},
  owner = 'w',
): AgentEvent {
  return eventOf('tool_called', {
    ...stepOf(owner, 1),
    decision: 'ask',
    approval_id: approvalId,
    approved_by: 'ann',
    ...changes,
  });
}

/** What happened to each event, and the attempt at the end. */
function fold(events: readonly AgentEvent[], laterMs = 0) {
  const state = createTaskPartitionState();
  const results = recordsOf(events).map((record) =>
    describeFolded(evolveTaskPartition(state, { ...record, timestampMs: record.timestampMs + laterMs })),
  );
  const [attempt] = state.attempts.values();
  if (attempt === undefined) throw new TypeError('an attempt is assigned');
  return { results: results.slice(2), attempt, state };
}

const proposal = proposed('w', 1);
const ID = proposal.event_id;
const GIVEN = [claimed('w'), assigned(source(1)), proposal];

test('a proposal is no call: it is never in doubt, and its turn counts once', () => {
  const { attempt } = fold([...GIVEN, decided(2, ID), decidedCall(ID)]);
  expect(attempt.steps.map(({ call }) => call.approved_by)).toEqual(['ann']);
  expect(attempt.waiting).toBeNull();
  expect(attempt.remainingMs).toBe(7_000);
  expect(spentBefore(attempt, 'w').tokens).toBe(15);
});

test('while a call waits nothing is reserved, so that a take-over loses nothing', () => {
  const { attempt } = fold([...GIVEN, claimed('x')]);
  expect(attempt.waiting?.approvalId).toBe(ID);
  expect(attempt.steps).toEqual([]);
  expect(spentBefore(attempt, 'x').tokens).toBe(15);
});

test.each<readonly [string, readonly AgentEvent[], string]>([
  ['without a decision', [decidedCall(ID)], 'void: not approved'],
  [
    'with a decision of another person',
    [decided(2, ID, { answered_by: 'bob' }), decidedCall(ID)],
    'void: not approved',
  ],
  ['with a rejection', [decided(2, ID, { approved: false }), decidedCall(ID)], 'void: not approved'],
  ['of another proposal', [decided(2, ID), decidedCall('other')], 'void: another call waits for a person'],
  ['of no proposal', [decided(2, ID), decidedCall(null)], 'void: another call waits for a person'],
  [
    'with other arguments',
    [decided(2, ID), decidedCall(ID, { arguments: '{"a":1}' })],
    'void: not the call that was proposed',
  ],
  ['with another tool', [decided(2, ID), decidedCall(ID, { tool: 'rm' })], 'void: not the call that was proposed'],
  ['of another owner', [decided(2, ID), decidedCall(ID, {}, 'x')], 'void: not the holder'],
  ['neither approved nor refused', [decidedCall(ID, { approved_by: null })], 'void: neither approved nor refused'],
  ['refused', [decidedCall(ID, { approved_by: null, refused_because: 'too late' })], 'applied'],
  ['approved', [decided(2, ID), decidedCall(ID)], 'applied'],
])('the call %s', (_, events, expected) => {
  expect(fold([...GIVEN, ...events]).results.at(-1)).toBe(expected);
});

test('an approval is used once: the next step has none', () => {
  const next = eventOf('tool_called', { ...stepOf('w', 2), decision: 'ask', approval_id: ID, approved_by: 'ann' });
  const events = [...GIVEN, decided(2, ID), decidedCall(ID), returned('w', 1), next];
  expect(fold(events).results.at(-1)).toBe('void: no such call waits');
});

test.each<readonly [string, AgentEvent, number, string]>([
  ['without a source', decided(null, ID), 0, 'void: no source'],
  ['at the mark', decided(1, ID), 0, 'void: source taken before'],
  [
    'about another call',
    decided(2, ID, { digest: 'b'.repeat(64) }),
    0,
    'void: it is about another call than the one that waits: the digests differ',
  ],
  ['about another proposal', decided(2, 'other'), 0, 'void: no call waits under this id'],
  ['that comes too late', decided(2, ID), 2_000, 'void: it came too late'],
  ['in time', decided(2, ID), 0, 'applied'],
])('a decision %s', (_, event, laterMs, expected) => {
  expect(fold([...GIVEN, event], laterMs).results.at(-1)).toBe(expected);
});

test('a decision about a call that was decided says so', () => {
  expect(fold([...GIVEN, decided(2, ID), decidedCall(ID), decided(3, ID)]).results.at(-1)).toBe(
    'void: the call was decided before',
  );
});

test('only one call of an attempt waits, and only the next step', () => {
  expect(fold([...GIVEN, proposed('w', 1)]).results.at(-1)).toBe('void: another call waits');
  expect(fold([claimed('w'), assigned(source(1)), proposed('w', 2)]).results.at(-1)).toBe('void: step out of order');
  expect(fold([claimed('w'), assigned(source(1)), proposed('x', 1)]).results.at(-1)).toBe('void: not the holder');
});

test('a decision is verified at the time at which the log took it, whatever time its writer names', () => {
  const { attempt } = fold([...GIVEN, decided(2, ID, { answered_at: T0 - 3_600_000 })], 500);
  if (attempt.waiting === null) throw new TypeError('it waits');
  const seen: number[] = [];
  const counting = countingDecision(attempt.waiting, (_, atMs) => {
    seen.push(atMs);
    return atMs < T0 ? null : 'key_expired';
  });
  expect([counting, seen.every((atMs) => atMs >= T0 + 500)]).toEqual([null, true]);
});

test('a cancelled attempt waits for no person', () => {
  const { attempt, state } = fold([...GIVEN, cancelled(source(2))]);
  expect(attempt).toMatchObject({ status: 'cancelled', waiting: null });
  expect(state.attempts.has(attemptKey({ ...KEY, ...identityOf(stepOf('w', 1)) }))).toBe(true);
});
