/** Terms that several files of this folder share. This file imports none of them, to avoid import cycles. */
import type { ModelErrorCode } from '../ports/model.js';

/** The pseudo-tool with which a model reports that the task is done; the worker then runs the checks. */
export const FINISH = 'finish';

/** A model's step: a tool call, or finish with {summary, outputs}. */
export interface Step {
  readonly thought: string;
  /** Tool name, or finish. */
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Why the chain moves on from a model. */
export interface PassedWhy {
  readonly cause: ModelErrorCode | 'budget';
  /** Whether the same question may be answered later. */
  readonly retriable: boolean;
  /** The model's name. */
  readonly model: string;
  /** Names the model; read by the next model and by people. */
  readonly text: string;
}
