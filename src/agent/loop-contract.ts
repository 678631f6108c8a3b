import type { AgentSpec, Playbook } from '../domain/agent-spec.js';
import type { Check, CheckRecord, CheckResult, PayloadOf } from '../domain/events.js';
import type { ChatModel, ModelTiming, TokenCost } from '../ports/model.js';
import type { ProtectionRules, ToolDefinition, ToolOutcome } from '../ports/tools.js';
import type { Failover } from './failover.js';
import type { Redact } from '../domain/redaction.js';
import type { ReplyRead } from './reply-read.js';

/** The input of the ReAct loop. */
export interface LoopTask {
  readonly assignment: PayloadOf<'task_assigned'>;
  readonly agent: AgentSpec;
  /** The playbook that the assignment names; null if it names none. */
  readonly playbook: Playbook | null;
  /** All checks that must pass: those of the task and those of its playbook. */
  readonly acceptance: readonly Check[];
  /** What the task must not change. */
  readonly protection: ProtectionRules;
  /** Steps of earlier owners, in order. Each has an outcome, which may be unknown. They are never run again. */
  readonly history: readonly JournaledStep[];
  /** Tokens and US dollars that are spent according to the journal, lost reservations included. */
  readonly spent: TokenCost;
  /** Whether an earlier owner's turn was lost. The first turn must then be reserved again before it starts. */
  readonly mustReserve: boolean;
  /** The id in the data marks of its prompts (data-block.ts). */
  readonly boundary: string;
}

export interface JournaledStep {
  readonly call: PayloadOf<'tool_called'>;
  readonly outcome: PayloadOf<'tool_returned'>;
}

/** A complete step of a model, before it is journaled. */
export interface StepDecision {
  readonly thought: string;
  /** Tool name, or finish. */
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly idempotent: boolean;
  readonly model: string;
  readonly chainIndex: number;
  /** Invalid replies and skipped models before this step. */
  readonly refusals: readonly string[];
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly costUsd: number;
  /** Worst case of the next turn (all replies, the whole chain). */
  readonly reserved: TokenCost;
  /** Of the model call whose reply is this step; null: no model was asked. */
  readonly timing: ModelTiming | null;
  /** What was changed in the reply to read the step (src/agent/reading/repairs.ts). */
  readonly repairs: readonly string[];
  /** Tools of further calls of the reply, which do not run. */
  readonly notRun: readonly string[];
  /** What the turn's prompt depended on (turn-record.ts), JSON; null: no model was asked. */
  readonly turn: string | null;
}

export interface StepResult extends ToolOutcome {
  /** The checks that ran, for a finish; else null. */
  readonly checks: readonly CheckRecord[] | null;
  /** Of a finish: protected files that are not as they were; they end the task. Absent: none. */
  readonly changed?: readonly string[];
  /** Whether a person refused the call: the observation is what the person says. Absent: no. */
  readonly saysPerson?: boolean;
}

/** All side effects of the loop. All reject with the abort signal's reason when the worker loses the task. */
export interface LoopEffects {
  /** The models, asked in order. */
  readonly chain: readonly ChatModel[];
  /** The agent's tools. */
  readonly tools: readonly ToolDefinition[];
  /** Called before a model is asked for a step. Throws where none may begin; absent: each may. */
  beforeStep?(): void;
  /**
   * Journals the step, waits for the read-back, runs what the record says, journals the outcome without waiting.
   * @param timeLeftMs milliseconds that the step may take, when it starts
   */
  perform(decision: StepDecision, timeLeftMs: () => number): Promise<StepResult>;
  /** Reserves a turn's worst case and waits for the read-back. */
  reserveTurn(cost: TokenCost): Promise<void>;
  /** Reports a switch to the next model while this step (from 1) was decided. The loop does not wait for it. */
  failedOver(failover: Failover, step: number): void;
  /** What every prompt, reply and error of a model passes (redact.ts). Absent: nothing is changed. */
  readonly redact?: Redact;
  /** Reports what could be read from a reply. Absent: it is not reported. */
  replyRead?(reply: ReplyRead): void;
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
      /** Protected files that the task has changed; absent: none. */
      readonly changed?: readonly string[];
      /** The model that used up the attempt; null: no model did, or it is not known. */
      readonly usedUpBy: string | null;
      readonly unjournaled?: TurnUse;
    };

/** What a last turn without a step has used. No tool_called records it, so the final event must add it. */
export interface TurnUse {
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly costUsd: number;
}

/** A last turn that was a finish without checks. */
export interface LastTurn extends TurnUse {
  readonly model: string;
}

/** The worker sets the last six; the loop never ends with them. */
export type LoopFailureCode =
  | 'gave_up'
  | 'timeout'
  | 'budget'
  | 'steps'
  | 'repeated'
  | 'checks'
  | 'protected'
  | 'model'
  | 'workspace'
  | 'permission'
  | 'inputs'
  | 'agent_revision'
  | 'paused'
  | 'too_large'
  | 'internal';
