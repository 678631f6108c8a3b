/** The steps of one execution: journaled, read back, run as the record says, and their outcomes journaled. */
import type { StepDecision, StepResult } from '../../agent/loop-contract.js';
import { encodeBaseline } from '../../domain/baseline.js';
import { stepInDoubt } from '../../domain/task-partition.js';
import type { Logger } from '../../ports/logger.js';
import type { PayloadOf } from '../../domain/events.js';
import type { TokenCost } from '../../ports/model.js';
import type { Verdict } from '../../ports/policy.js';
import type { TaskPlace, ToolExecutor, ToolOutcome } from '../../ports/tools.js';
import { isStopped, judgeChecks, judgeSecrets, judgeStep, stoppedResult } from './call-verdict.js';
import type { ExecutionDeps } from './execution-deps.js';
import { progressNews } from './step-progress.js';
import { createStepRunner } from './step-runner.js';
import { createTaskBaseline } from './task-baseline.js';
import type { TaskJournal } from './task-journal.js';
import type { WorkerContext } from './worker-context.js';

export interface TaskSteps {
  sendStarted(): void;
  /** Makes the workspace ready. Rejects with WorkspaceUnusable. */
  prepare(): Promise<void>;
  /**
   * Takes the fence from earlier claims and gives an outcome to the step that has none. The loop repeats that step when
   * it is harmless.
   */
  settleDoubt(): Promise<void>;
  /** Begins to look at what is there before the first step, beside the first model call. */
  startBaseline(): void;
  perform(decision: StepDecision, remainingMs: () => number): Promise<StepResult>;
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

async function settleDoubt(tools: ToolExecutor, place: TaskPlace, deps: TaskStepsDeps): Promise<void> {
  const { current, journal } = deps;
  // The lock is the task's: an earlier attempt may have left a process behind even where this one has no step.
  if (current().steps.length === 0 && deps.attempt.assignment.attempt === 1) return;
  await tools.takeFence(place, deps.held.claimOffset, deps.acting);
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

export function createTaskSteps(context: WorkerContext, deps: TaskStepsDeps): TaskSteps {
  const { journal, current } = deps;
  const { tools, clock, policy } = context.deps;
  const place = placeOf(deps);
  const runCall = createStepRunner({ ...deps, tools, clock, place });
  const checksVerdict = policy === undefined ? null : judgeChecks(policy, deps);
  const mayRunChecks = checksVerdict === null || checksVerdict.decision === 'allow';
  const baseline = createTaskBaseline({ ...deps, tools, place, mayRunChecks });
  let running: Promise<unknown> = Promise.resolve();
  let beganMs: number | null = null;

  async function journalAndRun(decision: StepDecision, remainingMs: () => number): Promise<StepResult> {
    const found = current().steps.length === 0 ? await baseline.forFirstStep() : null;
    const before = found === null ? null : encodeBaseline(found);
    const verdict = judgeSecrets(decision) ?? (policy === undefined ? null : judgeStep(policy, deps, decision));
    const step = current().steps.length + 1;
    const { event_id: callId, payload: call } = await journal.call(step, decision, before, verdict);
    if (verdict !== null) context.deps.metrics.policyDecided(verdict.decision);
    void context.sendToMission(deps.attempt, progressNews(deps, call, callId));
    const result = await resultOf(call, verdict, remainingMs);
    journal.outcome({ step: call.step, callId }, result);
    context.onStepEnded(deps.spec.name, result.outcome);
    beganMs = null;
    return result;
  }

  async function resultOf(call: PayloadOf<'tool_called'>, verdict: Verdict | null, remainingMs: () => number) {
    // Read in one batch with the claim that took the task away, the call does not start.
    if (deps.acting.aborted) return NOT_BEGUN;
    if (isStopped(call)) return stoppedResult(call, verdict?.reason ?? null);
    return runCall(call, remainingMs());
  }

  function perform(decision: StepDecision, remainingMs: () => number): Promise<StepResult> {
    if (deps.thinking.aborted) return Promise.reject(deps.thinking.reason);
    beganMs = clock.monotonicMs();
    const performed = journalAndRun(decision, remainingMs);
    running = performed.catch(() => undefined); // the caller of perform handles its failure; idle() only waits
    return performed;
  }

  return {
    sendStarted: () => sendStarted(context, deps),
    async prepare() {
      await tools.prepareWorkspace(place);
    },
    settleDoubt: () => settleDoubt(tools, place, deps),
    startBaseline: () => baseline.start(),
    perform,
    reserve: (cost) => journal.reserve(cost),
    count: () => current().steps.length,
    stepMs: () => (beganMs === null ? null : clock.monotonicMs() - beganMs),
    async idle() {
      await baseline.stop();
      await running;
    },
  };
}

function sendStarted(context: WorkerContext, { attempt: started, held }: TaskStepsDeps): void {
  const { task_id, mission_id, attempt } = started.assignment;
  void context.sendToMission(started, {
    type: 'task_started',
    payload: { task_id, mission_id, attempt, owner: held.owner, worker_id: context.deps.processId },
  });
}

/** A mission's success checks belong to no agent: they see the key that the mission's agents have used. */
function placeOf({ attempt: { assignment }, spec }: ExecutionDeps): TaskPlace {
  return {
    missionId: assignment.mission_id,
    taskId: assignment.task_id,
    attempt: assignment.attempt,
    workspace: assignment.workspace,
    workspaceMarker: assignment.workspace_marker,
    secretsKey: assignment.kind === 'verify' ? 'existing' : spec.secretsKey === true ? 'made' : 'none',
  };
}
