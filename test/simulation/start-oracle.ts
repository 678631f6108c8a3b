/**
 * Watches the starts of tools: each once, after its call was read back under the holder, and never behind a later
 * fence.
 */
import type { AgentSpec } from '../../src/domain/agent-spec.js';
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
  /** @throws Violation */
  onStart(start: Start): void;
  onEnd(start: Start): void;
  /** @throws Violation */
  onBaseline(process: SimProcess, task: TaskPlace): void;
}

/**
 * @param takenAt where an attempt was taken; undefined: nowhere
 * @param missionOf the mission of an attempt, which may use the workspace of another
 */
export function createStartOracle(
  takenAt: (attemptKey: string) => (TaskOracle & PartitionId) | undefined,
  missionOf: (task: TaskPlace) => string,
): StartOracle {
  const workspaces = createWorkspaceOracle(missionOf);
  const revisions = new Map<string, ReadonlyMap<string, string>>();
  const readUpTo = new Map<string, number>();
  const started = new Set<string>();
  const last = new Map<string, { readonly attempt: number; readonly claimOffset: number }>();
  const placeOf = (process: SimProcess, { topic, partition }: PartitionId) => `${process.id} ${topic}[${partition}]`;

  return {
    onStarted: (process, agents) =>
      void revisions.set(process.id, new Map(agents.map(({ name, digest }) => [name, digest]))),
    onDelivered: (process, partition, nextOffset) => void readUpTo.set(placeOf(process, partition), nextOffset),
    onEnd: workspaces.onEnd,
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

/** Ids of missions sort by their time. */
function createWorkspaceOracle(missionOf: (task: TaskPlace) => string): Pick<StartOracle, 'onStart' | 'onEnd'> {
  const newest = new Map<string, string>();
  const running = new Map<string, Set<Start>>();
  return {
    onStart(start) {
      const { task, step, tool } = start.call;
      const workspace = task.missionId;
      const mission = missionOf(task);
      const what = `${task.taskId}/${task.attempt}#${step} of ${mission}`;
      const before = newest.get(workspace) ?? mission;
      // Reading ends at once, and needs no fence.
      if (tool !== 'execute_terminal_command') return;
      if (mission < before) throw new Violation('one-mission', `${what} starts after a tool of ${before}`);
      const others = running.get(workspace) ?? new Set();
      running.set(workspace, others.add(start));
      newest.set(workspace, mission);
      for (const other of others)
        if (missionOf(other.call.task) !== mission)
          throw new Violation(
            'one-mission',
            `${what} starts beside ${other.call.task.taskId}/${other.call.task.attempt} of ${missionOf(other.call.task)}`,
          );
    },
    onEnd: (start) => void running.get(start.call.task.missionId)?.delete(start),
  };
}
