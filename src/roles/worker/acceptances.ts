/**
 * Reports to the missions that their assignments have arrived, which ends the orchestrator's start deadline. The
 * attempts then wait for a slot.
 */
import type { TaskAttempt } from '../../domain/task-partition.js';
import type { HeldClaim } from '../shared/partition-life.js';
import type { SlotUser } from '../shared/slots.js';
import type { WorkerContext } from './worker-context.js';

export interface Acceptances {
  /** An open attempt was folded under the held claim. */
  send(attemptKey: string): void;
  /** The claim is lost: the next holder tells them. */
  reset(): void;
}

export interface AcceptancesDeps {
  held(): HeldClaim | null;
  attempt(attemptKey: string): TaskAttempt | undefined;
}

export function createAcceptances(context: WorkerContext, deps: AcceptancesDeps): Acceptances {
  const user: SlotUser = {
    use(key) {
      const held = deps.held();
      const attempt = deps.attempt(key);
      if (held === null || attempt?.status !== 'open') return null;
      const { task_id, mission_id, attempt: number } = attempt.assignment;
      const accepted = context.sendToMission(attempt, {
        type: 'task_accepted',
        payload: { task_id, mission_id, attempt: number, owner: held.owner },
      });
      return accepted.then(() => undefined);
    },
  };
  return {
    send: (key) => context.sending.accepted.request(key, user),
    reset: () => context.sending.accepted.withdraw(user),
  };
}
