import { z } from 'zod';
import type { Clock } from '../ports/clock.js';
import { ModelError, type ChatModel, type ChatReply, type ChatRequest, type TokenCost } from '../ports/model.js';
import { callModel } from './call.js';
import type { ModelEntry } from './catalog.js';
import { apiError, type ApiAnswer } from './http-errors.js';
import { boundCost, usageCost, type Usage } from './price.js';
import { messagesTokenBound, schemaTokenBound } from './token-bound.js';
import type { CallLimits, LimitAdvice, Watchdog } from './watchdog.js';

/** Options of the adapters for hosted APIs. */
export interface HostedOptions {
  readonly entry: ModelEntry;
  readonly apiKey: string;
  /** null: the vendor's default. */
  readonly baseUrl: string | null;
  readonly clock: Clock;
  readonly limits?: Partial<CallLimits>;
}

/** The state of a streamed call that decides what it has cost so far. */
export interface Spending {
  /** The reply's text so far. */
  readonly text: string;
  /** Whether the API has accepted the request. From then on it may charge for it. */
  accepted: boolean;
  /** The final counts; null until the API has sent them. */
  usage: Usage | null;
}

/** A call whose stream has ended. */
export interface ReadCall<Reply extends Spending> {
  readonly request: ChatRequest;
  readonly reply: Reply;
  readonly used: TokenCost;
  /** Creates an error that names the model and carries what the call has used. */
  failure(code: ModelError['code'], message: string): ModelError;
}

/** The parts that differ between vendors. */
export interface HostedApi<Reply extends Spending> {
  /** The setting that holds the API key. */
  readonly keyName: string;
  /** A reply before its first chunk. */
  empty(): Reply;
  /** Sends the request. Resolves with the stream when the API has accepted the request. */
  open(request: ChatRequest, signal: AbortSignal): Promise<AsyncIterable<unknown>>;
  /** Adds one chunk of the stream to the reply. Throws a ZodError for a chunk that is not as the API documents it. */
  take(chunk: unknown, reply: Reply): void;
  /** Turns a stream that has ended into the reply. Throws a ModelError if there is no complete reply. */
  finish(call: ReadCall<Reply>): ChatReply;
  /** Reads an SDK error. timeout: the SDK timed out; null: the API did not answer. */
  answerOf(error: unknown): ApiAnswer | 'timeout' | null;
}

/** Thinking models send no text for a while, but pings and thinking count as chunks. */
const HOSTED_LIMITS: CallLimits = {
  connectMs: 60_000,
  firstTokenMs: 120_000,
  stallMs: 60_000,
  wholeMs: 600_000,
};

const ADVICE: LimitAdvice = {
  connectMs: "check this computer's network, the vendor's status page and the base URL",
  firstTokenMs: "check the vendor's status page, or put another model first in the chain",
  stallMs: "check this computer's network and the vendor's status page",
  wholeMs: 'split the task, or put a faster model first in the chain',
};

/**
 * The client options that both SDKs share. Every value is explicit, so that no environment variable decides which
 * server is called or whose account pays.
 */
export function sdkOptions({ apiKey, baseUrl, limits }: HostedOptions, defaultUrl: string) {
  return {
    apiKey,
    baseURL: baseUrl ?? defaultUrl,
    maxRetries: 0,
    timeout: limits?.wholeMs ?? HOSTED_LIMITS.wholeMs,
    logLevel: 'off',
  } as const;
}

/** A model behind a hosted API, built from the vendor's parts. It never retries. */
export function createHostedModel<Reply extends Spending>(
  { entry, clock, limits }: Omit<HostedOptions, 'apiKey' | 'baseUrl'>,
  api: HostedApi<Reply>,
): ChatModel {
  const name = `${entry.provider}:${entry.id}`;
  return {
    name,
    contextTokens: entry.contextTokens,
    // A test request would cost money and says little about the next one. The first call reports a wrong key.
    probe: async () => ({ usable: true }),
    worstCase: (request) => hostedWorstCase(entry, request),
    async chat(request, signal) {
      refuseTooLong(name, entry, request);
      const reply = api.empty();
      const used = () => usedSoFar(entry, request, reply);
      const translate = (error: unknown) => translated(api, error, { model: name, used: used(), nowMs: clock.now() });
      return callModel(
        { clock, limits: { ...HOSTED_LIMITS, ...limits }, advice: ADVICE, model: name, used, translate },
        signal,
        async (watch) => {
          await readStream(api, request, watch, reply);
          return api.finish({
            request,
            reply,
            used: used(),
            failure: (code, message) => new ModelError(code, `${name}: ${message}`, { used: used() }),
          });
        },
      );
    },
  };
}

async function readStream<Reply extends Spending>(
  api: HostedApi<Reply>,
  request: ChatRequest,
  watch: Watchdog,
  reply: Reply,
): Promise<void> {
  const stream = await api.open(request, watch.signal);
  watch.connected();
  reply.accepted = true;
  for await (const chunk of stream) {
    watch.received();
    api.take(chunk, reply);
    if (reply.text !== '') watch.hasText();
  }
}

/** The most tokens that the API may generate: the reply and the thinking before it. */
export function outputLimit(entry: ModelEntry, request: ChatRequest): number {
  return Math.min(request.maxOutputTokens + entry.thinkingTokens, entry.maxOutputTokens);
}

/** Upper bound of a request's prompt in tokens, the schema included. */
function promptBound(request: ChatRequest): number {
  return messagesTokenBound(request) + schemaTokenBound(request.schema);
}

/** Upper bound of one call. The adapters never retry, and the API charges at most max_tokens for output. */
function hostedWorstCase(entry: ModelEntry, request: ChatRequest): TokenCost {
  return boundCost(entry.price, promptBound(request), outputLimit(entry, request));
}

/** Throws when prompt and reply may exceed the context window in models.yaml; its prices apply up to that size. */
function refuseTooLong(name: string, entry: ModelEntry, request: ChatRequest): void {
  const tokens = promptBound(request) + outputLimit(entry, request);
  if (tokens <= entry.contextTokens) return;
  throw new ModelError(
    'refused',
    `${name}: prompt and reply may take ${tokens} tokens, but the context window has ${entry.contextTokens}; ` +
      'shorten the prompt',
  );
}

/** What a call has used. If the API accepted it and then failed, the worst case: the charge is unknown. */
function usedSoFar(entry: ModelEntry, request: ChatRequest, { accepted, usage }: Spending): TokenCost {
  if (usage !== null) return usageCost(entry.price, usage);
  return accepted ? hostedWorstCase(entry, request) : { tokens: 0, usd: 0 };
}

function translated(
  api: Pick<HostedApi<Spending>, 'answerOf' | 'keyName'>,
  error: unknown,
  call: { readonly model: string; readonly used: TokenCost; readonly nowMs: number },
): ModelError {
  const options = { cause: error, used: call.used };
  const answer = api.answerOf(error);
  if (answer === 'timeout') return new ModelError('timeout', `${call.model}: the API did not answer in time`, options);
  if (answer !== null) return apiError({ ...call, ...answer, keyHint: `check ${api.keyName}`, cause: error });
  if (error instanceof z.ZodError || error instanceof SyntaxError) {
    return new ModelError(
      'invalid',
      `${call.model}: the reply does not follow the API's format: ${error.message.slice(0, 200)}`,
      options,
    );
  }
  return new ModelError(
    'unreachable',
    `${call.model}: the API cannot be reached: ${error instanceof Error ? error.message : String(error)}`,
    options,
  );
}
