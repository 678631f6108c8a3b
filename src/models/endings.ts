import { jsonObject } from '../domain/json-object.js';
import type { ReplyEnding } from '../ports/model.js';

type Cut = Extract<ReplyEnding, { kind: 'cut' }>;

export const COMPLETE: ReplyEnding = { kind: 'complete' };

export const cut = (why: Cut['why'], detail: string): Cut => ({ kind: 'cut', why, detail });

/** What is known of a reply that a server ended early. */
export interface Ended {
  /** Whether it has text or a tool call. */
  readonly hasOutput: boolean;
  /** Tokens of the reply as the server counted them; null: it did not. */
  readonly tokens: number | null;
  /** Prompt and reply; null: not counted. */
  readonly allTokens: number | null;
  /** The limit that was sent. */
  readonly limit: number;
  readonly contextTokens: number;
  /** The API's own words, such as "finish_reason length". */
  readonly reason: string;
}

/** A server may stop a token or two before a limit. */
const SLACK = 2;

/**
 * The ending of a reply that the server ended because of its length. Servers say "length" for the token limit and for a
 * full context alike; the counts tell them apart.
 */
export function endedByLength(ended: Ended): Cut {
  const { hasOutput, tokens, allTokens, limit, contextTokens, reason } = ended;
  if (tokens !== null && tokens < limit && allTokens !== null && allTokens + SLACK >= contextTokens) {
    return cut(
      'context_full',
      `cut at ${tokens} of ${limit} tokens: prompt and reply (${allTokens} tokens) fill the context of ` +
        `${contextTokens} (${reason})`,
    );
  }
  const early = tokens !== null && tokens + SLACK < limit;
  const at = early
    ? `cut at ${tokens} tokens, before the limit of ${limit}: the server has a lower one`
    : `cut at ${tokens ?? limit} tokens`;
  const because = early ? `(${reason})` : `(${reason}, limit ${limit})`;
  if (!hasOutput) return cut('only_thinking', `${at}, before the first text ${because}`);
  return cut('output_limit', `${at} ${because}`);
}

/** A reply that is complete and holds nothing but thinking. */
export function onlyThinking(tokens: number | null, reason: string): Cut {
  return cut('only_thinking', `ended after ${tokens ?? 'some'} tokens of thinking without text (${reason})`);
}

type Meaning = 'end' | 'length' | 'context' | 'filter' | 'interrupted' | 'malformed';

/**
 * Finish reasons of OpenAI and Anthropic and of servers with their APIs: vLLM and SGLang (abort), Mistral
 * (model_length), DeepSeek (insufficient_system_resource), GLM (sensitive, network_error), OpenRouter (error), and
 * those of Gemini and Claude that gateways pass on. malformed: the server has left out a call that it could not read.
 * Others (stop, eos, tool_calls, end_turn, …) mean that the reply is complete.
 */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  length: 'length',
  max_tokens: 'length',
  max_output_tokens: 'length',
  max_completion_tokens: 'length',
  model_length: 'context',
  model_context_window_exceeded: 'context',
  context_length_exceeded: 'context',
  content_filter: 'filter',
  content_filtered: 'filter',
  sensitive: 'filter',
  safety: 'filter',
  recitation: 'filter',
  prohibited_content: 'filter',
  blocklist: 'filter',
  spii: 'filter',
  refusal: 'filter',
  guardrail_intervened: 'filter',
  abort: 'interrupted',
  aborted: 'interrupted',
  cancelled: 'interrupted',
  error: 'interrupted',
  network_error: 'interrupted',
  pause_turn: 'interrupted',
  timeout: 'interrupted',
  insufficient_system_resource: 'interrupted',
  malformed_function_call: 'malformed',
  malformed_tool_call: 'malformed',
  malformed_response: 'malformed',
  unexpected_tool_call: 'malformed',
  too_many_tool_calls: 'malformed',
};

export function meaningOf(reason: string | null): Meaning {
  // Google's compatible API names the filter first: "function_call_filter: MALFORMED_FUNCTION_CALL".
  const last = (reason ?? '').toLowerCase().split(':').at(-1)?.trim() ?? '';
  return MEANINGS[last] ?? 'end';
}

/** A reply as far as it tells whether its text is in the wrong field. */
export interface Misplaced {
  readonly text: string;
  /** The text in the field for thinking. */
  readonly thinking: string;
  readonly calls: number;
  readonly reason: string | null;
}

/**
 * Parsers for thinking mistake a reply without thinking for it, and leave the text empty (vllm #19222, #48863, sglang
 * #14821; Ollama with thinking and a schema, harper #1805). Only a text that is one JSON object from end to end is
 * taken from there: thinking is prose.
 */
export function isMisplaced({ text, thinking, calls, reason }: Misplaced): boolean {
  return text === '' && calls === 0 && meaningOf(reason) === 'end' && jsonObject(thinking) !== null;
}
