/**
 * Follows what strangers may have written, by what happens and not by what assignments say: from the network into the
 * task that reaches it, from a task into its mission's workspace, its results and its later attempts, and from there
 * into every task that reads them.
 */
import type { EventOf } from '../../src/domain/events.js';
import { attemptKey } from '../../src/domain/partitioning.js';
import type { TaskAttempt } from '../../src/domain/task-partition.js';
import { Violation } from './violation.js';

export interface TaintOracle {
  /** A call that counts was written. @throws Violation */
  onCalled(event: EventOf<'tool_called'>, attempt: TaskAttempt): void;
  /** A tool starts. */
  onStart(attempt: TaskAttempt): void;
}

/**
 * @param reaching names of the agents that reach hosts on the network
 * @param mayTaint whether anything may be called tainted
 */
export function createTaintOracle(reaching: readonly string[], mayTaint: boolean): TaintOracle {
  /** Tasks, missions (their workspaces) and attempts into which such content has come. */
  const tasks = new Set<string>();
  const workspaces = new Set<string>();
  const attempts = new Set<string>();
  const taskKey = (mission: string, task: string) => `${mission}/${task}`;

  /** What the first prompt has: results of other tasks, and why an earlier attempt failed. */
  const inPrompt = ({ assignment }: TaskAttempt): boolean =>
    assignment.inputs.some(({ task_id }) => tasks.has(taskKey(assignment.mission_id, task_id))) ||
    (assignment.attempt > 1 && tasks.has(taskKey(assignment.mission_id, assignment.task_id)));

  return {
    onCalled({ payload }, attempt) {
      const { mission_id, task_id, step, tainted_by } = payload;
      const what = `${task_id}/${payload.attempt}#${step}`;
      if (attempt.assignment.kind === 'verify') return;
      if ((attempts.has(attemptKey(payload)) || inPrompt(attempt)) && tainted_by.length === 0)
        throw new Violation(
          'taint-is-known',
          `${what} of ${mission_id} has read content of strangers, and is not tainted`,
        );
      if (!mayTaint && tainted_by.length > 0)
        throw new Violation('taint-is-known', `${what} of ${mission_id} is tainted, and no agent reaches strangers`);
    },
    onStart(attempt) {
      const { mission_id, task_id, agent } = attempt.assignment;
      if (!reaching.includes(agent) && !workspaces.has(mission_id) && !inPrompt(attempt)) return;
      attempts.add(attempt.key);
      tasks.add(taskKey(mission_id, task_id));
      workspaces.add(mission_id);
    },
  };
}
