import Anthropic, { APIConnectionError, APIConnectionTimeoutError, APIError } from '@anthropic-ai/sdk';
import type { MessageCreateParamsStreaming } from '@anthropic-ai/sdk/resources/messages';
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
import { costUsd, promptTokens, type Usage } from './price.js';

/** The default base URL. */
export const ANTHROPIC_URL = 'https://api.anthropic.com';

/**
 * A Claude model through the Messages API. Replies are streamed and use structured output (output_config.format),
 * because these models refuse a forced tool call while thinking is on. No temperature is sent: the API no longer
 * accepts one.
 *
 * Errors: unreachable (no connection, 5xx, 529, interrupted stream), timeout, rate_limited (with retry-after), refused
 * (key, quota, unknown model, prompt too long, the model declined), invalid. The SDK's retries are off: retry.ts
 * decides on retries.
 */
export function createAnthropicModel(options: HostedOptions): ChatModel {
  const { entry } = options;
  // authToken: null, so that the SDK does not read a token from the environment.
  const client = new Anthropic({ ...sdkOptions(options, ANTHROPIC_URL), authToken: null });
  return createHostedModel(options, {
    keyName: 'ANTHROPIC_API_KEY',
    empty: emptyReply,
    open: (request, signal) => client.messages.create(paramsOf(entry, request), { signal }),
    take: (event, reply) => take(eventSchema.parse(event), reply),
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
  /** The counts of message_start. */
  initialUsage: Usage;
  stopReason: string | null;
  stage: 'nothing' | 'started' | 'stopped';
}

function emptyReply(): PartialReply {
  return {
    accepted: false,
    usage: null,
    initialUsage: { input: 0, cacheRead: 0, cacheWrite: 0, output: 0 },
    text: '',
    stopReason: null,
    stage: 'nothing',
  };
}

const usageFields = {
  input_tokens: z.int().nonnegative().nullish(),
  cache_read_input_tokens: z.int().nonnegative().nullish(),
  cache_creation_input_tokens: z.int().nonnegative().nullish(),
  output_tokens: z.int().nonnegative(),
};
/** The events that the adapter uses. It ignores all others (ping, content_block_start, types added later). */
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
    reply.initialUsage = mergeUsage(reply.initialUsage, event.message.usage);
  } else if ('usage' in event) {
    reply.stopReason = event.delta.stop_reason ?? null;
    reply.usage = mergeUsage(reply.initialUsage, event.usage);
  } else if ('delta' in event) {
    if ('text' in event.delta) reply.text += event.delta.text;
  } else if (event.type === 'message_stop') {
    reply.stage = 'stopped';
  }
}

/** The counts in message_delta are totals. A count that it omits keeps the value from message_start. */
function mergeUsage(before: Usage, sent: { [Key in keyof typeof usageFields]?: number | null | undefined }): Usage {
  return {
    input: sent.input_tokens ?? before.input,
    cacheRead: sent.cache_read_input_tokens ?? before.cacheRead,
    cacheWrite: sent.cache_creation_input_tokens ?? before.cacheWrite,
    output: sent.output_tokens ?? before.output,
  };
}

function finish(entry: ModelEntry, { reply, failure }: ReadCall<PartialReply>): ChatReply {
  if (reply.stage === 'nothing')
    throw failure('invalid', 'the server does not speak the Messages API; check ANTHROPIC_BASE_URL');
  if (reply.stage === 'started' || reply.usage === null)
    throw failure('unreachable', 'the connection ended in the middle of the reply');
  if (reply.stopReason === 'refusal') throw failure('refused', 'the model declined to answer');
  if (reply.stopReason === 'model_context_window_exceeded')
    throw failure('refused', "the prompt exceeds the model's context window; shorten it");
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
