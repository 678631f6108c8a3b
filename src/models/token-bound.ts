import type { ChatRequest } from '../ports/model.js';

/**
 * How many tokens a text may be, from both sides, without the model's tokenizer.
 *
 * Only "one token for each UTF-8 byte" holds for every tokenizer and every text, and it is four times too high for
 * prose: budgets would refuse calls that cost a quarter of what is left. The bound here counts each kind of character
 * by what the worst of today's tokenizers make of it (test/ollama measures it on a real one), and holds for what agents send: prose,
 * code, JSON, configuration, logs, digests and base64. It comes to about half the bytes.
 */
const PIECES = /(?<space> (?=[A-Za-z]))|(?<word>[A-Z]?[a-z]+)|(?<capitals>[A-Z]+)|(?<blank>[ \t]+)|(?<ascii>[\x00-\x7f])|(?<other>[^\x00-\x7f]+)/g;

/** Upper bound of a text's tokens. */
export function tokenBound(text: string): number {
  let tokens = 0;
  for (const { groups = {} } of text.matchAll(PIECES)) {
    // A single space belongs to the word behind it.
    if (groups.space !== undefined) continue;
    else if (groups.word !== undefined) tokens += Math.ceil(groups.word.length / 2);
    else if (groups.capitals !== undefined) tokens += Math.ceil((groups.capitals.length * 2) / 3);
    else if (groups.blank !== undefined) tokens += Math.ceil(groups.blank.length / 4);
    // Digits and punctuation: Llama 2's and Gemma's tokenizers give each digit a token of its own.
    else if (groups.ascii !== undefined) tokens += 1;
    else if (groups.other !== undefined) tokens += Buffer.byteLength(groups.other);
  }
  return tokens;
}

/**
 * Lower bound of a text's tokens: no tokenizer in use joins two words, so each run of letters is one token at least.
 * A server that counted fewer has not read the whole text.
 */
export function tokenFloor(text: string): number {
  let words = 0;
  for (const _ of text.matchAll(/[A-Za-z]+/g)) words += 1;
  return words;
}

/** Tokens that a chat template puts around each message, and once around the whole. */
const PER_MESSAGE = 8;
const PER_PROMPT = 32;

/** Upper bound of a request's messages in tokens, without its schema. */
export function messagesTokenBound(request: ChatRequest): number {
  return request.messages.reduce((sum, message) => sum + tokenBound(message.content) + PER_MESSAGE, PER_PROMPT);
}

/** Lower bound of a request's messages in tokens. */
export function messagesTokenFloor(request: ChatRequest): number {
  return request.messages.reduce((sum, message) => sum + tokenFloor(message.content), 0);
}

/** Hosted APIs put the schema, and a text that explains it, in front of the prompt and charge for both. */
const SCHEMA_EXPLANATION = 400;

/** Upper bound of the schema's share of a hosted model's prompt in tokens. */
export function schemaTokenBound(schema: object): number {
  return tokenBound(JSON.stringify(schema)) + SCHEMA_EXPLANATION;
}
