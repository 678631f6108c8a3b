/** Runs one journaled call: a tool, or the checks of a finish. */
import type { StepResult } from '../../agent/loop-contract.js';
import { FINISH } from '../../agent/step.js';
import { baselineOf, type Baseline } from '../../domain/baseline.js';
import type { PayloadOf } from '../../domain/events.js';
import type { Clock } from '../../ports/clock.js';
import type { TaskPlace, ToolExecutor } from '../../ports/tools.js';
import type { ExecutionDeps } from './execution-deps.js';
import { judgeResults } from './late-baseline.js';
import type { NetworkOfStep } from './task-network.js';
import { acceptanceOf, limitsOfTask, parseArguments, protectionOf } from './task-result.js';

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

/** What an observation and a record name of the protected files that were changed. */
const MOST_CHANGED = 20;

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

  /** What the task has changed although it must not. */
  async function changedOf(before: Baseline | null): Promise<readonly string[]> {
    if (before === null || before.protected.length === 0) return [];
    return tools.changedPaths(place, before.protected, protectionOf(attempt.assignment, spec), acting);
  }

  async function finish(step: number, remainingMs: number): Promise<StepResult> {
    const startedMs = clock.monotonicMs();
    const before = baselineOf(deps.current());
    const changed = await changedOf(before);
    if (changed.length > 0)
      return refusedFinish(changed, attempt.assignment.beside?.tasks ?? 0, clock.monotonicMs() - startedMs);
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

/** @param beside the other tasks of the wave, which may have made the changes */
function refusedFinish(changed: readonly string[], beside: number, durationMs: number): StepResult {
  const shown = changed.slice(0, MOST_CHANGED);
  const more = changed.length > shown.length ? ` and ${changed.length - shown.length} more` : '';
  return {
    outcome: 'error',
    exitCode: null,
    observation:
      `protected files are not as they were before the task: ${shown.join(', ')}${more}` + besideText(beside),
    outputDigest: null,
    durationMs,
    checks: [],
    changed: shown,
  };
}

const besideText = (tasks: number): string =>
  tasks === 0
    ? ''
    : `; its wave has ${tasks} other ${tasks === 1 ? 'task' : 'tasks'}: what those change belongs in their \`changes\``;
