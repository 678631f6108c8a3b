import { LangfuseAPIClient } from '@langfuse/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { startLangfuse, type LangfuseReceiver } from './support/langfuse-receiver.js';
import { SAME_AS_PUBLISHED } from './support/langfuse-scores.js';

const KEYS = { publicKey: 'pk-lf-tests', secretKey: 'sk-lf-tests' };
const authorization = `Basic ${Buffer.from(`${KEYS.publicKey}:${KEYS.secretKey}`).toString('base64')}`;
const SCORE = { name: 'verified', traceId: '0af7651916cd43dd8448eb211c80319c', value: 1, dataType: 'BOOLEAN' };
const EVENT = { id: 'e1', type: 'score-create', timestamp: '2026-01-02T03:04:05.678Z', body: SCORE };
let langfuse: LangfuseReceiver;
beforeEach(async () => {
  langfuse = await startLangfuse(KEYS);
});
afterEach(() => langfuse.stop());

async function post(path: string, body: unknown, headers: Record<string, string> = { authorization }) {
  const answer = await fetch(`${langfuse.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as unknown };
}
const sendSpan = async (options: ConstructorParameters<typeof OTLPTraceExporter>[0]) => {
  const exporter = new OTLPTraceExporter({ url: `${langfuse.url}/api/public/otel/v1/traces`, ...options });
  const resource = resourceFromAttributes({ 'service.name': 'tests' });
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const attributes = { 'langfuse.observation.type': 'agent', 'gen_ai.usage.input_tokens': 12 };
  provider.getTracer('ravenhelm').startSpan('task', { attributes }).end();
  await provider.shutdown();
};

describe('traces', () => {
  test.each([CompressionAlgorithm.NONE, CompressionAlgorithm.GZIP])(
    'a span that was sent with the keys is there (%s)',
    async (compression) => {
      await sendSpan({ headers: { authorization }, compression });
      expect(langfuse.faults).toEqual([]);
      expect(langfuse.spans).toEqual([
        expect.objectContaining({
          traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
          spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
          parentSpanId: null,
          name: 'task',
          kind: 'internal',
          attributes: { 'langfuse.observation.type': 'agent', 'gen_ai.usage.input_tokens': 12 },
          resource: { 'service.name': 'tests' },
          scope: 'ravenhelm',
        }),
      ]);
    },
  );

  test.each([
    ['no keys', {}, 401, 'No authorization header'],
    ['other keys', { headers: { authorization: 'Basic eDp5' } }, 401, 'Invalid credentials'],
    ['a later protocol', { headers: { authorization, 'x-langfuse-ingestion-version': '5' } }, 400, 'Unsupported'],
  ])('a span with %s is a fault', async (_, options, status, reason) => {
    await sendSpan(options);
    expect(langfuse.spans).toEqual([]);
    const fault = { request: 'POST /api/public/otel/v1/traces', status, reason: expect.stringContaining(reason) };
    expect(langfuse.faults).toEqual([fault]);
  });

  const protobuf = { authorization, 'content-type': 'application/x-protobuf' };
  test.each<[string, string, unknown, Record<string, string>, number]>([
    ['another path', '/v1/traces', '', protobuf, 404],
    ['JSON', '/api/public/otel/v1/traces', { resourceSpans: [] }, { authorization }, 400],
    ['what is no protobuf', '/api/public/otel/v1/traces', 'no protobuf', protobuf, 400],
    ['what is no gzip', '/api/public/otel/v1/traces', 'x', { ...protobuf, 'content-encoding': 'gzip' }, 400],
  ])('%s is a fault', async (_, path, body, headers, status) => {
    expect((await post(path, body, headers)).status).toBe(status);
    expect(langfuse.faults).toEqual([expect.objectContaining({ request: `POST ${path}`, status })]);
  });

  test('GET is a fault', async () => {
    expect((await fetch(`${langfuse.url}/api/public/scores`, { headers: { authorization } })).status).toBe(405);
    expect(langfuse.faults).toEqual([expect.objectContaining({ request: 'GET /api/public/scores', status: 405 })]);
  });
});

describe('scores', () => {
  test('the checked shapes are those that LangFuse publishes; if not, this does not compile', () => {
    expect(SAME_AS_PUBLISHED).toEqual([true, true, true]);
  });

  test('LangFuse’s own client gets them through, one by one and in batches', async () => {
    const client = new LangfuseAPIClient({
      environment: langfuse.url,
      baseUrl: langfuse.url,
      username: KEYS.publicKey,
      password: KEYS.secretKey,
    });
    const created = await client.legacy.scoreV1.create({ ...SCORE, id: 's1', dataType: 'BOOLEAN' });
    expect(created.id).toBe('s1');
    const sent = await client.ingestion.batch({
      batch: [{ ...EVENT, type: 'score-create', body: { ...SCORE, dataType: 'BOOLEAN' } }],
    });
    expect(sent).toEqual({ successes: [{ id: 'e1', status: 201 }], errors: [] });
    expect(langfuse.scores).toEqual([{ ...SCORE, id: 's1' }, SCORE]);
    expect(langfuse.faults).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['no JSON', '{'],
    ['no name', { ...SCORE, name: undefined }],
    ['no value', { ...SCORE, value: undefined }],
    ['an unknown field', { ...SCORE, trace_id: 'x' }],
    ['an unknown data type', { ...SCORE, dataType: 'NUMBER' }],
    ['a truth that is neither 0 nor 1', { ...SCORE, value: 2 }],
    ['text as a number', { ...SCORE, dataType: 'NUMERIC', value: 'high' }],
    ['a number as a category', { ...SCORE, dataType: 'CATEGORICAL' }],
    ['empty text', { ...SCORE, dataType: 'TEXT', value: '' }],
    ['text that is too long', { ...SCORE, dataType: 'TEXT', value: 'x'.repeat(501) }],
    ['neither trace nor session', { ...SCORE, traceId: undefined }],
    ['trace and session', { ...SCORE, sessionId: 's' }],
    ['an observation of no trace', { ...SCORE, traceId: undefined, sessionId: 's', observationId: 'o' }],
    ['a reserved environment', { ...SCORE, environment: 'langfuse-x' }],
    ['an annotation without configuration', { ...SCORE, source: 'ANNOTATION' }],
  ])('a score with %s is a fault', async (_, body) => {
    expect((await post('/api/public/scores', body)).status).toBe(400);
    expect(langfuse.faults).toEqual([expect.objectContaining({ request: 'POST /api/public/scores', status: 400 })]);
    expect(langfuse.scores).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['a numeric one', { ...SCORE, value: 0.75, dataType: 'NUMERIC' }],
    ['a category', { ...SCORE, value: 'high', dataType: 'CATEGORICAL', comment: 'c', metadata: { wave: 1 } }],
    ['one without a data type', { name: 'n', sessionId: 's', value: 3 }],
    ['one of an observation', { ...SCORE, observationId: '00f067aa0ba902b7', environment: 'production' }],
  ])('%s is taken', async (_, body) => {
    expect(await post('/api/public/scores', body)).toEqual({ status: 200, body: { id: 'score-1' } });
    expect(langfuse.scores).toEqual([{ ...Object(body), id: 'score-1' }]);
    expect(langfuse.faults).toEqual([]);
  });

  test('in a batch each event has its own status, and other events than scores are faults', async () => {
    const trace = { id: 'e2', type: 'trace-create', timestamp: EVENT.timestamp, body: { id: 't' } };
    const answer = await post('/api/public/ingestion', { batch: [trace, EVENT, { ...EVENT, timestamp: 'now' }] });
    expect(answer).toMatchObject({ status: 207, body: { successes: [{ id: 'e1', status: 201 }] } });
    expect(langfuse.scores).toEqual([SCORE]);
    expect(langfuse.faults.map(({ request, status }) => [request, status])).toEqual([
      ['POST /api/public/ingestion event e2', 400],
      ['POST /api/public/ingestion event e1', 400],
    ]);
  });

  test('a batch that is none, and one without keys, are refused as a whole', async () => {
    expect((await post('/api/public/ingestion', { events: [] })).status).toBe(400);
    expect((await post('/api/public/ingestion', { batch: [EVENT] }, {})).status).toBe(401);
    expect(langfuse.faults.map(({ status }) => status)).toEqual([400, 401]);
    expect(langfuse.scores).toEqual([]);
  });
});
