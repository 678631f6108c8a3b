/**
 * Watches what ends a task's wait: a start deadline, an execution deadline or a back-off decides only when its time has
 * passed by the log's clock, and the time while it was frozen does not count. Its holder sees a record later than the
 * log has it, so that it waits longer.
 */
import type { AgentEvent } from '../../src/domain/events.js';
import type { Mission } from '../../src/domain/mission-state.js';
import type { MissionTask } from '../../src/domain/mission-task-state.js';
import { DEFAULT_TIMINGS, taskTimers, type TaskWait, waitOf } from '../../src/domain/mission-timers.js';

export interface WaitOracle {
  /** Before the fold. Why it comes too early, if it is applied; null: it does not. */
  tooEarly(mission: Mission | undefined, event: AgentEvent, atMs: number): string | null;
  /** After the fold of a record that was applied. */
  onApplied(mission: Mission, event: AgentEvent, atMs: number): void;
}

/** What has passed of a wait while it ran, and since when it runs; null: it is frozen. */
interface Passed {
  readonly key: string;
  readonly passedMs: number;
  readonly sinceMs: number | null;
}

/** As the simulated orchestrators have them. */
const TIMINGS = { ...DEFAULT_TIMINGS, snapshotMs: 0 };

/** @param slackMs how much later than the log its holder sees that a wait is frozen; null: much later */
export function createWaitOracle(place: string, slackMs: number | null): WaitOracle {
  const waits = new Map<string, Passed>();
  const nameOf = (mission: Mission, { id }: MissionTask) => `${mission.id}/${id}`;

  function note(mission: Mission, task: MissionTask, atMs: number): void {
    const name = nameOf(mission, task);
    const wait = waitOf(mission, task);
    if (wait === null) return void waits.delete(name);
    const timer = taskTimers(mission, task, TIMINGS).find(({ key }) => key === wait.key);
    const isFrozen = timer?.frozen === true && slackMs !== null;
    const before = waits.get(name);
    const known = before?.key === wait.key ? before : { key: wait.key, passedMs: 0, sinceMs: atMs };
    waits.set(name, { key: wait.key, passedMs: passedOf(known, atMs), sinceMs: isFrozen ? null : atMs });
  }

  return {
    tooEarly(mission, event, atMs) {
      const task = mission?.tasks.get(taskOf(event) ?? '');
      if (mission === undefined || task === undefined) return null;
      const wait = waitOf(mission, task);
      const known = waits.get(nameOf(mission, task));
      if (wait === null || known?.key !== wait.key || endedKind(event, task) !== wait.kind) return null;
      const timer = taskTimers(mission, task, TIMINGS).find(({ key }) => key === wait.key);
      const passedMs = passedOf(known, atMs) + (slackMs ?? 0);
      if (timer === undefined || passedMs >= timer.delayMs) return null;
      return `${place}: ${event.event_type} ends ${wait.key} after ${passedMs} of ${timer.delayMs} ms`;
    },
    onApplied(mission, event, atMs) {
      const id = taskOf(event);
      const touched = id === null ? mission.tasks.values() : [mission.tasks.get(id)];
      for (const task of touched) if (task !== undefined) note(mission, task, atMs);
    },
  };
}

const passedOf = ({ passedMs, sinceMs }: Passed, atMs: number): number =>
  passedMs + (sinceMs === null ? 0 : atMs - sinceMs);

const taskOf = ({ payload }: AgentEvent): string | null => ('task_id' in payload ? payload.task_id : null);

/**
 * Which wait's time has led to it; null: something else has. Its holder may not have read yet that this wait is over,
 * and another one runs.
 */
function endedKind(event: AgentEvent, { retryRequest }: MissionTask): TaskWait['kind'] | null {
  if (event.event_type === 'task_assigned') return retryRequest === null ? 'retry' : null;
  if (event.event_type !== 'task_cancelled') return null;
  const { code } = event.payload;
  return code === 'deadline' ? 'deadline' : code === 'not_accepted' ? 'accept' : null;
}
