/** What the commands of a task may reach, and the record of each connection. */
import { reportConnection } from '../../domain/attempt-report.js';
import type { NetworkConnection } from '../../domain/network.js';
import type { NetworkAccess } from '../../ports/tools.js';
import type { ExecutionDeps } from './execution-deps.js';
import type { TaskJournal } from './task-journal.js';

/** The network of a call by its step, 0 before the first one; empty where the task has none. */
export type NetworkOfStep = (step: number) => { readonly network?: NetworkAccess };

/** A mission's success checks belong to no agent: they have no network. */
export function networkOf(
  { spec, attempt, current }: Pick<ExecutionDeps, 'spec' | 'attempt' | 'current'>,
  journal: Pick<TaskJournal, 'connection'>,
): NetworkOfStep {
  const hosts = attempt.assignment.kind === 'verify' ? [] : (spec.network ?? []);
  if (hosts.length === 0) return () => ({});
  return (step) => ({
    network: {
      hosts,
      onConnection: (connection: NetworkConnection) =>
        journal.connection({ step, callId: current().steps[step - 1]?.callId }, reportConnection(connection)),
    },
  });
}
