/** The steps of one execution: journaled, read back, run as the record says, and their outcomes journaled. */
import type { StepDecision, StepResult } from '../../agent/loop-contract.js';
import { FINISH } from '../../agent/step.js';
import type { PayloadOf } from '../../domain/events.js';
import { stepInDoubt, type TaskAttempt } from '../../domain/task-partition.js';
import type { Logger } from '../../ports/logger.js';
import type { TokenCost } from '../../ports/model.js';
import type { TaskPlace, ToolOutcome } from '../../ports/tools.js';
import type { ExecutionDeps } from './execution-deps.js';
import type { TaskJournal } from './task-journal.js';
import { acceptanceOf, parseArguments } from './task-result.js';
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
  perform(decision: StepDecision, remainingMs: () => number): Promise<StepResult>;
  reserve(cost: TokenCost): Promise<void>;
  /** Number of the current step; 0 before the first. */
  count(): number;
  /** Resolves when no tool is running. */
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

/** A command never takes longer, whatever its task's deadline. */
const COMMAND_LIMIT_MS = 300_000;

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

export function createTaskSteps(context: WorkerContext, deps: TaskStepsDeps): TaskSteps {
  const { held, journal, current } = deps;
  const { tools, clock } = context.deps;
  const place = placeOf(deps.attempt);
  let running: Promise<unknown> = Promise.resolve();

  /** Runs what the record says. */
  async function runCall(call: PayloadOf<'tool_called'>, timeLimitMs: number): Promise<StepResult> {
    const common = { task: place, step: call.step, claimOffset: held.claimOffset, timeLimitMs };
    if (call.tool === FINISH) {
      const startedMs = clock.monotonicMs();
      const run = await tools.runChecks(
        { ...common, checks: acceptanceOf(deps.attempt.assignment, deps.spec) },
        deps.acting,
      );
      return {
        outcome: run.passed ? 'ok' : 'error',
        exitCode: null,
        observation: run.observation,
        outputDigest: null,
        durationMs: clock.monotonicMs() - startedMs,
        checks: run.results,
      };
    }
    const outcome = await tools.run(
      { ...common, tool: call.tool, arguments: parseArguments(call.arguments) },
      deps.acting,
    );
    return { ...outcome, checks: null };
  }

  async function journalAndRun(decision: StepDecision, remainingMs: () => number): Promise<StepResult> {
    const { event_id: callId, payload: call } = await journal.call(current().steps.length + 1, decision);
    sendProgress(call, callId);
    // Read in one batch with the claim that took the task away, the call does not start.
    const result = deps.acting.aborted ? NOT_BEGUN : await runCall(call, Math.min(COMMAND_LIMIT_MS, remainingMs()));
    journal.outcome({ step: call.step, callId }, result);
    context.onStepEnded(deps.spec.name, result.outcome);
    return result;
  }

  function perform(decision: StepDecision, remainingMs: () => number): Promise<StepResult> {
    if (deps.thinking.aborted) return Promise.reject(deps.thinking.reason);
    const performed = journalAndRun(decision, remainingMs);
    running = performed.catch(() => undefined); // the caller of perform handles its failure; idle() only waits
    return performed;
  }

  function sendProgress(call: PayloadOf<'tool_called'>, callId: string): void {
    const total = expectedSteps(deps);
    const done = call.step - 1;
    void context.sendToMission(deps.attempt, {
      type: 'task_progress',
      causedBy: callId,
      payload: {
        task_id: call.task_id,
        mission_id: call.mission_id,
        attempt: call.attempt,
        step: call.step,
        tool: call.tool,
        message: `step ${call.step}: ${call.tool === FINISH ? 'checking' : call.tool}`,
        substeps_completed: done,
        substeps_total: Math.max(total, call.step),
        unserved_since: null,
        percent_complete: Math.min(99, Math.round((done / Math.max(total, call.step)) * 100)),
      },
    });
  }

  return {
    sendStarted() {
      const { task_id, mission_id, attempt } = deps.attempt.assignment;
      void context.sendToMission(deps.attempt, {
        type: 'task_started',
        payload: { task_id, mission_id, attempt, owner: held.owner, worker_id: context.deps.processId },
      });
    },
    async prepare() {
      await tools.prepareWorkspace(place);
    },
    async settleDoubt() {
      // The lock is the task's: an earlier attempt may have left a process behind even where this one has no step.
      if (current().steps.length === 0 && deps.attempt.assignment.attempt === 1) return;
      await tools.takeFence(place, held.claimOffset, deps.acting);
      const doubt = stepInDoubt(current());
      if (doubt === null) return;
      const recovered = await tools.recoverOutcome(place, doubt.call.step);
      deps.logger.info({ step: doubt.call.step, recovered: recovered !== null }, 'step.in_doubt');
      await journal.outcomeReadBack(
        { step: doubt.call.step, callId: doubt.callId },
        { ...(recovered ?? UNKNOWN), checks: null },
      );
    },
    perform,
    reserve: (cost) => journal.reserve(cost),
    count: () => current().steps.length,
    idle: async () => void (await running),
  };
}

function placeOf({ assignment }: TaskAttempt): TaskPlace {
  return {
    missionId: assignment.mission_id,
    taskId: assignment.task_id,
    attempt: assignment.attempt,
    workspace: assignment.workspace,
    workspaceMarker: assignment.workspace_marker,
  };
}

/** Steps of the playbook and the finish, or the agent's limit: a guess, for the progress line. */
function expectedSteps({ attempt, spec }: ExecutionDeps): number {
  if (attempt.assignment.kind === 'verify') return 1;
  const playbook = attempt.assignment.playbook === null ? undefined : spec.playbooks[attempt.assignment.playbook];
  if (playbook === undefined) return spec.maxSteps;
  return playbook.steps.reduce((total, step) => total + (step.unless === null ? 1 : 2), 1);
}
