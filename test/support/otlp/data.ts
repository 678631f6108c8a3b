/**
 * OTLP as plain objects, from its JSON or from its decoded protobuf, where ids are bytes.
 * https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto
 */
import { z } from 'zod';

type AttributeValue = string | number | boolean | null | readonly AttributeValue[] | { [key: string]: AttributeValue };
export type Attributes = { readonly [key: string]: AttributeValue };

/** kind and status in OpenTelemetry's words; times in nanoseconds since 1970. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** null for the first span of a trace. */
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly kind: (typeof KINDS)[number];
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Attributes;
  readonly events: readonly { readonly name: string; readonly time: bigint; readonly attributes: Attributes }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly attributes: Attributes }[];
  readonly status: { readonly code: (typeof STATUSES)[number]; readonly message: string };
  /** Attributes of the process that sent it, such as service.name. */
  readonly resource: Attributes;
  /** The library or part that made it. */
  readonly scope: string;
}

export interface Metric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'sum' | 'histogram';
  /** Its values are totals since one beginning; false for a gauge. */
  readonly cumulative: boolean;
  /** A sum that only grows. */
  readonly monotonic: boolean;
  readonly points: readonly MetricPoint[];
  readonly resource: Attributes;
}

export interface MetricPoint {
  readonly attributes: Attributes;
  /** Of a histogram, the sum of what was observed. */
  readonly value: number;
  /** The beginning of a total, in nanoseconds since 1970. */
  readonly since: bigint;
  /** Of a histogram, how many were observed; null for the others. */
  readonly count: number | null;
  /** Of a histogram, how many were observed up to each bound; the last bound is Infinity. */
  readonly buckets: readonly { readonly bound: number; readonly upTo: number }[];
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const STATUSES = ['unset', 'ok', 'error'] as const;

const hexId = z
  .union([z.string(), z.instanceof(Uint8Array).transform((bytes) => Buffer.from(bytes).toString('hex'))])
  .default('');
const nanoseconds = z.coerce.bigint().default(0n);
const attributeValue: z.ZodType<AttributeValue> = z.lazy(() =>
  z.union([
    z.object({ stringValue: z.string() }).transform((value) => value.stringValue),
    z.object({ boolValue: z.boolean() }).transform((value) => value.boolValue),
    z.object({ intValue: z.coerce.number() }).transform((value) => value.intValue),
    z.object({ doubleValue: z.coerce.number() }).transform((value) => value.doubleValue),
    z
      .object({ arrayValue: z.object({ values: z.array(attributeValue).default([]) }) })
      .transform((value) => value.arrayValue.values),
    z.object({ kvlistValue: z.object({ values: attributes }) }).transform((value) => value.kvlistValue.values),
    z.strictObject({}).transform(() => null),
  ]),
);
const attributes: z.ZodType<Attributes> = z
  .array(z.object({ key: z.string(), value: attributeValue.default(null) }))
  .default([])
  .transform((pairs) => Object.fromEntries(pairs.map(({ key, value }) => [key, value])));

const resource = z.object({ attributes }).default({ attributes: {} });
const scope = z.object({ name: z.string().default('') }).default({ name: '' });
const wireSpan = z.object({
  traceId: hexId,
  spanId: hexId,
  parentSpanId: hexId,
  name: z.string().default(''),
  kind: z.number().default(0),
  startTimeUnixNano: nanoseconds,
  endTimeUnixNano: nanoseconds,
  attributes,
  events: z.array(z.object({ name: z.string().default(''), timeUnixNano: nanoseconds, attributes })).default([]),
  links: z.array(z.object({ traceId: hexId, spanId: hexId, attributes })).default([]),
  status: z.object({ code: z.number().default(0), message: z.string().default('') }).default({ code: 0, message: '' }),
});
const traceRequest = z.object({
  resourceSpans: z
    .array(
      z.object({
        resource,
        scopeSpans: z.array(z.object({ scope, spans: z.array(wireSpan).default([]) })).default([]),
      }),
    )
    .default([]),
});

/** The spans of an ExportTraceServiceRequest. */
export function spansOf(request: unknown): readonly Span[] {
  return traceRequest
    .parse(request)
    .resourceSpans.flatMap(({ resource: sender, scopeSpans }) =>
      scopeSpans.flatMap((group) => group.spans.map((span) => plainSpan(span, sender.attributes, group.scope.name))),
    );
}

function plainSpan(span: z.infer<typeof wireSpan>, sender: Attributes, scopeName: string): Span {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId === '' ? null : span.parentSpanId,
    name: span.name,
    kind: KINDS[span.kind] ?? 'unspecified',
    start: span.startTimeUnixNano,
    end: span.endTimeUnixNano,
    attributes: span.attributes,
    events: span.events.map((event) => ({ name: event.name, time: event.timeUnixNano, attributes: event.attributes })),
    links: span.links,
    status: { code: STATUSES[span.status.code] ?? 'unset', message: span.status.message },
    resource: sender,
    scope: scopeName,
  };
}

