import { heldBefore, notKnownBefore } from './baseline.js';
import { BUDGETS } from './budget.js';
import { jsonObject } from './json-object.js';
import { waitingCalls } from './mission-approvals.js';
import { usageOf } from './mission-budget.js';
import { UNKNOWN_AGENTS } from './mission-planning.js';
import { isPaused } from './mission-pause.js';
import { endReasonOf, failureCodeOf, isOpen, questionOf, type Mission } from './mission-state.js';
import type { MissionTask, Pause } from './mission-task-state.js';
import type {
  InputReport,
  MissionReport,
  MissionStatus,
  Proof,
  TaskReport,
  TaskStatus,
  WaitingCallReport,
} from './report.js';
import { withoutWorkerMessage, type AgentWithoutWorker } from './without-worker.js';

/** What users see of a mission; the fold of the log and nothing else. */
export function reportMission(mission: Mission): MissionReport {
  const usage = usageOf(mission);
  const tasks = [...mission.tasks.values()];
  return {
    mission_id: mission.id,
    name: mission.request.name,
    requested_by: mission.request.requested_by,
    inputs: reportInputs(mission),
    signed_by: signerOf(mission),
    void_requests: mission.voidRequests.map(({ atMs, ...rest }) => ({ ...rest, at: new Date(atMs).toISOString() })),
    status: statusOf(mission),
    reason: endReasonOf(mission),
    code: failureCodeOf(mission),
    planner_wait: plannerWaitOf(mission),
    pause: pauseOf(mission),
    waits_for: waitOf(mission),
    question: questionOf(mission),
    workspace: mission.request.workspace,
    workspace_of: mission.request.workspace_of,
    continues: mission.request.continues?.mission_id ?? null,
    continued_by: mission.continuedBy,
    started_at: new Date(mission.requestedAtMs).toISOString(),
    ended_at: 'atMs' in mission.course ? new Date(mission.course.atMs).toISOString() : null,
    budget: mission.budget,
    budget_used: budgetUseOf(mission),
    cost_usd: usage.usd,
    tokens: usage.tokens,
    at_planner_price: mission.atPlannerPrice,
    proof: proofOf(tasks),
    sandbox_off: tasks.some((task) => task.sandboxOff),
    tasks: tasks.map((task) => reportTask(mission, task)),
    snapshots: [...mission.snapshots.values()]
      .map(({ wave_number: wave, digest, files, bytes, left_out, worker_id: taken_by }) => {
        return { wave, digest, files, bytes, left_out, taken_by };
      })
      .sort((a, b) => a.wave - b.wave),
    missed_snapshots: [...mission.missedSnapshots.values()]
      .map(({ wave_number: wave, reason, worker_id }) => ({ wave, reason, worker_id }))
      .sort((a, b) => a.wave - b.wave),
    unserved_agents: agentsWithoutWorker(mission),
    waiting_calls: waitingCalls(mission).map((pause) => reportCall(mission, pause)),
    // A changed plan has its own checks, which come after those of an earlier try.
    success: tasks.findLast((task) => task.kind === 'verify')?.checks ?? [],
  };
}

const signerOf = ({ signer }: Mission): MissionReport['signed_by'] =>
  signer === null ? null : { name: signer.signed_by, key_id: signer.key_id };

/** The mission's own checks are no task of the plan, and what a changed plan has replaced is none any more. */
function proofOf(all: readonly MissionTask[]): Proof {
  const tasks = all.filter((task) => task.kind === 'task' && task.status !== 'replaced' && task.leaves !== 'replaced');
  const verified = tasks.filter((task) => task.status === 'verified');
  return {
    tasks: tasks.length,
    verified: verified.length,
    held_before: verified.filter(hasHeldBefore).length,
    not_known: verified.filter(({ checks }) => notKnownBefore(checks)).length,
  };
}

const hasHeldBefore = ({ status, checks }: MissionTask): boolean => status === 'verified' && heldBefore(checks);

function statusOf(mission: Mission): MissionStatus {
  const { course, planning, request } = mission;
  switch (course.kind) {
    case 'completed':
    case 'failed':
    case 'cancelled':
      return course.kind;
    default:
      if (isPaused(mission)) return 'paused';
      if (course.kind === 'asking') return 'needs_attention';
      if (planning.kind === 'approved') return 'running';
      return planning.kind === 'proposed' && request.approval === 'approval' ? 'waiting_for_approval' : 'planning';
  }
}

/** Who has paused it, when and why; null: it is not paused now. */
export function pauseOf(mission: Mission): MissionReport['pause'] {
  const { pause } = mission;
  if (pause === null || !isPaused(mission)) return null;
  return { by: pause.by, reason: pause.reason, at: new Date(pause.atMs).toISOString() };
}

