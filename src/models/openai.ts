import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import type { ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions';
import { z } from 'zod';
import type { ChatModel, ChatReply, ChatRequest } from '../ports/model.js';
import type { ModelEntry } from './catalog.js';
import {
  createHostedModel,
  HOSTED_LIMITS,
  outputLimit,
  type HostedOptions,
  type ReadCall,
  type Spending,
} from './hosted.js';
import type { ApiAnswer } from './http-errors.js';
import { promptTokens } from './price.js';
import type { Watchdog } from './watchdog.js';

/** The vendor's own address. */
export const OPENAI_URL = 'https://api.openai.com/v1';

const SEED = 42;

/**
 * An OpenAI model through Chat Completions, which other servers behind a base URL speak too: streamed, with strict
 * structured output; temperature only where models.yaml says that the model takes it.
 *
 * Errors: unreachable (no connection, 5xx, cut stream), timeout, rate_limited (with retry-after), refused (key, quota,
 * unknown model, prompt too long, the model's own refusal), invalid. The SDK's own retries are off:
 * retry.ts decides on them.
 */
export function createOpenaiModel(options: HostedOptions): ChatModel {
  const { entry, apiKey, baseUrl, limits } = options;
  // organization and project null, and a given baseURL: nothing but what is passed in here decides who is asked and paid.
  const client = new OpenAI({
    apiKey,
    organization: null,
    project: null,
    baseURL: baseUrl ?? OPENAI_URL,
    maxRetries: 0,
    timeout: limits?.wholeMs ?? HOSTED_LIMITS.wholeMs,
    logLevel: 'off',
  });
  return createHostedModel(options, {
    keyName: 'OPENAI_API_KEY',
    empty: emptyReply,
    read: (request, watch, reply) => read(client, paramsOf(entry, request), watch, reply),
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

async function read(
  client: OpenAI,
  params: ChatCompletionCreateParamsStreaming,
  watch: Watchdog,
  reply: PartialReply,
): Promise<void> {
  const stream = await client.chat.completions.create(params, { signal: watch.signal });
  watch.connected();
  reply.accepted = true;
  for await (const raw of stream) {
    watch.received();
    take(chunkSchema.parse(raw), reply);
  }
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
  if (reply.chunks === 0) throw failure('invalid', 'what answers does not speak Chat Completions');
  if (reply.finishReason === null) throw failure('unreachable', 'the connection ended in the middle of the reply');
  if (reply.refusal !== '' || reply.finishReason === 'content_filter')
    throw failure('refused', `the model declined to answer: ${reply.refusal || 'content filter'}`);
  if (reply.text === '') throw failure('invalid', `the reply is empty (finish reason ${reply.finishReason})`);
  return {
    text: reply.text,
    // Some servers behind a base URL count nothing; then the call counts as its worst case.
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
