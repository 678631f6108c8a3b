import type { TaskAssigned } from '../domain/events.js';
import type { Playbook } from '../domain/agent-spec.js';

/** A chat model. The ReAct loop and the planner know nothing of it beyond this port. */
export interface ChatModel {
  /** provider:model, such as ollama:llama3.1, playbook or anthropic:claude-…; events record it. */
  readonly name: string;
  /** Limit of prompt and reply together, in tokens; prompts are shortened to fit. Absent: no relevant limit. */
  readonly contextTokens?: number;
  /** Of them, the room for thinking beyond a request's maxOutputTokens. Absent: none. */
  readonly thinkingTokens?: number;
  /** Checks whether the model can be used now; never rejects. */
  probe(signal: AbortSignal): Promise<ModelProbe>;
  /** true: it never uses tokens or money, so that worstCase is always zero. Absent: it may. */
  readonly free?: boolean;
  /** What it needs to do a task with this playbook; null: it cannot do the task. Absent: that is not known. */
  needs?(playbook: Playbook | null): TaskNeeds | null;
  /** false: chat() would refuse this request because its prompt is too long. Absent: contextTokens says enough. */
  fits?(request: ChatRequest): boolean;
  /** What its tokens cost; absent: nothing, or that is not known. */
  readonly price?: ModelPrice;
  /** Upper bound of the cost of one chat() with this request, retries included. */
  worstCase(request: ChatRequest): TokenCost;
  /** One reply. Rejects only with ModelError, or with the signal's reason when aborted. */
  chat(request: ChatRequest, signal: AbortSignal): Promise<ChatReply>;
}

/** What a model takes at most, as long as nothing interrupts it. */
export interface TaskNeeds {
  /** finish included. */
  readonly steps: number;
  readonly seconds: number;
}

export type ModelProbe =
  | { readonly usable: true }
  /** reason and fix are shown to the user, such as "… does not have model llama3.1" and "ollama pull llama3.1". */
  | { readonly usable: false; readonly reason: string; readonly fix: string | null };

/** US dollars per million tokens of prompts and replies, without any discount for cached prompts. */
export interface ModelPrice {
  readonly input: number;
  readonly output: number;
}

export interface TokenCost {
  readonly tokens: number;
  readonly usd: number;
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  /** The message as text. It is complete without `call` and `answers`, so that every endpoint can be sent it. */
  readonly content: string;
  /** Assistant: the step that `content` says, for endpoints that are sent tool calls in their own form. */
  readonly call?: MessageCall;
  /** User: `content` is what came of the call with this id. */
  readonly answers?: string;
}

/** A message in a prompt, as text. */
export type SentMessage = Pick<ChatMessage, 'role' | 'content'>;

/** A step of the conversation as a tool call. */
export interface MessageCall {
  /** Unique in the conversation; letters, digits, _ and -, at most 40 characters. */
  readonly id: string;
  /** Tool name, or finish. */
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** What the model said before the call; may be empty. */
  readonly thought: string;
}

/** A tool as a model is offered it. */
export interface OfferedTool {
  readonly name: string;
  readonly description: string;
  /** Portable JSON Schema of the arguments (src/agent/portable-schema.ts). */
  readonly parameters: object;
}

export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  /**
   * JSON Schema of the reply; the adapter passes it to the API unchanged, so it uses only what every API accepts:
   * an object at the root, closed objects, every property required, no lengths, ranges or patterns.
   */
  readonly schema: object;
  /** The tools of the step, finish included, for endpoints with native tool calls. Absent: ask for JSON only. */
  readonly tools?: readonly OfferedTool[];
  readonly maxOutputTokens: number;
  /** Random seed, where the endpoint takes one. Absent: the adapter's fixed seed. */
  readonly seed?: number;
  /** Milliseconds until the caller's deadline. No retry waits beyond it. Absent: no deadline. */
  readonly timeLeftMs?: number;
  /** The turn in structured form, for models that do not read the messages; null for the planner. */
  readonly turn: TurnContext | null;
}

/** The turn in structured form, for the playbook model. */
export interface TurnContext {
  readonly task: TaskAssigned['payload'];
  /** The playbook that the task names; null if it names none. */
  readonly playbook: Playbook | null;
  /** All steps so far, in order; failed checks are steps of the tool finish. */
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
  /** The reply's text, as it was received; JSON that should satisfy the schema. Empty if the reply is tool calls. */
  readonly text: string;
  /** Tool calls in the API's own form, in order. Absent or empty: none. */
  readonly toolCalls?: readonly NativeCall[];
  /** Why the reply ended. Absent: it is complete. */
  readonly ending?: ReplyEnding;
  /** How the endpoint was asked for the step. Absent: the adapter has one form only. */
  readonly form?: ReplyForm;
  /**
   * The messages as they were sent, with what the adapter has added or put together for the form and the endpoint; of
   * a call or its result in the API's own form, the text that says the same. Absent: those of the request.
   */
  readonly messages?: readonly SentMessage[];
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly costUsd: number;
  /** Whether the model saw less of the prompt than was sent. */
  readonly promptTruncated: boolean;
  /** How long the call took that gave this reply, earlier tries not counted. Absent: the adapter does not measure. */
  readonly timing?: ModelTiming;
  /** Set if the adapter knows that the call is safe to repeat (a playbook's `unless`); never by a language model. */
  readonly idempotent?: boolean;
}

/** A tool call in an API's own form. */
export interface NativeCall {
  readonly name: string;
  /** Text as received (OpenAI: JSON in a string), or the decoded value (Ollama, Anthropic). */
  readonly arguments: unknown;
}

/** How a model was asked: by its own tool calls, a JSON schema, "any JSON object", or in words only. */
export type ReplyForm = 'native' | 'json_schema' | 'json_object' | 'plain';

export type CutWhy = 'output_limit' | 'context_full' | 'only_thinking' | 'not_loaded' | 'filtered' | 'interrupted';

export type ReplyEnding =
  | { readonly kind: 'complete' }
  | {
      readonly kind: 'cut';
      /**
       * output_limit: maxOutputTokens reached. context_full: prompt and reply fill the context. only_thinking: the
       * limit was used up before the first text. not_loaded: the server loaded or unloaded the model and sent no text.
       * filtered: the server's content filter ended the reply. interrupted: the server ended it for another reason,
       * such as a paused turn.
       */
      readonly why: CutWhy;
      /** For people and the model, with the numbers that are known: "cut at 2048 tokens (num_predict)". */
      readonly detail: string;
    };

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
  | 'unreachable' // connection refused, name not found, interrupted stream, 5xx
  | 'timeout' // a limit of the call was exceeded; the message names it
  | 'rate_limited' // 429; with retryAfterMs if the server sent it
  | 'resting' // not called: its circuit breaker is open, or the server has asked to wait
  | 'refused' // 4xx: key, quota, unknown model
  | 'invalid' // the reply does not follow the API's format
  | 'gave_up'; // the model cannot continue (the playbook model declines, or a step failed)

/** Errors that may not occur again if the same request is sent later. */
const RETRIABLE: readonly ModelErrorCode[] = ['unreachable', 'timeout', 'rate_limited', 'resting'];

export class ModelError extends Error {
  readonly code: ModelErrorCode;
  /** Whether the same request may succeed later. */
  readonly retriable: boolean;
  /** How long the server asks to wait, in milliseconds; null: it did not say. */
  readonly retryAfterMs: number | null;
  /** What the call used before it failed, as far as known. */
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
