/** Missions, their budgets, and the people whom they wait for. Reported by the holder of a mission's partition. */
import { AGENT, type Definitions } from './metric-definition.js';

/** Seconds; a mission of playbooks takes a few, one that waits for a person takes days. */
const MISSION_BUCKETS = [1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 14_400, 86_400, 604_800];

const REASON = '`plan`: a plan waits for approval, `question`: a question for an answer, `call`: calls for approval';

export const MISSION_METRICS = {
  missions: {
    name: 'ravenhelm_missions',
    kind: 'gauge',
    help: 'Open missions in the partitions that this process holds',
    labels: {
      state:
        '`planning`, `working`, `waiting_for_person` (a plan or a question), `paused`, `waiting_for_cap` (of a day) ' +
        'or `ending`',
    },
  },
  missionsWaiting: {
    name: 'ravenhelm_missions_waiting_for_person',
    kind: 'gauge',
    help: 'Open missions of which something waits for a person; one may wait for several reasons',
    labels: { reason: REASON },
  },
  longestWait: {
    name: 'ravenhelm_waiting_for_person_longest_seconds',
    kind: 'gauge',
    help: 'For how long the mission that has waited longest waits for a person, by the clock of the log; 0: none waits',
    labels: { reason: REASON },
  },
  tasksWithoutWorker: {
    name: 'ravenhelm_tasks_without_worker',
    kind: 'gauge',
    help: 'Tasks of open missions that no live worker serves, since their mission has said so; none: no sample',
    labels: { agent: AGENT },
  },
  missionsRequested: {
    name: 'ravenhelm_missions_requested_total',
    kind: 'counter',
    help: 'Missions that were requested',
    labels: {},
  },
  missionSeconds: {
    name: 'ravenhelm_mission_seconds',
    kind: 'histogram',
    help: 'Of missions that have ended: from the request to the end, by the clock of the log',
    labels: { status: '`completed`, `failed` or `cancelled`' },
    buckets: MISSION_BUCKETS,
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
  taskRetries: {
    name: 'ravenhelm_task_retries_total',
    kind: 'counter',
    help: 'Attempts that follow one that failed, when they are decided',
    labels: { agent: `${AGENT}, or \`other\` if this process has none of that name` },
  },
  approvals: {
    name: 'ravenhelm_approvals_total',
    kind: 'counter',
    help: 'What people were asked to approve, and the result',
    labels: {
      subject: '`plan` or `call`',
      outcome: '`asked`, `approved`, `rejected` or, of a call, `not_run`: too late, or changed since',
    },
  },
  voidRequests: {
    name: 'ravenhelm_void_requests_total',
    kind: 'counter',
    help:
      'Requests and answers of people that do not count, also about missions that are unknown or have ended; ' +
      'of the latter, those of the last minutes before a take-over may be counted again',
    labels: { type: "the event's type", code: 'why, as in `request_void` and `approval_void`' },
  },
  budgetUsedUsd: {
    name: 'ravenhelm_budget_used_usd',
    kind: 'gauge',
    help: 'What ended attempts and planners have cost, of open missions with a limit in US dollars',
    labels: {},
  },
  budgetLimitUsd: {
    name: 'ravenhelm_budget_limit_usd',
    kind: 'gauge',
    help: 'The limits of those missions',
    labels: {},
  },
  budgetUsedTokens: {
    name: 'ravenhelm_budget_used_tokens',
    kind: 'gauge',
    help: 'What ended attempts and planners have used, of open missions with a limit in tokens',
    labels: {},
  },
  budgetLimitTokens: {
    name: 'ravenhelm_budget_limit_tokens',
    kind: 'gauge',
    help: 'The limits of those missions',
    labels: {},
  },
  budgetUsedRatio: {
    name: 'ravenhelm_budget_used_highest_ratio',
    kind: 'gauge',
    help: 'The highest part of its limit that an open mission has used; 1: all of it',
    labels: { limit: '`usd` or `tokens`' },
  },
  spentTodayUsd: {
    name: 'ravenhelm_spent_today_usd',
    kind: 'gauge',
    help: 'What counts against the daily cap since midnight (UTC), in the partitions that this process holds',
    labels: {},
  },
  spentTodayTokens: {
    name: 'ravenhelm_spent_today_tokens',
    kind: 'gauge',
    help: 'The same in tokens',
    labels: {},
  },
} as const satisfies Definitions;
