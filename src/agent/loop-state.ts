import { addCost, type Limits } from '../domain/budget.js';
import type { Clock } from '../ports/clock.js';
import type { TokenCost } from '../ports/model.js';
import type { Turn } from './ask-model.js';
import type { LoopEffects, LoopTask, StepDecision } from './loop-contract.js';
import { createPromptJournal, type PromptJournal } from './prompt-journal.js';
import { redactStep, redactTask } from './redact-task.js';
import type { Redact } from '../domain/redaction.js';
import { NO_REDACTION } from './redact.js';
import { stepSchemaOf, type StepSchema } from './step-schema.js';
import { fromJournal, type TakenStep } from './taken-step.js';
import { startOfChain } from './chain-place.js';
import { createModelWork, type ModelWork } from './model-work.js';
import { setAsideFor, type SetAside } from './set-aside.js';
import type { WhatsLeft } from './whats-left.js';
import { createTranscript, type Transcript } from './transcript.js';

export interface LoopLimits {
  /** Limits model calls to the task's deadline. */
  readonly clock: Clock;
  /** The most tokens of a reply. */
  readonly maxOutputTokens: number;
  /** The most tokens of a prompt, for a model without a context size. */
  readonly maxPromptTokens: number;
}

/** The state of the loop. */
export interface Loop {
  readonly task: LoopTask;
  readonly effects: LoopEffects;
  readonly limits: LoopLimits;
  readonly schema: StepSchema;
  readonly share: Limits;
  readonly transcript: Transcript;
  readonly prompts: PromptJournal;
  readonly redact: Redact;
  readonly setAside: SetAside | null;
  readonly work: ModelWork;
  chainIndex: number;
  spent: TokenCost;
  /** Reserved for the next turn; null: the first turn, for which the assignment reserves the whole share. */
  reserved: TokenCost | null;
  mustReserve: boolean;
  /** Factor for the prompt's size. It shrinks when a model reports that it saw only part of a prompt. */
  promptScale: number;
  /** The most tokens of the last prompt. */
  promptLimit: number;
  /** What the last prompt said was left. */
  left: WhatsLeft | null;
  /** The turn whose step is not journaled yet; null: the next turn is a new one. */
  turn: Turn | null;
}

export function startLoop(task: LoopTask, effects: LoopEffects, limits: LoopLimits): Loop {
  const redact = effects.redact ?? NO_REDACTION;
  const steps = task.history.map((step) => redactStep(fromJournal(step), redact));
  const last = steps.at(-1);
  return {
    task,
    effects,
    limits,
    schema: stepSchemaOf(effects.tools),
    share: { tokens: task.assignment.share_tokens, usd: task.assignment.share_usd },
    transcript: createTranscript(redactTask(task, redact), effects.tools, steps),
    prompts: createPromptJournal(task.assignment, task.history),
    redact,
    setAside: setAsideFor(effects.chain, task.playbook, {
      maxSteps: task.agent.maxSteps,
      timeoutSeconds: task.assignment.timeout_seconds,
    }),
    work: createModelWork(task.history),
    chainIndex: last === undefined ? startIndex(task, effects) : placeOf(last, effects),
    spent: task.spent,
    reserved: last?.reserved ?? null,
    mustReserve: task.mustReserve,
    promptScale: 1,
    promptLimit: limits.maxPromptTokens,
    left: null,
    turn: null,
  };
}

const startIndex = ({ assignment, playbook }: LoopTask, { chain }: LoopEffects): number =>
  startOfChain(chain, assignment.used_up_by, playbook);

/** If the chain is shorter here than where the history was written, its last model continues. */
const placeOf = (last: TakenStep, { chain }: LoopEffects): number =>
  Math.min(last.chainIndex, Math.max(0, chain.length - 1));

export function take(loop: Loop, decision: StepDecision, step: TakenStep): void {
  const { thought, arguments: args, turn } = decision;
  const { observation } = step;
  loop.prompts.add({ step: step.step, thought, arguments: JSON.stringify(args), observation }, turn !== null);
  loop.transcript.add(redactStep(step, loop.redact));
  loop.spent = addCost(loop.spent, { tokens: decision.tokensIn + decision.tokensOut, usd: decision.costUsd });
  loop.reserved = decision.reserved;
  // The journaled step has reserved the next turn.
  loop.mustReserve = false;
  loop.turn = null;
}
