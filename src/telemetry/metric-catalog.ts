/**
 * The metrics of a process, by Prometheus' rules for names and units (https://prometheus.io/docs/practices/naming/).
 * docs/metrics.md is made from them. No label has ids: each has as many values as there are agents, models, topics or
 * words of a list.
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

/** Seconds; an append takes one millisecond on a local broker. */
const APPEND_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30];
/** Seconds; a local model takes a few seconds, or minutes if it has to be loaded. */
const MODEL_BUCKETS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];
/** Seconds; a playbook takes a second, a model an hour. */
const TASK_BUCKETS = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600];

const AGENT = 'the agent';
const MODEL = 'the model as models.yaml or the chain names it';

export const METRICS = {
  buildInfo: {
    name: 'ravenhelm_build_info',
    kind: 'gauge',
    help: 'Always 1; its labels say what this process is',
    labels: { version: 'of Ravenhelm', node: 'version of Node.js' },
  },
  tasksExecuted: {
    name: 'ravenhelm_tasks_executed_total',
    kind: 'counter',
    help: 'Attempts that ended in this process',
    labels: { agent: AGENT, status: '`completed` or `failed`' },
  },
  taskSeconds: {
    name: 'ravenhelm_task_seconds',
    kind: 'histogram',
    help: 'Of attempts that ended in this process: from the slot to the result, in this execution',
    labels: { agent: AGENT, status: '`completed` or `failed`' },
    buckets: TASK_BUCKETS,
  },
  steps: {
    name: 'ravenhelm_steps_total',
    kind: 'counter',
    help: 'Steps that ended in this process',
    labels: { agent: AGENT, outcome: '`ok`, `error`, `refused`, `unknown` or `aborted`, as in `tool_returned`' },
  },
  voidRequests: {
    name: 'ravenhelm_void_requests_total',
    kind: 'counter',
    help: 'Requests and answers of people that do not count, also about missions that are unknown or have ended',
    labels: { type: "the event's type", code: 'why, as in `request_void` and `approval_void`' },
  },
  policyDecisions: {
    name: 'ravenhelm_policy_decisions_total',
    kind: 'counter',
    help: 'Calls that the policy has judged',
    labels: { decision: '`allow`, `ask` or `deny`' },
  },
  roleRestarts: {
    name: 'ravenhelm_role_restarts_total',
    kind: 'counter',
    help: 'Restarts of a role after a failure',
    labels: { role: '`orchestrator` or `worker`' },
  },
  appendSeconds: {
    name: 'ravenhelm_append_seconds',
    kind: 'histogram',
    help: 'From the request of an append to its acknowledgement',
    labels: { appender: '`coordination` or `tasks`' },
    buckets: APPEND_BUCKETS,
  },
  modelCallSeconds: {
    name: 'ravenhelm_model_call_seconds',
    kind: 'histogram',
    help: "From a request to the reply's last token; each try counts",
    labels: { model: MODEL, outcome: '`ok`, `aborted`, or why it failed, such as `timeout` or `rate_limited`' },
    buckets: MODEL_BUCKETS,
  },
  modelTokens: {
    name: 'ravenhelm_model_tokens_total',
    kind: 'counter',
    help: 'Tokens of calls, as far as the server or the adapter has counted them',
    labels: { model: MODEL, direction: '`in`, `out`, or `unknown` for those of a call that failed' },
  },
  modelCost: {
    name: 'ravenhelm_model_cost_usd_total',
    kind: 'counter',
    help: 'What calls have cost by the prices of models.yaml, failed calls as far as it is known; 0 without a price',
    labels: { model: MODEL },
  },
  replies: {
    name: 'ravenhelm_replies_total',
    kind: 'counter',
    help: 'Replies of models to tasks and of planners',
    labels: { model: MODEL, result: '`read`, `repaired`, or why it could not be used' },
  },
  replyRepairs: {
    name: 'ravenhelm_reply_repairs_total',
    kind: 'counter',
    help: 'What was changed in replies to read a step or a plan from them',
    labels: { model: MODEL, repair: 'what was changed ([models.md](models.md#what-a-reply-may-look-like))' },
  },
  circuitState: {
    name: 'ravenhelm_circuit_state',
    kind: 'gauge',
    help: '1 for the state that the circuit breaker of an endpoint is in, else 0',
    labels: { endpoint: "the server's address", state: '`closed`, `half_open` or `open`' },
  },
  heldPartitions: {
    name: 'ravenhelm_held_partitions',
    kind: 'gauge',
    help: 'Partitions whose claim this process has read back',
    labels: { topic: 'the topic' },
  },
  missionCost: {
    name: 'ravenhelm_mission_cost_usd_total',
    kind: 'counter',
    help: 'What missions have cost whose end this process has read as their orchestrator, as far as it is known',
    labels: { estimate: '`yes` where the other counter has an estimate for the mission, else `no`' },
  },
  missionCostAtPlannerPrice: {
    name: 'ravenhelm_mission_cost_at_planner_price_usd_total',
    kind: 'counter',
    help: "An estimate: what the tokens of these missions would cost at the price of the planner's model",
    labels: {},
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;
