/**
 * A paused mission: it begins no wave, no attempt, no plan and no step, and none of its timers runs, until a person
 * resumes it. Its open attempts end the step that runs, and wait before the next one.
 */
import type { AgentEvent, PayloadOf } from './events.js';
import { isUnderWay, type Mission, type MissionFold } from './mission-state.js';
import { inPlanOrder } from './mission-tasks.js';
import { APPLIED, voidBecause, type Folded } from './record.js';

/** The first word counts: a second pause changes neither the person nor the reason. */
export function pauseRequested(
  mission: MissionFold,
  { number, requested_by: by, reason }: PayloadOf<'mission_pause_requested'>,
  atMs: number,
): Folded {
  if (mission.pause !== null) return voidBecause('the mission is paused already');
  if (!isUnderWay(mission)) return voidBecause('the mission is about to end');
  if (number !== mission.pauses + 1) return voidBecause('another pause');
  mission.pauses = number;
  mission.pause = { by, reason, atMs };
  return APPLIED;
}

export function resumeRequested(mission: MissionFold, { number }: PayloadOf<'mission_resume_requested'>): Folded {
  if (mission.pause === null) return voidBecause('the mission is not paused');
  if (number !== mission.pauses) return voidBecause('another pause');
  mission.pause = null;
  return APPLIED;
}

/** Whether a pause holds now: one that is about to end ends. */
export const isPaused = (mission: Pick<Mission, 'pause' | 'course'>): boolean =>
  mission.pause !== null && isUnderWay(mission);

/**
 * Why an event has no effect on a paused mission: its holder decided it before it had read of the pause, and decides
 * it again when the mission is resumed. null: it counts.
 */
export function againstPause(mission: Mission, { event_type, payload }: AgentEvent): string | null {
  if (!isPaused(mission)) return null;
  switch (event_type) {
    case 'plan_requested':
    case 'wave_started':
    case 'task_assigned':
      return 'the mission is paused';
    case 'task_cancelled':
      return payload.code === 'deadline' || payload.code === 'not_accepted' ? 'the mission is paused' : null;
    default:
      return null;
  }
}

interface SuspensionDecision {
  readonly event_type: 'task_suspended';
  readonly payload: PayloadOf<'task_suspended'>;
}

/** Open attempts that are to wait, or that may continue; null: there is nothing to say to any. */
export function decideSuspensions(
  mission: Mission,
  { owner }: { readonly owner: string },
): readonly SuspensionDecision[] | null {
  const { open, suspended } = mission.index;
  const pauses = isPaused(mission);
  if (pauses ? open.size === suspended.size : suspended.size === 0) return null;
  const concerned = pauses ? [...open.values()].filter(({ id }) => !suspended.has(id)) : suspended.values();
  return inPlanOrder(concerned).map((task) => ({
    event_type: 'task_suspended',
    payload: {
      task_id: task.id,
      mission_id: mission.id,
      attempt: task.attempt,
      agent: task.plan.agent,
      owner,
      suspended: pauses,
      target_partition: task.targetPartition ?? 0,
      source: null,
    },
  }));
}
