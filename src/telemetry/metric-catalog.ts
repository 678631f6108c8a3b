/** The metrics of a process. docs/metrics.md is made from them. */
import { AGENT, type Definitions } from './metric-definition.js';
import { LOG_METRICS } from './metrics-of-log.js';
import { MISSION_METRICS } from './metrics-of-missions.js';
import { MODEL_METRICS } from './metrics-of-models.js';
import { TASK_METRICS } from './metrics-of-tasks.js';

const PROCESS_METRICS = {
  buildInfo: {
    name: 'ravenhelm_build_info',
    kind: 'gauge',
    help: 'Always 1; its labels say what this process is',
    labels: { version: 'of Ravenhelm', node: 'version of Node.js' },
  },
  roleRestarts: {
    name: 'ravenhelm_role_restarts_total',
    kind: 'counter',
    help: 'Restarts of a role after a failure',
    labels: { role: '`orchestrator` or `worker`' },
  },
  tasksRunning: {
    name: 'ravenhelm_tasks_running',
    kind: 'gauge',
    help: 'Attempts that have a slot of their agent in this process now',
    labels: { agent: AGENT },
  },
  tasksQueued: {
    name: 'ravenhelm_tasks_queued',
    kind: 'gauge',
    help: 'Attempts that wait in this process for a slot of their agent now',
    labels: { agent: AGENT },
  },
} as const satisfies Definitions;

export const METRICS = {
  ...PROCESS_METRICS,
  ...MISSION_METRICS,
  ...TASK_METRICS,
  ...MODEL_METRICS,
  ...LOG_METRICS,
} as const satisfies Definitions;
