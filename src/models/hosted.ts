import type { Clock } from '../ports/clock.js';
import { ModelError, type ChatRequest, type TokenCost } from '../ports/model.js';
import type { ModelEntry } from './catalog.js';
import { boundCost, usageCost, type Usage } from './price.js';
import { messagesTokenBound, schemaTokenBound } from './token-bound.js';
import type { CallLimits } from './watchdog.js';

/** What the adapters of hosted APIs have in common. */
export interface HostedOptions {
  readonly entry: ModelEntry;
  readonly apiKey: string;
  /** null: the vendor's own. */
  readonly baseUrl: string | null;
  readonly clock: Clock;
  readonly limits?: Partial<CallLimits>;
}

/** Thinking models say nothing for a while, but their streams carry pings and thinking as pieces. */
export const HOSTED_LIMITS: CallLimits = { connectMs: 60_000, firstTokenMs: 120_000, idleMs: 60_000, wholeMs: 600_000 };

/** Upper bound of a request's prompt in tokens, the schema included. */
export function promptBound(request: ChatRequest): number {
  return messagesTokenBound(request) + schemaTokenBound(request.schema);
}

/** Tokens that the API is allowed to write: the reply and the thinking before it. */
export function outputLimit(entry: ModelEntry, request: ChatRequest): number {
  return Math.min(request.maxOutputTokens + entry.thinkingTokens, entry.maxOutputTokens);
}

/** Upper bound of one call; the adapters never retry, and the API charges for no more than max_tokens. */
export function hostedWorstCase(entry: ModelEntry, request: ChatRequest): TokenCost {
  return boundCost(entry.price, promptBound(request), outputLimit(entry, request));
}

/** Throws when the prompt may be longer than the context whose price models.yaml knows. */
export function refuseTooLong(name: string, entry: ModelEntry, request: ChatRequest): void {
  const tokens = promptBound(request) + outputLimit(entry, request);
  if (tokens <= entry.contextTokens) return;
  throw new ModelError('refused', `${name}: prompt and reply may take ${tokens} tokens and the model has ${entry.contextTokens}; shorten the prompt`);
}

/** How far a streamed call has come, for what it has used up. */
export interface Spending {
  /** Whether the API has taken the request, from which moment on it may charge. */
  accepted: boolean;
  /** The final counts; null until the API has sent them. */
  usage: Usage | null;
}

/** What a call has used up; the worst case where it was taken and then broke off, for nobody says what was charged. */
export function usedSoFar(entry: ModelEntry, request: ChatRequest, { accepted, usage }: Spending): TokenCost {
  if (usage !== null) return usageCost(entry.price, usage);
  return accepted ? hostedWorstCase(entry, request) : { tokens: 0, usd: 0 };
}
