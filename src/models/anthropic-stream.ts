import { Stream } from '@anthropic-ai/sdk/core/streaming';
import { z } from 'zod';
import { ErrorInStream, isJsonDocument } from './api-fetch.js';
import { serverWords, wordsOf } from './server-words.js';

/**
 * The events of a response of the Messages API. The SDK's own stream skips events without a name; gateways send them,
 * errors among them (LiteLLM: `data: {"error": …}`). A server that does not stream although it was asked to sends the
 * message as one JSON document. Throws ErrorInStream for an error, SyntaxError for data that is not JSON.
 */
export async function* anthropicEvents(response: Response): AsyncGenerator<unknown> {
  if (isJsonDocument(response)) {
    yield* documentEvents(checked(await response.json()));
    return;
  }
  for await (const { event, data } of Stream.rawEvents(response)) {
    if (data === '' || data === '[DONE]') continue;
    if (event === 'error') throw new ErrorInStream(serverWords(data));
    const content = checked(JSON.parse(data));
    // Names without a type, and a type without a name, mean the same.
    yield event !== null && isUntyped(content) ? { ...content, type: event } : content;
  }
}

const error = z.union([
  z.object({ type: z.literal('error') }),
  z.object({ error: z.union([z.string(), z.object({})]) }),
]);

function checked(content: unknown): unknown {
  if (error.safeParse(content).success) throw new ErrorInStream(wordsOf(content));
  return content;
}

const isUntyped = (content: unknown): content is object =>
  typeof content === 'object' && content !== null && !('type' in content);

const message = z.object({
  content: z.array(z.looseObject({ type: z.string() })),
  stop_reason: z.unknown().optional(),
  stop_details: z.unknown().optional(),
  usage: z.unknown().optional(),
});

/** The events that a message would have been streamed as. */
function* documentEvents(document: unknown): Generator<unknown> {
  const { content, stop_reason, stop_details, usage } = message.parse(document);
  yield { type: 'message_start', message: { usage } };
  for (const [index, block] of content.entries()) yield { type: 'content_block_start', index, content_block: block };
  yield { type: 'message_delta', delta: { stop_reason, stop_details }, usage };
  yield { type: 'message_stop' };
}
