/** An attempt from its first doubt to its final record; what its failures mean. */
import type { Failover } from '../../agent/failover.js';
import {
  type LoopEffects,
  type LoopEnd,
  type LoopFailureCode,
  type StepResult,
  type TurnUse,
} from '../../agent/loop-contract.js';
import { FINISH } from '../../agent/step.js';
import { runReActLoop } from '../../agent/react-loop.js';
import { AppendDropped, isLogFailure, AppendRejected } from '../../ports/log.js';
import type { Logger } from '../../ports/logger.js';
import {
  FenceLost,
  PermissionUnavailable,
  ProtectionTooLarge,
  WorkspaceFull,
  WorkspaceUnusable,
} from '../../ports/tools.js';
import { AttemptSuspended, PausedTooLong, requireUnsuspended } from './attempt-suspended.js';
import { CallWaits } from './asked-call.js';
import type { ExecutionDeps } from './execution-deps.js';
import { createDeadline, type Deadline } from './deadline.js';
import { deadlineReason } from './deadline-reason.js';
import { RecordVoid } from './read-back.js';
import { TaskTaken, TaskTimeout } from './abort-reasons.js';
import { artifactsAtEnd, withoutFiles } from './task-artifacts.js';
import { asError } from '../../domain/as-error.js';
import { isSnapshotDue, snapshotAtEnd, snapshotBefore, SnapshotTooSlow } from './task-snapshots.js';
import type { TaskJournal } from './task-journal.js';
import { endCompared } from './task-protection.js';
import { refuseInputs } from './task-variables.js';
import { acceptanceOf, endOfFinish, loopTaskOf, resultPayload, type HowItRan } from './task-result.js';
import type { TaskSteps } from './task-steps.js';
import type { MissionNews, WorkerContext } from './worker-context.js';

export interface Control {
  readonly thinking: AbortController;
  /** Aborted when nothing may run any more; while the process drains, later than `thinking`. */
  readonly acting: AbortSignal;
  abort(reason: Error): void;
  /** Its lines name the attempt. */
  readonly logger: Logger;
}

/** The whole of an attempt: what is in doubt is settled first, then the models continue where the journal ends. */
export async function runAttempt(
  context: WorkerContext,
  deps: ExecutionDeps,
  steps: TaskSteps,
  journal: TaskJournal,
  control: Control,
): Promise<void> {
  const { clock } = context.deps;
  const { assignment } = deps.attempt;
  const { logger } = control;
  const { signal } = control.thinking;
  const startedMs = clock.monotonicMs();
  const times = {
    timeoutMs: deps.attempt.remainingMs ?? assignment.timeout_seconds * 1000,
    graceMs: context.timings.deadlineGraceMs,
  };
  const deadline = createDeadline(clock, times, () =>
    control.abort(new TaskTimeout(deadlineReason(deps, steps.stepMs()))),
  );
  steps.sendStarted();
  // By an earlier execution of the attempt, or by this one.
  let hasBegun = deps.current().steps.length > 0;
  let end: LoopEnd;
  try {
    end = await endOf(context, deps, steps, { ...deadline, signal, onBegin: () => void (hasBegun = true) });
  } catch (error) {
    end = endOfError(error, logger, deps);
  } finally {
    deadline.cancel();
  }
  await steps.idle();
  const untilMs = clock.monotonicMs() + deadline.remainingMs() + context.timings.snapshotGraceMs;
  const limits = { remainingMs: deadline.remainingMs(), signal };
  end = await endCompared(context, deps, logger, end, limits);
  if (hasBegun) await snapshotAtEnd(context, deps, logger, end, limits);
  const listing = { limitMs: Math.max(0, untilMs - clock.monotonicMs()), signal: control.acting };
  const artifacts = hasBegun ? await artifactsAtEnd(context, deps, logger, listing) : null;
  const durationMs = clock.monotonicMs() - startedMs;
  logger.info({ duration_ms: Math.round(durationMs), status: end.kind }, 'task.executed');
  await journalEnd(deps, journal, end, { durationMs, fenced: steps.hasFence(), artifacts });
}

/** Resolves when the attempt's final record was read back. */
async function journalEnd(deps: ExecutionDeps, journal: TaskJournal, end: LoopEnd, how: HowItRan): Promise<void> {
  const result = resultPayload(deps.current(), deps.held.owner, end, how);
  try {
    if (result.type === 'task_completed') await journal.completed(result.payload);
    else await journal.failed(result.payload);
  } catch (error) {
    if (!(error instanceof AppendRejected)) throw error;
    if (how.artifacts !== null && how.artifacts.files.length > 0)
      return journalEnd(deps, journal, end, { ...how, artifacts: withoutFiles(how.artifacts, error) });
    if (result.type === 'task_failed') throw error;
    // Any process that takes the task over would come to the same result.
    const used = end.unjournaled === undefined ? {} : { unjournaled: end.unjournaled };
    return journalEnd(deps, journal, { ...tooLarge('the result', error), ...used }, how);
  }
}

