import type { MissionReport } from '../domain/report.js';

const FIELDS = {
  mission_id: true,
  name: true,
  requested_by: true,
  signed_by: true,
  inputs: true,
  void_requests: true,
  status: true,
  reason: true,
  code: true,
  planner_wait: true,
  pause: true,
  waits_for: true,
  question: true,
  workspace: true,
  workspace_of: true,
  continues: true,
  continued_by: true,
  started_at: true,
  ended_at: true,
  budget: true,
  budget_used: true,
  cost_usd: true,
  tokens: true,
  at_planner_price: true,
  proof: true,
  sandbox_off: true,
  tasks: true,
  snapshots: true,
  missed_snapshots: true,
  unserved_agents: true,
  waiting_calls: true,
  success: true,
} as const satisfies Readonly<Record<keyof MissionReport, true>>;

/** A report that is made when one of its fields is first read, and is then the same for all of them. */
export function lazyReport(make: () => MissionReport): MissionReport {
  let made: MissionReport | null = null;
  const report: MissionReport = Object.create(Object.prototype);
  for (const field of Object.keys(FIELDS))
    Object.defineProperty(report, field, { enumerable: true, get: () => Reflect.get((made ??= make()), field) });
  return report;
}
