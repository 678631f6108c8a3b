/**
 * Watches the starts of tools: each once, after its call was read back under the holder, and never behind a later
 * fence.
 */
import type { AgentSpec } from '../../src/domain/agent-spec.js';
import type { PayloadOf } from '../../src/domain/events.js';
import type { PartitionId } from '../../src/ports/log.js';
import type { TaskPlace } from '../../src/ports/tools.js';
import type { SimProcess } from './sim-process.js';
import type { Start } from './sim-tools.js';
import type { TaskOracle } from './task-oracle.js';
import { Violation } from './violation.js';

export interface StartOracle {
  /** @param agents what it was started with */
  onStarted(process: SimProcess, agents: readonly AgentSpec[]): void;
  onDelivered(process: SimProcess, partition: PartitionId, nextOffset: number): void;
  /** A snapshot of the state before the task's wave is taken, or was. */
  onSnapshot(task: TaskPlace): void;
  /** @throws Violation */
  onStart(start: Start): void;
  onEnd(start: Start): void;
  /**
   * A worker says that nothing of an earlier claim or attempt of the task runs any more.
   * @throws Violation
   */
  onFenced(task: Pick<TaskPlace, 'missionId' | 'taskId' | 'attempt'>, claimOffset: number): void;
  /** @throws Violation */
  onBaseline(process: SimProcess, task: TaskPlace): void;
}

/** The assignment of an attempt, whose mission may use the workspace of another; undefined: it was never taken. */
type AssignmentOf = (task: TaskPlace) => PayloadOf<'task_assigned'> | undefined;

/** @param takenAt where an attempt was taken; undefined: nowhere */
export function createStartOracle(
  takenAt: (attemptKey: string) => (TaskOracle & PartitionId) | undefined,
  assignmentOf: AssignmentOf,
): StartOracle {
  const workspaces = createWorkspaceOracle(assignmentOf);
  const missionOf = (task: TaskPlace) => assignmentOf(task)?.mission_id ?? task.missionId;
  const revisions = new Map<string, ReadonlyMap<string, string>>();
  const readUpTo = new Map<string, number>();
  const started = new Set<string>();
  const withSnapshot = new Set<string>();
  const last = new Map<string, { readonly attempt: number; readonly claimOffset: number }>();
  const placeOf = (process: SimProcess, { topic, partition }: PartitionId) => `${process.id} ${topic}[${partition}]`;

  return {
    onStarted: (process, agents) =>
      void revisions.set(process.id, new Map(agents.map(({ name, digest }) => [name, digest]))),
    onDelivered: (process, partition, nextOffset) => void readUpTo.set(placeOf(process, partition), nextOffset),
    onEnd: workspaces.onEnd,
    onFenced: workspaces.onFenced,
    onSnapshot: (task) => void withSnapshot.add(`${missionOf(task)}/${task.taskId}/${task.attempt}`),
    onBaseline(process, task) {
      const key = `${missionOf(task)}/${task.taskId}/${task.attempt}`;
      const oracle = takenAt(key);
      oracle?.checkBaselineStart(key, readUpTo.get(placeOf(process, oracle)) ?? 0);
    },
    onStart(start) {
      const { process, call } = start;
      const { missionId, taskId, attempt } = call.task;
      const task = `${missionId}/${taskId}`;
      const step = `${task}/${attempt}#${call.step}`;
      if (started.has(step)) throw new Violation('starts-once', step);
      started.add(step);
      const mission = missionOf(call.task);
      const oracle = takenAt(`${mission}/${taskId}/${attempt}`);
      if (oracle === undefined) throw new Violation('read-back-first', `${step}: the attempt was never taken`);
      const key = `${mission}/${taskId}/${attempt}`;
      if (oracle.needsSnapshot(key) && !withSnapshot.has(key))
        throw new Violation('snapshot-first', `${step} starts before a snapshot was taken`);
      const named = { ...call, task: { ...call.task, missionId: mission } };
      oracle.checkStart(named, readUpTo.get(placeOf(process, oracle)) ?? 0, revisions.get(process.id) ?? new Map());
      const before = last.get(task) ?? { attempt: 0, claimOffset: -1 };
      if (attempt < before.attempt)
        throw new Violation('attempts-in-order', `${step} starts after a tool of attempt ${before.attempt}`);
      if (call.tool === 'execute_terminal_command' && call.claimOffset < before.claimOffset)
        throw new Violation(
          'no-start-after-fence',
          `${step} starts under claim ${call.claimOffset}, after one under ${before.claimOffset}`,
        );
      workspaces.onStart(start);
      last.set(task, { attempt, claimOffset: Math.max(before.claimOffset, call.claimOffset) });
    },
  };
}

/**
 * What runs side by side in a workspace is of one wave of one mission: a wave begins when nothing of the one before it
 * is left, also where a changed plan has replaced it. Ids of missions sort by their time.
 */
function createWorkspaceOracle(assignmentOf: AssignmentOf): Pick<StartOracle, 'onStart' | 'onEnd' | 'onFenced'> {
  const newest = new Map<string, Stage>();
  const running = new Map<string, Set<Start>>();
  const stageOf = ({ call: { task, step } }: Start): Stage => {
    const { mission_id: mission, wave_number: wave } = assignmentOf(task) ?? {
      mission_id: task.missionId,
      wave_number: 0,
    };
    return { mission, wave, what: `${task.taskId}/${task.attempt}#${step} of ${mission}` };
  };
  return {
    onStart(start) {
      // Reading ends at once, and needs no fence.
      if (start.call.tool !== 'execute_terminal_command') return;
      const workspace = start.call.task.missionId;
      const stage = stageOf(start);
      const before = newest.get(workspace);
      if (before !== undefined && isBefore(stage, before))
        throw new Violation('one-wave', `${stage.what} starts after ${before.what}`);
      newest.set(workspace, stage);
      const others = running.get(workspace) ?? new Set();
      running.set(workspace, others.add(start));
      for (const other of [...others].map(stageOf))
        if (isBefore(other, stage)) throw new Violation('one-wave', `${stage.what} starts beside ${other.what}`);
    },
    onEnd: (start) => void running.get(start.call.task.missionId)?.delete(start),
    onFenced({ missionId, taskId, attempt }, claimOffset) {
      for (const { call } of running.get(missionId) ?? [])
        if (call.task.taskId === taskId && (call.task.attempt < attempt || call.claimOffset < claimOffset))
          throw new Violation(
            'fence-is-known',
            `${taskId}/${attempt} has the fence by claim ${claimOffset}, and ${call.task.attempt}#${call.step} runs ` +
              `under claim ${call.claimOffset}`,
          );
    },
  };
}

interface Stage {
  readonly mission: string;
  readonly wave: number;
  readonly what: string;
}

const isBefore = (one: Stage, other: Stage): boolean =>
  one.mission < other.mission || (one.mission === other.mission && one.wave < other.wave);
