import { usageOf } from './mission-budget.js';
import type { Mission, MissionTask } from './mission-state.js';
import type { MissionReport, MissionStatus, TaskReport, TaskStatus } from './report.js';
import type { UnservedAgent } from './unserved.js';

/** What users see of a mission; the fold of the log and nothing else. */
export function reportMission(mission: Mission): MissionReport {
  const usage = usageOf(mission);
  const tasks = [...mission.tasks.values()];
  return {
    mission_id: mission.id,
    name: mission.request.name,
    status: statusOf(mission),
    reason: mission.reason,
    question: mission.question,
    workspace: mission.request.workspace,
    started_at: new Date(mission.requestedAtMs).toISOString(),
    ended_at: mission.endedAtMs === null ? null : new Date(mission.endedAtMs).toISOString(),
    cost_usd: usage.usd,
    tokens: usage.tokens,
    tasks: tasks.map((task) => reportTask(mission, task)),
    unserved_agents: unservedAgents(mission),
    // A changed plan has checks of its own, which come after those of an earlier try.
    success: tasks.findLast((task) => task.kind === 'verify')?.checks ?? [],
  };
}

function statusOf(mission: Mission): MissionStatus {
  if (mission.status !== 'open') return mission.status;
  if (mission.question !== null) return 'needs_attention';
  if (mission.planning === 'approved') return 'running';
  return mission.planning === 'proposed' && mission.request.approval === 'approval'
    ? 'waiting_for_approval'
    : 'planning';
}

function reportTask(mission: Mission, task: MissionTask): TaskReport {
  return {
    task_id: task.id,
    agent: task.plan.agent,
    wave: task.wave,
    status: statusOfTask(mission, task),
    attempts: task.attempt,
    steps: task.steps,
    model: task.model,
    tokens: task.usage.tokens,
    cost_usd: task.usage.usd,
    duration_ms: task.durationMs,
    summary: task.summary,
    detail: task.detail,
    unserved_since: sinceOf(mission, task),
    checks: task.checks,
  };
}

function sinceOf(mission: Mission, { unservedSinceMs }: MissionTask): string | null {
  return mission.status !== 'open' || unservedSinceMs === null ? null : new Date(unservedSinceMs).toISOString();
}

/** Each agent once, with the earliest time that a task of it has waited since. */
function unservedAgents(mission: Mission): readonly UnservedAgent[] {
  const agents = new Map<string, string>();
  for (const task of mission.tasks.values()) {
    const since = sinceOf(mission, task);
    const known = agents.get(task.plan.agent);
    if (since !== null && (known === undefined || since < known)) agents.set(task.plan.agent, since);
  }
  return [...agents].map(([agent, since]) => ({ agent, since }));
}

/** A task that had not begun when its mission ended will never run: it is cancelled, not waiting. */
function statusOfTask(mission: Mission, task: MissionTask): TaskStatus {
  switch (task.status) {
    case 'verified':
    case 'unverified':
    case 'failed':
    case 'cancelled':
      return task.status;
    case 'replaced':
      return 'cancelled';
    case 'running':
      return 'running';
    case 'retrying':
      return mission.status === 'open' ? 'waiting' : 'failed';
    default:
      return mission.status === 'open' ? 'waiting' : 'cancelled';
  }
}
