import { addCost, type Limits } from '../domain/budget.js';
import type { Clock } from '../ports/clock.js';
import type { TokenCost } from '../ports/model.js';
import type { LoopEffects, LoopTask, StepDecision } from './loop-contract.js';
import { createStepSchema, type StepSchema } from './step-schema.js';
import { fromJournal, type TakenStep } from './taken-step.js';
import { createTranscript, type Transcript } from './transcript.js';

export interface LoopLimits {
  /** Bounds model calls by the task's deadline. */
  readonly clock: Clock;
  /** Tokens that a reply may have. */
  readonly maxOutputTokens: number;
  /** Tokens that a prompt may have for a model that names no context size. */
  readonly maxPromptTokens: number;
}

/** What changes from step to step. */
export interface Loop {
  readonly task: LoopTask;
  readonly effects: LoopEffects;
  readonly limits: LoopLimits;
  readonly schema: StepSchema;
  readonly share: Limits;
  readonly transcript: Transcript;
  chainIndex: number;
  spent: TokenCost;
  /** What is set aside for the next turn; null: the first turn, for which the whole share is (the assignment's). */
  reserved: TokenCost | null;
  mustReserve: boolean;
  /** Shrinks when a model reports that it saw only part of a prompt. */
  promptScale: number;
}

export function startLoop(task: LoopTask, effects: LoopEffects, limits: LoopLimits): Loop {
  const steps = task.history.map(fromJournal);
  const last = steps.at(-1);
  return {
    task,
    effects,
    limits,
    schema: createStepSchema(effects.tools),
    share: { tokens: task.assignment.share_tokens, usd: task.assignment.share_usd },
    transcript: createTranscript(task, effects.tools, steps),
    // A chain that is shorter here than where the history was written has its last model going on.
    chainIndex: Math.min(last?.chainIndex ?? 0, Math.max(0, effects.chain.length - 1)),
    spent: task.spent,
    reserved: last?.reserved ?? null,
    mustReserve: task.mustReserve,
    promptScale: 1,
  };
}

export function take(loop: Loop, decision: StepDecision, step: TakenStep): void {
  loop.transcript.add(step);
  loop.spent = addCost(loop.spent, { tokens: decision.tokensIn + decision.tokensOut, usd: decision.costUsd });
  loop.reserved = decision.reserved;
  // The step that was just journaled has set the next turn aside.
  loop.mustReserve = false;
}
