/**
 * Timers are data: what waits, and for how long. The holder measures them on its own monotonic clock from when it first
 * saw them, so a take-over starts them again and no wall clock is compared.
 */
import type { BackoffLimits } from './backoff.js';
import { ANNOUNCED_PERCENT } from './budget.js';
import { isOpen, questionOf, type Mission } from './mission-state.js';
import { isPaused } from './mission-pause.js';
import { pausedStep, remainingMs, type MissionTask } from './mission-task-state.js';
import { SNAPSHOTS } from './requirements.js';

export interface MissionTimer {
  /** Unique within the partition; the same for as long as it is the same wait. */
  readonly key: string;
  readonly delayMs: number;
  /** Whether it does not run: what has passed of it stays passed. Absent: it runs. */
  readonly frozen?: boolean;
  /** What a task waits for with it; absent: nothing is decided for the task when it runs out. */
  readonly wait?: TaskWait;
}

/**
 * A wait of a task that ends with a decision: for a worker that accepts its attempt, for the attempt's result, or for
 * the next attempt.
 */
export interface TaskWait {
  readonly kind: 'accept' | 'deadline' | 'retry';
  readonly agent: string;
}

/** Tasks whose waits of a kind and agent have run out. */
export interface ExpiredWaits extends TaskWait {
  readonly taskIds: Iterable<string>;
}

export interface MissionTimings {
  /** An assignment that waits for so long without a live worker is announced. */
  readonly withoutWorkerMs: number;
  /**
   * An assignment that is not accepted within this is decided again, without using up a retry. It doubles with each
   * attempt that used up none, up to 32 times: over a slow broker some attempt is accepted in time.
   */
  readonly acceptMs: number;
  /** The worker enforces a task's deadline; this much later the orchestrator gives up on the worker. */
  readonly deadlineGraceMs: number;
  /** A snapshot before a task may take so long, which its deadline does not count. */
  readonly snapshotMs: number;
  /** Back-off before a retry: full jitter below a ceiling that doubles with each failure. */
  readonly retryBackoff: BackoffLimits;
  readonly approvalMs: number;
  /** Back-off before a planner that could not be reached is asked again. */
  readonly plannerBackoff: BackoffLimits;
  /** A mission without a time budget waits so long for a planner that cannot be reached. */
  readonly plannerWaitMs: number;
  /** A mission that needs attention waits so long for an answer. */
  readonly attentionMs: number;
}

export const DEFAULT_TIMINGS: MissionTimings = {
  withoutWorkerMs: 5_000,
  acceptMs: 30_000,
  deadlineGraceMs: 30_000,
  snapshotMs: 600_000,
  retryBackoff: { baseMs: 1_000, maxMs: 30_000 },
  approvalMs: 24 * 3_600_000,
  plannerBackoff: { baseMs: 2_000, maxMs: 60_000 },
  plannerWaitMs: 3_600_000,
  attentionMs: 7 * 24 * 3_600_000,
};

const MOST_ACCEPT_DOUBLINGS = 5;

export const timerKeys = {
  withoutWorker: (missionId: string, taskId: string, attempt: number) =>
    `${missionId}/${taskId}/${attempt}/without_worker`,
  accept: (missionId: string, taskId: string, attempt: number) => `${missionId}/${taskId}/${attempt}/accept`,
  /** @param waitedStep the last step that has waited for a person: after it the rest of the deadline runs; 0: none */
  deadline: (missionId: string, taskId: string, attempt: number, waitedStep = 0) =>
    `${missionId}/${taskId}/${attempt}/deadline${waitedStep === 0 ? '' : `/${waitedStep}`}`,
  retry: (missionId: string, taskId: string, attempt: number) => `${missionId}/${taskId}/${attempt}/retry`,
  approval: (missionId: string, revision: number) => `${missionId}/approval/${revision}`,
  planner: (missionId: string, revision: number) => `${missionId}/planner/${revision}`,
  plannerWait: (missionId: string, sinceRevision: number) => `${missionId}/planner-wait/${sinceRevision}`,
  attention: (missionId: string, number: number) => `${missionId}/attention/${number}`,
  minutes: (missionId: string) => `${missionId}/minutes`,
  minutesUsed: (missionId: string, percent: number) => `${missionId}/minutes/${percent}`,
};

/** What an open mission itself waits for. */
export function missionTimers(mission: Mission, timings: MissionTimings): readonly MissionTimer[] {
  return withFreeze(timersOfMission(mission, timings), isPaused(mission));
}

const withFreeze = (timers: readonly MissionTimer[], frozen: boolean): readonly MissionTimer[] =>
  frozen ? timers.map((timer) => ({ ...timer, frozen })) : timers;

