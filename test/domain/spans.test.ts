/** Which spans the records of a tasks partition and of a coordination partition tell. */
import type { AgentEvent } from '../../src/domain/events.js';
import { createMissionTraces, spansOfMission } from '../../src/domain/mission-spans.js';
import type { Mission } from '../../src/domain/mission-state.js';
import type { Span } from '../../src/domain/spans.js';
import { createTaskTrace, spansOfTask } from '../../src/domain/task-spans.js';
import { eventOf, T0 } from './support/events.js';
import * as mission from './support/mission-log.js';
import * as task from './support/task-log.js';

const place = { topic: 't', partition: 0, offset: 5, caller: null };
const at = (event: AgentEvent, ms: number): AgentEvent => ({ ...event, timestamp: T0 + ms });
const record = (event: AgentEvent) => ({ offset: 0, timestampMs: T0, event });

function taskSpans(...events: readonly AgentEvent[]): readonly Span[] {
  const trace = createTaskTrace(null);
  return events.flatMap((event) => spansOfTask(trace, record(event), place));
}

const withPayload = <E extends AgentEvent>(event: E, payload: object): E => ({
  ...event,
  payload: { ...event.payload, ...payload },
});
const timed = { started_at: T0, model_ms: 90, first_token_ms: 30 };

describe('a tasks partition', () => {
  const assigned = task.assigned(task.source(1));

  test('a step is a chat and a tool call below the attempt; the call begins with its record', () => {
    const call = at(withPayload(task.called('w', 1, { tokens_in: 3, tokens_out: 4, cost_usd: 0.5 }), timed), 100);
    const outcome = at(withPayload(task.returned('w', 1), { duration_ms: 20 }), 150);
    const [chat, tool, ...others] = taskSpans(assigned, call, outcome);
    expect(others).toEqual([]);
    expect(chat).toMatchObject({
      ...{ seed: `${call.event_id} chat`, parent: assigned.event_id, kind: 'client', startMs: T0, endMs: T0 + 90 },
      attributes: { 'gen_ai.provider.name': 'ollama', 'gen_ai.request.model': 'llama3.1', 'ravenhelm.step': 1 },
    });
    expect(tool).toMatchObject({
      ...{ seed: call.event_id, parent: assigned.event_id, startMs: T0 + 100, endMs: T0 + 150, error: null },
      events: [{ name: 'ravenhelm.read_back', atMs: T0 + 130 }],
      attributes: { 'ravenhelm.append_to_read_back_ms': 30, 'messaging.kafka.offset': 5 },
    });
  });

  test('a playbook, and a step whose times are not known, have no chat', () => {
    const ofPlaybook = withPayload(task.called('w', 1), { ...timed, model: 'playbook' });
    expect(taskSpans(assigned, ofPlaybook)).toEqual([]);
    expect(taskSpans(assigned, task.called('w', 1))).toEqual([]);
    expect(
      taskSpans(assigned, withPayload(task.called('w', 1), { ...timed, first_token_ms: null }))[0]?.events,
    ).toEqual([]);
  });

  test('checks ran one after the other before the end of their step; a failed one is an error', () => {
    const call = task.called('w', 1);
    const check = { name: 'a', command: 'test -f a', exit_code: 0, duration_ms: 30, output_digest: '', baseline: null };
    const checks = [
      { ...check, output: null },
      { ...check, name: 'b', exit_code: 1, duration_ms: 20, output: 'no b' },
    ];
    const outcome = at(withPayload(task.returned('w', 1, 'error'), { checks }), 100);
    const [tool, first, second] = taskSpans(assigned, call, outcome);
    expect(tool?.error).toBe('error');
    expect(first).toMatchObject({ name: 'check a', startMs: T0 + 50, endMs: T0 + 80, error: null });
    expect(second).toMatchObject({ name: 'check b', startMs: T0 + 80, endMs: T0 + 100, error: 'check_failed' });
    expect(second?.seed).toBe(`${call.event_id} check 1`);
  });

  test('a call that a person approved has its chat where it was proposed, and no second one', () => {
    const call = withPayload(task.called('w', 1), timed);
    const proposal = { ...call, event_type: 'call_proposed', event_id: 'proposal' } as unknown as AgentEvent;
    const approved = withPayload(call, { approval_id: 'proposal' });
    expect(taskSpans(assigned, proposal, approved).map(({ seed }) => seed)).toEqual(['proposal chat']);
  });

  test('an outcome of another step, a second outcome and what is behind the end tell nothing', () => {
    const call = task.called('w', 1);
    expect(taskSpans(assigned, call, task.returned('w', 2))).toEqual([]);
    expect(taskSpans(assigned, call, task.returned('w', 1), task.returned('w', 1))).toHaveLength(1);
    for (const end of [task.completed('w'), task.failed('w'), task.cancelled(task.source(2))])
      expect(taskSpans(assigned, end, call, task.returned('w', 1))).toEqual([]);
    expect(taskSpans(call, task.returned('w', 1), withPayload(call, timed), task.claimed('w'))).toEqual([]);
  });

  test.each([
    ['cancelled', task.cancelled(task.source(2))],
    ['unknown', task.completed('w')],
    ['unknown', task.failed('w')],
  ])('a call without an outcome ends with its attempt, as %s; a later outcome gives no second span', (error, end) => {
    const call = at(task.called('w', 1), 100);
    const check = { name: 'a', command: 'test -f a', exit_code: 0, duration_ms: 30, output_digest: '', baseline: null };
    const late = withPayload(task.returned('w', 1), { checks: [{ ...check, output: null }] });
    const [tool, ...others] = taskSpans(assigned, call, at(end, 150), at(late, 200));
    expect(others).toEqual([]);
    expect(tool).toMatchObject({
      ...{ seed: call.event_id, parent: assigned.event_id, startMs: T0 + 100, endMs: T0 + 150, error },
      attributes: { 'gen_ai.tool.call.id': call.event_id, 'ravenhelm.step': 1 },
    });
    expect(Object.keys(tool?.attributes ?? {})).not.toContain('ravenhelm.outcome');
    expect(tool?.content?.()).toEqual({ 'gen_ai.tool.call.arguments': expect.any(String) });
  });

  test('prompts are rebuilt in the order of the steps; one that is not exact is named, not sent', () => {
    const told: string[] = [];
    const states = { 1: 'exact', 2: 'differs' } as const;
    const trace = createTaskTrace(() => ({
      promptOf({ step }) {
        told.push(`prompt ${step}`);
        const messages = [{ role: 'user', content: `do step ${step}` }] as const;
        return { state: states[step as 1 | 2], messages, digest: '', why: null };
      },
      add: ({ step }, outcome) => void told.push(`${step}: ${outcome?.observation}`),
    }));
    const steps = [1, 2].flatMap((step) => [
      withPayload(task.called('w', step), timed),
      withPayload(task.returned('w', step), { observation: `seen ${step}` }),
    ]);
    const chats = [assigned, ...steps]
      .flatMap((event) => spansOfTask(trace, record(event), place))
      .filter(({ kind }) => kind === 'client')
      .map(({ content }) => content?.());
    expect(told).toEqual(['prompt 1', '1: seen 1', 'prompt 2', '2: seen 2']);
    expect(chats).toEqual([
      {
        'gen_ai.input.messages': '[{"role":"user","parts":[{"type":"text","content":"do step 1"}]}]',
        'gen_ai.output.messages': expect.any(String),
      },
      { 'ravenhelm.prompt': 'differs', 'gen_ai.output.messages': expect.any(String) },
    ]);
  });
});

