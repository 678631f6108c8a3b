import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { until } from '../../contract/until.js';
import { describeWithCollector, startCollector, startDeployedCollector, type Collector } from '../support/collector.js';

const resource = resourceFromAttributes({ 'service.name': 'tests' });

describeWithCollector('a real OpenTelemetry collector', () => {
  let collector: Collector;
  beforeAll(async () => {
    collector = await startCollector();
  });
  afterAll(() => collector.stop());

  const tracing = (path: string) => {
    const exporter = new OTLPTraceExporter({ url: `${collector.endpoint}${path}` });
    return new BasicTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(exporter)] });
  };

  test('spans that were sent by protobuf are read back with all that they say', async () => {
    const provider = tracing('/v1/traces');
    const tracer = provider.getTracer('the-scope');
    const parent = tracer.startSpan('plan', { kind: SpanKind.SERVER });
    const child = tracer.startSpan(
      'task',
      {
        startTime: 1_700_000_000_000,
        attributes: { text: 'a', count: 7, share: 0.5, done: true, tags: ['x', 'y'] },
        links: [{ context: parent.spanContext(), attributes: { why: 'retry' } }],
      },
      trace.setSpan(context.active(), parent),
    );
    child.addEvent('retried', { attempt: 2 }, 1_700_000_001_000);
    child.setStatus({ code: SpanStatusCode.ERROR, message: 'no tokens left' });
    child.end(1_700_000_002_000);
    parent.end();
    await provider.forceFlush();

    const spans = await collector.spans();
    const { traceId, spanId } = parent.spanContext();
    expect(spans.find((span) => span.name === 'plan')).toMatchObject({ spanId, parentSpanId: null, kind: 'server' });
    expect(spans.find((span) => span.name === 'task')).toEqual({
      traceId,
      spanId: child.spanContext().spanId,
      parentSpanId: spanId,
      name: 'task',
      kind: 'internal',
      start: 1_700_000_000_000_000_000n,
      end: 1_700_000_002_000_000_000n,
      attributes: { text: 'a', count: 7, share: 0.5, done: true, tags: ['x', 'y'] },
      events: [{ name: 'retried', time: 1_700_000_001_000_000_000n, attributes: { attempt: 2 } }],
      links: [{ traceId, spanId, attributes: { why: 'retry' } }],
      status: { code: 'error', message: 'no tokens left' },
      resource: { 'service.name': 'tests' },
      scope: 'the-scope',
    });
    await provider.shutdown();
  });

  test('what is sent to a wrong path, or is no protobuf, is not received', async () => {
    const provider = tracing('/v1/wrong');
    provider.getTracer('t').startSpan('lost').end();
    await provider.shutdown();
    expect((await collector.spans()).map((span) => span.name)).not.toContain('lost');
    const body = 'no protobuf';
    const headers = { 'content-type': 'application/x-protobuf' };
    const answer = await fetch(`${collector.endpoint}/v1/traces`, { method: 'POST', headers, body });
    expect(answer.status).toBe(400);
  });

  test('metrics are read back, too', async () => {
    const exporter = new OTLPMetricExporter({ url: `${collector.endpoint}/v1/metrics` });
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ resource, readers: [reader] });
    const meter = provider.getMeter('m');
    meter.createCounter('tasks', { unit: '{task}' }).add(3, { agent: 'database_agent' });
    meter.createHistogram('seconds', { unit: 's' }).record(1.5);
    await provider.shutdown();
    const since: unknown = expect.any(BigInt);
    expect(await collector.metrics()).toEqual([
      {
        name: 'tasks',
        description: '',
        unit: '{task}',
        kind: 'sum',
        ...{ cumulative: true, monotonic: true },
        points: [{ attributes: { agent: 'database_agent' }, value: 3, since, count: null, buckets: [] }],
        resource: { 'service.name': 'tests' },
      },
      expect.objectContaining({
        name: 'seconds',
        kind: 'histogram',
        ...{ cumulative: true, monotonic: false },
        points: [{ attributes: {}, value: 1.5, since, count: 1, buckets: expect.any(Array) }],
      }),
    ]);
  });
});

describeWithCollector('the life of a collector', () => {
  test('two run at a time, each with what it received; nothing answers where one was stopped', async () => {
    const [first, second] = await Promise.all([startCollector(), startCollector()]);
    const exporter = new OTLPTraceExporter({ url: `${first.endpoint}/v1/traces` });
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    provider.getTracer('t').startSpan('only here').end();
    await provider.shutdown();
    expect((await first.spans()).map((span) => span.name)).toEqual(['only here']);
    expect(await second.spans()).toEqual([]);
    await Promise.all([first.stop(), second.stop()]);
    await expect(fetch(first.endpoint)).rejects.toThrow('fetch failed');
  });
});

describeWithCollector('the collector of deploy/collector', () => {
  test('sends on what it receives, to the place of Tempo', async () => {
    const tempo = await startCollector();
    const deployed = await startDeployedCollector(tempo);
    const exporter = new OTLPTraceExporter({ url: `${deployed.url}/v1/traces` });
    const provider = new BasicTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(exporter)] });
    provider.getTracer('t').startSpan('sent on').end();
    await provider.shutdown();
    await until('it was sent on', async () => (await tempo.spans()).length > 0);
    expect((await tempo.spans()).map(({ name, resource: { 'service.name': sender } }) => [name, sender])).toEqual([
      ['sent on', 'tests'],
    ]);
    await deployed.stop();
    await tempo.stop();
  });
});
