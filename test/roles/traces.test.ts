/** The spans that the roles send are those that the events tell, each with one id, whichever process sends them. */
import { setImmediate } from 'node:timers/promises';
import { messagesText } from '../../src/domain/span-attributes.js';
import type { Span } from '../../src/domain/spans.js';
import { traceContextOf } from '../../src/domain/trace-context.js';
import { createPlaybookModel } from '../../src/models/playbook.js';
import type { ChatModel } from '../../src/ports/model.js';
import type { Tracing } from '../../src/ports/tracing.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import { SPAN_KINDS, spanSeedsOf } from '../support/span-seeds.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

const STARTED_MS = 1_700_000_000_000;
const FINISH = JSON.stringify({ thought: 'nothing to do', action: { finish: { summary: 'done', outputs: [] } } });
const talking: ChatModel = {
  name: 'scripted:one',
  probe: async () => ({ usable: true }),
  worstCase: () => ({ tokens: 100, usd: 0 }),
  chat: async () => ({
    ...{ text: FINISH, tokensIn: 7, tokensOut: 3, costUsd: 0.25, promptTruncated: false },
    timing: { startedAtMs: STARTED_MS, firstTokenMs: 40, durationMs: 90 },
  }),
};

/** Keeps what it is given. away: a server that never answers. */
function collecting({ away = false, content = false } = {}): Tracing & { readonly spans: Span[] } {
  const spans: Span[] = [];
  return {
    spans,
    content,
    send(span, settled) {
      spans.push(span);
      if (!away) settled();
    },
    close: async () => undefined,
  };
}

const found = (spans: readonly Span[]): Record<string, string[]> =>
  Object.fromEntries(
    SPAN_KINDS.map((kind) => [
      kind,
      [...new Set(spans.filter(({ name }) => name.split(' ')[0] === kind).map(({ seed }) => seed))].sort(),
    ]),
  );

test('a mission is a tree: its attempts below it, and chats, calls and checks below the attempts', async () => {
  const swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], chain: [createPlaybookModel()] });
  const tracing = collecting();
  await swarm.startOrchestrator({}, { tracing });
  await swarm.startWorker(undefined, undefined, { tracing });
  const missionId = await swarm.submit({ name: 'renew' });
  await swarm.ended(missionId);
  await swarm.close();

  const { spans } = tracing;
  expect(found(spans)).toEqual(spanSeedsOf(swarm.events));
  expect(found(spans)['execute_tool']?.length).toBeGreaterThanOrEqual(3);
  expect(found(spans)['check']?.length).toBeGreaterThanOrEqual(1);
  const seeds = new Set(spans.map(({ seed }) => seed));
  expect(spans.filter(({ parent }) => parent !== null && !seeds.has(parent))).toEqual([]);
  const [root, ...others] = spans.filter(({ parent }) => parent === null);
  expect(others).toEqual([]);
  expect(root).toMatchObject({
    name: 'invoke_workflow renew',
    missionId,
    attributes: { 'ravenhelm.status': 'completed', 'ravenhelm.tasks': 1 },
    error: null,
  });
  for (const { startMs, endMs } of spans) expect(startMs).toBeLessThanOrEqual(endMs);
  const attempt = spans.find(({ name }) => name === 'invoke_agent cert_agent');
  expect(attempt?.events?.map(({ name }) => name)).toEqual(['ravenhelm.accepted', 'ravenhelm.started']);
  expect(typeof attempt?.attributes['ravenhelm.queue_wait_ms']).toBe('number');
});

test('a chat has the times, tokens and cost of the model’s call', async () => {
  const swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], chain: [talking] });
  const tracing = collecting();
  await swarm.startOrchestrator({}, { tracing });
  await swarm.startWorker(undefined, undefined, { tracing });
  await swarm.ended(await swarm.submit());
  await swarm.close();
  const [chat] = tracing.spans.filter(({ name }) => name === 'chat scripted:one');
  expect(chat).toMatchObject({
    kind: 'client',
    startMs: STARTED_MS,
    endMs: STARTED_MS + 90,
    events: [{ name: 'ravenhelm.first_token', atMs: STARTED_MS + 40 }],
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'scripted',
      'gen_ai.request.model': 'one',
      'gen_ai.usage.input_tokens': 7,
      'gen_ai.usage.output_tokens': 3,
      'ravenhelm.cost_usd': 0.25,
      'ravenhelm.agent': 'cert_agent',
    },
  });
  expect(Object.keys(chat?.attributes ?? {})).not.toContain('gen_ai.output.messages');
  expect(String(chat?.content?.()['gen_ai.output.messages'])).toContain('nothing to do');
});

