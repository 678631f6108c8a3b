import type { ChatRequest } from '../ports/model.js';
import { messagesTokenBound, messagesTokenFloor } from './token-bound.js';

/** What Ollama counted. */
export interface Counted {
  /** prompt_eval_count; null when the server left it out. */
  readonly prompt: number | null;
  /** eval_count. */
  readonly reply: number;
}

/**
 * Whether Ollama saw less of a prompt than was sent. It answers 200 either way and counts after cutting, so this
 * goes by what cutting leaves behind (server/prompt.go and the runners of 0.6.5; ollama #17889 for 0.32):
 *
 * - a prompt that surely fits (its upper bound is within num_ctx) is never cut;
 * - the runner cuts to exactly num_ctx, newer ones to half of it and a few: a count at num_ctx is a cut;
 * - whole messages are dropped from the front until the rest fits, which leaves fewer tokens than the text has words;
 * - a reply that ran over num_ctx has pushed the prompt's beginning out.
 *
 * It relies on prompt_eval_count being the whole prompt, cached or not, which holds from 0.4 on; older ones leave the
 * count out for a cached prompt. A cut can go unseen only where what was dropped is less than the gap between words
 * and tokens (about a fifth of the prompt), on servers that do not know `truncate: false`; with it newer ones refuse
 * instead of cutting, and the adapter knows for certain.
 */
export function wasTruncated(request: ChatRequest, counted: Counted, contextTokens: number): boolean {
  const bound = messagesTokenBound(request);
  if (bound + counted.reply <= contextTokens) return false;
  if (counted.prompt === null) return messagesTokenFloor(request) > contextTokens;
  if (counted.prompt + counted.reply > contextTokens || counted.prompt >= contextTokens - SLACK) return true;
  if (bound > contextTokens * SURELY_LONGER && Math.abs(counted.prompt - contextTokens / 2) <= SLACK) return true;
  return counted.prompt < messagesTokenFloor(request);
}

/** Tokens by which a cut prompt may miss the exact size: a begin-of-text token and what the runner keeps. */
const SLACK = 8;

/** A prompt that just fills half of num_ctx is no cut one; one whose bound is so far above num_ctx is. */
const SURELY_LONGER = 1.25;
