/** Calls of models, in the process that makes them. */
import type { Definitions } from './metric-definition.js';

/** Seconds; a local model takes a few seconds, or minutes if it has to be loaded. */
const MODEL_BUCKETS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

const MODEL = 'the model as models.yaml or the chain names it';

export const MODEL_METRICS = {
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
  failovers: {
    name: 'ravenhelm_model_failovers_total',
    kind: 'counter',
    help: 'Steps and plans for which the next model of the chain was asked',
    labels: { from: MODEL, to: MODEL, cause: '`budget`, or why a call failed, such as `timeout` or `invalid_reply`' },
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
} as const satisfies Definitions;
