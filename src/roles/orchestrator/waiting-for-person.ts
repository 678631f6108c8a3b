/** Which missions of a partition wait for a person, and since when by the clock of the log; for the gauges. */
import { isOpen, type Mission } from '../../domain/mission-state.js';
import { pauseOf } from '../../domain/mission-task-state.js';
import type { Reading } from '../../ports/metrics.js';
import type { ChangedTasks } from './touched-missions.js';

export interface WaitingForPerson {
  /**
   * A record was folded. Costs nothing for a mission that does not wait.
   * @param changed its tasks whose waits the record may have changed
   * @param atMs when the log took it
   */
  onFolded(mission: Mission, changed: ChangedTasks, atMs: number): void;
  readings(nowMs: number): readonly Reading[];
}

interface Waits {
  /** ms since the epoch; null: it does not. */
  plan: number | null;
  question: number | null;
  /** By the task. */
  readonly calls: Map<string, number>;
}

const REASONS = ['plan', 'question', 'call'] as const;

export function createWaitingForPerson(): WaitingForPerson {
  const missions = new Map<string, Waits>();
  return {
    onFolded(mission, changed, atMs) {
      if (!isOpen(mission)) return void missions.delete(mission.id);
      const plan = waitsForApproval(mission);
      const question = mission.course.kind === 'asking';
      const known = missions.get(mission.id);
      const tasks = changed === 'all' ? [] : changed;
      if (known === undefined && !plan && !question && !hasWaitingCall(mission, tasks)) return;
      const waits = known ?? { plan: null, question: null, calls: new Map<string, number>() };
      waits.plan = plan ? (waits.plan ?? atMs) : null;
      waits.question = question ? (waits.question ?? atMs) : null;
      for (const taskId of changed === 'all' ? waits.calls.keys() : changed) noteCall(waits, mission, taskId, atMs);
      if (plan || question || waits.calls.size > 0) missions.set(mission.id, waits);
      else missions.delete(mission.id);
    },
    readings: (nowMs) =>
      REASONS.flatMap((reason) => {
        let count = 0;
        let oldestMs = nowMs;
        for (const waits of missions.values()) {
          const sinceMs = reason === 'call' ? oldestOf(waits.calls) : waits[reason];
          if (sinceMs === null) continue;
          count += 1;
          oldestMs = Math.min(oldestMs, sinceMs);
        }
        return [
          { gauge: 'missionsWaiting', labels: { reason }, value: count },
          { gauge: 'longestWait', labels: { reason }, value: (nowMs - oldestMs) / 1000 },
        ];
      }),
  };
}

/** Whether its plan waits for a person. */
export const waitsForApproval = ({ planning, request, course }: Mission): boolean =>
  planning.kind === 'proposed' && request.approval === 'approval' && course.kind === 'working';

function hasWaitingCall(mission: Mission, taskIds: Iterable<string>): boolean {
  for (const id of taskIds) if (isCallWaiting(mission, id)) return true;
  return false;
}

function isCallWaiting({ tasks }: Mission, taskId: string): boolean {
  const task = tasks.get(taskId);
  const pause = task === undefined ? null : pauseOf(task);
  return pause !== null && pause.answerId === null;
}

function noteCall({ calls }: Waits, mission: Mission, taskId: string, atMs: number): void {
  if (!isCallWaiting(mission, taskId)) calls.delete(taskId);
  else if (!calls.has(taskId)) calls.set(taskId, atMs);
}

/** In the order in which they began to wait: the first is the oldest. */
const oldestOf = (calls: ReadonlyMap<string, number>): number | null => calls.values().next().value ?? null;
