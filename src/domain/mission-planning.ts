/** How a mission gets its plan: asked for, proposed, approved or rejected, and taken over into waves and tasks. */
import { addCost, NOTHING } from './budget.js';
import type { EventOf, PayloadOf, Plan, PlanTask, TaskKind } from './events.js';
import { continuedTask, fenceOf, type ContinuedTask } from './continuation.js';
import { lastWaveOf, type Mission, type MissionFold, type Planning, type Proposal, type Why } from './mission-state.js';
import { REPLACED } from './mission-task.js';
import { endedWell, hasOpenAttempt, waitsForAttempt, type MissionTask } from './mission-task-state.js';
import { putTask } from './mission-tasks.js';
import { verifyTask, type VerifyTask } from './plan.js';
import { noteMeasured } from './planner-price.js';
import { APPLIED, voidBecause, type Folded } from './record.js';

/** Code of plan_failed: the mission names agents that the planner does not have yet. */
export const UNKNOWN_AGENTS = 'unknown_agents';

type Proposed = Extract<Planning, { proposal: Proposal }>;

export type PlanningEvent = EventOf<
  'plan_requested' | 'plan_proposed' | 'plan_failed' | 'plan_approved' | 'plan_rejected'
>;

export function evolvePlanning(mission: MissionFold, event: PlanningEvent): Folded {
  const { planning } = mission;
  if (event.event_type === 'plan_requested') return planRequested(mission, event.payload);
  if (event.event_type === 'plan_proposed' && isFilesOwnPlan(mission, event.payload))
    return filesPlanProposed(mission, event.payload);
  if (event.payload.revision !== mission.revision) return voidBecause('another revision');
  switch (event.event_type) {
    case 'plan_proposed':
    case 'plan_failed':
      if (planning.kind !== 'requested') return voidBecause('the plan is not requested');
      planningEnded(mission, event.payload);
      if (event.event_type === 'plan_proposed') planProposed(mission, event.payload, planning);
      else planFailed(mission, event.payload, planning);
      return APPLIED;
    case 'plan_approved':
    case 'plan_rejected':
      if (planning.kind !== 'proposed') return voidBecause('the plan is not proposed');
      if (event.event_type === 'plan_approved') planApproved(mission, planning);
      else planRejected(mission, planning, event.payload);
      return APPLIED;
  }
}

const isFilesOwnPlan = (mission: Mission, proposed: Proposal): boolean =>
  mission.planning.kind === 'none' &&
  mission.request.plan !== null &&
  proposed.planner === 'mission' &&
  proposed.revision === 1;

/** Taken from the request itself, so that a fold holds one copy of it for each mission. */
function filesPlanProposed(mission: MissionFold, proposed: Proposal): Folded {
  mission.revision = 1;
  planProposed(mission, { ...proposed, plan: mission.request.plan ?? proposed.plan }, { reason: null, answer: null });
  return APPLIED;
}

function planRequested(mission: MissionFold, event: PayloadOf<'plan_requested'>): Folded {
  if (mission.planning.kind === 'requested') return voidBecause('a plan is requested already');
  if (event.revision !== mission.revision + 1) return voidBecause('another revision');
  if (mission.planning.kind === 'approved') mission.replans += 1;
  mission.revision = event.revision;
  const reserved = { tokens: event.reserved_tokens, usd: event.reserved_usd };
  mission.planning = { kind: 'requested', reason: event.reason, answer: event.answer, reserved };
  return APPLIED;
}

function planningEnded(
  mission: MissionFold,
  used: { readonly tokens_in: number; readonly tokens_out: number; readonly cost_usd: number },
): void {
  noteMeasured(mission, used);
  const usage = { tokens: used.tokens_in + used.tokens_out, usd: used.cost_usd };
  mission.planningUsage = addCost(mission.planningUsage, usage);
  mission.planningSpent = addCost(mission.planningSpent, usage);
}

