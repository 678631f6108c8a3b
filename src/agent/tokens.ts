import type { ChatMessage } from '../ports/model.js';

/** UTF-8 bytes per token in a prompt's mixture of prose, code and logs; low, so that estimates are rather high. */
const BYTES_A_TOKEN = 3;
/** Tokens that a chat template adds to each message. */
const TOKENS_A_MESSAGE = 8;

/** Estimated tokens, used to shorten prompts. If the estimate is too low, the model reports a truncated prompt. */
export function estimateTokens(messages: readonly ChatMessage[]): number {
  return messages.reduce((sum, message) => sum + estimateMessage(message.content), 0);
}

/** Estimated tokens of one message. */
export function estimateMessage(content: string): number {
  return estimateBytes(Buffer.byteLength(content));
}

/** Estimated tokens of a message of this many bytes. */
export function estimateBytes(bytes: number): number {
  return TOKENS_A_MESSAGE + Math.ceil(bytes / BYTES_A_TOKEN);
}

/** Characters to remove so that the estimate falls by this many tokens (a character has at least one byte). */
export function charactersFor(tokens: number): number {
  return Math.max(0, tokens * BYTES_A_TOKEN);
}

/** Replaces the middle of a text longer than `keep` characters by a note with the number of missing characters. */
export function cutMiddle(text: string, keep: number): string {
  if (text.length <= keep) return text;
  const half = Math.floor(keep / 2);
  const head = text.slice(0, endOfCharacter(text, half));
  const tail = text.slice(endOfCharacter(text, text.length - half));
  return `${head}\n[… ${text.length - head.length - tail.length} characters left out …]\n${tail}`;
}

/** The index, or the next one where it would split a surrogate pair. */
function endOfCharacter(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff ? index + 1 : index;
}
