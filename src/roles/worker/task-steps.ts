/** The steps of one execution: journaled, read back, run as the record says, and their outcomes journaled. */
import { NO_REDACTION } from '../../agent/redact.js';
import type { StepDecision, StepResult } from '../../agent/loop-contract.js';
import { encodeBaseline, type Baseline } from '../../domain/baseline.js';
import { stepInDoubt } from '../../domain/task-partition.js';
import { taintOf } from '../../domain/taint.js';
import { lastAsked, type WaitingCall } from '../../domain/waiting-call.js';
import type { Logger } from '../../ports/logger.js';
import type { Check, PayloadOf } from '../../domain/events.js';
import type { TokenCost } from '../../ports/model.js';
import type { Policy, Verdict } from '../../ports/policy.js';
import type { TaskPlace, ToolExecutor, ToolOutcome } from '../../ports/tools.js';
import { askAbout, CallWaits, saidAbout } from './asked-call.js';
import {
  checkDecisions,
  factsOf,
  isStopped,
  judgeCheck,
  judgeSecrets,
  judgeStep,
  stoppedResult,
  type Judged,
} from './call-verdict.js';
import type { ExecutionDeps } from './execution-deps.js';
import { progressNews } from './step-progress.js';
import { createStepRunner, type StepRunner } from './step-runner.js';
import { acceptanceOf, parseArguments } from './task-result.js';
import { createTaskBaseline, type TaskBaseline } from './task-baseline.js';
import type { TaskJournal } from './task-journal.js';
import { networkOf } from './task-network.js';
import { placeOf } from './task-place.js';
import type { WorkerContext } from './worker-context.js';

export interface TaskSteps {
  sendStarted(): void;
  /**
   * Makes the workspace ready where checks need it, or where it is a person's directory, whose owner may be wrong. Else
   * the first call makes it, and this only looks whether it can. Rejects with WorkspaceUnusable and
   * PermissionUnavailable.
   */
  prepare(): Promise<void>;
  /**
   * Takes the fence from earlier claims and gives an outcome to the step that has none. The loop repeats that step when
   * it is harmless.
   */
  settleDoubt(): Promise<void>;
  /** Whether nothing of an earlier claim or attempt runs any more. */
  hasFence(): boolean;
  /** Begins to look at what is there before the first step, beside the first model call. */
  startBaseline(): void;
  /**
   * Rejects with CallWaits where a person must approve the step first.
   * @param stepMs milliseconds that the step may take, when it starts
   * @param remainingMs milliseconds until the execution deadline
   */
  perform(decision: StepDecision, stepMs: () => number, remainingMs: () => number): Promise<StepResult>;
  /**
   * Runs the call that waited for a person, or gives it the outcome that it was refused; resolves when the outcome was
   * read back. The model is not asked again. null: no call waits.
   */
  performDecided(remainingMs: () => number): Promise<StepResult | null>;
  reserve(cost: TokenCost): Promise<void>;
  /** Number of the current step; 0 before the first. */
  count(): number;
  /** How long the step that is being performed has taken so far, in milliseconds; null: none is. */
  stepMs(): number | null;
  /** No step follows: resolves when no tool is running. */
  idle(): Promise<void>;
}

interface TaskStepsDeps extends ExecutionDeps {
  readonly journal: TaskJournal;
  readonly logger: Logger;
  /** Aborted when no new step may begin. */
  readonly thinking: AbortSignal;
  /** Aborted when running tools must stop too. */
  readonly acting: AbortSignal;
}

const UNKNOWN: ToolOutcome = {
  outcome: 'unknown',
  exitCode: null,
  outputDigest: null,
  durationMs: 0,
  observation:
    'The worker that started this step is gone, and it is not known whether the step ran. ' +
    'Check what is there before you do it again.',
};

const NOT_BEGUN: StepResult = {
  outcome: 'aborted',
  exitCode: null,
  outputDigest: null,
  durationMs: 0,
  observation: 'It was stopped before it began.',
  checks: null,
};