const tooLarge = (what: string, error: AppendRejected): Extract<LoopEnd, { kind: 'failed' }> => ({
  kind: 'failed',
  code: 'too_large',
  error: `${what} could not be journaled: ${error.message}`,
  retriable: false,
  checks: [],
  usedUpBy: null,
});

async function endOf(
  context: WorkerContext,
  deps: ExecutionDeps,
  steps: TaskSteps,
  limits: Deadline & {
    readonly signal: AbortSignal;
    /** Called when the state before the attempt is kept, where it is to be, and it may change the workspace. */
    onBegin(): void;
  },
): Promise<LoopEnd> {
  // First the fence: whatever comes of this attempt, nothing of an earlier one starts behind it.
  await steps.settleDoubt();
  await steps.prepare();
  if (deps.attempt.assignment.only === 'fence') return FENCED;
  const finished = endOfFinish(deps.current());
  if (finished !== null) return finished;
  const otherRevision = otherRevisionOf(deps);
  if (otherRevision !== null) return otherRevision;
  // What this worker's file says counts for the revision of the attempt only, and not for what is proven.
  const refused = refuseInputs(deps);
  if (refused !== null) return refused;
  // Cancelled while its doubt was settled, it may have been forgotten by the fold: then nothing more is run.
  limits.signal.throwIfAborted();
  requireUnsuspended(deps, limits.remainingMs);
  if (isSnapshotDue(deps)) await limits.notCounting(() => snapshotBefore(context, deps, limits.signal));
  limits.onBegin();
  const decided = await steps.performDecided(limits.remainingMs);
  if (isChecksOnly(deps)) return endOfVerify(deps, decided ?? (await verify(deps, steps, limits.remainingMs)));
  const checked = endOfFinish(deps.current());
  if (checked !== null) return checked;
  // The same while the outcome of a decided call was read back.
  limits.signal.throwIfAborted();
  steps.startBaseline();
  const effects: LoopEffects = {
    chain: context.deps.chainOf(deps.spec),
    tools: context.deps.tools.definitions().filter((tool) => deps.spec.tools.includes(tool.name)),
    beforeStep: () => requireUnsuspended(deps, limits.remainingMs),
    perform: (decision, timeLeftMs) => steps.perform(decision, timeLeftMs, limits.remainingMs),
    reserveTurn: (cost) => steps.reserve(cost),
    failedOver(failover, step) {
      context.deps.metrics.failedOver(failover);
      void context.sendToMission(deps.attempt, failoverNews(deps, failover, step));
    },
    ...(context.deps.redact === undefined ? {} : { redact: context.deps.redact }),
    replyRead: (reply) => context.deps.metrics.replyRead(reply),
    remainingMs: limits.remainingMs,
    signal: limits.signal,
  };
  const end = await runReActLoop(
    loopTaskOf(deps.current(), deps.spec, deps.held.owner),
    effects,
    context.deps.loopLimits,
  );
  return namingModels(end, effects.chain, context.deps.models);
}

/** Where no model could do the task, the reason says which there are, and why no other is used. */
function namingModels(end: LoopEnd, chain: LoopEffects['chain'], models: string | undefined): LoopEnd {
  if (end.kind !== 'failed' || (end.code !== 'gave_up' && end.code !== 'model')) return end;
  const names = chain.map(({ name }) => name).join(', then ');
  return { ...end, error: `${end.error} (models of this task: ${names}${models === undefined ? '' : `; ${models}`})` };
}

function failoverNews(
  { attempt: { assignment } }: ExecutionDeps,
  { fromModel, toModel, reason, cause }: Failover,
  step: number,
): MissionNews {
  const { mission_id, task_id, attempt, agent } = assignment;
  return {
    type: 'model_failed_over',
    payload: {
      mission_id,
      task_id,
      attempt,
      step,
      revision: null,
      agent,
      from_model: fromModel,
      to_model: toModel,
      reason,
      cause,
    },
  };
}

/**
 * An open attempt keeps the revision of the agent that it was assigned with: its prompt, playbook and limits. A digest
 * has no order, so that an older file and a newer one are the same to this worker. A record of an older build names no
 * revision, and runs with the file that is here.
 */
