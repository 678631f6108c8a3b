import Anthropic, { APIConnectionError, APIConnectionTimeoutError, APIError } from '@anthropic-ai/sdk';
import type { MessageCreateParamsStreaming } from '@anthropic-ai/sdk/resources/messages';
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
import { costUsd, promptTokens, type Usage } from './price.js';
import type { Watchdog } from './watchdog.js';

/** The vendor's own address. */
export const ANTHROPIC_URL = 'https://api.anthropic.com';

/**
 * A Claude model through the Messages API: streamed, with structured output (output_config.format; these models
 * refuse a forced tool while they think) and without temperature, which the API no longer takes.
 *
 * Errors: unreachable (no connection, 5xx, 529, cut stream), timeout, rate_limited (with retry-after), refused (key,
 * quota, unknown model, prompt too long, the model's own refusal), invalid. The SDK's own retries are off:
 * retry.ts decides on them.
 */
export function createAnthropicModel(options: HostedOptions): ChatModel {
  const { entry, apiKey, baseUrl, limits } = options;
  // authToken null and a given baseURL: nothing but what is passed in here decides who is asked and paid.
  const client = new Anthropic({
    apiKey,
    authToken: null,
    baseURL: baseUrl ?? ANTHROPIC_URL,
    maxRetries: 0,
    timeout: limits?.wholeMs ?? HOSTED_LIMITS.wholeMs,
    logLevel: 'off',
  });
  return createHostedModel(options, {
    keyName: 'ANTHROPIC_API_KEY',
    empty: emptyReply,
    read: (request, watch, reply) => read(client, paramsOf(entry, request), watch, reply),
    finish: (call) => finish(entry, call),
    answerOf,
  });
}

function paramsOf(entry: ModelEntry, request: ChatRequest): MessageCreateParamsStreaming {
  const system = request.messages.filter((message) => message.role === 'system').map((message) => message.content);
  return {
    model: entry.id,
    max_tokens: outputLimit(entry, request),
    ...(system.length > 0 ? { system: system.join('\n\n') } : {}),
    messages: request.messages.flatMap(({ role, content }) => (role === 'system' ? [] : [{ role, content }])),
    output_config: {
      format: { type: 'json_schema', schema: { ...request.schema } },
      ...(entry.effort === null ? {} : { effort: entry.effort }),
    },
    stream: true,
  };
}

interface PartialReply extends Spending {
  text: string;
  /** message_start's counts. */
  begun: Usage;
  stopReason: string | null;
  stage: 'nothing' | 'started' | 'stopped';
}

function emptyReply(): PartialReply {
  return {
    accepted: false,
    usage: null,
    begun: { input: 0, cacheRead: 0, cacheWrite: 0, output: 0 },
    text: '',
    stopReason: null,
    stage: 'nothing',
  };
}

async function read(
  client: Anthropic,
  params: MessageCreateParamsStreaming,
  watch: Watchdog,
  reply: PartialReply,
): Promise<void> {
  const stream = await client.messages.create(params, { signal: watch.signal });
  watch.connected();
  reply.accepted = true;
  for await (const raw of stream) {
    watch.received();
    take(eventSchema.parse(raw), reply);
  }
}

/** The events that matter; others (ping, content_block_start, what comes next year) pass. */
const usageFields = {
  input_tokens: z.int().nonnegative().nullish(),
  cache_read_input_tokens: z.int().nonnegative().nullish(),
  cache_creation_input_tokens: z.int().nonnegative().nullish(),
  output_tokens: z.int().nonnegative(),
};
const eventSchema = z.union([
  z.object({ type: z.literal('message_start'), message: z.object({ usage: z.object(usageFields) }) }),
  z.object({
    type: z.literal('content_block_delta'),
    delta: z.union([
      z.object({ type: z.literal('text_delta'), text: z.string() }),
      z.object({ type: z.string().refine((type) => type !== 'text_delta') }),
    ]),
  }),
  z.object({
    type: z.literal('message_delta'),
    delta: z.object({ stop_reason: z.string().nullish() }),
    usage: z.object(usageFields),
  }),
  z.object({ type: z.literal('message_stop') }),
  z.object({
    type: z
      .string()
      .refine((type) => !['message_start', 'content_block_delta', 'message_delta', 'message_stop'].includes(type)),
  }),
]);

function take(event: z.infer<typeof eventSchema>, reply: PartialReply): void {
  if ('message' in event) {
    reply.stage = 'started';
    reply.begun = mergeUsage(reply.begun, event.message.usage);
  } else if ('usage' in event) {
    reply.stopReason = event.delta.stop_reason ?? null;
    reply.usage = mergeUsage(reply.begun, event.usage);
  } else if ('delta' in event) {
    if ('text' in event.delta) reply.text += event.delta.text;
  } else if (event.type === 'message_stop') {
    reply.stage = 'stopped';
  }
}

/** message_delta's counts are totals; what it leaves out stands as message_start said it. */
function mergeUsage(before: Usage, said: { [Key in keyof typeof usageFields]?: number | null | undefined }): Usage {
  return {
    input: said.input_tokens ?? before.input,
    cacheRead: said.cache_read_input_tokens ?? before.cacheRead,
    cacheWrite: said.cache_creation_input_tokens ?? before.cacheWrite,
    output: said.output_tokens ?? before.output,
  };
}

function finish(entry: ModelEntry, { reply, failure }: ReadCall<PartialReply>): ChatReply {
  if (reply.stage === 'nothing') throw failure('invalid', 'what answers does not speak the Messages API');
  if (reply.stage === 'started' || reply.usage === null)
    throw failure('unreachable', 'the connection ended in the middle of the reply');
  if (reply.stopReason === 'refusal') throw failure('refused', 'the model declined to answer');
  if (reply.stopReason === 'model_context_window_exceeded')
    throw failure('refused', 'the prompt does not fit the model; shorten it');
  if (reply.text === '') throw failure('invalid', `the reply is empty (stop reason ${reply.stopReason ?? 'none'})`);
  return {
    text: reply.text,
    tokensIn: promptTokens(reply.usage),
    tokensOut: reply.usage.output,
    costUsd: costUsd(entry.price, reply.usage),
    promptTruncated: false,
  };
}

function answerOf(error: unknown): ApiAnswer | 'timeout' | null {
  if (error instanceof APIConnectionTimeoutError) return 'timeout';
  if (!(error instanceof APIError) || error instanceof APIConnectionError) return null;
  return {
    status: error.status ?? null,
    kind: error.type,
    message: error.apiMessage ?? error.message,
    headers: error.headers ?? null,
  };
}