async function settleDoubt(tools: ToolExecutor, place: TaskPlace, parts: Parts): Promise<void> {
  const { deps } = parts;
  const { current, journal } = deps;
  // The lock is the task's: an earlier attempt may have left a process behind even where this one has no step.
  const { attempt, workspace_of } = deps.attempt.assignment;
  const isFirst = current().steps.length === 0 && attempt === 1 && workspace_of === null;
  if (!isFirst) await tools.takeFence(place, deps.held.claimOffset, deps.acting);
  parts.hasFence = true;
  const doubt = stepInDoubt(current());
  if (doubt === null) return;
  const { step } = doubt.call;
  if (isStopped(doubt.call)) {
    await journal.outcomeReadBack({ step, callId: doubt.callId }, stoppedResult(doubt.call, null));
    return;
  }
  const recovered = await tools.recoverOutcome(place, step);
  deps.logger.info({ step, recovered: recovered !== null }, 'step.in_doubt');
  await journal.outcomeReadBack({ step, callId: doubt.callId }, { ...(recovered ?? UNKNOWN), checks: null });
}

/** What the functions below share. */
interface Parts {
  readonly context: WorkerContext;
  readonly deps: TaskStepsDeps;
  readonly baseline: TaskBaseline;
  readonly runCall: StepRunner;
  /** When the step that is being performed began; null: none is. */
  beganMs: number | null;
  hasFence: boolean;
}

export function createTaskSteps(context: WorkerContext, deps: TaskStepsDeps): TaskSteps {
  const { journal, current } = deps;
  const { tools, clock, policy } = context.deps;
  const place = placeOf(deps);
  const judge = (check: Check) => (policy === undefined ? null : judgeCheck(policy, deps, check, factsOf(deps, 0)));
  const network = networkOf(deps, journal);
  const baseline = createTaskBaseline({ ...deps, tools, place, network, judge });
  const parts: Parts = {
    beganMs: null,
    hasFence: false,
    context,
    deps,
    baseline,
    runCall: createStepRunner({ ...deps, tools, clock, place, network }),
  };
  let running: Promise<unknown> = Promise.resolve();

  function tracked(begin: () => Promise<StepResult>): Promise<StepResult> {
    if (deps.thinking.aborted) return Promise.reject(deps.thinking.reason);
    parts.beganMs = clock.monotonicMs();
    const performed = begin();
    running = performed.catch(() => undefined); // the caller handles its failure; idle() only waits
    return performed;
  }

  return {
    sendStarted: () => sendStarted(parts),
    async prepare() {
      if (needsWorkspace(deps, place)) await tools.prepareWorkspace(place);
      else await tools.checkWorkspace(place);
    },
    settleDoubt: () => settleDoubt(tools, place, parts),
    hasFence: () => parts.hasFence,
    startBaseline: () => baseline.start(),
    perform: (decision, stepMs, remainingMs) => tracked(() => journalAndRun(parts, decision, { stepMs, remainingMs })),
    async performDecided(remainingMs) {
      const { waiting } = current();
      return waiting === null ? null : tracked(() => runDecided(parts, waiting, remainingMs));
    },
    reserve: (cost) => journal.reserve(cost),
    count: () => current().steps.length,
    stepMs: () => (parts.beganMs === null ? null : clock.monotonicMs() - parts.beganMs),
    async idle() {
      await baseline.stop();
      await running;
    },
  };
}

interface TimeLeft {
  stepMs(): number;
  remainingMs(): number;
}

async function journalAndRun(parts: Parts, chosen: StepDecision, left: TimeLeft): Promise<StepResult> {
  const { context, deps, baseline } = parts;
  const { current, journal } = deps;
  const { clock, policy, askMs, metrics, redact = NO_REDACTION } = context.deps;
  // As the log will have it: the texts of the arguments may form a secret only together.
  const decision = { ...chosen, arguments: parseArguments(redact(JSON.stringify(chosen.arguments))) };
  const found = current().steps.length === 0 ? await baseline.forFirstStep() : null;
  const calls = current().steps.length;
  const taintedBy = taintOf(deps.attempt.assignment.untrusted, calls);
  const { verdict, checks } = judge(policy, deps, decision, calls);
  const before = {
    baseline: found === null ? null : encodeBaseline(found),
    check_decisions: checkDecisions(namedChecks(deps, found), checks),
  };
  if (verdict !== null) metrics.policyDecided(verdict.decision);
  const step = calls + 1;
  if (verdict?.decision === 'ask' && askMs !== undefined) {
    const when = { remainingMs: left.remainingMs(), expiresAtMs: clock.now() + askMs, taintedBy };
    await journal.propose(step, decision, before, askAbout(deps, { ...decision, step }, verdict, when));
    throw new CallWaits(step);
  }
  const { event_id: callId, payload: call } = await journal.call(step, decision, before, verdict, taintedBy);
  void context.sendToMission(deps.attempt, progressNews(deps, call, callId));
  const result = await resultOf(parts, call, verdict, left.stepMs);
  journal.outcome({ step: call.step, callId }, result);
  context.onStepEnded();
  parts.beganMs = null;
  return result;
}

