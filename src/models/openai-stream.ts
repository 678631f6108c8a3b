import type OpenAI from 'openai';
import { Stream } from 'openai/core/streaming';
import { isJsonDocument } from './api-fetch.js';

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
  const body = isJsonDocument(response) ? asEvents(await response.text()) : response.body;
  if (body === null) return nothing();
  const watched = typeof body === 'string' ? new Blob([body]).stream() : body;
  const copy = new Response(watched.pipeThrough(inUsualForm(end)), { headers: response.headers });
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
const MARK = /(?:^|[\r\n])data: ?\[DONE\]/;
/** llama.cpp's error as a field of the stream, which the SDK skips without a word (llama.cpp #16104). */
const ERROR_FIELD = /(^|[\r\n])error: ?(\{[^\r\n]*)/g;
/** Data that is empty, or a comment that a gateway has passed on as data (llm-gateway #2053): the SDK fails on both. */
const NO_DATA = /(^|[\r\n])data: ?(?::[^\r\n]*)?(?=[\r\n])/g;

/** Whole lines, with their errors where the SDK finds them, and without what is no data. Notes the end. */
function inUsualForm(end: StreamEnd): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = '';
  const usual = (lines: string): Uint8Array => {
    if (MARK.test(lines)) end.marked = true;
    return encoder.encode(lines.replaceAll(ERROR_FIELD, '$1data: {"error":$2}').replaceAll(NO_DATA, '$1'));
  };
  return new TransformStream({
    transform(bytes, controller) {
      const text = rest + decoder.decode(bytes, { stream: true });
      const whole = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1;
      rest = text.slice(whole);
      if (whole > 0) controller.enqueue(usual(text.slice(0, whole)));
    },
    flush: (controller) => controller.enqueue(usual(rest + decoder.decode())),
  });
}