function timersOfMission(mission: Mission, timings: MissionTimings): readonly MissionTimer[] {
  if (!isOpen(mission)) return [];
  const timers: MissionTimer[] = [];
  const { id, request, planning } = mission;
  const { minutes } = mission.budget;
  const question = questionOf(mission);
  // What is not its own fault does not use up its time.
  const freeze = mission.waitsFor === null ? {} : { frozen: true };
  if (minutes !== null) {
    // Also when announced: they know what has passed, should a person raise the limit. Before the end in the list, so
    // that of timers that run out together theirs come first.
    for (const percent of ANNOUNCED_PERCENT)
      timers.push({ key: timerKeys.minutesUsed(id, percent), delayMs: minutes * 600 * percent, ...freeze });
    timers.push({ key: timerKeys.minutes(id), delayMs: minutes * 60_000, ...freeze });
  }
  if (planning.kind === 'proposed' && request.approval === 'approval')
    timers.push({ key: timerKeys.approval(id, mission.revision), delayMs: timings.approvalMs });
  if (planning.kind === 'postponed')
    timers.push({ key: timerKeys.planner(id, mission.revision), delayMs: planning.retryInMs });
  if (mission.plannerWait !== null)
    timers.push({
      key: timerKeys.plannerWait(id, mission.plannerWait.sinceRevision),
      delayMs: plannerWaitMs(mission, timings),
      ...freeze,
    });
  if (question !== null) timers.push({ key: timerKeys.attention(id, question.number), delayMs: timings.attentionMs });
  return timers;
}

/**
 * How long the mission waits for a planner that cannot be reached: its time budget. One that asks a person asks after
 * half of it, so that the answer is of use.
 */
function plannerWaitMs({ request, budget: { minutes } }: Mission, timings: MissionTimings): number {
  if (minutes === null) return timings.plannerWaitMs;
  return minutes * (request.on_failure === 'ask' ? 30_000 : 60_000);
}

/** What a task of a mission waits for; nothing once the mission has ended. */
export function taskTimers(mission: Mission, task: MissionTask, timings: MissionTimings): readonly MissionTimer[] {
  if (!isOpen(mission)) return [];
  return withFreeze(timersOfTask(mission, task, timings), isPaused(mission) || task.suspended !== 'no');
}

function timersOfTask(mission: Mission, task: MissionTask, timings: MissionTimings): readonly MissionTimer[] {
  const wait = waitOf(mission, task);
  if (wait === null) return [];
  const { kind, key, agent } = wait;
  const snapshotMs = mission.request.requires.includes(SNAPSHOTS) ? timings.snapshotMs : 0;
  const behindMs = timings.deadlineGraceMs + snapshotMs;
  const timer = { key, delayMs: delayOf(kind, task, timings, behindMs), wait: { kind, agent } };
  const withoutWorker = timerKeys.withoutWorker(mission.id, task.id, task.attempt);
  return kind === 'accept' ? [{ key: withoutWorker, delayMs: timings.withoutWorkerMs }, timer] : [timer];
}

/** What the task waits for, with the key of its timer; null: no time decides about it. */
export function waitOf({ id }: Mission, task: MissionTask): (TaskWait & { readonly key: string }) | null {
  const { agent } = task.plan;
  switch (task.status) {
    case 'assigned':
      return { kind: 'accept', agent, key: timerKeys.accept(id, task.id, task.attempt) };
    case 'running':
      return { kind: 'deadline', agent, key: timerKeys.deadline(id, task.id, task.attempt, pausedStep(task)) };
    case 'retrying':
      return task.retryDelayMs === null
        ? null
        : { kind: 'retry', agent, key: timerKeys.retry(id, task.id, task.attempt) };
    default:
      return null;
  }
}

/** Earlier attempts that used up no retry: not accepted in time, or taken back for another reason than a failure. */
const attemptsWithoutRetry = ({ attempt, failures }: MissionTask): number => Math.max(0, attempt - 1 - failures);

/** @param behindMs how long after the deadline the worker's result may come */
function delayOf(kind: TaskWait['kind'], task: MissionTask, timings: MissionTimings, behindMs: number): number {
  switch (kind) {
    case 'accept':
      return timings.acceptMs * 2 ** Math.min(attemptsWithoutRetry(task), MOST_ACCEPT_DOUBLINGS);
    case 'deadline':
      return (remainingMs(task) ?? 1000 * (task.timeoutSeconds ?? 0)) + behindMs;
    case 'retry':
      return task.retryDelayMs ?? 0;
  }
}
