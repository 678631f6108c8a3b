/** Spans as a collector gets them by OTLP. */
import { once } from 'node:events';
import type { Span } from '../../src/domain/spans.js';
import { silentLogger } from '../../src/ports/logger.js';
import type { Tracing } from '../../src/ports/tracing.js';
import { spanIdOf, traceIdOf } from '../../src/avro/trace-ids.js';
import { createTracing } from '../../src/telemetry/tracing.js';
import { createOtlpServer, type OtlpServer } from '../support/otlp/server.js';
import { createRecordHeaders } from '../../src/avro/record-headers.js';
import { taskProgress } from '../contract/events.js';

const span = (overrides: Partial<Span> = {}): Span => ({
  seed: 'e-1',
  parent: 'e-0',
  missionId: 'm-1',
  holds: 'm-1',
  caller: null,
  name: 'execute_tool read_file',
  kind: 'internal',
  startMs: 1_700_000_000_100,
  endMs: 1_700_000_000_250,
  attributes: { 'gen_ai.tool.name': 'read_file', 'ravenhelm.step': 2, none: null, absent: undefined },
  content: () => ({ 'gen_ai.tool.call.arguments': '{"path":"a"}' }),
  events: [{ name: 'ravenhelm.read_back', atMs: 1_700_000_000_120 }],
  error: null,
  ...overrides,
});

let server: OtlpServer;
let tracing: Tracing;
const logged: string[] = [];
const logger = { ...silentLogger, warn: (_: object, event: string) => void logged.push(event) };
const open = (options: { content?: boolean; url?: string; headers?: Record<string, string> } = {}) => {
  const where = {
    exporter: 'otlp',
    version: '1.2.3',
    content: false,
    url: `${server.url}/v1/traces`,
    ...options,
  } as const;
  tracing = createTracing(where, { logger, processName: 'host-1' });
  return tracing;
};
const environment = { ...process.env };
beforeEach(async () => {
  logged.length = 0;
  server = await createOtlpServer();
});
afterEach(async () => {
  process.env = { ...environment };
  await tracing.close();
  await server.close();
});

test('ids are those of the records’ traceparent headers; times, attributes and events are the span’s own', async () => {
  const event = taskProgress('m-1', 't', 1);
  open({ headers: { 'x-key': 'k' } }).send(span({ seed: event.event_id }), () => undefined);
  await tracing.close();
  const [sent, ...others] = server.spans;
  expect(others).toEqual([]);
  const [, traceId, spanId] = createRecordHeaders().of(event)['traceparent']?.split('-') ?? [];
  expect(sent).toMatchObject({
    ...{ traceId, spanId, parentSpanId: spanIdOf('e-0'), name: 'execute_tool read_file', kind: 'internal' },
    ...{ start: 1_700_000_000_100_000_000n, end: 1_700_000_000_250_000_000n },
    resource: { 'service.name': 'ravenhelm', 'service.version': '1.2.3', 'service.instance.id': 'host-1' },
  });
  expect(traceId).toBe(traceIdOf('m-1'));
  expect(sent?.attributes).toEqual({ 'gen_ai.tool.name': 'read_file', 'ravenhelm.step': 2 });
  expect(sent?.events.map(({ name }) => name)).toEqual(['ravenhelm.read_back']);
  expect(server.headers()).toMatchObject({ 'x-key': 'k', 'content-type': 'application/x-protobuf' });
});

test('content is sent only where it is switched on', async () => {
  open({ content: true }).send(span(), () => undefined);
  await tracing.close();
  expect(server.spans[0]?.attributes).toHaveProperty(['gen_ai.tool.call.arguments'], '{"path":"a"}');
});

test('an error is the status and error.type', async () => {
  open().send(span({ error: 'refused' }), () => undefined);
  await tracing.close();
  expect(server.spans[0]?.status).toEqual({ code: 'error', message: 'refused' });
  expect(server.spans[0]?.attributes).toHaveProperty(['error.type'], 'refused');
});

test('the root of a continued trace is below the caller’s span, and is sampled as the caller’s is', async () => {
  const caller = { traceId: 'a1'.repeat(16), spanId: 'b2'.repeat(8), sampled: true };
  const unsampled = { ...caller, traceId: 'c3'.repeat(16), sampled: false };
  let settled = 0;
  open().send(span({ parent: null, caller }), () => undefined);
  tracing.send(span({ parent: null, caller: unsampled }), () => (settled += 1));
  expect(settled).toBe(1); // it is not sent, and nothing waits for it
  await tracing.close();
  expect(server.spans.map(({ traceId, parentSpanId }) => [traceId, parentSpanId])).toEqual([
    [caller.traceId, caller.spanId],
  ]);
});

test('a sampler decides for a whole mission: all of its spans, or none', async () => {
  process.env['OTEL_TRACES_SAMPLER'] = 'parentbased_traceidratio';
  process.env['OTEL_TRACES_SAMPLER_ARG'] = '0.5';
  open();
  const missions = Array.from({ length: 40 }, (_, index) => `m-${index}`);
  for (const missionId of missions)
    for (const [seed, parent] of [
      [`${missionId} root`, null],
      [`${missionId} a`, `${missionId} root`],
      [`${missionId} b`, `${missionId} a`],
    ] as const)
      tracing.send(span({ missionId, seed, parent }), () => undefined);
  await tracing.close();
  const counts = missions.map((id) => server.spans.filter(({ traceId }) => traceId === traceIdOf(id)).length);
  expect([...new Set(counts)].sort()).toEqual([0, 3]);
});

test('settled is said once a server has taken the span, not before', async () => {
  process.env['OTEL_BSP_SCHEDULE_DELAY'] = '20';
  const settled = new EventTarget();
  let early = true;
  open().send(span(), () => {
    expect(early).toBe(false);
    expect(server.spans).toHaveLength(1);
    settled.dispatchEvent(new Event('settled'));
  });
  early = false;
  await once(settled, 'settled');
  expect(logged).toEqual([]);
});

test('a server that refuses is one warning, and its spans are given up', async () => {
  process.env['OTEL_BSP_SCHEDULE_DELAY'] = '10';
  server.answer(400);
  open();
  for (let index = 0; index < 3; index += 1)
    await new Promise<void>((resolve) => tracing.send(span({ seed: `s-${index}` }), resolve));
  expect(logged).toEqual(['traces.not_sent']);
  expect(server.spans).toEqual([]);
});

test('a server that is away gives the process up to end, and every span is settled', async () => {
  process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '100';
  const { url } = server;
  await server.close();
  server = await createOtlpServer();
  let settled = 0;
  open({ url: `${url}/v1/traces` });
  for (let index = 0; index < 5; index += 1) tracing.send(span({ seed: `s-${index}` }), () => (settled += 1));
  await tracing.close();
  expect(settled).toBe(5);
  expect(logged).toEqual(['traces.not_sent']);
});
