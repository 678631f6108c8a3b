import type { AgentEvent, CheckResult, EventOf, EventType } from '../../../src/domain/events.js';
import type { MissionReport, TaskReport } from '../../../src/domain/report.js';

export const MISSION = '20261123-141502-417-p05-x7k2';

export function task(fields: Partial<TaskReport> & { agent: string; wave: number }): TaskReport {
  return {
    task_id: `deploy-${fields.agent}-wave${fields.wave}`,
    playbook: null,
    planned_by: 'mission',
    status: 'waiting',
    attempts: 0,
    steps: 0,
    model: '',
    tokens: 0,
    cost_usd: 0,
    duration_ms: 0,
    summary: '',
    detail: '',
    unserved_since: null,
    unknown_agent: false,
    checks: [],
    carried: false,
    held_before: false,
    changed_paths: [],
    artifacts: null,
    sandbox_off: false,
    tainted_by: [],
    ...fields,
  };
}

export function report(tasks: readonly TaskReport[], fields: Partial<MissionReport> = {}): MissionReport {
  return {
    mission_id: MISSION,
    name: 'hello',
    status: 'running',
    reason: null,
    code: null,
    planner_wait: null,
    pause: null,
    waits_for: null,
    budget: { usd: null, tokens: null, minutes: null },
    budget_used: [],
    at_planner_price: null,
    question: null,
    workspace: '/srv/work/hello',
    workspace_of: null,
    continues: null,
    continued_by: [],
    started_at: '2026-11-23T14:15:02.417Z',
    ended_at: null,
    cost_usd: 0,
    tokens: 0,
    proof: {
      tasks: tasks.length,
      verified: tasks.filter((one) => one.status === 'verified').length,
      held_before: 0,
      not_known: 0,
    },
    sandbox_off: false,
    tasks,
    snapshots: [],
    missed_snapshots: [],
    unserved_agents: [],
    waiting_calls: [],
    success: [],
    requested_by: 'ann@host',
    signed_by: null,
    inputs: [],
    void_requests: [],
    ...fields,
  };
}

export function check(name: string, exitCode: number): CheckResult {
  return { name, command: `test ${name}`, exit_code: exitCode, duration_ms: 3, output_digest: 'aa', baseline: null };
}

export function event<T extends EventType>(
  type: T,
  payload: EventOf<T>['payload'],
  from = 'orchestrator',
  to: string | null = null,
): AgentEvent {
  // The generic pair of type and payload is one member of the union; the compiler cannot follow that.
  return {
    event_id: '00000000-0000-4000-8000-000000000000',
    event_type: type,
    source_agent: from,
    target_agent: to,
    timestamp: 0,
    correlation_id: MISSION,
    payload,
  } as unknown as AgentEvent;
}
