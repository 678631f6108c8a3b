import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Metrics } from '../ports/metrics.js';

/** The process's metrics for Prometheus. */
export interface Prometheus {
  readonly metrics: Metrics;
  /** For example text/plain; version=0.0.4. */
  readonly contentType: string;
  text(): Promise<string>;
}

export interface PrometheusOptions {
  /** Number of held partitions by topic; called at each collection. */
  heldPartitions(): ReadonlyMap<string, number>;
}

const CIRCUIT_STATES = ['closed', 'half_open', 'open'] as const;
/** Seconds; an append takes one millisecond on a local broker. */
const APPEND_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30];
/** Seconds; a local model takes a few seconds, or minutes if it has to be loaded. */
const MODEL_BUCKETS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

export function createPrometheus({ heldPartitions }: PrometheusOptions): Prometheus {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registerHeldPartitions(registry, heldPartitions);
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    metrics: metricsOf(instrumentsOf([registry])),
  };
}

function metricsOf({
  tasks,
  steps,
  decisions,
  voidRequests,
  restarts,
  appends,
  modelCalls,
  replies,
  repairs,
  circuits,
}: Instruments): Metrics {
  return {
    taskExecuted: (agent, status) => tasks.inc({ agent, status }),
    stepEnded: (agent, outcome) => steps.inc({ agent, outcome }),
    policyDecided: (decision) => decisions.inc({ decision }),
    requestVoid: (type, code) => voidRequests.inc({ type, code }),
    roleRestarted: (role) => restarts.inc({ role }),
    appended: (appender, durationMs) => appends.observe({ appender }, durationMs / 1000),
    modelCall: ({ model, outcome, durationMs }) => modelCalls.observe({ model, outcome }, durationMs / 1000),
    replyRead({ model, fault, repairs: made }) {
      replies.inc({ model, result: fault ?? (made.length > 0 ? 'repaired' : 'read') });
      for (const repair of made) repairs.inc({ model, repair });
    },
    circuitState(endpoint, state) {
      for (const each of CIRCUIT_STATES) circuits.set({ endpoint, state: each }, each === state ? 1 : 0);
    },
  };
}

type Instruments = ReturnType<typeof instrumentsOf>;

function instrumentsOf(registers: Registry[]) {
  const tasks = new Counter({
    name: 'ravenhelm_tasks_executed_total',
    help: 'Attempts that ended in this process',
    labelNames: ['agent', 'status'],
    registers,
  });
  const steps = new Counter({
    name: 'ravenhelm_steps_total',
    help: 'Steps that ended in this process',
    labelNames: ['agent', 'outcome'],
    registers,
  });
  const restarts = new Counter({
    name: 'ravenhelm_role_restarts_total',
    help: 'Restarts of a role after a failure',
    labelNames: ['role'],
    registers,
  });
  const appends = new Histogram({
    name: 'ravenhelm_append_seconds',
    help: 'From the request of an append to its acknowledgement',
    labelNames: ['appender'],
    buckets: APPEND_BUCKETS,
    registers,
  });
  const modelCalls = new Histogram({
    name: 'ravenhelm_model_call_seconds',
    help: "From a request to the reply's last token, for each attempt",
    labelNames: ['model', 'outcome'],
    buckets: MODEL_BUCKETS,
    registers,
  });
  const replies = new Counter({
    name: 'ravenhelm_replies_total',
    help: 'Replies of models to tasks and of planners: read, repaired, or why they could not be used',
    labelNames: ['model', 'result'],
    registers,
  });
  const repairs = new Counter({
    name: 'ravenhelm_reply_repairs_total',
    help: 'What was changed in replies to read a step or a plan from them',
    labelNames: ['model', 'repair'],
    registers,
  });
  const circuits = new Gauge({
    name: 'ravenhelm_circuit_state',
    help: '1 for the current state of the circuit breaker of a model endpoint',
    labelNames: ['endpoint', 'state'],
    registers,
  });
  return { tasks, steps, ...verdictsOf(registers), restarts, appends, modelCalls, replies, repairs, circuits };
}

/** What was judged, by the policy and by signatures. */
function verdictsOf(registers: Registry[]) {
  const decisions = new Counter({
    name: 'ravenhelm_policy_decisions_total',
    help: 'Calls that the policy has judged: allow, ask or deny',
    labelNames: ['decision'],
    registers,
  });
  const voidRequests = new Counter({
    name: 'ravenhelm_void_requests_total',
    help: 'Requests and answers of people that do not count, by the code that says why',
    labelNames: ['type', 'code'],
    registers,
  });
  return { decisions, voidRequests };
}

function registerHeldPartitions(registry: Registry, heldPartitions: PrometheusOptions['heldPartitions']): void {
  registry.registerMetric(
    new Gauge({
      name: 'ravenhelm_held_partitions',
      help: 'Partitions whose claim this process has read back',
      labelNames: ['topic'],
      registers: [],
      collect() {
        this.reset();
        for (const [topic, count] of heldPartitions()) this.set({ topic }, count);
      },
    }),
  );
}
