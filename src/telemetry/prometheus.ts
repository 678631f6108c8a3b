import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Metrics } from '../ports/metrics.js';
import { METRICS, type MetricDefinition } from './metric-catalog.js';

/** The process's metrics for Prometheus. */
export interface Prometheus {
  readonly metrics: Metrics;
  /** For example text/plain; version=0.0.4. */
  readonly contentType: string;
  text(): Promise<string>;
}

export interface PrometheusOptions {
  /** Of Ravenhelm. */
  readonly version: string;
  /** Number of held partitions by topic; called at each collection. */
  heldPartitions(): ReadonlyMap<string, number>;
}

const CIRCUIT_STATES = ['closed', 'half_open', 'open'] as const;

export function createPrometheus({ version, heldPartitions }: PrometheusOptions): Prometheus {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  gaugeIn(registry, METRICS.buildInfo).set({ version, node: process.versions.node }, 1);
  registerHeldPartitions(registry, heldPartitions);
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    metrics: metricsIn(registry),
  };
}

type LabelsOf<D extends MetricDefinition> = keyof D['labels'] & string;

const common = <D extends MetricDefinition>({ name, help, labels }: D, registry: Registry) => ({
  name,
  help,
  labelNames: Object.keys(labels) as LabelsOf<D>[],
  registers: [registry],
});

const counterIn = <D extends MetricDefinition & { kind: 'counter' }>(registry: Registry, definition: D) =>
  new Counter<LabelsOf<D>>(common(definition, registry));

const gaugeIn = <D extends MetricDefinition & { kind: 'gauge' }>(registry: Registry, definition: D) =>
  new Gauge<LabelsOf<D>>(common(definition, registry));

const histogramIn = <D extends MetricDefinition & { kind: 'histogram' }>(registry: Registry, definition: D) =>
  new Histogram<LabelsOf<D>>({ ...common(definition, registry), buckets: [...definition.buckets] });

function metricsIn(registry: Registry): Metrics {
  return { ...workMetrics(registry), ...modelMetrics(registry) };
}

type OfModels = 'modelCall' | 'replyRead' | 'circuitState';

function workMetrics(registry: Registry): Omit<Metrics, OfModels> {
  const tasks = counterIn(registry, METRICS.tasksExecuted);
  const taskSeconds = histogramIn(registry, METRICS.taskSeconds);
  const steps = counterIn(registry, METRICS.steps);
  const decisions = counterIn(registry, METRICS.policyDecisions);
  const voidRequests = counterIn(registry, METRICS.voidRequests);
  const restarts = counterIn(registry, METRICS.roleRestarts);
  const appends = histogramIn(registry, METRICS.appendSeconds);
  const cost = counterIn(registry, METRICS.missionCost);
  const atPlannerPrice = counterIn(registry, METRICS.missionCostAtPlannerPrice);
  return {
    taskExecuted(agent, status, durationMs) {
      tasks.inc({ agent, status });
      taskSeconds.observe({ agent, status }, durationMs / 1000);
    },
    stepEnded: (agent, outcome) => steps.inc({ agent, outcome }),
    policyDecided: (decision) => decisions.inc({ decision }),
    requestVoid: (type, code) => voidRequests.inc({ type, code }),
    roleRestarted: (role) => restarts.inc({ role }),
    appended: (appender, durationMs) => appends.observe({ appender }, durationMs / 1000),
    missionEnded(costUsd, atPlannerPriceUsd) {
      cost.inc({ estimate: atPlannerPriceUsd === null ? 'no' : 'yes' }, costUsd);
      atPlannerPrice.inc(atPlannerPriceUsd ?? 0);
    },
  };
}

function modelMetrics(registry: Registry): Pick<Metrics, OfModels> {
  const calls = histogramIn(registry, METRICS.modelCallSeconds);
  const tokens = counterIn(registry, METRICS.modelTokens);
  const cost = counterIn(registry, METRICS.modelCost);
  const replies = counterIn(registry, METRICS.replies);
  const repairs = counterIn(registry, METRICS.replyRepairs);
  const circuits = gaugeIn(registry, METRICS.circuitState);
  return {
    modelCall({ model, outcome, durationMs, used }) {
      calls.observe({ model, outcome }, durationMs / 1000);
      for (const direction of ['in', 'out', 'unknown'] as const)
        if (used.tokens[direction] > 0) tokens.inc({ model, direction }, used.tokens[direction]);
      cost.inc({ model }, used.usd);
    },
    replyRead({ model, fault, repairs: made }) {
      replies.inc({ model, result: fault ?? (made.length > 0 ? 'repaired' : 'read') });
      for (const repair of made) repairs.inc({ model, repair });
    },
    circuitState(endpoint, state) {
      for (const each of CIRCUIT_STATES) circuits.set({ endpoint, state: each }, each === state ? 1 : 0);
    },
  };
}

function registerHeldPartitions(registry: Registry, heldPartitions: PrometheusOptions['heldPartitions']): void {
  new Gauge({
    ...common(METRICS.heldPartitions, registry),
    collect() {
      this.reset();
      for (const [topic, count] of heldPartitions()) this.set({ topic }, count);
    },
  });
}
