import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import type { ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions';
import { z } from 'zod';
import { ModelError, type ChatModel, type ChatReply, type ChatRequest, type TokenCost } from '../ports/model.js';
import { callModel, type CallSetting } from './call.js';
import type { ModelEntry } from './catalog.js';
import { HOSTED_LIMITS, hostedWorstCase, outputLimit, refuseTooLong, usedSoFar, type HostedOptions, type Spending } from './hosted.js';
import { apiError } from './http-errors.js';
import { promptTokens } from './price.js';
import type { Watchdog } from './watchdog.js';

const SEED = 42;

/**
 * An OpenAI model through Chat Completions, which other servers behind a base URL speak too: streamed, with strict
 * structured output; temperature only where models.yaml says that the model takes it.
 *
 * Errors: unreachable (no connection, 5xx, cut stream), timeout, rate_limited (with retry-after), refused (key, quota,
 * unknown model, prompt too long, the model's own refusal), invalid. The SDK's own retries are off:
 * retry.ts decides on them.
 */
export function createOpenaiModel({ entry, apiKey, baseUrl, clock, limits }: HostedOptions): ChatModel {
  const name = `openai:${entry.id}`;
  const allLimits = { ...HOSTED_LIMITS, ...limits };
  // organization and project null, and a given baseURL: nothing but what is passed in here decides who is asked and paid.
  const client = new OpenAI({
    apiKey,
    organization: null,
    project: null,
    baseURL: baseUrl ?? 'https://api.openai.com/v1',
    maxRetries: 0,
    timeout: allLimits.wholeMs,
    logLevel: 'off',
  });
  return {
    name,
    contextTokens: entry.contextTokens,
    // A request would cost money and says little about the next one; a wrong key shows itself at the first call.
    probe: async () => ({ usable: true }),
    worstCase: (request) => hostedWorstCase(entry, request),
    async chat(request, signal) {
      refuseTooLong(name, entry, request);
      const reply = emptyReply();
      const used = () => usedSoFar(entry, request, reply);
      const setting: CallSetting = { clock, limits: allLimits, model: name, used, translate: (error) => translate(name, error, used(), clock.now()) };
      return callModel(setting, signal, async (watch) => {
        await read(client, paramsOf(entry, request), watch, reply);
        return finish(name, entry, request, reply, used());
      });
    },
  };
}

function paramsOf(entry: ModelEntry, request: ChatRequest): ChatCompletionCreateParamsStreaming {
  return {
    model: entry.id,
    messages: request.messages.map(({ role, content }) => ({ role, content })),
    max_completion_tokens: outputLimit(entry, request),
    response_format: { type: 'json_schema', json_schema: { name: 'reply', strict: true, schema: { ...request.schema } } },
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

async function read(client: OpenAI, params: ChatCompletionCreateParamsStreaming, watch: Watchdog, reply: PartialReply): Promise<void> {
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
    reply.usage = { input: chunk.usage.prompt_tokens - cached, cacheRead: cached, cacheWrite: 0, output: chunk.usage.completion_tokens };
  }
}

function finish(name: string, entry: ModelEntry, request: ChatRequest, reply: PartialReply, used: TokenCost): ChatReply {
  if (reply.chunks === 0) throw new ModelError('invalid', `${name}: what answers does not speak Chat Completions`, { used });
  if (reply.finishReason === null) throw new ModelError('unreachable', `${name}: the connection ended in the middle of the reply`, { used });
  if (reply.refusal !== '' || reply.finishReason === 'content_filter') {
    throw new ModelError('refused', `${name}: the model declined to answer: ${reply.refusal || 'content filter'}`, { used });
  }
  if (reply.text === '') throw new ModelError('invalid', `${name}: the reply is empty (finish reason ${reply.finishReason})`, { used });
  return {
    text: reply.text,
    // Some servers behind a base URL count nothing; then the call counts as its worst case.
    tokensIn: reply.usage === null ? used.tokens - outputLimit(entry, request) : promptTokens(reply.usage),
    tokensOut: reply.usage === null ? outputLimit(entry, request) : reply.usage.output,
    costUsd: used.usd,
    promptTruncated: false,
  };
}

function translate(name: string, error: unknown, used: TokenCost, nowMs: number): ModelError {
  if (error instanceof APIConnectionTimeoutError) return new ModelError('timeout', `${name}: the API did not answer in time`, { cause: error, used });
  if (error instanceof APIError && !(error instanceof APIConnectionError)) {
    return apiError({
      model: name,
      status: error.status ?? null,
      kind: error.code ?? error.type ?? null,
      message: error.message,
      headers: error.headers ?? null,
      keyHint: 'check OPENAI_API_KEY',
      cause: error,
      used,
      nowMs,
    });
  }
  if (error instanceof z.ZodError || error instanceof SyntaxError) {
    return new ModelError('invalid', `${name}: the API's reply is not what it promises: ${error.message.slice(0, 200)}`, { cause: error, used });
  }
  return new ModelError('unreachable', `${name}: the API cannot be reached: ${error instanceof Error ? error.message : String(error)}`, { cause: error, used });
}
