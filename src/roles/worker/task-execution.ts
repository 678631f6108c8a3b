/** One attempt being executed under one claim: from its slot until nothing of it is alive. */
import type { TaskAttempt } from '../../domain/task-partition.js';
import type { Logger } from '../../ports/logger.js';
import { isTakenAway, runAttempt } from './attempt-run.js';
import { AttemptSuspended, suspendedNews } from './attempt-suspended.js';
import { CallWaits } from './asked-call.js';
import type { ExecutionDeps } from './execution-deps.js';
import { RecordVoid } from './read-back.js';
import { asError } from '../../domain/as-error.js';
import { createTaskJournal } from './task-journal.js';
import { createTaskSteps } from './task-steps.js';
import type { WorkerContext } from './worker-context.js';
import { aboutAttempt } from './about-attempt.js';

export interface Execution {
  readonly attempt: TaskAttempt;
  readonly owner: string;
  /** Number of the current step; 0 before the first. */
  step(): number;
  /** Stops it now: model calls and tools. */
  abort(reason: Error): void;
  /** No new steps; a running tool has graceMs. Resolves when it has ended. */
  drain(reason: Error, graceMs: number): Promise<void>;
  /** Resolves when nothing of it is alive any more. Never rejects. */
  readonly settled: Promise<void>;
}

export function startExecution(context: WorkerContext, deps: ExecutionDeps): Execution {
  const { attempt, held } = deps;
  const { clock, logger: parentLogger } = context.deps;
  const logger = parentLogger.child({
    agent: deps.spec.name,
    ...aboutAttempt(attempt),
    attempt: attempt.assignment.attempt,
  });
  const thinking = new AbortController();
  const acting = new AbortController();
  const journal = createTaskJournal(context, {
    ...deps,
    // No other process would journal it while this claim holds: the role starts again, and finds the step in doubt.
    onOutcomeLost: (error) => context.onFatal(asError(error)),
    onConnectionLost: (error) => logger.warn({ error: asError(error).message }, 'connection.not_recorded'),
  });
  const steps = createTaskSteps(context, {
    ...deps,
    journal,
    logger,
    thinking: thinking.signal,
    acting: acting.signal,
  });
  const abort = (reason: Error) => {
    thinking.abort(reason);
    acting.abort(reason);
  };
  const settled = run().catch((error: unknown) => onEndedEarly(error));

  async function run(): Promise<void> {
    try {
      await runAttempt(context, deps, steps, journal, { thinking, acting: acting.signal, abort, logger });
    } finally {
      await steps.idle();
    }
  }

  function onEndedEarly(error: unknown): void {
    // Void although this claim holds and the attempt is open: no process would continue it, so the role starts again.
    if (error instanceof AttemptSuspended || error instanceof CallWaits) return onWaiting(context, deps, logger, error);
    const stranded = error instanceof RecordVoid && deps.isOurs();
    if (isTakenAway(error) && !stranded) logger.info({ reason: asError(error).message }, 'task.taken_away');
    else context.onFatal(asError(error));
  }

  return {
    attempt,
    owner: held.owner,
    step: steps.count,
    abort,
    async drain(reason, graceMs) {
      thinking.abort(reason);
      const timer = clock.setTimer(graceMs, () => acting.abort(reason));
      await settled;
      timer.cancel();
    },
    settled,
  };
}

/** Its execution ends without a result, and another one continues it. */
function onWaiting(
  context: WorkerContext,
  deps: ExecutionDeps,
  logger: Logger,
  why: AttemptSuspended | CallWaits,
): void {
  if (why instanceof CallWaits) return logger.info({ step: why.step }, 'task.waits_for_person');
  logger.info({ remaining_ms: Math.round(why.remainingMs) }, 'task.suspended');
  deps.onSuspended(why.remainingMs);
  void context.sendToMission(deps.attempt, suspendedNews(deps));
}
