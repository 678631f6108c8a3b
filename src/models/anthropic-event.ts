import { z } from 'zod';
import type { NativeCall } from '../ports/model.js';
import { promptTokens, type Usage } from './price.js';

/** What a stream of the Messages API has brought so far. */
export interface AnthropicReply {
  text: string;
  thought: boolean;
  /** The text of the thinking. */
  thinking: string;
  /** By the index of their block. */
  readonly calls: Map<number, { readonly name: string; readonly input: unknown; json: string }>;
  /** The counts of message_start. */
  initialUsage: Usage;
  /** null: the server has not counted. */
  usage: Usage | null;
  /** Whether the event that has the stop reason has come. */
  ended: boolean;
  stopReason: string | null;
  /** Why the model declined, in the API's words; null: it did not say. */
  refusal: string | null;
  stage: 'nothing' | 'started' | 'stopped';
}

export function emptyAnthropicReply(): AnthropicReply {
  return {
    text: '',
    thought: false,
    thinking: '',
    calls: new Map(),
    initialUsage: { input: 0, cacheRead: 0, cacheWrite: 0, output: 0 },
    usage: null,
    ended: false,
    stopReason: null,
    refusal: null,
    stage: 'nothing',
  };
}

const count = z.int().nonnegative().nullish();
const usageSchema = z.object({
  input_tokens: count,
  cache_read_input_tokens: count,
  cache_creation_input_tokens: count,
  output_tokens: count,
});

/** The events that the adapter uses; all others (ping, content_block_stop, types added later) are ignored. */
const kind = z.object({ type: z.string() });
const messageStart = z.object({ message: z.object({ usage: usageSchema.nullish() }) });
const blockStart = z.object({ index: z.int(), content_block: kind.loose() });
const textBlock = z.object({ text: z.string().nullish(), thinking: z.string().nullish() });
const toolBlock = z.object({ name: z.string(), input: z.unknown().optional() });
const blockDelta = z.object({ index: z.int().nullish(), delta: kind.loose() });
const textDelta = z.object({ text: z.string() });
const thinkingDelta = z.object({ thinking: z.string() });
const jsonDelta = z.object({ partial_json: z.string() });
const messageDelta = z.object({
  delta: z.object({
    stop_reason: z.string().nullish(),
    stop_details: z.object({ category: z.string().nullish(), explanation: z.string().nullish() }).nullish().catch(null),
  }),
  usage: usageSchema.nullish(),
});

/** Adds one event. Throws a ZodError for an event that is not as the API documents it. */
export function takeAnthropicEvent(event: unknown, reply: AnthropicReply): void {
  switch (kind.parse(event).type) {
    case 'message_start':
      reply.stage = 'started';
      reply.initialUsage = mergeUsage(reply.initialUsage, messageStart.parse(event).message.usage);
      return;
    case 'content_block_start':
      return takeBlock(event, reply);
    case 'content_block_delta':
      return takeDelta(event, reply);
    case 'message_delta':
      return takeEnd(event, reply);
    case 'message_stop':
      reply.stage = 'stopped';
  }
}

function takeBlock(event: unknown, reply: AnthropicReply): void {
  const { index, content_block: block } = blockStart.parse(event);
  if (block.type === 'tool_use') {
    const { name, input } = toolBlock.parse(block);
    reply.calls.set(index, { name, input, json: '' });
  }
  if (block.type === 'text') reply.text += textBlock.parse(block).text ?? '';
  if (/thinking/.test(block.type)) {
    reply.thought = true;
    reply.thinking += textBlock.parse(block).thinking ?? '';
  }
}

function takeDelta(event: unknown, reply: AnthropicReply): void {
  const { index, delta } = blockDelta.parse(event);
  if (delta.type === 'text_delta') reply.text += textDelta.parse(delta).text;
  if (delta.type === 'thinking_delta') reply.thinking += thinkingDelta.parse(delta).thinking;
  const call = reply.calls.get(index ?? -1);
  if (delta.type === 'input_json_delta' && call !== undefined) call.json += jsonDelta.parse(delta).partial_json;
}

function takeEnd(event: unknown, reply: AnthropicReply): void {
  const { delta, usage } = messageDelta.parse(event);
  reply.stopReason = delta.stop_reason ?? null;
  reply.ended = true;
  const counted = mergeUsage(reply.initialUsage, usage);
  // Proxies in front of servers that count nothing send zeros (cc-switch #2485).
  reply.usage = promptTokens(counted) + counted.output === 0 ? null : counted;
  const { category, explanation } = delta.stop_details ?? {};
  const said = [category, explanation].filter((text) => typeof text === 'string' && text !== '');
  reply.refusal = said.length === 0 ? null : said.join(': ');
}

/** The counts in message_delta are totals. A count that it omits keeps the value from message_start. */
function mergeUsage(before: Usage, sent: z.infer<typeof usageSchema> | null | undefined): Usage {
  return {
    input: sent?.input_tokens ?? before.input,
    cacheRead: sent?.cache_read_input_tokens ?? before.cacheRead,
    cacheWrite: sent?.cache_creation_input_tokens ?? before.cacheWrite,
    output: sent?.output_tokens ?? before.output,
  };
}

/** The tool calls in order; an input that came in pieces as the text that it is. */
export function anthropicCalls(reply: AnthropicReply): readonly NativeCall[] {
  return [...reply.calls.entries()]
    .sort(([a], [b]) => a - b)
    .map(([, { name, json, input }]) => ({ name, arguments: json === '' ? (input ?? {}) : json }));
}
