import type { ChatMessage, ChatRequest } from '../ports/model.js';

/**
 * Upper bound of a text's tokens, without the model's tokenizer.
 *
 * Only "one token per UTF-8 byte" holds for every tokenizer and every text, but it is four times too high for prose:
 * budgets would refuse calls that cost a quarter of what is left. This bound counts each kind of character as the worst
 * of today's tokenizers do (test/ollama measures it on a real one). It holds for what agents send: prose, code, JSON,
 * configuration, logs, digests and base64. It is about half the bytes. It is a bound, not an estimate.
 */
export function tokenBound(text: string): number {
  if (text.length < LEAST_KEPT || text.length > LARGEST_KEPT) return countedBound(text);
  const tokens = kept.get(text) ?? countedBound(text);
  // The one that was asked for last is the last to go.
  kept.delete(text);
  kept.set(text, tokens);
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
  }
  return tokens;
}

/**
 * Bounds of the last texts: a request is counted up to four times, and the instructions of an agent are in each of its
 * requests. Shorter texts are counted as quickly as they are found; longer ones would take too much memory.
 */
const kept = new Map<string, number>();
const MOST_KEPT = 64;
const LEAST_KEPT = 200;
const LARGEST_KEPT = 32_768;

function countedBound(text: string): number {
  let tokens = 0;
  let at = 0;
  while (at < text.length) {
    const begin = at;
    const code = text.charCodeAt(at);
    at += 1;
    if (isLower(code) || (isUpper(code) && isLower(text.charCodeAt(at)))) {
      at = skip(text, at, isLower);
      tokens += Math.ceil((at - begin) / 2);
    } else if (isUpper(code)) {
      at = skip(text, at, isUpper);
      tokens += Math.ceil(((at - begin) * 2) / 3);
    } else if (code === SPACE && isLetter(text.charCodeAt(at))) {
      // A single space is part of the token of the next word.
    } else if (isBlank(code)) {
      at = skip(text, at, isBlank);
      tokens += Math.ceil((at - begin) / 4);
    } else if (isAscii(code)) {
      // Digits and punctuation: the tokenizers of Llama 2 and Gemma make each digit a token.
      tokens += 1;
    } else {
      at = skip(text, at, (other) => !isAscii(other));
      tokens += Buffer.byteLength(text.slice(begin, at));
    }
  }
  return tokens;
}

/** The index after a run of characters that belong together. */
function skip(text: string, from: number, belongs: (code: number) => boolean): number {
  let at = from;
  while (at < text.length && belongs(text.charCodeAt(at))) at += 1;
  return at;
}

const SPACE = 0x20;
const TAB = 0x09;
const isLower = (code: number): boolean => code >= 0x61 && code <= 0x7a;
const isUpper = (code: number): boolean => code >= 0x41 && code <= 0x5a;
const isLetter = (code: number): boolean => isLower(code) || isUpper(code);
const isBlank = (code: number): boolean => code === SPACE || code === TAB;
const isAscii = (code: number): boolean => code <= 0x7f;

/**
 * Lower bound of a text's tokens: no tokenizer in use joins two words, so each run of letters is at least one token.
 * A server that counted fewer has not read the whole text.
 */
export function tokenFloor(text: string): number {
  let words = 0;
  for (const _ of text.matchAll(/[A-Za-z]+/g)) words += 1;
  return words;
}

/** Tokens that a chat template adds to each message, and once to the whole prompt. */
const PER_MESSAGE = 8;
const PER_PROMPT = 32;

/** Upper bound of a request's messages in tokens, without its schema. */
export function messagesTokenBound(request: ChatRequest): number {
  return request.messages.reduce((sum, message) => sum + messageTokenBound(message) + PER_MESSAGE, PER_PROMPT);
}

/** A step may be sent as text or as a tool call. */
function messageTokenBound({ content, call }: ChatMessage): number {
  const asText = tokenBound(content);
  if (call === undefined) return asText;
  return Math.max(asText, tokenBound(JSON.stringify(call)) + PER_CALL);
}

/** Lower bound of a request's messages in tokens. */
export function messagesTokenFloor(request: ChatRequest): number {
  return request.messages.reduce((sum, message) => sum + tokenFloor(message.content), 0);
}

/** Names of fields and markers that a template writes around a call and its result. */
const PER_CALL = 32;

/** Hosted APIs prepend the schema and a text that explains it to the prompt, and charge for both. */
const SCHEMA_EXPLANATION = 400;

/** Upper bound of the tokens that a schema or tools add to the prompt, and the words that explain the form. */
export function formTokenBound({ schema, tools = NO_TOOLS }: ChatRequest): number {
  return Math.max(jsonTokenBound(schema), jsonTokenBound(tools)) + SCHEMA_EXPLANATION;
}

const NO_TOOLS: readonly never[] = [];
const boundsOfJson = new WeakMap<object, number>();

/** Schemas and tools never change; those of an agent are the same objects in all its requests (step-schema.ts). */
function jsonTokenBound(value: object): number {
  const tokens = boundsOfJson.get(value) ?? tokenBound(JSON.stringify(value));
  boundsOfJson.set(value, tokens);
  return tokens;
}
