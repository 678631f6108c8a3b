import type { AgentSpec, Playbook } from '../domain/agent-spec.js';
import type { Check, CheckResult, PayloadOf } from '../domain/events.js';
import type { ChatModel, ModelTiming, TokenCost } from '../ports/model.js';
import type { ToolDefinition, ToolOutcome } from '../ports/tools.js';
import type { Failover } from './failover.js';

/** What the ReAct loop is given about its task. */
export interface LoopTask {
  readonly assignment: PayloadOf<'task_assigned'>;
  readonly agent: AgentSpec;
  /** The playbook that the assignment names; null when it names none. */
  readonly playbook: Playbook | null;
  /** Every check that must pass: the task's own and those of its playbook. */
  readonly acceptance: readonly Check[];
  /** Steps of earlier owners, in order; each has an outcome (unknown where nobody can tell). They are never run again. */
  readonly history: readonly JournaledStep[];
  /** Tokens and US dollars that the journal says are gone, lost reservations included. */
  readonly spent: TokenCost;
  /** Whether an earlier owner's turn was lost: then the first turn must be reserved again before it is taken. */
  readonly mustReserve: boolean;
}

export interface JournaledStep {
  readonly call: PayloadOf<'tool_called'>;
  readonly outcome: PayloadOf<'tool_returned'>;
}

/** A model's whole step, before it is journaled. */
export interface StepDecision {
  readonly thought: string;
  /** Tool name, or finish. */
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly idempotent: boolean;
  readonly model: string;
  readonly chainIndex: number;
  /** Invalid replies and models passed over on the way to this step. */
  readonly refusals: readonly string[];
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly costUsd: number;
  /** Worst case of the next turn (all replies, the whole chain). */
  readonly reserved: TokenCost;
  /** Of the model call whose reply is this step; null: no model was asked. */
  readonly timing: ModelTiming | null;
}

export interface StepResult extends ToolOutcome {
  /** Of a finish: the checks that ran. */
  readonly checks: readonly CheckResult[] | null;
}

/** Everything that the loop does to the world. All reject with the abort signal's reason when the task is taken away. */
export interface LoopEffects {
  /** Tried in order. */
  readonly chain: readonly ChatModel[];
  /** The agent's tools. */
  readonly tools: readonly ToolDefinition[];
  /** Journals the step, waits until it was read back, runs what the record says, journals the outcome without waiting. */
  perform(decision: StepDecision): Promise<StepResult>;
  /** Sets a turn's worst case aside and waits until that was read back. */
  reserveTurn(cost: TokenCost): Promise<void>;
  /** Tells that the chain has moved on while this step (from 1) was asked for; nothing waits for it. */
  failedOver(failover: Failover, step: number): void;
  /** Milliseconds until the task's execution deadline. */
  remainingMs(): number;
  /** Aborted on cancel, on loss of the claim and on shutdown. */
  readonly signal: AbortSignal;
}

/** How the loop ended. */
export type LoopEnd =
  | {
      readonly kind: 'finished';
      readonly summary: string;
      readonly outputs: Readonly<Record<string, string>>;
      readonly checks: readonly CheckResult[];
      readonly unjournaled?: LastTurn;
    }
  | {
      readonly kind: 'failed';
      readonly code: LoopFailureCode;
      readonly error: string;
      readonly retriable: boolean;
      readonly checks: readonly CheckResult[];
      readonly unjournaled?: TurnUse;
    };

/** What a last turn used that led to no step; it stands in no tool_called, so the final event must add it. */
export interface TurnUse {
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly costUsd: number;
}

/** A last turn that was a finish without anything to check. */
export interface LastTurn extends TurnUse {
  readonly model: string;
}

/** The last four are the worker's own: the loop never ends with them. */
export type LoopFailureCode =
  | 'gave_up'
  | 'timeout'
  | 'budget'
  | 'steps'
  | 'repeated'
  | 'checks'
  | 'model'
  | 'workspace'
  | 'agent_revision'
  | 'too_large'
  | 'internal';
