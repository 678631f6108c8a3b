import type { ChatMessage } from '../ports/model.js';

/** Bytes of UTF-8 to a token in the mixture of prose, code and logs that prompts hold; on the low side. */
const BYTES_A_TOKEN = 3;
/** What a chat template adds around each message. */
const TOKENS_A_MESSAGE = 8;

/** An estimate, used to cut prompts; where it is too low the model reports the prompt as truncated. */
export function estimateTokens(messages: readonly ChatMessage[]): number {
  return messages.reduce((sum, message) => sum + estimateMessage(message.content), 0);
}

/** Of one message. */
export function estimateMessage(content: string): number {
  return estimateBytes(Buffer.byteLength(content));
}

/** Of a message with so many bytes. */
export function estimateBytes(bytes: number): number {
  return TOKENS_A_MESSAGE + Math.ceil(bytes / BYTES_A_TOKEN);
}

/** Characters that must go so that the estimate falls by this many tokens (a character has a byte at least). */
export function charactersFor(tokens: number): number {
  return Math.max(0, tokens * BYTES_A_TOKEN);
}

/** The text with its middle left out, at most about `keep` characters long; says how much is missing. */
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
