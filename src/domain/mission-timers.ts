/**
 * Timers are data: what waits, and for how long. The holder measures them on its own monotonic clock from when it first
 * saw them, so a take-over starts them again and no wall clock is compared.
 */
import type { BackoffLimits } from './backoff.js';
import type { Mission } from './mission-state.js';

export interface MissionTimer {
  /** Unique within the partition; the same for as long as it is the same wait. */
  readonly key: string;
  readonly delayMs: number;
}

export interface MissionTimings {
  /** An assignment that waits for so long without a live worker is announced. */
  readonly unservedMs: number;
  /** An assignment that is not accepted within this is decided again, without using up a retry. */
  readonly acceptMs: number;
  /** The worker enforces a task's deadline; this much later the orchestrator gives up on the worker. */
  readonly deadlineGraceMs: number;
  /** Back-off before a retry: full jitter below a ceiling that doubles with each failure. */
  readonly retryBackoff: BackoffLimits;
  readonly approvalMs: number;
  /** A mission that needs attention waits so long for an answer. */
  readonly attentionMs: number;
}

export const DEFAULT_TIMINGS: MissionTimings = {
  unservedMs: 5_000,
  acceptMs: 30_000,
  deadlineGraceMs: 30_000,
  retryBackoff: { baseMs: 1_000, maxMs: 30_000 },
  approvalMs: 24 * 3_600_000,
  attentionMs: 7 * 24 * 3_600_000,
};

export const timerKeys = {
  unserved: (missionId: string, taskId: string, attempt: number) => `${missionId}/${taskId}/${attempt}/unserved`,
  accept: (missionId: string, taskId: string, attempt: number) => `${missionId}/${taskId}/${attempt}/accept`,
  deadline: (missionId: string, taskId: string, attempt: number) => `${missionId}/${taskId}/${attempt}/deadline`,
  retry: (missionId: string, taskId: string, attempt: number) => `${missionId}/${taskId}/${attempt}/retry`,
  approval: (missionId: string, revision: number) => `${missionId}/approval/${revision}`,
  attention: (missionId: string, number: number) => `${missionId}/attention/${number}`,
  minutes: (missionId: string) => `${missionId}/minutes`,
};

/** Every wait of an open mission. taskTimeoutMs gives a task's execution deadline in milliseconds. */
export function missionTimers(
  mission: Mission,
  timings: MissionTimings,
  taskTimeoutMs: (taskId: string) => number,
): readonly MissionTimer[] {
  if (mission.status !== 'open') return [];
  const timers: MissionTimer[] = [];
  const { id } = mission;
  const { minutes } = mission.request.budget;
  if (minutes !== null) timers.push({ key: timerKeys.minutes(id), delayMs: minutes * 60_000 });
  if (mission.planning === 'proposed' && mission.request.approval === 'approval') {
    timers.push({ key: timerKeys.approval(id, mission.revision), delayMs: timings.approvalMs });
  }
  if (mission.question !== null)
    timers.push({ key: timerKeys.attention(id, mission.question.number), delayMs: timings.attentionMs });
  for (const task of mission.tasks.values()) {
    if (task.status === 'assigned') {
      timers.push({ key: timerKeys.unserved(id, task.id, task.attempt), delayMs: timings.unservedMs });
      timers.push({ key: timerKeys.accept(id, task.id, task.attempt), delayMs: timings.acceptMs });
    }
    if (task.status === 'running') {
      timers.push({
        key: timerKeys.deadline(id, task.id, task.attempt),
        delayMs: taskTimeoutMs(task.id) + timings.deadlineGraceMs,
      });
    }
    if (task.status === 'retrying' && task.retryDelayMs !== null)
      timers.push({ key: timerKeys.retry(id, task.id, task.attempt), delayMs: task.retryDelayMs });
  }
  return timers;
}