function judge(policy: Policy | undefined, deps: TaskStepsDeps, decision: StepDecision, calls: number): Judged {
  const verdict = judgeSecrets(decision);
  if (verdict !== null || policy === undefined) return { verdict, checks: [] };
  return judgeStep(policy, deps, decision, factsOf(deps, calls));
}

/** The baseline of each check, with its name. */
function namedChecks({ attempt, spec }: TaskStepsDeps, baseline: Baseline | null) {
  const names = acceptanceOf(attempt.assignment, spec).map(({ name }) => name);
  return (baseline?.checks ?? []).map((check, at) => ({ ...check, name: names[at] ?? '' }));
}

/** The model's next turn sees it as a step of the history, as after a take-over. */
async function runDecided(parts: Parts, waiting: WaitingCall, remainingMs: () => number): Promise<StepResult> {
  const { context, deps } = parts;
  const { clock, redact = NO_REDACTION } = context.deps;
  const said = saidAbout(deps, waiting, { verify: context.verifyAnswer, nowMs: clock.now(), redact });
  const { event_id: callId, payload: call } = await deps.journal.decided(waiting, said);
  sendResumed(parts, { approvalId: waiting.approvalId, step: call.step });
  void context.sendToMission(deps.attempt, progressNews(deps, call, callId));
  const result = await resultOf(parts, call, null, remainingMs);
  await deps.journal.outcomeReadBack({ step: call.step, callId }, result);
  context.onStepEnded();
  parts.beganMs = null;
  return result;
}

async function resultOf(
  { deps, runCall }: Parts,
  call: PayloadOf<'tool_called'>,
  verdict: Verdict | null,
  limitMs: () => number,
): Promise<StepResult> {
  // Read in one batch with the claim that took the task away, the call does not start.
  if (deps.acting.aborted) return NOT_BEGUN;
  if (isStopped(call)) return stoppedResult(call, verdict?.reason ?? null);
  return runCall(call, limitMs());
}

function sendStarted(parts: Parts): void {
  const { context, deps } = parts;
  const { task_id, mission_id, attempt } = deps.attempt.assignment;
  const { waiting, steps } = deps.current();
  // An earlier holder may not have said it; until then the mission's deadline does not run.
  const asked = waiting === null ? lastAsked(steps) : null;
  if (asked !== null) sendResumed(parts, asked);
  void context.sendToMission(deps.attempt, {
    type: 'task_started',
    payload: { task_id, mission_id, attempt, owner: deps.held.owner, worker_id: context.deps.processId },
  });
}

function sendResumed({ context, deps }: Parts, asked: NonNullable<ReturnType<typeof lastAsked>>): void {
  const { approvalId, step } = asked;
  const { task_id, mission_id, attempt } = deps.attempt.assignment;
  void context.sendToMission(deps.attempt, {
    type: 'task_resumed',
    causedBy: approvalId,
    payload: { task_id, mission_id, attempt, step, owner: deps.held.owner, approval_id: approvalId },
  });
}

/** Whether its files are needed before the first call: most tasks of a model that only answers need none. */
function needsWorkspace({ attempt: { assignment }, spec, current }: ExecutionDeps, place: TaskPlace): boolean {
  return (
    place.workspace !== null ||
    acceptanceOf(assignment, spec).length > 0 ||
    assignment.protected.length > 0 ||
    current().steps.length > 0
  );
}
