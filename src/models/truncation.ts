import type { ChatRequest } from '../ports/model.js';
import { messagesTokenBound, messagesTokenFloor } from './token-bound.js';

/** Ollama's token counts. */
export interface Counted {
  /** prompt_eval_count; null when the server left it out. */
  readonly prompt: number | null;
  /** eval_count. */
  readonly reply: number;
}

/**
 * Whether Ollama truncated a prompt. It answers 200 in either case and counts after truncating, so this looks for the
 * traces of truncation (server/prompt.go and the runners of 0.6.5; ollama #17889 for 0.32):
 *
 * - a prompt whose upper bound is within num_ctx is never truncated;
 * - the runner truncates to exactly num_ctx, newer ones to half of it and a few tokens: a count at either is a trace;
 * - whole messages are dropped from the front until the rest fits, which leaves fewer tokens than the text has words;
 * - a reply that exceeded num_ctx has dropped the beginning of the prompt.
 *
 * It relies on prompt_eval_count covering the whole prompt, cached or not, which holds from 0.4 on; older servers omit
 * the count for a cached prompt. Truncation stays undetected only if less was dropped than the difference between words
 * and tokens (about a fifth of the prompt), and only on servers without `truncate: false`; servers that support it
 * refuse the prompt, so that the adapter knows for certain.
 */
export function wasTruncated(request: ChatRequest, counted: Counted, contextTokens: number): boolean {
  const bound = messagesTokenBound(request);
  if (bound + counted.reply <= contextTokens) return false;
  if (counted.prompt === null) return messagesTokenFloor(request) > contextTokens;
  if (counted.prompt + counted.reply > contextTokens || counted.prompt >= contextTokens - SLACK) return true;
  if (bound > contextTokens * SURELY_LONGER && Math.abs(counted.prompt - contextTokens / 2) <= SLACK) return true;
  return counted.prompt < messagesTokenFloor(request);
}

/**
 * Whether a server with OpenAI's API has read only a part of the prompt: it counts fewer tokens than the text has
 * words. Ollama behind /v1 truncates without a word to the num_ctx of its model, or to half of it. A count that is
 * lower than any context says nothing: some servers leave out what they have cached.
 */
export function countsTooFew(request: ChatRequest, promptTokens: number): boolean {
  return promptTokens >= SMALLEST_CONTEXT && promptTokens < messagesTokenFloor(request);
}

const SMALLEST_CONTEXT = 1_000;

/** Tokens by which a truncated prompt may miss the exact size: a begin-of-text token and what the runner keeps. */
const SLACK = 8;

/** Only a prompt whose bound exceeds num_ctx by this factor, and that was counted as half of num_ctx, was truncated. */
const SURELY_LONGER = 1.25;