/** The highest share of each limit that was announced as used. */
export const budgetUseOf = ({ budgetUse }: Mission): MissionReport['budget_used'] =>
  BUDGETS.flatMap((budget) => {
    const use = budgetUse.get(budget);
    if (use === undefined) return [];
    const { percent, used, limit, atMs } = use;
    return [{ budget, percent, used, limit, at: new Date(atMs).toISOString() }];
  });

function waitOf(mission: Mission): MissionReport['waits_for'] {
  const { waitsFor } = mission;
  if (waitsFor === null || !isOpen(mission)) return null;
  return { reason: waitsFor.reason, until: new Date(waitsFor.untilMs).toISOString() };
}

function plannerWaitOf({ planning, plannerWait, course }: Mission): MissionReport['planner_wait'] {
  if (course.kind !== 'working') return null;
  if (planning.kind === 'postponed' && planning.code === UNKNOWN_AGENTS)
    return { calls: 0, error: planning.error, retry_in_ms: null, code: planning.code };
  if (plannerWait === null) return null;
  const error = planning.kind === 'postponed' ? planning.error : null;
  return {
    calls: plannerWait.calls,
    error,
    retry_in_ms: planning.kind === 'postponed' ? planning.retryInMs : null,
    code: 'planner_unreachable',
  };
}

function reportTask(mission: Mission, task: MissionTask): TaskReport {
  return {
    task_id: task.id,
    agent: task.plan.agent,
    playbook: task.plan.playbook,
    planned_by: task.plannedBy,
    wave: task.wave,
    status: statusOfTask(mission, task),
    attempts: task.attempt,
    steps: task.steps,
    model: task.model,
    tokens: task.usage.tokens,
    cost_usd: task.usage.usd,
    duration_ms: task.durationMs,
    summary: task.summary,
    detail: detailOf(mission, task),
    unserved_since: sinceOf(mission, task),
    unknown_agent: isOpen(mission) && task.unknownAgent,
    checks: task.checks,
    carried: task.carried === 'unchecked' || task.carried === 'held',
    held_before: hasHeldBefore(task),
    changed_paths: task.changedPaths,
    artifacts: task.artifacts,
    sandbox_off: task.sandboxOff,
    tainted_by: task.taintedBy,
  };
}

const reportInputs = ({ request }: Mission): readonly InputReport[] =>
  request.inputs.map(({ name, type, value }) => ({ name, type, value }));

function reportCall(mission: Mission, { call, answerId, voidAnswer }: Pause): WaitingCallReport {
  return {
    approval_id: call.approval_id,
    mission_id: call.mission_id,
    task_id: call.task_id,
    attempt: call.attempt,
    step: call.step,
    agent: call.agent,
    tool: call.tool,
    arguments: jsonObject(call.arguments) ?? { text: call.arguments },
    checks: call.checks,
    working_dir: call.working_dir,
    inputs: reportInputs(mission),
    rule: call.rule,
    reason: call.reason,
    digest: call.digest,
    tainted_by: call.tainted_by,
    expires_at: new Date(call.expires_at).toISOString(),
    answered: answerId !== null,
    void_answer: voidAnswer,
  };
}

/** The task itself keeps what its last attempt has come to, which the next one is to know. */
function detailOf(mission: Mission, task: MissionTask): string {
  const since = sinceOf(mission, task);
  return task.unknownAgent && since !== null
    ? withoutWorkerMessage({ agent: task.plan.agent, since, unknown: true })
    : task.detail;
}

function sinceOf(mission: Mission, { withoutWorkerSinceMs }: MissionTask): string | null {
  return !isOpen(mission) || withoutWorkerSinceMs === null ? null : new Date(withoutWorkerSinceMs).toISOString();
}

/** Each agent once, with the earliest time that a task of it has waited since. */
function agentsWithoutWorker(mission: Mission): readonly AgentWithoutWorker[] {
  const agents = new Map<string, AgentWithoutWorker>();
  for (const task of mission.tasks.values()) {
    const since = sinceOf(mission, task);
    const { agent } = task.plan;
    const known = agents.get(agent);
    if (since !== null && (known === undefined || since < known.since))
      agents.set(agent, { agent, since, unknown: task.unknownAgent });
  }
  return [...agents.values()];
}

/** A task that had not started when its mission ended will never run: it is cancelled, not waiting. */
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
    case 'paused':
      return task.status;
    case 'retrying':
      return isOpen(mission) ? 'waiting' : 'failed';
    default:
      return isOpen(mission) ? 'waiting' : 'cancelled';
  }
}
