import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import type { ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions';
import { z } from 'zod';
import type { ChatModel, ChatReply, ChatRequest } from '../ports/model.js';
import type { ModelEntry } from './catalog.js';
import {
  createHostedModel,
  outputLimit,
  sdkOptions,
  type HostedOptions,
  type ReadCall,
  type Spending,
} from './hosted.js';
import type { ApiAnswer } from './http-errors.js';
import { promptTokens } from './price.js';

/** The default base URL. */
export const OPENAI_URL = 'https://api.openai.com/v1';

const SEED = 42;

/**
 * An OpenAI model through Chat Completions, which other servers behind a base URL speak too. Replies are streamed and
 * use strict structured output. A temperature is sent only if models.yaml says that the model accepts one.
 *
 * Errors: unreachable (no connection, 5xx, interrupted stream), timeout, rate_limited (with retry-after), refused (key,
 * quota, unknown model, prompt too long, the model declined), invalid. The SDK's retries are off: retry.ts decides on
 * retries.
 */
export function createOpenaiModel(options: HostedOptions): ChatModel {
  const { entry } = options;
  // organization and project: null, so that the SDK does not read them from the environment.
  const client = new OpenAI({ ...sdkOptions(options, OPENAI_URL), organization: null, project: null });
  return createHostedModel(options, {
    keyName: 'OPENAI_API_KEY',
    empty: emptyReply,
    open: (request, signal) => client.chat.completions.create(paramsOf(entry, request), { signal }),
    take: (chunk, reply) => take(chunkSchema.parse(chunk), reply),
    finish: (call) => finish(entry, call),
    answerOf,
  });
}

function paramsOf(entry: ModelEntry, request: ChatRequest): ChatCompletionCreateParamsStreaming {
  return {
    model: entry.id,
    messages: request.messages.map(({ role, content }) => ({ role, content })),
    max_completion_tokens: outputLimit(entry, request),
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'reply', strict: true, schema: { ...request.schema } },
    },
    ...(entry.effort === null ? {} : { reasoning_effort: entry.effort }),
    ...(entry.temperature ? { temperature: 0, seed: SEED } : {}),
    store: false,
    stream: true,
    stream_options: { include_usage: true },
  };
}

interface PartialReply extends Spending {
  text: string;
  refusal: string;
  finishReason: string | null;
  chunks: number;
}

function emptyReply(): PartialReply {
  return { accepted: false, usage: null, text: '', refusal: '', finishReason: null, chunks: 0 };
}

const chunkSchema = z.object({
  choices: z.array(
    z.object({
      delta: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
      finish_reason: z.string().nullish(),
    }),
  ),
  usage: z
    .object({
      prompt_tokens: z.int().nonnegative(),
      completion_tokens: z.int().nonnegative(),
      prompt_tokens_details: z.object({ cached_tokens: z.int().nonnegative().nullish() }).nullish(),
    })
    .nullish(),
});

function take(chunk: z.infer<typeof chunkSchema>, reply: PartialReply): void {
  reply.chunks += 1;
  for (const { delta, finish_reason } of chunk.choices) {
    reply.text += delta.content ?? '';
    reply.refusal += delta.refusal ?? '';
    reply.finishReason = finish_reason ?? reply.finishReason;
  }
  if (chunk.usage) {
    const cached = chunk.usage.prompt_tokens_details?.cached_tokens ?? 0;
    reply.usage = {
      input: chunk.usage.prompt_tokens - cached,
      cacheRead: cached,
      cacheWrite: 0,
      output: chunk.usage.completion_tokens,
    };
  }
}

function finish(entry: ModelEntry, { request, reply, used, failure }: ReadCall<PartialReply>): ChatReply {
  if (reply.chunks === 0) throw failure('invalid', 'the server does not speak Chat Completions; check OPENAI_BASE_URL');
  if (reply.finishReason === null) throw failure('unreachable', 'the connection ended in the middle of the reply');
  if (reply.refusal !== '' || reply.finishReason === 'content_filter')
    throw failure('refused', `the model declined to answer: ${reply.refusal || 'content filter'}`);
  if (reply.text === '') throw failure('invalid', `the reply is empty (finish reason ${reply.finishReason})`);
  return {
    text: reply.text,
    // Some servers behind a base URL report no usage. The call then counts as its worst case.
    tokensIn: reply.usage === null ? used.tokens - outputLimit(entry, request) : promptTokens(reply.usage),
    tokensOut: reply.usage === null ? outputLimit(entry, request) : reply.usage.output,
    costUsd: used.usd,
    promptTruncated: false,
  };
}

function answerOf(error: unknown): ApiAnswer | 'timeout' | null {
  if (error instanceof APIConnectionTimeoutError) return 'timeout';
  if (!(error instanceof APIError) || error instanceof APIConnectionError) return null;
  return {
    status: error.status ?? null,
    kind: error.code ?? error.type ?? null,
    message: error.message,
    headers: error.headers ?? null,
  };
}
