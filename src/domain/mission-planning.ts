/** How a mission gets its plan: asked for, proposed, approved or rejected, and taken over into waves and tasks. */
import { addCost, NOTHING } from './budget.js';
import type { EventOf, PayloadOf, Plan, PlanTask, TaskKind } from './events.js';
import type { Mission, MissionTask, Wave } from './mission-state.js';
import { verifyTask, type VerifyTask } from './plan.js';
import type { Folded } from './record.js';

export type PlanningEvent = EventOf<
  'plan_requested' | 'plan_proposed' | 'plan_failed' | 'plan_approved' | 'plan_rejected'
>;

export function evolvePlanning(mission: Mission, event: PlanningEvent): Mission | Folded {
  if (event.event_type === 'plan_requested') return planRequested(mission, event.payload);
  if (event.event_type === 'plan_proposed' && isFilesOwnPlan(mission, event.payload))
    return filesPlanProposed(mission, event.payload);
  if (event.payload.revision !== mission.revision) return 'void: another revision';
  const expected: Mission['planning'] =
    event.event_type === 'plan_proposed' || event.event_type === 'plan_failed' ? 'requested' : 'proposed';
  if (mission.planning !== expected) return `void: the plan is not ${expected}`;
  switch (event.event_type) {
    case 'plan_proposed':
      return planProposed(planningEnded(mission, event.payload), event.payload);
    case 'plan_failed':
      return { ...planningEnded(mission, event.payload), planning: 'failed', planningError: event.payload.error };
    case 'plan_approved':
      return planApproved(mission);
    case 'plan_rejected':
      return {
        ...mission,
        planning: 'rejected',
        rejections: mission.rejections + 1,
        planningError: `the plan was rejected by ${event.payload.rejected_by}: ${event.payload.reason}`,
      };
  }
}

const isFilesOwnPlan = (mission: Mission, proposed: PayloadOf<'plan_proposed'>): boolean =>
  mission.planning === 'none' &&
  mission.request.plan !== null &&
  proposed.planner === 'mission' &&
  proposed.revision === 1;

/** Taken from the request itself, so that a fold holds one copy of it for each mission. */
function filesPlanProposed(mission: Mission, proposed: PayloadOf<'plan_proposed'>): Mission {
  return planProposed({ ...mission, revision: 1 }, { ...proposed, plan: mission.request.plan ?? proposed.plan });
}

function planRequested(mission: Mission, event: PayloadOf<'plan_requested'>): Mission | Folded {
  if (mission.planning === 'requested') return 'void: a plan is requested already';
  if (event.revision !== mission.revision + 1) return 'void: another revision';
  return {
    ...mission,
    planning: 'requested',
    revision: event.revision,
    planReason: event.reason,
    planningError: null,
    replans: mission.planning === 'approved' ? mission.replans + 1 : mission.replans,
    planningReserved: { tokens: event.reserved_tokens, usd: event.reserved_usd },
  };
}

function planningEnded(mission: Mission, used: { tokens_in: number; tokens_out: number; cost_usd: number }): Mission {
  const usage = { tokens: used.tokens_in + used.tokens_out, usd: used.cost_usd };
  return {
    ...mission,
    planningReserved: NOTHING,
    planningUsage: addCost(mission.planningUsage, usage),
    planningSpent: addCost(mission.planningSpent, usage),
  };
}

function planProposed(mission: Mission, proposal: PayloadOf<'plan_proposed'>): Mission {
  const fault = faultOf(mission, proposal.plan);
  return fault === null
    ? { ...mission, planning: 'proposed', proposal }
    : { ...mission, planning: 'failed', planningError: `the plan was refused: ${fault}` };
}

/**
 * Why a plan can never be carried out, whoever made it and whatever it was checked against before: (mission, task,
 * attempt) would not be unique, a wave would hang or pass without a task. null when it can.
 */
function faultOf(mission: Mission, plan: Plan): string | null {
  if (plan.waves.length === 0) return 'the plan has no waves';
  const ids = new Set(mission.tasks.keys());
  let before = Math.max(0, ...mission.waves.map((wave) => wave.number));
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

/** The mission's last task: the success checks of its file, and those that the planner added. null when there are none. */
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

/** Agents that the proposed plan needs, the one that runs the mission's checks included. */
export function agentsOfProposal(mission: Mission): readonly string[] {
  const waves = mission.proposal === null ? [] : wavesOf(mission, mission.proposal.plan);
  return [...new Set(waves.flatMap((wave) => wave.tasks.map((task) => task.agent)))];
}

/** The plan's tasks join those that earlier plans have finished; what those left undone is replaced. */
function planApproved(mission: Mission): Mission | Folded {
  const { proposal } = mission;
  if (proposal === null) return 'void: no plan';
  const planned = wavesOf(mission, proposal.plan);
  const tasks = new Map([...mission.tasks].map(([id, task]) => [id, replaceUndone(task)]));
  for (const wave of planned) {
    for (const task of wave.tasks) tasks.set(task.task_id, newTask(task, wave.wave_number, wave.kind));
  }
  const waves = planned.map(
    (wave): Wave => ({
      number: wave.wave_number,
      taskIds: wave.tasks.map((task) => task.task_id),
      status: 'waiting',
      replaced: false,
    }),
  );
  const earlier = mission.waves.map((wave) => (wave.status === 'completed' ? wave : { ...wave, replaced: true }));
  return { ...mission, planning: 'approved', agentFailures: {}, tasks, waves: [...earlier, ...waves] };
}

function replaceUndone(task: MissionTask): MissionTask {
  return task.status === 'waiting' || task.status === 'retrying'
    ? { ...task, status: 'replaced', detail: 'replaced by a changed plan' }
    : task;
}

function newTask(plan: PlanTask, wave: number, kind: TaskKind): MissionTask {
  return {
    id: plan.task_id,
    plan,
    wave,
    kind,
    status: 'waiting',
    attempt: 0,
    failures: 0,
    retryDelayMs: null,
    targetPartition: null,
    share: { tokens: null, usd: null },
    spent: NOTHING,
    usage: NOTHING,
    steps: 0,
    model: '',
    startedAtMs: null,
    durationMs: 0,
    summary: '',
    outputs: {},
    checks: [],
    detail: '',
    unservedSinceMs: null,
    retryRequest: null,
  };
}
