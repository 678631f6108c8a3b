/** Runs one journaled call: a tool, or the checks of a finish. */
import type { StepResult } from '../../agent/loop-contract.js';
import { FINISH } from '../../agent/step.js';
import type { PayloadOf } from '../../domain/events.js';
import type { Clock } from '../../ports/clock.js';
import type { TaskPlace, ToolExecutor } from '../../ports/tools.js';
import type { ExecutionDeps } from './execution-deps.js';
import { acceptanceOf, parseArguments } from './task-result.js';

export interface StepRunnerDeps extends Pick<ExecutionDeps, 'attempt' | 'spec' | 'held'> {
  readonly tools: ToolExecutor;
  readonly clock: Clock;
  readonly place: TaskPlace;
  /** Aborted when running tools must stop. */
  readonly acting: AbortSignal;
}

/** Runs what the record says, within the time that the task has left. */
export type StepRunner = (call: PayloadOf<'tool_called'>, remainingMs: number) => Promise<StepResult>;

/** A command never takes longer, whatever its task's deadline. */
const COMMAND_LIMIT_MS = 300_000;

export function createStepRunner({ attempt, spec, held, tools, clock, place, acting }: StepRunnerDeps): StepRunner {
  const callOf = (step: number, remainingMs: number) => ({
    task: place,
    step,
    claimOffset: held.claimOffset,
    timeLimitMs: Math.min(COMMAND_LIMIT_MS, remainingMs),
  });

  async function runChecks(step: number, remainingMs: number): Promise<StepResult> {
    const startedMs = clock.monotonicMs();
    const checks = acceptanceOf(attempt.assignment, spec);
    const run = await tools.runChecks({ ...callOf(step, remainingMs), checks }, acting);
    return {
      outcome: run.passed ? 'ok' : 'error',
      exitCode: null,
      observation: run.observation,
      outputDigest: null,
      durationMs: clock.monotonicMs() - startedMs,
      checks: run.results,
    };
  }

  return async ({ step, tool, arguments: text }, remainingMs) => {
    if (tool === FINISH) return runChecks(step, remainingMs);
    const outcome = await tools.run({ ...callOf(step, remainingMs), tool, arguments: parseArguments(text) }, acting);
    return { ...outcome, checks: null };
  };
}
