/** An attempt whose mission is paused: it ends its step, gives its slot back, and another execution continues it. */
import type { ExecutionDeps } from './execution-deps.js';
import type { MissionNews } from './worker-context.js';

/** The attempt's mission is paused: its execution ends without a result. */
export class AttemptSuspended extends Error {
  readonly code = 'attempt_suspended';
  readonly retriable = true;
  /** @param remainingMs what its execution deadline has left */
  constructor(readonly remainingMs: number) {
    super('the mission is paused');
    this.name = 'AttemptSuspended';
  }
}

/** Its mission was not resumed in time. */
export class PausedTooLong extends Error {
  readonly code = 'paused_too_long';
  readonly retriable = true;
  constructor() {
    super('the mission was paused for too long: this attempt has ended, and another one follows when it is resumed');
    this.name = 'PausedTooLong';
  }
}

type Suspension = Pick<ExecutionDeps, 'current' | 'isSuspensionOver'>;

/** Throws AttemptSuspended where the attempt must wait before its next step, PausedTooLong where it has waited long. */
export function requireUnsuspended({ current, isSuspensionOver }: Suspension, remainingMs: () => number): void {
  if (isSuspensionOver()) throw new PausedTooLong();
  if (current().suspendedSinceMs !== null) throw new AttemptSuspended(remainingMs());
}

/** Its readers see that it waits, and before which step. */
export function suspendedNews({ current }: Pick<ExecutionDeps, 'current'>): MissionNews {
  const { assignment, steps } = current();
  const { task_id, mission_id, attempt } = assignment;
  return {
    type: 'task_progress',
    payload: {
      task_id,
      mission_id,
      attempt,
      step: steps.length,
      tool: null,
      percent_complete: 0,
      substeps_completed: 0,
      substeps_total: 0,
      message: `waits before step ${steps.length + 1}: the mission is paused`,
      unserved_since: null,
      unknown_agent: false,
    },
  };
}
