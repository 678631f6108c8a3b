/** The prompts of one attempt, rebuilt from its journal as its steps are read. */
import type { PromptReport } from './attempt-report.js';
import type { PayloadOf } from './events.js';

/** A step that a model was asked for: a call, or one that waits for a person. */
export type RecordedCall = Pick<PayloadOf<'tool_called'>, 'step' | 'thought' | 'arguments' | 'turn'>;

export type RecordedOutcome = Pick<PayloadOf<'tool_returned'>, 'observation'>;

/** Its methods are called in the journal's order: each prompt continues an earlier one. */
export interface AttemptPrompts {
  /** The prompt that the call's model was asked with. */
  promptOf(call: RecordedCall): PromptReport;
  /** Takes a step; outcome: null if it has none yet. */
  add(call: RecordedCall, outcome: RecordedOutcome | null): void;
}

export type PromptsOf = (assignment: PayloadOf<'task_assigned'>) => AttemptPrompts;
