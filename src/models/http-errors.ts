import { ModelError, type ModelErrorCode, type TokenCost } from '../ports/model.js';
import { withoutSecrets } from './endpoint.js';
import type { ServerWords } from './server-words.js';

/** An error response of an HTTP API. */
export interface ApiAnswer {
  /** HTTP status; null when the error was part of the stream. */
  readonly status: number | null;
  readonly words: ServerWords;
  readonly headers: Headers | null;
}

/** Where to look when an API refuses a request. */
export interface ApiHints {
  /** Such as "check OPENAI_API_KEY". */
  readonly key: string;
  /** Such as "check OPENAI_BASE_URL". */
  readonly url: string;
  /** Where a model comes from that the server does not have, such as "run `ollama pull qwen3:8b`". */
  readonly model: string;
}

export interface ApiFailure extends ApiAnswer {
  readonly model: string;
  readonly hints: ApiHints;
  /** Keys and passwords, which some servers repeat in their errors. */
  readonly secrets: readonly string[];
  readonly cause: unknown;
  readonly used: TokenCost;
  /** Milliseconds since the epoch, for a retry-after that is a date. */
  readonly nowMs: number;
}

/** Error types that the APIs send inside a stream, or whose HTTP status is ambiguous. */
const CODE_OF_KIND: Readonly<Record<string, ModelErrorCode>> = {
  rate_limit_error: 'rate_limited',
  rate_limit_exceeded: 'rate_limited',
  insufficient_quota: 'refused',
  authentication_error: 'refused',
  permission_error: 'refused',
  billing_error: 'refused',
  invalid_request_error: 'refused',
  not_found_error: 'refused',
  exceed_context_size_error: 'refused',
  timeout_error: 'timeout',
  overloaded_error: 'unreachable',
  api_error: 'unreachable',
  server_error: 'unreachable',
};

/** The ModelError for an API's error response. The only place that decides which of them may be retried. */
export function apiError(failure: ApiFailure): ModelError {
  return new ModelError(codeOf(failure), `${failure.model}: ${answerText(failure)}; ${nextStep(failure)}`, {
    cause: failure.cause,
    used: failure.used,
    retryAfterMs: retryAfterMs(failure),
  });
}

/** Status and the server's own words, such as "HTTP 502: Bad Gateway (a web page, not the API's words)". */
export function answerText({ status, words, secrets }: Pick<ApiFailure, 'status' | 'words' | 'secrets'>): string {
  const said = withoutSecrets(words.shown, secrets) || 'the server gave no reason';
  return `${status === null ? '' : `HTTP ${status}: `}${said}${words.html ? " (a web page, not the API's words)" : ''}`;
}

function codeOf({ status, words }: ApiFailure): ModelErrorCode {
  const kind = words.kinds.find((one) => one in CODE_OF_KIND);
  const byKind = kind === undefined ? undefined : CODE_OF_KIND[kind];
  // OpenAI answers 429 also to an account without credit, and to a prompt above its limit; waiting does not help then.
  if (status === 429) return isUnpaid(words) || isAboveRate(words) ? 'refused' : 'rate_limited';
  if (isModelsOwn(words)) return 'invalid';
  if (isTooLong(words) || lacksMemory(words) || isFiltered(words)) return 'refused';
  if (status === null) return byKind ?? (words.status === null ? 'unreachable' : codeOfStatus(words.status));
  return codeOfStatus(status);
}

function codeOfStatus(status: number): ModelErrorCode {
  if (status === 429) return 'rate_limited';
  // 524: Cloudflare, in front of a server that did not answer in time.
  if (status === 408 || status === 504 || status === 524) return 'timeout';
  if (status === 409 || status >= 500) return 'unreachable';
  return 'refused';
}

const isUnpaid = ({ kinds }: ServerWords): boolean =>
  kinds.includes('insufficient_quota') || kinds.includes('billing_error');

/** llama.cpp has answered a prompt that is too long with 400 and with 500 (llama.cpp #15780, #19774). */
export function isTooLong(words: ServerWords): boolean {
  const { full, kinds } = words;
  return isAboveRate(words) || kinds.some((kind) => TOO_LONG_KINDS.includes(kind)) || TOO_LONG.test(full);
}

const TOO_LONG_KINDS: readonly string[] = [
  'exceed_context_size_error',
  'context_length_exceeded',
  'model_max_prompt_tokens_exceeded',
];

/** How servers say it (sources: test/models/compatible-servers.test.ts). */
const TOO_LONG = new RegExp(
  [
    '(?:maximum|available|exceeds?(?: the)?) context|context (?:the )?overflow|num_ctx',
    'context (?:window|size|length) (?:has been )?exceed',
    '(?:greater|larger|longer) than (?:the )?(?:max\\w* )?context',
    'maximum prompt length|range of input length|exceeded model token limit',
    '(?:prompt|input)\\b.{0,60}\\b(?:is too long|exceeds?\\b.{0,30}\\b(?:context|length)|longer than)',
    '(?:prompt|input) tokens?\\b.{0,40}\\bexceeds?\\b.{0,40}\\b(?:limit|tokens?)\\b',
    '`inputs` (?:tokens \\+ `max_new_tokens` must be <=|must have less than)',
    'max_tokens must be at least 1, got -',
  ].join('|'),
  'i',
);

/** One request has more tokens than the account may send in a minute: Groq answers 413, OpenAI 429. */
const isAboveRate = ({ full }: ServerWords): boolean => /\brequest too large for\b/i.test(full);

/** What Go's JSON reader says, and nothing else: of a request only if it had been broken on the way. */
const GO_JSON =
  /^(?:failed to parse JSON: )?(?:unexpected end of JSON input|invalid character .+ (?:after|in|looking for) .+)$/i;