/** A planner that could not be reached is asked again, for as long as the mission may wait (mission-timers.ts). */
function planFailed(
  mission: MissionFold,
  { revision, error, code, retry_in_ms: retryInMs }: PayloadOf<'plan_failed'>,
  { reason, answer }: Why,
): void {
  if (code === UNKNOWN_AGENTS && retryInMs !== null) {
    // The planner can be reached, and is asked again when the agents are there: no time but the mission's own runs.
    mission.plannerWait = null;
    mission.planning = { kind: 'postponed', reason, answer, error, retryInMs, code };
    return;
  }
  if (retryInMs === null) {
    mission.plannerWait = null;
    mission.planning = { kind: 'failed', reason, answer, error, code };
    return;
  }
  const { sinceRevision, calls } = mission.plannerWait ?? { sinceRevision: revision, calls: 0 };
  mission.plannerWait = { sinceRevision, calls: calls + 1 };
  mission.planning = { kind: 'postponed', reason, answer, error, retryInMs, code };
}

function planProposed(mission: MissionFold, proposal: Proposal, { reason, answer }: Why): void {
  mission.plannerWait = null;
  const fault = faultOf(mission, proposal.plan);
  mission.planning =
    fault === null
      ? { kind: 'proposed', reason, answer, proposal }
      : { kind: 'failed', reason, answer, error: `the plan was refused: ${fault}`, code: 'plan_refused' };
}

function planRejected(
  mission: MissionFold,
  { reason, answer }: Proposed,
  { rejected_by, reason: why }: PayloadOf<'plan_rejected'>,
): void {
  mission.rejections += 1;
  mission.planning = { kind: 'rejected', reason, answer, error: `the plan was rejected by ${rejected_by}: ${why}` };
}

/**
 * Why a plan can never be carried out, no matter who made it and what it was checked against before: (mission, task,
 * attempt) would not be unique, a wave would hang or pass without a task. null when it can.
 */
function faultOf(mission: Mission, plan: Plan): string | null {
  if (plan.waves.length === 0) return 'the plan has no waves';
  const ids = new Set(mission.tasks.keys());
  let before = lastWaveOf(mission);
  for (const { wave_number, tasks } of wavesOf(mission, plan)) {
    if (tasks.length === 0) return `wave ${wave_number} has no tasks`;
    if (wave_number <= before) return `wave ${wave_number} follows wave ${before}`;
    before = wave_number;
    for (const { task_id } of tasks) {
      if (ids.has(task_id)) return `two tasks have the id ${task_id}`;
      ids.add(task_id);
    }
  }
  return null;
}

/**
 * The mission's last task: the success checks of its file, and those that the planner added. null when there are
 * none.
 */
function verifyTaskOf({ request }: Mission, plan: Plan): VerifyTask | null {
  const added = plan.success_criteria.filter((check) => request.success.every((own) => own.command !== check.command));
  return verifyTask(plan, [...request.success, ...added], request.agents);
}

/** The plan's waves and, last, the checks of the mission as a task without a model. */
function wavesOf(
  mission: Mission,
  plan: Plan,
): readonly { readonly wave_number: number; readonly kind: TaskKind; readonly tasks: readonly PlanTask[] }[] {
  const waves = plan.waves.map((wave) => ({ wave_number: wave.wave_number, kind: 'task' as const, tasks: wave.tasks }));
  const verify = verifyTaskOf(mission, plan);
  return verify === null ? waves : [...waves, { wave_number: verify.waveNumber, kind: 'verify', tasks: [verify.task] }];
}

