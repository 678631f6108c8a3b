/** Attempts of tasks, their steps, and what they run. */
import { AGENT, type Definitions } from './metric-definition.js';

/** Seconds; a playbook takes a second, a model an hour. */
const TASK_BUCKETS = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600];
/** Seconds; reading a file takes a millisecond, a build takes minutes. */
const STEP_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1_800];
/** Seconds; a free slot is taken at once, in a full swarm it takes hours. */
const QUEUE_BUCKETS = [0.001, 0.01, 0.1, 1, 5, 10, 30, 60, 300, 600, 1_800, 3_600];

const STATUS = '`completed`, `failed` or `cancelled`';
const OUTCOME =
  '`ok`, `command_failed` (exit code other than 0), `check_failed` (an acceptance check), `protected_changed`, ' +
  '`error` (of a file, or checks that could not run), `refused`, `unknown` or `aborted`';

export const TASK_METRICS = {
  tasksExecuted: {
    name: 'ravenhelm_tasks_executed_total',
    kind: 'counter',
    help: 'Attempts that have ended, whether or not they had begun',
    labels: {
      agent: AGENT,
      status: STATUS,
      result: '`verified`, `unverified`, `cancelled`, or the code of `task_failed`',
    },
  },
  taskSeconds: {
    name: 'ravenhelm_task_seconds',
    kind: 'histogram',
    help: 'Of attempts that completed or failed: from the slot to the result, of the last execution',
    labels: { agent: AGENT, status: '`completed` or `failed`' },
    buckets: TASK_BUCKETS,
  },
  queueSeconds: {
    name: 'ravenhelm_task_queue_seconds',
    kind: 'histogram',
    help:
      'For how long attempts have waited for a slot of their agent in this process; ' +
      'after a take-over, and after a wait for a person, they wait again',
    labels: { agent: AGENT },
    buckets: QUEUE_BUCKETS,
  },
  steps: {
    name: 'ravenhelm_steps_total',
    kind: 'counter',
    help: 'Steps that have ended',
    labels: { agent: AGENT, outcome: OUTCOME },
  },
  stepSeconds: {
    name: 'ravenhelm_step_seconds',
    kind: 'histogram',
    help: "Of steps that have ended: the tool's or the checks' time",
    labels: { agent: AGENT, outcome: OUTCOME },
    buckets: STEP_BUCKETS,
  },
  checks: {
    name: 'ravenhelm_checks_total',
    kind: 'counter',
    help: 'Acceptance checks of steps that have ended',
    labels: { agent: AGENT, result: '`passed`, `failed` (exit code other than 0), or `not_run` (it could not be)' },
  },
  policyDecisions: {
    name: 'ravenhelm_policy_decisions_total',
    kind: 'counter',
    help: 'Calls that the policy has judged',
    labels: { decision: '`allow`, `ask` or `deny`' },
  },
  sandboxSeconds: {
    name: 'ravenhelm_sandbox_seconds',
    kind: 'histogram',
    help: 'For how long commands, writes and checks ran in the sandbox, start and end of it included, or without it',
    labels: { use: '`command`, `write`, `checks`, or `baseline`: checks before the first step' },
    buckets: STEP_BUCKETS,
  },
  sandboxRefusals: {
    name: 'ravenhelm_sandbox_refusals_total',
    kind: 'counter',
    help: 'Calls and checks that this process has not run',
    labels: {
      reason:
        '`call`: tool, arguments or paths; `sandbox`, `network` or `engine`: it cannot be made; ' +
        '`disk`: too little is free; `permission`: something that the agent may use is not here',
    },
  },
} as const satisfies Definitions;