const UNREAD_CALL = /error parsing tool call|tool call (?:parsing|validation) failed|failed to parse input at pos/i;
const REFUSED_OUTPUT = /\b(?:tool_use_failed|json_validate_failed)\b/;

/**
 * The error is about what the model wrote, not about the request: another reply may be right. Groq answers 400
 * (smolagents #1119, opencode #1018), Ollama 500 or an error in the stream (ollama #12884, #14492, #17647), llama.cpp
 * 500 (llama.cpp #20532).
 */
export function isModelsOwn({ full, kinds }: Pick<ServerWords, 'full' | 'kinds'>): boolean {
  return [...kinds, full].some((text) => REFUSED_OUTPUT.test(text)) || UNREAD_CALL.test(full) || GO_JSON.test(full);
}

/** For the model. */
export const WRITE_AGAIN = 'the server could not read what you wrote: write it again, as one correct JSON object';

const SMALLER = 'use a smaller model, or a smaller context_tokens in models.yaml';

/**
 * The model does not fit on its server; asked again, it would not fit either. Ollama says so with 500 and, if its
 * runner has failed to load the model, in the runner's words (ollama #8597, #9260, #9782, #12634).
 */
const lacksMemory = ({ full }: Pick<ServerWords, 'full'>): boolean =>
  /requires more (?:system |gpu )?memory|out of memory|insufficient memory|(?:unable|failed) to allocate/i.test(full);

const FILTER_KINDS: readonly string[] = ['content_filter', 'content_policy_violation', 'data_inspection_failed'];
const FILTERED = new RegExp(
  [
    'content (?:management|filtering) policy|content_?policy_?violation|flagged as potentially violating',
    'content exists risk|inappropriate content|datainspectionfailed',
  ].join('|'),
  'i',
);

/** A filter stopped the prompt or the reply. Not every server has a code for it, and LiteLLM drops that of Azure. */
const isFiltered = ({ full, kinds }: ServerWords): boolean =>
  kinds.some((kind) => FILTER_KINDS.includes(kind)) || FILTERED.test(full);

function nextStep({ status: sent, words, hints }: ApiFailure): string {
  const status = sent ?? words.status;
  if (isFiltered(words)) return 'its content filter refused the prompt or the reply: change the words of the task';
  if (isModelsOwn(words)) return WRITE_AGAIN;
  if (isTooLong(words)) return 'shorten the prompt, or put a model with a larger context first';
  if (lacksMemory(words)) return SMALLER;
  if (status === 401 || status === 403) return hints.key;
  if (status === 402 || isUnpaid(words) || (status === 400 && /credit balance/i.test(words.full)))
    return "check the account's credit";
  if (status === 404) return /model|pull/i.test(words.full) && !words.html ? hints.model : hints.url;
  if (status === 407) return 'check the credentials in HTTP_PROXY or HTTPS_PROXY';
  if (status === 413) return 'shorten the prompt';
  if (status === 429) return 'wait, or name another model behind it in the chain';
  if (words.html) return `${hints.url} and the proxy in front of it`;
  if (/(?<!error )\bloading model\b/i.test(words.full)) return 'wait until it has loaded the model';
  if (status === null || status >= 500) return "the fault is the server's: look at its log or status page";
  return "check the model's entry in models.yaml";
}

/** Longer waits (a date in the wrong year) are reduced to this. */
const LONGEST_RETRY_AFTER_MS = 15 * 60_000;

/**
 * Milliseconds that a server asks to wait, at most 15 minutes; null when it does not ask. Reads the same headers as
 * both pinned SDKs: retry-after-ms, then retry-after in seconds or as an HTTP date; without them the words.
 */
function retryAfterMs({ headers, words, nowMs }: ApiFailure): number | null {
  const asked =
    (headers === null ? null : askedMs(headers, nowMs)) ?? durationMs(words.retryDelay ?? '') ?? saidMs(words.full);
  return asked === null ? null : Math.min(asked, LONGEST_RETRY_AFTER_MS);
}

/** "2h47m56.58s", "60 seconds" and the like. */
const TIME = /(\d+(?:\.\d+)?)\s*(ms|msecs?|milliseconds?|h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?)(?![a-z])/i;
const SAID = new RegExp(
  `\\b(?:(?:try again|retry) (?:in|after)|please wait(?: for)?) ((?:${TIME.source}[\\s,]*(?:and )?)+)`,
  'i',
);

/**
 * Groq, OpenAI, Azure and Gemini say the time as well, and gateways pass on the words only (openinterpreter #408).
 */
function saidMs(full: string): number | null {
  return durationMs(SAID.exec(full)?.[1] ?? '');
}

/** The sum of the times in a text; null: there is none. */
function durationMs(text: string): number | null {
  const ms = [...text.matchAll(new RegExp(TIME.source, 'gi'))]
    .map(([, amount = '0', unit = '']) => Number(amount) * msOf(unit.toLowerCase()))
    .reduce((sum, part) => sum + part, 0);
  return ms === 0 ? null : Math.ceil(ms);
}

function msOf(unit: string): number {
  if (unit.startsWith('ms') || unit.startsWith('milli')) return 1;
  if (unit.startsWith('h')) return 3_600_000;
  return unit.startsWith('m') ? 60_000 : 1_000;
}

function askedMs(headers: Headers, nowMs: number): number | null {
  const milliseconds = numberOf(headers.get('retry-after-ms'));
  if (milliseconds !== null) return milliseconds;
  const header = headers.get('retry-after');
  if (header === null) return null;
  const seconds = numberOf(header);
  if (seconds !== null) return seconds * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}

/** A non-negative number; null for anything else, an empty header included. */
function numberOf(text: string | null): number | null {
  return text !== null && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : null;
}
