import { ModelError, type ModelErrorCode, type TokenCost } from '../ports/model.js';

/** An error response of an HTTP API. */
export interface ApiAnswer {
  /** HTTP status; null when the connection failed or the error was part of the stream. */
  readonly status: number | null;
  /** The API's error type or code; null when it gave none. */
  readonly kind: string | null;
  readonly message: string;
  readonly headers: Headers | null;
}

export interface ApiFailure extends ApiAnswer {
  readonly model: string;
  /** What to do about a refused key. */
  readonly keyHint: string;
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
  timeout_error: 'timeout',
  overloaded_error: 'unreachable',
  api_error: 'unreachable',
  server_error: 'unreachable',
};

/** The ModelError for an API's error response. The only place that decides which of them may be retried. */
export function apiError(failure: ApiFailure): ModelError {
  const code = codeOf(failure);
  const hint = nextStep(failure);
  return new ModelError(code, `${failure.model}: ${failure.message}${hint}`, {
    cause: failure.cause,
    used: failure.used,
    retryAfterMs: failure.headers === null ? null : retryAfterMs(failure.headers, failure.nowMs),
  });
}

function codeOf({ status, kind }: ApiFailure): ModelErrorCode {
  const byKind = kind === null ? undefined : CODE_OF_KIND[kind];
  // OpenAI answers 429 also to an account without credit; waiting does not help then.
  if (status === 429) return kind === 'insufficient_quota' || kind === 'billing_error' ? 'refused' : 'rate_limited';
  if (status === null) return byKind ?? 'unreachable';
  if (status === 408 || status === 504) return 'timeout';
  if (status === 409 || status >= 500) return 'unreachable';
  return 'refused';
}

function nextStep({ status, keyHint }: ApiFailure): string {
  if (status === 401 || status === 403) return `; ${keyHint}`;
  if (status === 404) return '; check the model id in models.yaml';
  return '';
}

/** Longer waits (a date in the wrong year) are reduced to this. */
const LONGEST_RETRY_AFTER_MS = 15 * 60_000;

/**
 * Milliseconds that a server asks to wait, at most 15 minutes; null when it does not ask. Reads the same headers as
 * both pinned SDKs: retry-after-ms, then retry-after in seconds or as an HTTP date.
 */
export function retryAfterMs(headers: Headers, nowMs: number): number | null {
  const asked = askedMs(headers, nowMs);
  return asked === null ? null : Math.min(asked, LONGEST_RETRY_AFTER_MS);
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