test('where content is sent, a chat has the prompt that its model was asked with', async () => {
  const prompts: string[] = [];
  const noting: ChatModel = {
    ...talking,
    chat(request, options) {
      prompts.push(messagesText(request.messages));
      return talking.chat(request, options);
    },
  };
  const swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], chain: [noting] });
  const tracing = collecting({ content: true });
  await swarm.startOrchestrator({}, { tracing });
  await swarm.startWorker(undefined, undefined, { tracing });
  await swarm.ended(await swarm.submit());
  await swarm.close();
  const chats = tracing.spans.filter(({ name }) => name === 'chat scripted:one');
  expect(prompts.length).toBeGreaterThan(0);
  expect(chats.map(({ content }) => content?.()['gen_ai.input.messages'])).toEqual(prompts);
});

test('what a killed process had not sent, the next one sends, with the same ids', async () => {
  const swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], chain: [createPlaybookModel()] });
  const lost = { orchestrator: collecting({ away: true }), worker: collecting({ away: true }) };
  const orchestrator = await swarm.startOrchestrator({}, { tracing: lost.orchestrator });
  const worker = await swarm.startWorker(undefined, undefined, { tracing: lost.worker });
  const first = await swarm.submit({ name: 'first' });
  await swarm.ended(first);
  await orchestrator.kill();
  await worker.kill();

  const tracing = collecting();
  await swarm.startOrchestrator({}, { tracing });
  await swarm.startWorker(undefined, undefined, { tracing });
  await swarm.ended(await swarm.submit({ name: 'second' }));
  await swarm.close();
  expect(found(tracing.spans)).toEqual(spanSeedsOf(swarm.events));
  const before = [...lost.orchestrator.spans, ...lost.worker.spans];
  expect(before.length).toBeGreaterThan(5);
  const whole = (span: Span) => ({ ...span, content: span.content?.() });
  const sent = tracing.spans.map(whole);
  for (const span of before) expect(sent).toContainEqual(whole(span));
});

test('what was sent is not sent again by the next process', async () => {
  const swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], chain: [createPlaybookModel()] });
  const first = collecting();
  const orchestrator = await swarm.startOrchestrator({}, { tracing: first });
  const worker = await swarm.startWorker(undefined, undefined, { tracing: first });
  const missionId = await swarm.submit();
  await swarm.ended(missionId);
  // The test may have read the end before the orchestrator has.
  while (!first.spans.some(({ parent }) => parent === null)) await setImmediate();
  await orchestrator.role.stop(0);
  await worker.role.stop(0);

  const next = collecting();
  await swarm.startOrchestrator({}, { tracing: next });
  await swarm.startWorker(undefined, undefined, { tracing: next });
  await swarm.ended(await swarm.submit({ name: 'second' }));
  await swarm.close();
  expect(next.spans.filter((span) => span.missionId === missionId)).toEqual([]);
});

test('a mission continues the trace of its caller, in its spans and in the records of both roles', async () => {
  const swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], chain: [createPlaybookModel()] });
  const tracing = collecting();
  // Spans of the worker alone: it knows the trace from the assignment's record, also where no orchestrator sends any.
  await swarm.startOrchestrator();
  await swarm.startWorker(undefined, undefined, { tracing });
  const caller = { traceId: 'a1'.repeat(16), spanId: 'b2'.repeat(8), sampled: true };
  const missionId = createMissionId({ nowMs: Date.now(), partition: 0, random: Math.random });
  const payload = swarm.requestOf(missionId);
  const event = swarm.createEvent({ type: 'mission_requested', from: 'test', missionId, payload });
  const appender = swarm.log.createAppender('caller');
  await appender.append({ topic: swarm.topics.coordination, partition: 0, key: missionId, event, caller });
  await appender.close();
  await swarm.ended(missionId);
  await swarm.close();
  expect(tracing.spans.length).toBeGreaterThan(3);
  for (const span of tracing.spans) expect(span.caller?.traceId).toBe(caller.traceId);
  const ofMission = swarm.records.filter(
    ({ content }) => content.kind === 'event' && content.event.correlation_id === missionId,
  );
  expect(ofMission.length).toBeGreaterThan(8);
  for (const { headers } of ofMission) expect(traceContextOf(headers)?.traceId).toBe(caller.traceId);
});
