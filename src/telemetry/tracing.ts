/**
 * Sends spans by OpenTelemetry. Loaded only where traces are switched on. Sampling, batching, limits of spans and the
 * resource follow the standard variables OTEL_* (https://opentelemetry.io/docs/specs/otel/configuration/).
 */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, type SpanContext } from '@opentelemetry/api';
import { ExportResultCode, getNumberFromEnv, type ExportResult } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  type IdGenerator,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { Span, SpanAttributes } from '../domain/spans.js';
import type { Logger } from '../ports/logger.js';
import type { Tracing } from '../ports/tracing.js';
import { otlpResource } from './otlp-resource.js';
import { spanIdOf, traceIdOf } from '../avro/trace-ids.js';
import type { TracingOptions } from './tracing-settings.js';

export interface TracingContext {
  readonly logger: Logger;
  /** Tells this process from the others of the swarm. */
  readonly processName: string;
}

/** Closing waits so long for the last spans to be sent, in milliseconds. */
const CLOSE_MS = 3_000;
/** Traces whose sampling is remembered. */
const MOST_KNOWN_TRACES = 1_000;
/** Spans that wait to be sent; more of them are given up, so that a server that is away costs no memory. */
const MOST_WAITING = 20_000;

/** Spans with a prompt in one request: many receivers refuse a body of more than some megabytes. */
const BATCH_WITH_CONTENT = 32;

const batchSize = ({ content }: TracingOptions): { readonly maxExportBatchSize?: number } =>
  content && getNumberFromEnv('OTEL_BSP_MAX_EXPORT_BATCH_SIZE') === undefined
    ? { maxExportBatchSize: BATCH_WITH_CONTENT }
    : {};

/** What a receiver wants besides what OpenTelemetry has. */
export interface TracingExtension {
  attributes(span: Span): SpanAttributes;
  /** Of a span that is sampled: what is sent another way. done: called once, when it was sent or given up. */
  beside(span: Span, traceId: string, done: () => void): void;
}

export function createTracing(
  options: TracingOptions,
  context: TracingContext,
  extension: TracingExtension | null = null,
): Tracing {
  const exporter = watched(exporterOf(options), context.logger);
  const ids = createIds();
  const provider = new BasicTracerProvider({
    resource: otlpResource({ ...context, ...options }),
    idGenerator: ids,
    // Its own queue is never the limit: what it drops it would not say.
    spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: MOST_WAITING * 2, ...batchSize(options) })],
  });
  const tracer = provider.getTracer('ravenhelm', options.version);
  const isSampled = sampledTraces((traceId) => {
    ids.next = { traceId, spanId: traceId.slice(16) };
    return tracer.startSpan('root', { root: true }, ROOT_CONTEXT).isRecording(); // not ended: it is never sent
  });

  return {
    content: options.content,
    send(span, settled) {
      if (exporter.waiting() >= MOST_WAITING) return exporter.giveUp(settled);
      const traceId = span.caller?.traceId ?? traceIdOf(span.missionId);
      const parent = parentOf(span, traceId, () => isSampled(traceId));
      ids.next = { traceId, spanId: spanIdOf(span.seed) };
      const started = tracer.startSpan(
        span.name,
        { kind: KINDS[span.kind], startTime: span.startMs, attributes: attributesOf(span, options.content) },
        parent,
      );
      if (!started.isRecording()) return settled();
      for (const { name, atMs, attributes = {} } of span.events ?? [])
        started.addEvent(name, present(attributes), atMs);
      if (span.error !== null) {
        started.setStatus({ code: SpanStatusCode.ERROR, message: span.error });
        started.setAttribute('error.type', span.error);
      }
      if (extension === null) exporter.expect(ids.next.spanId, settled);
      else {
        started.setAttributes(present(extension.attributes(span)));
        const done = afterBoth(settled);
        exporter.expect(ids.next.spanId, done);
        extension.beside(span, traceId, done);
      }
      started.end(span.endMs);
    },
    async close() {
      // An export that fails has said so.
      const closed = provider.shutdown().catch(() => undefined);
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]);
      exporter.giveUpAll();
    },
  };
}

