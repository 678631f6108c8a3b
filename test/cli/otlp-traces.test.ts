/** A command that runs a swarm sends its traces where the environment says it. */
import { z } from 'zod';
import { spanIdOf, traceIdOf } from '../../src/avro/trace-ids.js';
import type { Span } from '../support/otlp/data.js';
import { createOtlpServer, type OtlpServer } from '../support/otlp/server.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe } from './support/ravenhelm.js';

let clone: TestClone;
let server: OtlpServer;
beforeAll(async () => {
  clone = await createTestClone();
});
beforeEach(async () => {
  server = await createOtlpServer();
});
afterEach(() => server.close());
afterAll(() => clone.remove());

const run = (env: Readonly<Record<string, string>>) =>
  runInPipe(clone, ['run', 'missions/quick.yaml', '--log', 'memory'], { OTEL_METRICS_EXPORTER: 'none', ...env });

const logLine = z.looseObject({
  event: z.string(),
  mission_id: z.string().optional(),
  trace_id: z.string().optional(),
  span_id: z.string().optional(),
});

const kinds = (spans: readonly Span[]) => [...new Set(spans.map(({ name }) => name.split(' ')[0]))].sort();

test('a mission is one tree of spans with distinct ids', async () => {
  const { code, stdout } = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: server.url });
  expect([code, stdout]).toEqual([0, expect.stringContaining('traces: sent by OTLP')]);
  const { spans } = server;
  expect(kinds(spans)).toEqual(['check', 'execute_tool', 'invoke_agent', 'invoke_workflow']);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  expect(ids.size).toBe(spans.length);
  const [root, ...others] = spans.filter(({ parentSpanId }) => parentSpanId === null);
  expect(others).toEqual([]);
  for (const { parentSpanId, spanId } of spans) if (spanId !== root?.spanId) expect(ids).toContain(parentSpanId);
  const missionId = z.string().parse(root?.attributes['ravenhelm.mission']);
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([traceIdOf(missionId)]));
  expect(stdout).toContain(missionId);
}, 60_000);

test('a caller’s TRACEPARENT is continued; content is sent where it is asked for', async () => {
  const [traceId, caller] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
  const env = { TRACEPARENT: `00-${traceId}-${caller}-01`, RAVENHELM_TRACE_CONTENT: 'true' };
  const { code } = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: server.url, ...env });
  expect(code).toBe(0);
  const { spans } = server;
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
  const root = spans.find(({ name }) => name.startsWith('invoke_workflow'));
  expect(root?.parentSpanId).toBe(caller);
  const tool = spans.find(({ name }) => name.startsWith('execute_tool execute_terminal_command'));
  expect(tool?.attributes).toHaveProperty(['gen_ai.tool.call.arguments'], expect.stringContaining('command'));
  expect(tool?.spanId).toBe(spanIdOf(z.string().parse(tool?.attributes['gen_ai.tool.call.id'])));
}, 60_000);

test.each([
  ['its own trace', {}],
  ['a trace that it continues', { TRACEPARENT: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }],
])(
  'log lines as JSON name the trace and span that was sent: %s',
  async (_, env) => {
    const sent = { OTEL_EXPORTER_OTLP_ENDPOINT: server.url, LOG_LEVEL: 'info', LOG_FORMAT: 'json' };
    const { code, stderr } = await run({ ...sent, ...env });
    expect(code).toBe(0);
    const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
    const logged = lines.map((line) => logLine.parse(JSON.parse(line)));
    const spanNamed = (name: string) => server.spans.filter((span) => span.name.startsWith(name));
    const [root] = spanNamed('invoke_workflow');
    expect(logged.find(({ event }) => event === 'mission.completed')).toMatchObject({
      trace_id: root?.traceId,
      span_id: root?.spanId,
    });
    const ofAgents = new Set(spanNamed('invoke_agent').map(({ spanId }) => spanId));
    const executed = logged.filter(({ event }) => event === 'task.executed');
    expect(executed).toHaveLength(ofAgents.size);
    for (const { span_id } of executed) expect(ofAgents).toContain(span_id);
    const ofMission = logged.filter(({ mission_id }) => mission_id !== undefined);
    expect(ofMission.length).toBeGreaterThan(executed.length + 1);
    for (const { trace_id } of ofMission) expect(trace_id).toBe(root?.traceId);
    expect(stderr).not.toContain('span_of');
  },
  60_000,
);

test('a TRACEPARENT that is none is ignored with a warning', async () => {
  const { code, stderr } = await run({ TRACEPARENT: '00-0-0-01' });
  expect([code, stderr]).toEqual([0, expect.stringContaining('warning: TRACEPARENT is no W3C traceparent')]);
}, 60_000);

test.each([
  ['OTEL_TRACES_EXPORTER', 'jaeger', 'otlp, console or none'],
  ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'grpc', 'http/protobuf'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', 'an http or https address'],
])(
  '%s=%s ends with 2, its name and what it may be, before anything starts',
  async (name, value, expected) => {
    const { code, stdout, stderr } = await run({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: server.url, [name]: value });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`${name} is "${value}", which is not ${expected}`);
  },
  60_000,
);
