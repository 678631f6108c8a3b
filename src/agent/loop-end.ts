import type { Turn } from './ask-model.js';
import type { LoopEnd, LoopFailureCode, StepDecision } from './loop-contract.js';
import { FINISH, type PassedWhy } from './step.js';
import type { Loop } from './loop-state.js';
import { REPEATED_AT_MOST } from './repetition.js';
import { parseFinish } from './reading/finish.js';
import type { TakenStep } from './taken-step.js';
import { cutMiddle } from './tokens.js';

/** The most characters of a call's arguments in an error. */
const SHOWN_CHARACTERS = 500;

/** The end of the task, if the steps so far end it; else null. */
export function endReached(loop: Loop): LoopEnd | null {
  const { task, effects, transcript } = loop;
  const { steps } = transcript;
  const last = steps.at(-1);
  if (last?.tool === FINISH && last.outcome === 'ok')
    return { kind: 'finished', ...parseFinish(last.arguments), checks: last.checks ?? [] };
  if (last && last.changed.length > 0)
    return { ...failed(steps, 'protected', false, last.observation), changed: last.changed };
  if (last && transcript.repetitions() >= REPEATED_AT_MOST && !isFollowed(loop)) return repeated(steps, last);
  if (effects.remainingMs() <= 0) return timedOut(steps);
  if (steps.length >= task.agent.maxSteps)
    return failed(
      steps,
      'steps',
      true,
      `the task is not done after ${steps.length} steps (max_steps of ${task.agent.name})`,
    );
  return null;
}

/**
 * The end of the task for a finish without checks and listed protected paths. Such a finish has no side effects, so its
 * step need not be journaled before the task ends: the final record contains all of it. That record has no field for
 * rejected replies and repairs; if there were any, the finish is journaled like other steps (null).
 */
export function finishUnchecked(
  { task }: Loop,
  { tool, arguments: args, refusals, repairs, model, tokensIn, tokensOut, costUsd }: StepDecision,
): LoopEnd | null {
  const isJudged = task.acceptance.length > 0 || task.protection.listed.length > 0;
  if (tool !== FINISH || isJudged || refusals.length > 0 || repairs.length > 0) return null;
  return { kind: 'finished', ...parseFinish(args), checks: [], unjournaled: { model, tokensIn, tokensOut, costUsd } };
}

/** Whether another model follows the current one in the chain. */
export function isFollowed({ effects, chainIndex }: Loop): boolean {
  return chainIndex + 1 < effects.chain.length;
}

/** Why the chain moves on before a turn: its model has repeated itself without progress. null: it has not. */
export function stuck(loop: Loop): PassedWhy | null {
  const last = loop.transcript.steps.at(-1);
  if (!last || last.chainIndex !== loop.chainIndex || loop.transcript.repetitions() < REPEATED_AT_MOST) return null;
  if (!isFollowed(loop)) return null;
  return { cause: 'gave_up', retriable: true, text: `${last.model}: ${repetitionOf(last)}` };
}

function repeated(steps: readonly TakenStep[], last: TakenStep): LoopEnd {
  const text = `${last.model}: ${repetitionOf(last)}`;
  return failed(steps, last.tool === FINISH ? 'checks' : 'repeated', true, text);
}

function repetitionOf(last: TakenStep): string {
  const times = `${REPEATED_AT_MOST} times with the same outcome and nothing new in between`;
  if (last.tool === FINISH) return `the same check failed ${times}: ${failingCheck(last)}`;
  return `${last.tool} was called ${times}: ${cutMiddle(JSON.stringify(last.arguments), SHOWN_CHARACTERS)}`;
}

/** The end of the task when no model of the chain has given a step. */
export function chainExhausted(loop: Loop, turn: Turn, skipped: readonly PassedWhy[]): LoopEnd {
  const { steps } = loop.transcript;
  const last = steps.at(-1);
  const causes = skipped.map((why) => why.cause);
  const reasons =
    skipped.length === 0 ? `no model is left for ${loop.task.agent.name}` : skipped.map((why) => why.text).join('; ');
  if (causes.includes('budget')) return failed(steps, 'budget', false, reasons, turn);
  // What a model tried may succeed another time; a chain that never took a step will decline again.
  const retriable = steps.length > 0 || skipped.some((why) => why.retriable);
  if (last?.tool === FINISH)
    return failed(steps, 'checks', retriable, `a check failed: ${failingCheck(last)}; ${reasons}`, turn);
  return failed(steps, causes.at(-1) === 'gave_up' ? 'gave_up' : 'model', retriable, reasons, turn);
}

/** The end of the task at its execution deadline. @param waited what it was waiting for, if for a model */
export function timedOut(steps: readonly TakenStep[], turn?: Turn, waited?: string): LoopEnd {
  const last = waited === undefined ? '' : `: ${waited}`;
  return failed(steps, 'timeout', true, `the task reached its deadline after ${steps.length} steps${last}`, turn);
}

function failed(
  steps: readonly TakenStep[],
  code: LoopFailureCode,
  retriable: boolean,
  error: string,
  turn?: Turn,
): Extract<LoopEnd, { kind: 'failed' }> {
  const checks = steps.findLast((step) => step.checks !== null)?.checks ?? [];
  const end = { kind: 'failed', code, error, retriable, checks } as const;
  return turn
    ? { ...end, unjournaled: { tokensIn: turn.tokensIn, tokensOut: turn.tokensOut, costUsd: turn.costUsd } }
    : end;
}

function failingCheck(step: TakenStep): string {
  const check = step.checks?.find((result) => result.exit_code !== 0);
  return check ? `${check.name} (exit code ${check.exit_code})` : step.observation;
}
