import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Metrics, Reading } from '../ports/metrics.js';
import { METRICS } from './metric-catalog.js';
import type { MetricDefinition } from './metric-definition.js';
import { registerReadings } from './state-gauges.js';

/** The process's metrics for Prometheus. */
export interface Prometheus {
  readonly metrics: Metrics;
  /** For example text/plain; version=0.0.4. */
  readonly contentType: string;
  text(): Promise<string>;
  /** The same values as text(), for other exporters. */
  readonly registry: Registry;
}

export interface PrometheusOptions {
  /** Of Ravenhelm. */
  readonly version: string;
  /** What the roles say of their state; called at each collection. */
  readings(): readonly Reading[];
}

const CIRCUIT_STATES = ['closed', 'half_open', 'open'] as const;

export function createPrometheus({ version, readings }: PrometheusOptions): Prometheus {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  gaugeIn(registry, METRICS.buildInfo).set({ version, node: process.versions.node }, 1);
  registerReadings(registry, readings);
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    registry,
    metrics: {
      ...taskMetrics(registry),
      ...missionMetrics(registry),
      ...modelMetrics(registry),
      ...logMetrics(registry),
      ...sandboxMetrics(registry),
    },
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

type OfTasks = 'attemptEnded' | 'slotTaken' | 'stepEnded' | 'checkEnded' | 'policyDecided';

function taskMetrics(registry: Registry): Pick<Metrics, OfTasks> {
  const tasks = counterIn(registry, METRICS.tasksExecuted);
  const taskSeconds = histogramIn(registry, METRICS.taskSeconds);
  const queued = histogramIn(registry, METRICS.queueSeconds);
  const steps = counterIn(registry, METRICS.steps);
  const stepSeconds = histogramIn(registry, METRICS.stepSeconds);
  const checks = counterIn(registry, METRICS.checks);
  const decisions = counterIn(registry, METRICS.policyDecisions);
  return {
    attemptEnded({ agent, status, result, durationMs }) {
      tasks.inc({ agent, status, result });
      if (durationMs !== null) taskSeconds.observe({ agent, status }, durationMs / 1000);
    },
    slotTaken: (agent, waitedMs) => queued.observe({ agent }, waitedMs / 1000),
    stepEnded(agent, outcome, durationMs) {
      steps.inc({ agent, outcome });
      stepSeconds.observe({ agent, outcome }, durationMs / 1000);
    },
    checkEnded: (agent, result) => checks.inc({ agent, result }),
    policyDecided: (decision) => decisions.inc({ decision }),
  };
}

type OfMissions = 'missionRequested' | 'missionEnded' | 'retryScheduled' | 'approval' | 'requestVoid' | 'roleRestarted';

function missionMetrics(registry: Registry): Pick<Metrics, OfMissions> {
  const requested = counterIn(registry, METRICS.missionsRequested);
  const seconds = histogramIn(registry, METRICS.missionSeconds);
  const cost = counterIn(registry, METRICS.missionCost);
  const atPlannerPrice = counterIn(registry, METRICS.missionCostAtPlannerPrice);
  for (const estimate of ['yes', 'no']) cost.inc({ estimate }, 0);
  const retries = counterIn(registry, METRICS.taskRetries);
  const approvals = counterIn(registry, METRICS.approvals);
  const voidRequests = counterIn(registry, METRICS.voidRequests);
  const restarts = counterIn(registry, METRICS.roleRestarts);
  return {
    missionRequested: () => requested.inc(),
    missionEnded({ status, durationMs, costUsd, atPlannerPriceUsd }) {
      seconds.observe({ status }, durationMs / 1000);
      cost.inc({ estimate: atPlannerPriceUsd === null ? 'no' : 'yes' }, costUsd);
      atPlannerPrice.inc(atPlannerPriceUsd ?? 0);
    },
    retryScheduled: (agent) => retries.inc({ agent }),
    approval: (subject, outcome) => approvals.inc({ subject, outcome }),
    requestVoid: (type, code) => voidRequests.inc({ type, code }),
    roleRestarted: (role) => restarts.inc({ role }),
  };
}

function modelMetrics(registry: Registry): Pick<Metrics, 'modelCall' | 'replyRead' | 'circuitState' | 'failedOver'> {
  const calls = histogramIn(registry, METRICS.modelCallSeconds);
  const tokens = counterIn(registry, METRICS.modelTokens);
  const cost = counterIn(registry, METRICS.modelCost);
  const replies = counterIn(registry, METRICS.replies);
  const repairs = counterIn(registry, METRICS.replyRepairs);
  const circuits = gaugeIn(registry, METRICS.circuitState);
  const failovers = counterIn(registry, METRICS.failovers);
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
    failedOver: ({ fromModel: from, toModel: to, cause }) => failovers.inc({ from, to, cause }),
  };
}

function logMetrics(registry: Registry): Pick<Metrics, 'appended' | 'readBack' | 'claimLost' | 'deadLetter'> {
  const appends = histogramIn(registry, METRICS.appendSeconds);
  const readBacks = histogramIn(registry, METRICS.readBackSeconds);
  const lost = counterIn(registry, METRICS.claimsLost);
  const letters = counterIn(registry, METRICS.deadLetters);
  return {
    appended: (appender, durationMs) => appends.observe({ appender }, durationMs / 1000),
    readBack: (appender, durationMs) => readBacks.observe({ appender }, durationMs / 1000),
    claimLost: (topic) => lost.inc({ topic }),
    deadLetter: (topic, result) => letters.inc({ topic, result }),
  };
}

function sandboxMetrics(registry: Registry): Pick<Metrics, 'sandboxRan' | 'sandboxRefused'> {
  const seconds = histogramIn(registry, METRICS.sandboxSeconds);
  const refusals = counterIn(registry, METRICS.sandboxRefusals);
  return {
    sandboxRan: (use, durationMs) => seconds.observe({ use }, durationMs / 1000),
    sandboxRefused: (reason) => refusals.inc({ reason }),
  };
}