/** The plan's tasks join those that earlier plans have finished; what those left undone is replaced. */
function planApproved(mission: MissionFold, { reason, answer, proposal }: Proposed): void {
  for (const task of mission.tasks.values()) putTask(mission, leftOut(task));
  for (const wave of mission.waves) if (wave.status !== 'completed') wave.status = 'replaced';
  const waves = wavesOf(mission, proposal.plan);
  putLeftBefore(mission, new Set(waves.flatMap(({ tasks }) => tasks.map((task) => task.task_id))));
  mission.nextWave = mission.waves.length;
  const before = continuedTask(mission.request);
  for (const { wave_number: number, kind, tasks } of waves) {
    for (const task of tasks)
      putTask(
        mission,
        newTask(
          task,
          { wave: number, kind, position: mission.tasks.size, plannedBy: plannerOf(proposal) },
          before(task.task_id),
        ),
      );
    mission.waves.push({ number, taskIds: tasks.map((task) => task.task_id), status: 'waiting' });
  }
  mission.agentFailures.clear();
  mission.planning = { kind: 'approved', reason, answer, proposal };
}

/** A task that is not in the changed plan. If an attempt of it may still run, that is ended before anything begins. */
function leftOut(task: MissionTask): MissionTask {
  if (endedWell(task) || hasOpenAttempt(task)) return task;
  if (task.mayRun || task.fence)
    return {
      ...task,
      status: 'waiting',
      fence: true,
      leaves: task.leaves ?? (waitsForAttempt(task) || task.status === 'replaced' ? 'replaced' : 'failed'),
      earlier: task.detail,
      retryRequest: null,
    };
  return waitsForAttempt(task) ? { ...task, status: 'replaced', detail: REPLACED } : task;
}

/** The same for tasks of earlier missions, of which this one knows no more than that. */
function putLeftBefore(mission: MissionFold, planned: ReadonlySet<string>): void {
  const left = (mission.request.continues?.tasks ?? []).filter(
    ({ task_id, may_run }) => may_run && !planned.has(task_id) && !mission.tasks.has(task_id),
  );
  if (left.length === 0) return;
  const wave = 0;
  for (const before of left) {
    const place = { wave, kind: 'task' as const, position: mission.tasks.size, plannedBy: before.planned_by };
    putTask(mission, { ...newTask(fenceOf(before), place, before), leaves: 'replaced' });
  }
  mission.waves.push({ number: wave, taskIds: left.map(({ task_id }) => task_id), status: 'replaced' });
}

/** The planner's name as people know it: mission, order, or the model. */
export const plannerOf = ({ planner, model }: Pick<Proposal, 'planner' | 'model'>): string =>
  model === '' ? planner : model;

/** @param before what earlier missions of its workspace have left of it */
function newTask(
  plan: PlanTask,
  place: Pick<MissionTask, 'wave' | 'kind' | 'position' | 'plannedBy'>,
  before: ContinuedTask | null,
): MissionTask {
  return {
    id: plan.task_id,
    plan,
    ...place,
    plannedBy: place.plannedBy === 'mission' ? (before?.planned_by ?? 'mission') : place.plannedBy,
    status: 'waiting',
    // One number for each attempt in the workspace: its files and its fence are those of the earlier ones.
    attempt: before?.attempts ?? 0,
    assignedAt: null,
    firstAssignedAtMs: null,
    failures: 0,
    retryDelayMs: null,
    targetPartition: before?.target_partition ?? null,
    share: { tokens: null, usd: null },
    spent: NOTHING,
    usage: NOTHING,
    steps: 0,
    model: '',
    usedUpBy: null,
    wait: { kind: 'none', lastApproval: null },
    suspended: 'no',
    startedAtMs: null,
    durationMs: 0,
    summary: before?.summary ?? '',
    outputs: before?.outputs ?? {},
    checks: [],
    changedPaths: [],
    artifacts: null,
    sandboxOff: false,
    untrusted: [],
    taintedBy: before?.tainted_by ?? [],
    detail: '',
    timeoutSeconds: null,
    withoutWorkerSinceMs: null,
    unknownAgent: false,
    retryRequest: null,
    mayRun: before?.may_run ?? false,
    fence: before?.may_run ?? false,
    leaves: null,
    carried: place.kind === 'task' && before?.carried === true ? 'unchecked' : 'no',
    earlier: before?.error ?? '',
  };
}
