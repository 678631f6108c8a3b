/** The values of a prom-client registry as OpenTelemetry's SDK takes them: the same names, labels and values. */
import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  type DataPoint,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import { z } from 'zod';

/** As prom-client says its values; its types say less, and name the kinds otherwise. */
const collected = z.array(
  z.object({
    name: z.string(),
    help: z.string(),
    type: z.enum(['counter', 'gauge', 'histogram', 'summary']),
    values: z.array(
      z.object({
        value: z.union([z.number(), z.nan()]),
        labels: z.record(z.string(), z.union([z.string(), z.number()])),
        metricName: z.string().optional(),
      }),
    ),
  }),
);
type Collected = z.output<typeof collected>[number];
type Value = Collected['values'][number];

/** Of a point: since when it counts, and when it was read. */
export interface Period {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

/** @param metrics what Registry.getMetricsAsJSON resolves with; throws for a kind that OTLP has no counterpart of */
export function otlpMetricData(metrics: unknown, period: Period): MetricData[] {
  return collected.parse(metrics).map((metric) => metricData(metric, period));
}

function metricData(metric: Collected, period: Period): MetricData {
  const { name, help: description, values } = metric;
  const common = {
    descriptor: { name, description, unit: unitOf(name), valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const points = () => values.map(({ labels, value }) => ({ ...period, attributes: attributesOf(labels), value }));
  switch (metric.type) {
    case 'counter':
      return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: points() };
    case 'gauge':
      return { ...common, dataPointType: DataPointType.GAUGE, dataPoints: points() };
    case 'histogram':
      return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints: histograms(metric, period) };
    case 'summary':
      throw new TypeError(`${name} is a summary, which cannot be sent by OTLP`);
  }
}

/** As OpenTelemetry writes units (UCUM); names end with them. */
function unitOf(name: string): string {
  const base = name.replace(/_total$/, '');
  if (base.endsWith('_seconds')) return 's';
  if (base.endsWith('_bytes')) return 'By';
  return base.endsWith('_ratio') ? '1' : '';
}

/** Each combination of labels is a point: prom-client has a value for each bucket, the sum and the count. */
function histograms({ name, values }: Collected, period: Period): DataPoint<Histogram>[] {
  const series = new Map<string, { readonly attributes: Attributes; readonly values: Value[] }>();
  for (const value of values) {
    const { le: _, ...labels } = value.labels;
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const known = series.get(key) ?? { attributes: attributesOf(labels), values: [] };
    series.set(key, known);
    known.values.push(value);
  }
  return [...series.values()].map((each) => ({
    ...period,
    attributes: each.attributes,
    value: histogramOf(name, each.values),
  }));
}

/** Prometheus counts what is at most a bound, OTLP what lies between two bounds. */
function histogramOf(name: string, values: readonly Value[]): Histogram {
  const boundaries: number[] = [];
  const counts: number[] = [];
  let below = 0;
  for (const { labels, value } of values) {
    if (labels['le'] === undefined) continue;
    if (labels['le'] !== '+Inf') boundaries.push(Number(labels['le']));
    counts.push(value - below);
    below = value;
  }
  const valueOf = (metricName: string) => values.find((each) => each.metricName === metricName)?.value ?? 0;
  return { buckets: { boundaries, counts }, sum: valueOf(`${name}_sum`), count: valueOf(`${name}_count`) };
}

const attributesOf = (labels: Value['labels']): Attributes =>
  Object.fromEntries(Object.entries(labels).map(([label, value]) => [label, String(value)]));
