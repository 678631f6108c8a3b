import type { Turn } from './ask-model.js';
import type { LoopEnd, LoopFailureCode, StepDecision } from './loop-contract.js';
import { FINISH, type PassedWhy } from './step.js';
import { canDo, nextInChain } from './chain-place.js';
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
    return { ...failed(loop, 'protected', false, last.observation), changed: last.changed };
  if (last && transcript.repetitions() >= REPEATED_AT_MOST && !isFollowed(loop)) return repeated(loop, last);
  if (effects.remainingMs() <= 0) return timedOut(loop);
  if (steps.length >= task.agent.maxSteps)
    return failed(
      loop,
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

/** Whether another model that can do the task follows the current one in the chain. */
function isFollowed({ effects, chainIndex, task }: Loop): boolean {
  return nextInChain(effects.chain, chainIndex, task.playbook) !== undefined;
}

/**
 * Why the chain moves on before a turn: its model has repeated itself without progress, or has finished too early as
 * often as it may. null: it has not.
 */
export function stuck(loop: Loop): PassedWhy | null {
  const last = loop.transcript.steps.at(-1);
  if (!last || last.chainIndex !== loop.chainIndex || !isFollowed(loop)) return null;
  const why =
    loop.transcript.repetitions() >= REPEATED_AT_MOST
      ? repetitionOf(last)
      : failedFinishes(loop, last) >= REPEATED_AT_MOST
        ? `the same check failed after ${REPEATED_AT_MOST} finishes: ${failingCheck(last)}`
        : null;
  return why === null ? null : { model: last.model, cause: 'gave_up', retriable: true, text: `${last.model}: ${why}` };
}

/**
 * How often the current model has finished with the checks failing that fail now, whatever it did in between: a new
 * step before each finish is no progress of the checks. 0: the last step is no such finish.
 */
function failedFinishes({ transcript: { steps }, chainIndex }: Loop, last: TakenStep): number {
  const failing = failingChecks(last);
  if (failing === null) return 0;
  return steps.filter((step) => step.chainIndex === chainIndex && failingChecks(step) === failing).length;
}

/** Names and exit codes of the checks that failed; null: the step is no finish with a failed check. */
function failingChecks({ tool, checks }: TakenStep): string | null {
  const failed = tool === FINISH ? (checks ?? []).filter((check) => check.exit_code !== 0) : [];
  return failed.length === 0 ? null : JSON.stringify(failed.map(({ name, exit_code }) => [name, exit_code]));
}

function repeated(loop: Loop, last: TakenStep): LoopEnd {
  const text = `${last.model}: ${repetitionOf(last)}`;
  return failed(loop, last.tool === FINISH ? 'checks' : 'repeated', true, text);
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
  const asked = { turn, usedUpBy: lastAsked(loop, skipped) };
  if (causes.includes('budget')) return failed(loop, 'budget', false, reasons, asked);
  // What a model tried may succeed another time; a chain that never took a step will decline again.
  const retriable = steps.length > 0 || skipped.some((why) => why.retriable);
  if (last?.tool === FINISH)
    return failed(loop, 'checks', retriable, `a check failed: ${failingCheck(last)}; ${reasons}`, asked);
  return failed(loop, causes.at(-1) === 'gave_up' ? 'gave_up' : 'model', retriable, reasons, asked);
}

/** Of the models that were skipped, the last one that can do the task. */
function lastAsked({ effects, task }: Loop, skipped: readonly PassedWhy[]): string | null {
  const able = new Set(effects.chain.filter((model) => canDo(model, task.playbook)).map(({ name }) => name));
  return (skipped.findLast(({ model }) => able.has(model)) ?? skipped.at(-1))?.model ?? null;
}

/** What a task waited for when its deadline passed. */
export interface Waited {
  readonly turn: Turn;
  readonly text: string;
  /** The model that was being asked; null: none was. */
  readonly model: string | null;
}

/** The end of the task at its execution deadline. */
export function timedOut(loop: Loop, waited?: Waited): LoopEnd {
  const { steps } = loop.transcript;
  const last = steps.at(-1);
  const before = last === undefined ? null : `the last one was ${last.tool} of ${last.model}`;
  const why = waited?.model ? waited.text : (before ?? waited?.text ?? null);
  const error = `the task reached its deadline after ${steps.length} steps${why === null ? '' : `: ${why}`}`;
  const asked = waited === undefined ? {} : { turn: waited.turn, ...(waited.model && { usedUpBy: waited.model }) };
  return failed(loop, 'timeout', true, error, asked);
}

/** @param asked the turn that gave no step, and the model that used up the attempt; default: the last step's */
function failed(
  { transcript: { steps }, work }: Loop,
  code: LoopFailureCode,
  retriable: boolean,
  error: string,
  { turn, usedUpBy = steps.at(-1)?.model ?? null }: { readonly turn?: Turn; readonly usedUpBy?: string | null } = {},
): Extract<LoopEnd, { kind: 'failed' }> {
  const checks = steps.findLast((step) => step.checks !== null)?.checks ?? [];
  const reason = [error, work.text()].filter((part) => part !== '').join('; ');
  const end = { kind: 'failed', code, error: reason, retriable, checks, usedUpBy } as const;
  return turn
    ? { ...end, unjournaled: { tokensIn: turn.tokensIn, tokensOut: turn.tokensOut, costUsd: turn.costUsd } }
    : end;
}

function failingCheck(step: TakenStep): string {
  const check = step.checks?.find((result) => result.exit_code !== 0);
  return check ? `${check.name} (exit code ${check.exit_code})` : step.observation;
}