const CUMULATIVE = 2;
const aggregationTemporality = z.number().default(0);
const numberPoint = z
  .object({
    attributes,
    startTimeUnixNano: nanoseconds,
    asDouble: z.coerce.number().or(z.nan()).optional(),
    asInt: z.coerce.number().optional(),
  })
  .transform((point): MetricPoint => {
    const { attributes: labels, startTimeUnixNano: since, asDouble, asInt } = point;
    return { attributes: labels, since, value: asDouble ?? asInt ?? 0, count: null, buckets: [] };
  });
const histogramPoint = z
  .object({
    attributes,
    startTimeUnixNano: nanoseconds,
    sum: z.coerce.number().default(0),
    count: z.coerce.number().default(0),
    bucketCounts: z.array(z.coerce.number()).default([]),
    explicitBounds: z.array(z.number()).default([]),
  })
  .transform((point): MetricPoint => {
    const { attributes: labels, startTimeUnixNano: since, sum, count, bucketCounts, explicitBounds } = point;
    let upTo = 0;
    const buckets = bucketCounts.map((each, index) => {
      upTo += each;
      return { bound: explicitBounds[index] ?? Infinity, upTo };
    });
    return { attributes: labels, since, value: sum, count, buckets };
  });
const wireMetric = z.object({
  name: z.string(),
  description: z.string().default(''),
  unit: z.string().default(''),
  gauge: z.object({ dataPoints: z.array(numberPoint).default([]) }).optional(),
  sum: z
    .object({
      dataPoints: z.array(numberPoint).default([]),
      aggregationTemporality,
      isMonotonic: z.boolean().default(false),
    })
    .optional(),
  histogram: z.object({ dataPoints: z.array(histogramPoint).default([]), aggregationTemporality }).optional(),
});
const metricRequest = z.object({
  resourceMetrics: z
    .array(z.object({ resource, scopeMetrics: z.array(z.object({ metrics: z.array(wireMetric).default([]) })) }))
    .default([]),
});

/** The metrics of an ExportMetricsServiceRequest: gauges, sums and histograms with explicit bounds. */
export function metricsOf(request: unknown): readonly Metric[] {
  return metricRequest
    .parse(request)
    .resourceMetrics.flatMap(({ resource: sender, scopeMetrics }) =>
      scopeMetrics.flatMap((group) => group.metrics.map((metric) => plainMetric(metric, sender.attributes))),
    );
}

function plainMetric(metric: z.infer<typeof wireMetric>, sender: Attributes): Metric {
  const { name, description, unit, gauge, sum, histogram } = metric;
  const about = { name, description, unit, resource: sender };
  const totals = sum ?? histogram;
  const kind = gauge === undefined ? (sum === undefined ? 'histogram' : 'sum') : 'gauge';
  const points = (gauge ?? totals)?.dataPoints;
  if (points === undefined) throw new Error(`metric ${name} is of a kind that this reader does not know`);
  const cumulative = totals?.aggregationTemporality === CUMULATIVE;
  return { ...about, kind, cumulative, monotonic: sum?.isMonotonic ?? false, points };
}
