import type { TaskAssigned } from '../domain/events.js';
import type { Playbook } from '../domain/agent-spec.js';

/** A chat model. The ReAct loop and the planner know nothing of it beyond this port. */
export interface ChatModel {
  /** provider:model, such as ollama:llama3.1, playbook or anthropic:claude-…; it stands in the events. */
  readonly name: string;
  /** What prompt and reply may have together, in tokens; the prompt is cut to fit. Absent: no limit that matters. */
  readonly contextTokens?: number;
  /** Asks whether it can be used now; never throws. */
  probe(signal: AbortSignal): Promise<ModelProbe>;
  /** Whether it uses neither tokens nor money, whatever it is asked: worstCase is nothing. Absent: it may. */
  readonly free?: boolean;
  /** Upper bound of what one chat() with this request may cost, all of the adapter's own retries included. */
  worstCase(request: ChatRequest): TokenCost;
  /** One reply. Rejects with ModelError only (or the signal's reason when aborted). */
  chat(request: ChatRequest, signal: AbortSignal): Promise<ChatReply>;
}

export type ModelProbe =
  | { readonly usable: true }
  /** reason and fix are shown to the user, such as "model llama3.1 is not there" and "ollama pull llama3.1". */
  | { readonly usable: false; readonly reason: string; readonly fix: string | null };

export interface TokenCost {
  readonly tokens: number;
  readonly usd: number;
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  /**
   * JSON Schema of the reply; the adapter constrains the model to it as it is, so it holds to what every API takes:
   * an object at the root, closed objects, every property required, no lengths, ranges or patterns.
   */
  readonly schema: object;
  readonly maxOutputTokens: number;
  /** Milliseconds until the caller's own deadline: no pause between two tries goes on beyond it. Absent: none. */
  readonly timeLeftMs?: number;
  /** What a model that does not read prose goes by; null for the planner. */
  readonly turn: TurnContext | null;
}

/** The turn in structured form, for the playbook model. */
export interface TurnContext {
  readonly task: TaskAssigned['payload'];
  /** The playbook that the task names; null when it names none. */
  readonly playbook: Playbook | null;
  /** Every step so far, in order; failed checks are steps of the tool finish. */
  readonly steps: readonly PastStep[];
}

export interface PastStep {
  /** From 1. */
  readonly step: number;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly model: string;
  readonly outcome: 'ok' | 'error' | 'refused' | 'unknown' | 'aborted';
  readonly exitCode: number | null;
  readonly observation: string;
}

export interface ChatReply {
  /** The reply's text; JSON that should satisfy the schema. */
  readonly text: string;
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly costUsd: number;
  /** Whether the model saw less of the prompt than was sent. */
  readonly promptTruncated: boolean;
  /** How long the call took that gave this reply, earlier tries not counted. Absent: the adapter does not measure. */
  readonly timing?: ModelTiming;
  /** Set by an adapter that knows the call to be safe to repeat (a playbook's unless); never by a language model. */
  readonly idempotent?: boolean;
}

/** When a model call began and how long it took. */
export interface ModelTiming {
  /** ms since the epoch. */
  readonly startedAtMs: number;
  /** From the start to the first text of the reply; null: not known, for example because the model does not stream. */
  readonly firstTokenMs: number | null;
  /** From the start to the end of the reply. */
  readonly durationMs: number;
}

export type ModelErrorCode =
  | 'unreachable' // connection refused, name not found, cut stream, 5xx
  | 'timeout' // a limit of the call has passed; the message names it
  | 'rate_limited' // 429; retryAfterMs when the server says
  | 'resting' // not asked: it is left alone for a while, because its endpoint has failed too often in a row or its server asked for that
  | 'refused' // 4xx: key, quota, unknown model
  | 'invalid' // the reply is not what the API promises
  | 'gave_up'; // the model says that it cannot go on (the playbook model declines or a step failed)

/** What the same question may not meet again a little later. */
const RETRIABLE: readonly ModelErrorCode[] = ['unreachable', 'timeout', 'rate_limited', 'resting'];

export class ModelError extends Error {
  readonly code: ModelErrorCode;
  /** Whether the same question may be answered another time. */
  readonly retriable: boolean;
  /** When the server wants to be asked again, in milliseconds; null: it did not say. */
  readonly retryAfterMs: number | null;
  /** What was used up before it failed, as far as is known. */
  readonly used: TokenCost;

  constructor(
    code: ModelErrorCode,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number | null; used?: TokenCost } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'ModelError';
    this.code = code;
    this.retriable = RETRIABLE.includes(code);
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.used = options.used ?? { tokens: 0, usd: 0 };
  }
}