function otherRevisionOf({ attempt: { assignment }, spec }: ExecutionDeps): LoopEnd | null {
  const { agent, agent_digest: wanted } = assignment;
  if (wanted === null || wanted === spec.digest) return null;
  const [has, wants] = [spec.digest, wanted].map((digest) => digest.slice(0, 12));
  return {
    kind: 'failed',
    code: 'agent_revision',
    error:
      `this worker has revision ${has} of ${agent}, and the attempt was assigned with ${wants}: ` +
      `give the orchestrator and the workers of ${agent} the same file`,
    retriable: true,
    checks: [],
    usedUpBy: null,
  };
}

/** What was left of earlier attempts has ended: that was all. */
const FENCED: LoopEnd = {
  kind: 'finished',
  summary: 'nothing of earlier attempts is left',
  outputs: {},
  checks: [],
};

/** The mission's success checks, and those of a task that an earlier mission has verified. */
const isChecksOnly = ({ attempt: { assignment } }: ExecutionDeps): boolean =>
  assignment.kind === 'verify' || assignment.only === 'checks';

/** A finish without a model. */
function verify(deps: ExecutionDeps, steps: TaskSteps, remainingMs: () => number): Promise<StepResult> {
  return steps.perform(
    {
      thought:
        deps.attempt.assignment.kind === 'verify'
          ? "The mission's success checks."
          : 'The checks of what an earlier mission has verified.',
      tool: FINISH,
      arguments: finishOfVerify(deps),
      idempotent: true,
      model: '',
      chainIndex: 0,
      refusals: [],
      tokensIn: 0,
      tokensOut: 0,
      costUsd: 0,
      reserved: { tokens: 0, usd: 0 },
      timing: null,
      repairs: [],
      notRun: [],
      turn: null,
    },
    remainingMs,
    remainingMs,
  );
}

const finishOfVerify = ({ attempt: { assignment }, spec }: ExecutionDeps) => ({
  summary:
    assignment.kind === 'verify'
      ? `${assignment.acceptance.length} success checks passed`
      : `${acceptanceOf(assignment, spec).length} checks passed again`,
  outputs: {},
});

function endOfVerify(deps: ExecutionDeps, result: StepResult): LoopEnd {
  const checks = result.checks ?? [];
  return result.outcome === 'ok'
    ? { kind: 'finished', ...finishOfVerify(deps), checks }
    : // Nothing in the workspace has changed since: the same checks would fail again.
      { kind: 'failed', code: 'checks', error: result.observation, retriable: false, checks, usedUpBy: null };
}

/** Failures that end the attempt. An attempt that this process has lost has no result: then it throws. */
function endOfError(error: unknown, logger: Logger, deps: ExecutionDeps): LoopEnd {
  const lost = lostTurn(deps);
  if (isTakenAway(error) || isLogFailure(error)) throw error;
  if (error instanceof CallWaits || error instanceof AttemptSuspended) throw error;
  const failed = (
    code: LoopFailureCode,
    message: string,
    retriable: boolean,
  ): Extract<LoopEnd, { kind: 'failed' }> => ({
    kind: 'failed',
    code,
    error: message,
    retriable,
    checks: [],
    usedUpBy: null,
  });
  if (error instanceof TaskTimeout)
    return { ...failed('timeout', error.message, true), ...lastModel(deps), unjournaled: lost };
  if (error instanceof PausedTooLong) return failed('paused', error.message, true);
  if (error instanceof WorkspaceUnusable) return failed('workspace', error.message, error.retriable);
  if (error instanceof PermissionUnavailable) return failed('permission', error.message, false);
  if (error instanceof ProtectionTooLarge) return failed('protected', error.message, false);
  if (error instanceof SnapshotTooSlow) return failed('workspace', error.message, true);
  if (error instanceof WorkspaceFull) return failed('workspace', error.message, true);
  if (error instanceof AppendRejected) return { ...tooLarge('a step', error), unjournaled: lost };
  logger.error({ err: error }, 'task.broken');
  return { ...failed('internal', `the worker broke: ${asError(error).message}`, true), unjournaled: lost };
}

const lastModel = ({ current }: ExecutionDeps) => ({ usedUpBy: current().steps.at(-1)?.call.model || null });

/**
 * An interrupted turn may have cost all that was reserved for it. Without a budget only known use is charged.
 */
function lostTurn({ held, current }: ExecutionDeps): TurnUse {
  const { reservation, assignment } = current();
  const charged =
    reservation?.owner === held.owner && (assignment.share_tokens !== null || assignment.share_usd !== null);
  return { tokensIn: charged ? reservation.tokens : 0, tokensOut: 0, costUsd: charged ? reservation.usd : 0 };
}

/** Another claim, a cancel or a shutdown: another process writes the attempt's end. */
export function isTakenAway(error: unknown): boolean {
  return (
    error instanceof TaskTaken ||
    error instanceof FenceLost ||
    error instanceof RecordVoid ||
    error instanceof AppendDropped
  );
}
