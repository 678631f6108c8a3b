/** The one place where texts change on their way to a model and back. */
import { mapTexts } from '../domain/map-texts.js';
import type { Redact } from '../domain/redaction.js';
import { ModelError, type ChatMessage, type ChatReply, type ChatRequest } from '../ports/model.js';

/*
 * Every prompt passes the function before it is sent, and every reply and error of a model before it is read or
 * journaled; what is cut passes it before it is cut. It depends on nothing but the text, so that each prompt begins
 * with the one before it. Of a step it sees the JSON first, then each text that was read from it.
 */

/** Changes nothing. */
export const NO_REDACTION: Redact = (text) => text;

export const redactTexts = <T>(value: T, redact: Redact): T => mapTexts(value, redact);

export function redactMessages(messages: readonly ChatMessage[], redact: Redact): readonly ChatMessage[] {
  if (redact === NO_REDACTION) return messages;
  return messages.map((message) => ({
    ...message,
    content: redact(message.content),
    ...(message.call === undefined
      ? {}
      : {
          call: {
            ...message.call,
            thought: redact(message.call.thought),
            arguments: redactTexts(message.call.arguments, redact),
          },
        }),
  }));
}

/**
 * A chat whose replies and errors have passed the function.
 * @param chat gets the request unchanged: redactMessages comes first, for what is sent is also measured and recorded
 */
export function redactReplies(
  chat: (request: ChatRequest) => Promise<ChatReply>,
  redact: Redact,
): (request: ChatRequest) => Promise<ChatReply> {
  if (redact === NO_REDACTION) return chat;
  return async (request) => {
    try {
      return redactReply(await chat(request), redact);
    } catch (error) {
      throw error instanceof ModelError ? redactError(error, redact) : error;
    }
  };
}

function redactReply(reply: ChatReply, redact: Redact): ChatReply {
  const { toolCalls, ending } = reply;
  return {
    ...reply,
    text: redact(reply.text),
    ...(toolCalls === undefined
      ? {}
      : { toolCalls: toolCalls.map((call) => ({ ...call, arguments: redactTexts(call.arguments, redact) })) }),
    ...(ending?.kind === 'cut' ? { ending: { ...ending, detail: redact(ending.detail) } } : {}),
  };
}

function redactError(error: ModelError, redact: Redact): ModelError {
  const { code, message, cause, retryAfterMs, used } = error;
  return new ModelError(code, redact(message), { cause, retryAfterMs, used });
}
