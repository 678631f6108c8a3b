/** Runs one journaled call: a tool, or the checks of a finish. */
import type { StepResult } from '../../agent/loop-contract.js';
import { FINISH } from '../../agent/step.js';
import { baselineOf } from '../../domain/baseline.js';
import type { PayloadOf } from '../../domain/events.js';
import type { Clock } from '../../ports/clock.js';
import type { TaskPlace, ToolExecutor } from '../../ports/tools.js';
import type { ExecutionDeps } from './execution-deps.js';
import { judgeResults } from './late-baseline.js';
import type { NetworkOfStep } from './task-network.js';
import { changedOf, refusedChange } from './task-protection.js';
import { acceptanceOf, limitsOfTask, parseArguments } from './task-result.js';

export interface StepRunnerDeps extends Pick<ExecutionDeps, 'attempt' | 'spec' | 'held' | 'current'> {
  readonly tools: ToolExecutor;
  readonly clock: Clock;
  readonly place: TaskPlace;
  readonly network: NetworkOfStep;
  /** Aborted when running tools must stop. */
  readonly acting: AbortSignal;
}

/** Runs what the record says, within the time that the task has left. */
export type StepRunner = (call: PayloadOf<'tool_called'>, remainingMs: number) => Promise<StepResult>;

export function createStepRunner(deps: StepRunnerDeps): StepRunner {
  const { attempt, spec, held, tools, clock, place, network, acting } = deps;
  const limits = limitsOfTask(attempt.assignment, spec);
  const callOf = (step: number, remainingMs: number) => ({
    task: place,
    step,
    claimOffset: held.claimOffset,
    timeLimitMs: Math.min(limits.wall_seconds * 1000, remainingMs),
    limits,
    ...network(step),
  });

  async function finish(step: number, remainingMs: number): Promise<StepResult> {
    const startedMs = clock.monotonicMs();
    const before = baselineOf(deps.current());
    const changed = await changedOf(deps, acting);
    if (changed.length > 0)
      return refusedFinish(refusedChange(changed, attempt.assignment), clock.monotonicMs() - startedMs);
    const checks = acceptanceOf(attempt.assignment, spec);
    const call = callOf(step, remainingMs);
    const run = await tools.runChecks({ ...call, checks }, acting);
    const leftMs = remainingMs - (clock.monotonicMs() - startedMs);
    const results = await judgeResults(deps, run, before, { ...call, timeLimitMs: Math.max(1, leftMs) });
    return {
      outcome: run.passed ? 'ok' : 'error',
      exitCode: null,
      observation: run.observation,
      outputDigest: null,
      durationMs: clock.monotonicMs() - startedMs,
      checks: results,
    };
  }

  return async ({ step, tool, arguments: text }, remainingMs) => {
    if (tool === FINISH) return finish(step, remainingMs);
    const outcome = await tools.run({ ...callOf(step, remainingMs), tool, arguments: parseArguments(text) }, acting);
    return { ...outcome, checks: null };
  };
}

function refusedFinish({ shown, text }: ReturnType<typeof refusedChange>, durationMs: number): StepResult {
  return {
    outcome: 'error',
    exitCode: null,
    observation: text,
    outputDigest: null,
    durationMs,
    checks: [],
    changed: shown,
  };
}
