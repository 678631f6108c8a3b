/** What LangFuse gets, by a receiver that refuses what LangFuse refuses (support/langfuse-receiver.ts). */
import type { Span } from '../../src/domain/spans.js';
import { silentLogger } from '../../src/ports/logger.js';
import { createLangfuse } from '../../src/telemetry/langfuse.js';
import { spanIdOf, traceIdOf } from '../../src/avro/trace-ids.js';
import { createTestClone, type TestClone } from '../cli/support/clone.js';
import { runInPipe } from '../cli/support/ravenhelm.js';
import { startLangfuse, type LangfuseReceiver } from './support/langfuse-receiver.js';

const KEYS = { publicKey: 'pk-lf-tests', secretKey: 'sk-lf-tests' };
let receiver: LangfuseReceiver;
beforeEach(async () => {
  receiver = await startLangfuse(KEYS);
});
afterEach(() => receiver.stop());

const span = (overrides: Partial<Span>): Span => ({
  ...{ seed: 'e-1', parent: 'e-0', missionId: 'm-1', holds: 'm-1', caller: null, name: 'a span', kind: 'internal' },
  ...{ startMs: 1_700_000_000_000, endMs: 1_700_000_000_500, attributes: {}, error: null },
  ...overrides,
});
const logged: string[] = [];
const logger = { ...silentLogger, warn: (_: object, event: string) => void logged.push(event) };
const open = (own: { secretKey?: string; host?: string } = {}) =>
  createLangfuse(
    { host: receiver.url, ...KEYS, version: '1.2.3', content: true, ...own },
    { logger, processName: 'host-1' },
  );
beforeEach(() => void (logged.length = 0));

test('a chat is a generation with tokens and cost; a mission is a trace with session and user', async () => {
  const langfuse = open();
  langfuse.send(
    span({
      seed: 'e-1 chat',
      name: 'chat ollama:gemma3',
      kind: 'client',
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.request.model': 'gemma3',
        'gen_ai.usage.input_tokens': 70,
        'gen_ai.usage.output_tokens': 5,
        'ravenhelm.cost_usd': 0.25,
      },
      events: [{ name: 'ravenhelm.first_token', atMs: 1_700_000_000_040 }],
    }),
    () => undefined,
  );
  const mission = {
    'gen_ai.operation.name': 'invoke_workflow',
    'ravenhelm.requested_by': 'ada@host',
    'ravenhelm.mission_name': 'renew',
  };
  langfuse.send(span({ seed: 'e-0', parent: null, attributes: mission }), () => undefined);
  await langfuse.close();
  expect(receiver.faults).toEqual([]);
  const [chat, root] = receiver.spans;
  expect(chat?.attributes).toMatchObject({
    'langfuse.session.id': 'm-1',
    'langfuse.observation.type': 'generation',
    'langfuse.observation.level': 'DEFAULT',
    'gen_ai.request.model': 'gemma3',
    'langfuse.observation.completion_start_time': '2023-11-14T22:13:20.040Z',
  });
  const json = (name: string): unknown => {
    const text = chat?.attributes[name];
    return typeof text === 'string' ? JSON.parse(text) : text;
  };
  expect(json('langfuse.observation.usage_details')).toEqual({ input: 70, output: 5 });
  expect(json('langfuse.observation.cost_details')).toEqual({ total: 0.25 });
  expect(root).toMatchObject({ parentSpanId: null, traceId: traceIdOf('m-1') });
  expect(root?.attributes).toMatchObject({
    'langfuse.session.id': 'm-1',
    'langfuse.user.id': 'ada@host',
    'langfuse.trace.name': 'renew',
    'langfuse.observation.type': 'chain',
  });
});

