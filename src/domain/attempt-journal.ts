/** The attempts of chosen tasks, as a reader of a tasks partition finds them who begins in the middle of it. Pure. */
import type { AgentEvent, PayloadOf } from './events.js';
import { createKeptConnections, type KeptConnections } from './kept-connections.js';
import { attemptKey } from './partitioning.js';
import type { FoldRecord } from './record.js';
import {
  createTaskPartitionState,
  evolveTaskPartition,
  stepInDoubt,
  type TaskAttempt,
  type TaskPartitionState,
} from './task-partition.js';

/** What names an attempt. */
export interface AttemptId {
  readonly mission_id: string;
  readonly task_id: string;
  readonly attempt: number;
}

/** An attempt, and what its commands have reached on the network. */
export type JournaledAttempt = TaskAttempt & { readonly connections: readonly PayloadOf<'connection_ended'>[] };

export interface AttemptJournal {
  /** Folds a record of the partition; records come in the order of the log. Returns the attempts that it ended. */
  apply(record: FoldRecord): readonly JournaledAttempt[];
  /** The attempts that have not ended, or of which an outcome is still missing; in the order of the log. */
  rest(): readonly JournaledAttempt[];
}

/**
 * Folds by the same rules as the partition's holder (task-partition.ts), so that records of a worker that had lost its
 * claim do not count. Only open attempts are kept. Reading must begin at or before the assignment of every wanted
 * attempt: until a claim is read, the worker that journals is the holder, because a worker that a later claim has
 * replaced reads that claim before the assignment, and journals nothing for it.
 */
export function createAttemptJournal(isWanted: (attempt: AttemptId) => boolean): AttemptJournal {
  const state = createTaskPartitionState();
  const connections = new Map<string, KeptConnections>();
  const journaled = (attempt: TaskAttempt): JournaledAttempt => ({
    ...attempt,
    connections: connections.get(attempt.key)?.all() ?? [],
  });
  const keep = (connection: PayloadOf<'connection_ended'>) => {
    const key = attemptKey(connection);
    const kept = connections.get(key) ?? createKeptConnections();
    connections.set(key, kept);
    kept.add(connection);
  };
  return {
    apply(record) {
      const { event } = record;
      if (event.event_type !== 'partition_claimed' && !isAbout(event, isWanted)) return [];
      state.holder ??= journaledBy(event);
      const { kind } = evolveTaskPartition(state, record);
      if (kind === 'applied' && event.event_type === 'connection_ended') keep(event.payload);
      return takeEnded(state).map((attempt) => {
        const ended = journaled(attempt);
        connections.delete(attempt.key);
        return ended;
      });
    },
    rest: () => [...state.attempts.values()].map(journaled),
  };
}

function isAbout({ payload }: AgentEvent, isWanted: (attempt: AttemptId) => boolean): boolean {
  if (!('mission_id' in payload && 'task_id' in payload && 'attempt' in payload)) return false;
  const { mission_id, task_id, attempt } = payload;
  return mission_id !== null && task_id !== null && attempt !== null && isWanted({ mission_id, task_id, attempt });
}

function journaledBy(event: AgentEvent): TaskPartitionState['holder'] {
  switch (event.event_type) {
    case 'call_proposed':
    case 'tool_called':
    case 'turn_reserved':
    case 'task_completed':
    case 'task_failed':
      return { owner: event.payload.owner, claimOffset: -1 };
    default:
      return null;
  }
}

/** The outcome of a step that was running when its attempt was cancelled comes later. */
function takeEnded(state: TaskPartitionState): readonly TaskAttempt[] {
  const ended = [...state.attempts.values()].filter(
    (attempt) => attempt.status !== 'open' && stepInDoubt(attempt) === null,
  );
  for (const attempt of ended) state.attempts.delete(attemptKey(attempt.assignment));
  return ended;
}