describe('a coordination partition', () => {
  const requested = mission.requested({ name: 'renew' });
  const folded = {
    ...{ id: mission.ID, request: requested.payload, requestId: requested.event_id, requestTimestamp: T0 },
    ...{ tasks: new Map([['a', {}]]), waves: [{}] },
  } as unknown as Mission;
  function missionSpans(...events: readonly AgentEvent[]): readonly Span[] {
    const traces = createMissionTraces();
    return events.flatMap((event) => spansOfMission(traces, folded, record(event), place));
  }
  const assigned = withPayload(task.assigned(null), { mission_id: mission.ID });
  const ofMission = (event: AgentEvent): AgentEvent => withPayload(event, { mission_id: mission.ID });
  const ids = { mission_id: mission.ID, owner: 'o-1' };
  const askedFor = eventOf('plan_requested', {
    ...ids,
    ...{ revision: 1, reason: null, reserved_tokens: 0, reserved_usd: 0, answer: null },
  });

  test('an attempt waits from its assignment to its start', () => {
    const [span, ...others] = missionSpans(
      requested,
      at(assigned, 10),
      at(mission.accepted(task.TASK), 20),
      at(mission.started(task.TASK), 50),
      at(mission.started(task.TASK), 60),
      at(ofMission(task.completed('w')), 100),
    );
    expect(others).toEqual([]);
    expect(span).toMatchObject({
      ...{ seed: assigned.event_id, parent: requested.event_id, startMs: T0 + 10, endMs: T0 + 100, error: null },
      events: [
        { name: 'ravenhelm.accepted', atMs: T0 + 20 },
        { name: 'ravenhelm.started', atMs: T0 + 50 },
      ],
      attributes: { 'ravenhelm.queue_wait_ms': 40, 'ravenhelm.result': 'verified' },
    });
  });

  test.each([
    ['a failure', ofMission(task.failed('w')), 'gave_up'],
    ['a failure without a code', withPayload(ofMission(task.failed('w')), { code: '' }), 'task_failed'],
    ['a cancel', ofMission(task.cancelled(null)), 'cancelled'],
  ])('%s is the error of its attempt', (_, end, error) => {
    const [span] = missionSpans(requested, assigned, end);
    expect([span?.error, typeof span?.content?.()['exception.message']]).toEqual([error, 'string']);
    expect(span?.events).toEqual([]);
  });

  test.each([
    ['completed', { tasks_verified: 1, tasks_unverified: 0, tokens: 7, cost_usd: 0.5 }, null],
    ['failed', { reason: 'no', code: 'no_worker' }, 'no_worker'],
    ['failed', { reason: 'no', code: null }, 'mission_failed'],
    ['cancelled', { reason: 'enough' }, 'cancelled'],
  ] as const)('a mission that is %s ends its open attempts, too', (status, payload, error) => {
    const end = at(
      { ...requested, event_type: `mission_${status}`, payload: { ...ids, ...payload } } as AgentEvent,
      200,
    );
    const [attempt, root, ...others] = missionSpans(requested, assigned, end);
    expect(others).toEqual([]);
    expect(attempt).toMatchObject({ seed: assigned.event_id, endMs: T0 + 200 });
    expect(root).toMatchObject({
      ...{ seed: requested.event_id, parent: null, name: 'invoke_workflow renew', startMs: T0, endMs: T0 + 200, error },
      attributes: { 'ravenhelm.status': status },
    });
  });

  test('a planner that is a model has a chat; a plan of the file and of the order has none', () => {
    const plan = mission.planOf([['cert_agent']]);
    const proposed = at(withPayload(mission.proposed(1, plan), { model: 'anthropic:claude' }), 30);
    const [chat] = missionSpans(requested, askedFor, proposed);
    expect(chat).toMatchObject({
      ...{ seed: askedFor.event_id, parent: requested.event_id, name: 'chat anthropic:claude', endMs: T0 + 30 },
      error: null,
    });
    expect(missionSpans(requested, askedFor, mission.proposed(1, plan))).toEqual([]);
    expect(missionSpans(requested, proposed)).toEqual([]);
  });

  test('a planner that fails has a chat with its error', () => {
    expect(missionSpans(requested, askedFor, mission.planFailed(1))[0]?.error).toBe('planning_failed');
    const without = withPayload(mission.planFailed(1), { code: '' });
    expect(missionSpans(requested, askedFor, without)[0]?.error).toBe('plan_failed');
  });

  test('what is not known to have begun does not end', () => {
    expect(missionSpans(requested, mission.started(task.TASK), ofMission(task.completed('w')))).toEqual([]);
    expect(missionSpans(requested, mission.pauseRequested())).toEqual([]);
  });
});
