import type OpenAI from 'openai';
import { Stream } from 'openai/core/streaming';

/** How a stream ended. */
export interface StreamEnd {
  /** "data: [DONE]" has been sent. Some servers end a reply with it and without a finish_reason. */
  marked: boolean;
}

/**
 * The pieces of a response of Chat Completions: server-sent events, or one JSON document from a server that does not
 * stream although it was asked to.
 */
export async function openaiStream(
  client: OpenAI,
  response: Response,
  end: StreamEnd,
): Promise<AsyncIterable<unknown>> {
  const isDocument = /^application\/(?:[\w.-]+\+)?json/i.test(response.headers.get('content-type') ?? '');
  const body = isDocument ? asEvents(await response.text()) : response.body;
  if (body === null) return nothing();
  const watched = typeof body === 'string' ? new Blob([body]).stream() : body;
  const copy = new Response(watched.pipeThrough(markEnd(end)), { headers: response.headers });
  // With the client, so that the SDK logs through it and not to the console.
  return Stream.fromSSEResponse<unknown>(copy, new AbortController(), client);
}

async function* nothing(): AsyncGenerator<never> {}

function asEvents(document: string): string {
  try {
    return `data: ${JSON.stringify(JSON.parse(document))}\n\ndata: [DONE]\n\n`;
  } catch (error) {
    if (error instanceof SyntaxError) return document;
    throw error;
  }
}

/** At the beginning of a line only: in the text of a reply, a line break is escaped. */
const MARK = /[\r\n]data: ?\[DONE\]/;
const LONGEST_MARK = 16;

function markEnd(end: StreamEnd): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  let last = '\n';
  return new TransformStream({
    transform(bytes, controller) {
      const text = last + decoder.decode(bytes, { stream: true });
      if (MARK.test(text)) end.marked = true;
      last = text.slice(-LONGEST_MARK);
      controller.enqueue(bytes);
    },
  });
}
