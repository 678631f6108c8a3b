/**
 * What a metric is, by Prometheus' rules for names and units (https://prometheus.io/docs/practices/naming/). No label
 * has ids: each has as many values as there are agents, models, topics or words of a list.
 */
interface Described {
  readonly name: string;
  readonly help: string;
  /** By label: what its values are. */
  readonly labels: Readonly<Record<string, string>>;
}

export type MetricDefinition =
  | (Described & { readonly kind: 'counter' | 'gauge' })
  /** @param buckets upper bounds, in the unit of the name */
  | (Described & { readonly kind: 'histogram'; readonly buckets: readonly number[] });

export type Definitions = Readonly<Record<string, MetricDefinition>>;

export const AGENT = 'the agent';
export const TOPIC = 'the topic';