test('an attempt adds nothing to the cost of its chats; a failed check is a warning and a score', async () => {
  const langfuse = open();
  const attempt = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.usage.input_tokens': 70, 'ravenhelm.cost_usd': 1 };
  langfuse.send(span({ attributes: attempt, error: 'checks' }), () => undefined);
  const check = { 'gen_ai.operation.name': 'check', 'ravenhelm.check': 'it answers', 'ravenhelm.exit_code': 7 };
  let settled = 0;
  langfuse.send(span({ seed: 'e-2 check 0', attributes: check, error: 'check_failed' }), () => (settled += 1));
  const passed = { ...check, 'ravenhelm.check': 'it is there', 'ravenhelm.exit_code': 0 };
  langfuse.send(span({ seed: 'e-2 check 1', attributes: passed }), () => (settled += 1));
  expect(settled).toBe(0);
  await langfuse.close();
  expect(settled).toBe(2);
  expect(receiver.faults).toEqual([]);
  expect(receiver.spans.map(({ attributes }) => attributes['langfuse.observation.level'])).toEqual([
    'ERROR',
    'WARNING',
    'DEFAULT',
  ]);
  expect(receiver.spans[0]?.attributes).toMatchObject({
    'langfuse.observation.usage_details': '{}',
    'langfuse.observation.cost_details': '{}',
  });
  const id = spanIdOf('e-2 check 0');
  expect(receiver.scores).toEqual([
    {
      ...{ id, traceId: traceIdOf('m-1'), observationId: id, name: 'it answers', value: 0 },
      ...{ dataType: 'BOOLEAN', comment: 'exit code 7' },
    },
    expect.objectContaining({ id: spanIdOf('e-2 check 1'), name: 'it is there', value: 1 }),
  ]);
});

test('wrong keys are one warning for spans and one for scores, and nothing waits for them', async () => {
  const langfuse = open({ secretKey: 'sk-wrong' });
  const check = { 'gen_ai.operation.name': 'check', 'ravenhelm.check': 'one', 'ravenhelm.exit_code': 0 };
  let settled = 0;
  for (const seed of ['a', 'b']) langfuse.send(span({ seed, attributes: check }), () => (settled += 1));
  await langfuse.close();
  expect(settled).toBe(2);
  expect(logged.toSorted()).toEqual(['langfuse.scores_not_sent', 'traces.not_sent']);
  expect(receiver.faults.map(({ status }) => status)).toEqual([401, 401]);
});

describe('a command with the keys', () => {
  let clone: TestClone;
  beforeAll(async () => {
    clone = await createTestClone();
  });
  afterAll(() => clone.remove());
  const run = (env: Readonly<Record<string, string>>) =>
    runInPipe(clone, ['run', 'missions/quick.yaml', '--log', 'memory'], { LANGFUSE_HOST: receiver.url, ...env });

  test('sends the mission and a score for each check', async () => {
    const keys = { LANGFUSE_PUBLIC_KEY: KEYS.publicKey, LANGFUSE_SECRET_KEY: KEYS.secretKey };
    const { code, stdout, stderr } = await run(keys);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`traces: sent to LangFuse at ${receiver.url}`)]);
    expect(receiver.faults).toEqual([]);
    const checks = receiver.spans.filter(({ name }) => name.startsWith('check '));
    expect(checks.length).toBeGreaterThan(0);
    expect(receiver.scores.map(({ observationId }) => observationId).toSorted()).toEqual(
      checks.map(({ spanId }) => spanId).toSorted(),
    );
    const [root, ...others] = receiver.spans.filter(({ parentSpanId }) => parentSpanId === null);
    expect(others).toEqual([]);
    expect(root?.attributes).toMatchObject({
      'langfuse.trace.name': 'quick-mission',
      'langfuse.user.id': expect.any(String),
    });
    expect(stdout + stderr).not.toContain(KEYS.secretKey);
  }, 60_000);

  test('of which one is missing, ends with 2 and names it', async () => {
    const { code, stderr } = await run({ LANGFUSE_PUBLIC_KEY: KEYS.publicKey });
    expect([code, stderr]).toEqual([2, expect.stringContaining('LANGFUSE_SECRET_KEY is not')]);
  }, 60_000);
});
