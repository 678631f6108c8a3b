import { z } from 'zod';
import { ErrorInStream } from './api-fetch.js';
import type { Usage } from './price.js';
import { wordsOf } from './server-words.js';
import { createToolCalls, type ToolCalls } from './tool-call-pieces.js';

/** What a stream of Chat Completions has brought so far. */
export interface OpenaiReply {
  text: string;
  refusal: string;
  /** Whether there was thinking in a separate field. */
  thought: boolean;
  /** The text in that field. */
  thinking: string;
  readonly calls: ToolCalls;
  finishReason: string | null;
  usage: Usage | null;
  /** Names of the filters that stopped the reply (Azure). */
  readonly filters: string[];
  /** Pieces that are Chat Completions. */
  chunks: number;
}

export function emptyOpenaiReply(): OpenaiReply {
  return {
    text: '',
    refusal: '',
    thought: false,
    thinking: '',
    calls: createToolCalls(),
    finishReason: null,
    usage: null,
    filters: [],
    chunks: 0,
  };
}

const count = z.number().nonnegative().nullish().catch(null);
const text = z.string().nullish().catch(null);
/** Text, or a list of parts (Mistral's thinking models, LiteLLM); other things carry nothing. */
const content = z
  .union([z.string(), z.array(z.looseObject({ type: text, text }))])
  .nullish()
  .catch(null);
const called = z.object({ name: text, arguments: z.unknown().optional() }).nullish().catch(null);
const delta = z
  .object({
    content,
    refusal: text,
    reasoning_content: z.unknown().optional(),
    reasoning: z.unknown().optional(),
    tool_calls: z
      .array(
        z
          .object({ index: z.number().nullish().catch(null), id: text, function: called })
          .nullable()
          .catch(null),
      )
      .nullish()
      .catch(null),
    function_call: called,
  })
  .nullish();
const choice = z.object({
  index: z.number().nullish().catch(null),
  delta,
  /** The whole reply, from servers that do not stream although they were asked to. */
  message: delta,
  finish_reason: text,
  content_filter_results: z.record(z.string(), z.unknown()).nullish().catch(null),
});
/** Lenient where servers differ; what it does not know it leaves alone. */
const chunkSchema = z.object({
  choices: z.array(choice).nullish(),
  usage: z
    .object({
      prompt_tokens: count,
      completion_tokens: count,
      total_tokens: count,
      prompt_tokens_details: z.object({ cached_tokens: count }).nullish().catch(null),
    })
    .nullish()
    .catch(null),
});

/** Adds one piece of the stream. Throws a ZodError for what is no Chat Completion, ErrorInStream for an error. */
export function takeOpenaiChunk(chunk: unknown, reply: OpenaiReply): void {
  // vLLM sends an error as a special piece; the SDK knows only {error}.
  if (errorChunk.safeParse(chunk).success) throw new ErrorInStream(wordsOf(chunk));
  const { choices, usage } = chunkSchema.parse(chunk);
  if (choices !== null && choices !== undefined) reply.chunks += 1;
  for (const one of choices ?? []) if ((one.index ?? 0) === 0) takeChoice(one, reply);
  if (usage) reply.usage = usageOf(usage) ?? reply.usage;
}

/** Gateways send errors of the server behind them with status 200, some without `error` (xaibo #36). */
const errorChunk = z.union([
  z.object({ object: z.literal('error') }),
  z.object({ choices: z.null().optional(), message: z.string().min(1) }),
  z.object({ choices: z.null().optional(), detail: z.string().min(1) }),
]);

function takeChoice(one: z.infer<typeof choice>, reply: OpenaiReply): void {
  // A choice without a delta is an annotation of Azure's filter (openai-python #1677, autogen #6465).
  const piece = one.delta ?? one.message;
  if (piece) {
    reply.text += textOf(piece.content);
    reply.refusal += piece.refusal ?? '';
    reply.thought ||= hasThinking(piece);
    reply.thinking += thinkingOf(piece);
    for (const call of piece.tool_calls ?? []) {
      if (call === null) continue;
      const { name = null, arguments: args } = call.function ?? {};
      reply.calls.add({ id: call.id || null, index: call.index ?? null, name: name || null, arguments: args });
    }
    if (piece.function_call)
      reply.calls.add({
        id: null,
        index: 0,
        name: piece.function_call.name || null,
        arguments: piece.function_call.arguments,
      });
  }
  if (one.finish_reason) reply.finishReason = one.finish_reason;
  for (const [name, result] of Object.entries(one.content_filter_results ?? {}))
    if (filtered.safeParse(result).success && !reply.filters.includes(name)) reply.filters.push(name);
}

const filtered = z.object({ filtered: z.literal(true) });

type Delta = NonNullable<z.infer<typeof delta>>;

function textOf(value: Delta['content']): string {
  if (!Array.isArray(value)) return value ?? '';
  return value.map((part) => (part.type === 'text' || part.type === 'output_text' ? (part.text ?? '') : '')).join('');
}

function hasThinking(piece: Delta): boolean {
  const { content: value } = piece;
  if (thinkingOf(piece) !== '') return true;
  return Array.isArray(value) && value.some((part) => part.type === 'thinking' || part.type === 'reasoning');
}

/** The field has two names; a server that sends both means the same. */
function thinkingOf({ reasoning, reasoning_content }: Delta): string {
  const isSaid = (field: unknown): field is string => typeof field === 'string' && field !== '';
  return [reasoning_content, reasoning].find(isSaid) ?? '';
}

/** null: the server has not counted; some send zeros then. */
function usageOf(sent: NonNullable<z.infer<typeof chunkSchema>['usage']>): Usage | null {
  const prompt = sent.prompt_tokens ?? 0;
  // xAI counts thinking in the total only.
  const output = Math.max(sent.completion_tokens ?? 0, (sent.total_tokens ?? 0) - prompt);
  if (sent.prompt_tokens === null || sent.prompt_tokens === undefined || prompt + output === 0) return null;
  const cached = Math.min(prompt, sent.prompt_tokens_details?.cached_tokens ?? 0);
  return { input: prompt - cached, cacheRead: cached, cacheWrite: 0, output };
}
