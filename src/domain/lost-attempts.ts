import type { PayloadOf } from './events.js';
import { isOpen, type Mission } from './mission-state.js';

/** An attempt of a task, as events name it. */
export type AttemptName = Pick<PayloadOf<'task_assigned'>, 'mission_id' | 'task_id' | 'attempt'>;

export interface LostPartition {
  readonly agent: string;
  /** Of the agent's topic. */
  readonly partition: number;
  /** Whether what is left of the partition has the attempt's assignment. */
  hasAssignment(attempt: AttemptName): boolean;
}

/**
 * Attempts that their missions wait for although no worker will end them: they are open, and the partition that they
 * were assigned to has lost the assignment. One whose assignment was decided and is not sent yet is among them; a new
 * attempt instead costs it nothing.
 */
export function lostAttempts(
  missions: readonly Mission[],
  { agent, partition, hasAssignment }: LostPartition,
): readonly AttemptName[] {
  return missions.filter(isOpen).flatMap(({ id, index }) =>
    [...index.open.values()]
      .filter((task) => task.plan.agent === agent && task.targetPartition === partition)
      .map((task) => ({ mission_id: id, task_id: task.id, attempt: task.attempt }))
      .filter((attempt) => !hasAssignment(attempt)),
  );
}
