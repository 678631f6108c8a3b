/** One attempt being executed under one claim: from a free slot to the final record. */
import { FINISH, type LoopEffects, type LoopEnd, type LoopFailureCode, type TurnUse } from '../agent/loop-contract.js';
import { runReActLoop } from '../agent/react-loop.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import type { TaskAttempt } from '../domain/task-partition.js';
import { AppendDropped, AppendFailed, AppendRejected } from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import { FenceLost, WorkspaceUnusable } from '../ports/tools.js';
import type { HeldClaim } from './claim.js';
import { RecordVoid, type ReadBack } from './read-back.js';
import { TaskTaken, TaskTimeout } from './reasons.js';
import { asError } from './role.js';
import { endOfFinish, loopTaskOf, resultPayload } from './task-result.js';
import { createTaskSteps, type TaskSteps } from './task-steps.js';
import { createTaskJournal, type TaskJournal } from './task-journal.js';
import type { WorkerContext } from './worker-context.js';

export interface ExecutionDeps {
  readonly spec: AgentSpec;
  readonly attempt: TaskAttempt;
  readonly held: HeldClaim;
  /** Resolves when the task's earlier execution in this process has ended, its processes included. */
  readonly before: Promise<void>;
  readonly readBack: ReadBack;
  readonly topic: string;
  readonly partition: number;
  /** The attempt as folded now. */
  current(): TaskAttempt;
  /** Whether the claim under which it runs still holds. */
  isHolder(): boolean;
}

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
  const logger = parentLogger.child({ agent: deps.spec.name, mission_id: attempt.assignment.mission_id, task_id: attempt.assignment.task_id, attempt: attempt.assignment.attempt });
  const thinking = new AbortController();
  const acting = new AbortController();
  const journal = createTaskJournal(context, {
    ...deps,
    // Nobody else would journal it while this claim holds: the role starts again, and finds the step in doubt.
    onOutcomeLost: (error) => context.onFatal(asError(error)),
  });
  const steps = createTaskSteps(context, { ...deps, journal, logger, thinking: thinking.signal, acting: acting.signal });
  const abort = (reason: Error) => {
    thinking.abort(reason);
    acting.abort(reason);
  };
  const settled = run().catch((error: unknown) => onEndedEarly(error));

  async function run(): Promise<void> {
    await deps.before;
    const release = await context.slotsOf(deps.spec.name).acquire(thinking.signal);
    try {
      await execute(context, deps, steps, journal, { thinking, abort });
    } finally {
      await steps.idle();
      release();
    }
  }

  function onEndedEarly(error: unknown): void {
    // Void although this claim holds and the attempt is open: nobody would go on with it, so the role starts again.
    const stranded = error instanceof RecordVoid && deps.isHolder() && deps.current().status === 'open';
    if (isTakenAway(error) && !stranded) logger.info({ reason: asError(error).message }, 'task.taken_away');
    else context.onFatal(asError(error));
  }

  return {
    attempt, owner: held.owner,
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

interface Control {
  readonly thinking: AbortController;
  abort(reason: Error): void;
}

/** The whole of an attempt: what is in doubt is settled first, then the models go on where the journal ends. */
async function execute(context: WorkerContext, deps: ExecutionDeps, steps: TaskSteps, journal: TaskJournal, control: Control): Promise<void> {
  const { clock, logger } = context.deps;
  const { assignment } = deps.attempt;
  const startedMs = clock.monotonicMs();
  const timeoutMs = assignment.timeout_seconds * 1000;
  const remainingMs = () => Math.max(0, startedMs + timeoutMs - clock.monotonicMs());
  const deadline = clock.setTimer(timeoutMs + context.timings.deadlineGraceMs, () =>
    control.abort(new TaskTimeout(`the execution deadline of ${assignment.timeout_seconds} s has passed`)));
  steps.sendStarted();
  let end: LoopEnd;
  try {
    end = await endOf(context, deps, steps, { remainingMs, signal: control.thinking.signal });
  } catch (error) {
    end = endOfError(error, logger, lostTurn(deps));
  } finally {
    deadline.cancel();
  }
  await steps.idle();
  const payload = resultPayload(deps.current(), deps.held.owner, end, clock.monotonicMs() - startedMs);
  logger.info({ agent: assignment.agent, task_id: assignment.task_id, duration_ms: payload.payload.duration_ms, status: end.kind }, 'task.executed');
  if (payload.type === 'task_completed') await journal.completed(payload.payload);
  else await journal.failed(payload.payload);
}

async function endOf(context: WorkerContext, deps: ExecutionDeps, steps: TaskSteps, limits: { remainingMs(): number; signal: AbortSignal }): Promise<LoopEnd> {
  await steps.prepare();
  await steps.settleDoubt();
  const finished = endOfFinish(deps.current());
  if (finished !== null) return finished;
  if (deps.attempt.assignment.kind === 'verify') return verify(deps, steps, limits.remainingMs);
  const effects: LoopEffects = {
    chain: context.deps.chainOf(deps.spec),
    tools: context.deps.tools.definitions().filter((tool) => deps.spec.tools.includes(tool.name)),
    perform: (decision) => steps.perform(decision, limits.remainingMs),
    reserveTurn: (cost) => steps.reserve(cost),
    remainingMs: limits.remainingMs,
    signal: limits.signal,
  };
  return runReActLoop(loopTaskOf(deps.current(), deps.spec, deps.held.owner), effects, context.deps.loopLimits);
}

/** The mission's success checks: a finish without a model. */
async function verify(deps: ExecutionDeps, steps: TaskSteps, remainingMs: () => number): Promise<LoopEnd> {
  const args = { summary: `${deps.attempt.assignment.acceptance.length} success checks passed`, outputs: {} };
  const result = await steps.perform(
    { thought: "The mission's success checks.", tool: FINISH, arguments: args, idempotent: true, model: '', chainIndex: 0, refusals: [], tokensIn: 0, tokensOut: 0, costUsd: 0, reserved: { tokens: 0, usd: 0 } },
    remainingMs,
  );
  const checks = result.checks ?? [];
  return result.outcome === 'ok'
    ? { kind: 'finished', ...args, checks }
    // Nothing in the workspace has changed since: the same checks would fail again.
    : { kind: 'failed', code: 'checks', error: result.observation, retriable: false, checks };
}

/** Failures that end the attempt. Where it was taken away there is no result: those go on up. */
function endOfError(error: unknown, logger: Logger, lost: TurnUse): LoopEnd {
  if (isTakenAway(error) || error instanceof AppendFailed) throw error;
  const failed = (code: LoopFailureCode, message: string, retriable: boolean): LoopEnd => ({ kind: 'failed', code, error: message, retriable, checks: [] });
  if (error instanceof TaskTimeout) return { kind: 'failed', code: 'timeout', error: error.message, retriable: true, checks: [], unjournaled: lost };
  if (error instanceof WorkspaceUnusable) return failed('workspace', error.message, false);
  if (error instanceof AppendRejected) return failed('too_large', `a step could not be journaled: ${error.message}`, false);
  logger.error({ err: error }, 'task.broken');
  return failed('internal', `the worker broke: ${asError(error).message}`, true);
}

/** A turn that was cut off may have cost all that was reserved for it; without a budget nothing is charged on suspicion. */
function lostTurn({ held, current }: ExecutionDeps): TurnUse {
  const { reservation, assignment } = current();
  const charged = reservation?.owner === held.owner && (assignment.share_tokens !== null || assignment.share_usd !== null);
  return { tokensIn: charged ? reservation.tokens : 0, tokensOut: 0, costUsd: charged ? reservation.usd : 0 };
}

/** Another claim, a cancel or a shutdown: somebody else writes the attempt's end. */
function isTakenAway(error: unknown): boolean {
  return error instanceof TaskTaken || error instanceof FenceLost || error instanceof RecordVoid || error instanceof AppendDropped;
}