function afterBoth(settled: () => void): () => void {
  let left = 2;
  return () => {
    left -= 1;
    if (left === 0) settled();
  };
}

const KINDS = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT } as const;

/** The SDK asks for ids at the start of a span; a span of ours has its own. */
function createIds(): IdGenerator & { next: { traceId: string; spanId: string } } {
  return {
    next: { traceId: '', spanId: '' },
    generateTraceId() {
      return this.next.traceId;
    },
    generateSpanId() {
      return this.next.spanId;
    },
  };
}

/** What the sampler says of the last traces. */
function sampledTraces(ask: (traceId: string) => boolean): (traceId: string) => boolean {
  const known = new Map<string, boolean>();
  return (traceId) => {
    const before = known.get(traceId);
    if (before !== undefined) return before;
    if (known.size >= MOST_KNOWN_TRACES) known.clear();
    const sampled = ask(traceId);
    known.set(traceId, sampled);
    return sampled;
  };
}

/** A part of a trace is sampled as its root is: by the caller's choice, or by the sampler's rule for the trace's id. */
function parentOf({ parent, caller, missionId }: Span, traceId: string, isSampled: () => boolean) {
  const continues = caller !== null && caller.traceId !== traceIdOf(missionId);
  const spanId = parent !== null ? spanIdOf(parent) : continues ? caller.spanId : null;
  if (spanId === null) return ROOT_CONTEXT;
  const sampled = continues ? caller.sampled : isSampled();
  const context: SpanContext = {
    traceId,
    spanId,
    isRemote: true,
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
  };
  return trace.setSpanContext(ROOT_CONTEXT, context);
}

const attributesOf = ({ attributes, content }: Span, withContent: boolean) =>
  present(withContent && content !== undefined ? { ...attributes, ...content() } : attributes);

function present(attributes: SpanAttributes): Record<string, string | number | boolean | string[]> {
  const found: Record<string, string | number | boolean | string[]> = {};
  for (const name of Object.keys(attributes)) {
    const value = attributes[name];
    if (value !== null && value !== undefined) found[name] = typeof value === 'object' ? [...value] : value;
  }
  return found;
}

function exporterOf({ exporter, url, headers }: TracingOptions): SpanExporter {
  if (exporter === 'console') return new ConsoleSpanExporter();
  return new OTLPTraceExporter({ ...(url === undefined ? {} : { url }), headers: { ...headers } });
}

interface WatchedExporter extends SpanExporter {
  waiting(): number;
  expect(spanId: string, settled: () => void): void;
  giveUp(settled: () => void): void;
  giveUpAll(): void;
}

/** Says which spans were sent or given up, and once of each outage that there is one. */
function watched(exporter: SpanExporter, logger: Logger): WatchedExporter {
  const expected = new Map<string, (() => void)[]>();
  let waiting = 0;
  let given = 0;
  let failing = false;

  const settle = (spanId: string): void => {
    for (const settled of expected.get(spanId) ?? []) {
      waiting -= 1;
      settled();
    }
    expected.delete(spanId);
  };
  const note = (result: ExportResult, count: number): void => {
    if (result.code === ExportResultCode.SUCCESS) {
      if (failing) logger.info({ given_up: given }, 'traces.sent_again');
      failing = false;
      given = 0;
      return;
    }
    given += count;
    if (!failing) logger.warn({ error: result.error?.message ?? 'the export failed' }, 'traces.not_sent');
    failing = true;
  };

  return {
    export(spans: ReadableSpan[], done: (result: ExportResult) => void) {
      exporter.export(spans, (result) => {
        note(result, spans.length);
        for (const span of spans) settle(span.spanContext().spanId);
        done(result);
      });
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
    waiting: () => waiting,
    expect(spanId, settled) {
      waiting += 1;
      expected.set(spanId, [...(expected.get(spanId) ?? []), settled]);
    },
    giveUp(settled) {
      note({ code: ExportResultCode.FAILED, error: new Error('too many spans wait to be sent') }, 1);
      settled();
    },
    giveUpAll() {
      if (waiting > 0) note({ code: ExportResultCode.FAILED, error: new Error('the process ends') }, waiting);
      for (const spanId of [...expected.keys()]) settle(spanId);
    },
  };
}
