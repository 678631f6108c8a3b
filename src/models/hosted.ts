import { z } from 'zod';
import type { Clock } from '../ports/clock.js';
import {
  ModelError,
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  type SentMessage,
  type TokenCost,
} from '../ports/model.js';
import { createApiFetch } from './api-fetch.js';
import { callModel } from './call.js';
import { ignoredSchema, MOST_REFUSALS, type Capabilities, type Sent } from './capabilities.js';
import type { ModelEntry } from './catalog.js';
import { connectCause } from './connect-cause.js';
import { withoutCredentials, type Endpoint } from './endpoint.js';
import { apiError, type ApiAnswer, type ApiHints } from './http-errors.js';
import { boundCost, promptTokens, usageCost, type Usage } from './price.js';
import { wordsOf } from './server-words.js';
import { formTokenBound, messagesTokenBound } from './token-bound.js';
import { createTransport, type Transport } from './transport.js';
import type { CallLimits, LimitAdvice, Watchdog } from './watchdog.js';

/** Options of the adapters for hosted APIs. */
export interface HostedOptions {
  readonly entry: ModelEntry;
  readonly apiKey: string;
  /** May hold user:password@ for basic authentication, which then replaces the key. null: the vendor's default. */
  readonly baseUrl: string | null;
  readonly clock: Clock;
  readonly limits?: Partial<CallLimits>;
  /** Default: directly. */
  readonly transport?: Transport;
}

/** The state of a streamed call that decides what it has cost so far. */
export interface Spending {
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

/** A reply of a call that has ended; a call whose tokens were not counted counts as its worst case. */
export function countedReply(
  entry: ModelEntry,
  { request, reply: { text, usage }, used }: ReadCall<Spending & { readonly text: string }>,
  { toolCalls, ...rest }: Required<Pick<ChatReply, 'toolCalls' | 'ending' | 'promptTruncated'>>,
): ChatReply {
  const most = outputLimit(entry, request);
  return {
    text,
    ...(toolCalls.length > 0 ? { toolCalls } : {}),
    tokensIn: usage === null ? used.tokens - most : promptTokens(usage),
    tokensOut: usage === null ? most : usage.output,
    costUsd: used.usd,
    ...rest,
  };
}

/** A request in a vendor's form, and what it uses. */
export interface Prepared<Feature extends string> {
  readonly sent: Sent<Feature>;
  readonly messages: readonly SentMessage[];
}

/** The parts that differ between vendors. */
export interface HostedApi<Reply extends Spending, Feature extends string, Request extends Prepared<Feature>> {
  readonly endpoint: Endpoint;
  /** Where to look when a request is refused. */
  readonly hints: ApiHints;
  readonly can: Capabilities<Feature>;
  /** A reply before its first chunk. */
  empty(): Reply;
  /** Whether the reply has text or a tool call so far. */
  hasOutput(reply: Reply): boolean;
  /** The request in the terms that the server is known to take. */
  prepare(request: ChatRequest): Request;
  /** Sends the request. Resolves with the stream when the API has accepted the request. */
  open(request: Request, reply: Reply, signal: AbortSignal): Promise<AsyncIterable<unknown> | Iterable<unknown>>;
  /** Adds one chunk of the stream to the reply. Throws a ZodError for a chunk that is not as the API documents it. */
  take(chunk: unknown, reply: Reply): void;
  /** Turns a stream that has ended into the reply. Throws a ModelError if there is none. */
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
export function sdkOptions({ apiKey, limits, transport = createTransport() }: HostedOptions, endpoint: Endpoint) {
  return {
    apiKey,
    baseURL: endpoint.url,
    maxRetries: 0,
    timeout: limits?.wholeMs ?? HOSTED_LIMITS.wholeMs,
    logLevel: 'off',
    fetch: createApiFetch(transport.fetch, endpoint),
  } as const;
}

/**
 * A model behind a hosted API, built from the vendor's parts. It never retries.
 * @param load called before the first request: the SDKs are a quarter of the modules that a process would load, and
 *   most processes call one of them or none
 */
export function createHostedModel<Reply extends Spending, Feature extends string, Request extends Prepared<Feature>>(
  { entry, apiKey, clock, limits, transport = createTransport() }: HostedOptions,
  load: () => Promise<HostedApi<Reply, Feature, Request>>,
): ChatModel {
  const name = `${entry.provider}:${entry.id}`;
  let loading: Promise<HostedApi<Reply, Feature, Request>> | null = null;
  return {
    name,
    contextTokens: entry.contextTokens,
    thinkingTokens: entry.thinkingTokens,
    // A test request would cost money and says little about the next one. The first call reports a wrong key.
    probe: async () => ({ usable: true }),
    fits: (request) => tokensOf(entry, request) <= entry.contextTokens,
    price: { input: entry.price.input, output: entry.price.output },
    worstCase: (request) => hostedWorstCase(entry, request),
    async chat(request, signal) {
      refuseTooLong(name, entry, request);
      const api = await (loading ??= load());
      const reply = api.empty();
      const used = () => usedSoFar(entry, request, reply);
      const translate = (error: unknown) =>
        translated(api, error, {
          model: name,
          used: used(),
          nowMs: clock.now(),
          secrets: [apiKey, ...api.endpoint.secrets],
          proxy: transport.proxyOf(api.endpoint.url),
        });
      return callModel(
        { clock, limits: { ...HOSTED_LIMITS, ...limits }, advice: ADVICE, model: name, used, translate },
        signal,
        async (watch) => {
          const { sent, messages } = await readStream(api, request, watch, reply);
          const failure: ReadCall<Reply>['failure'] = (code, message) =>
            new ModelError(code, `${name}: ${message}`, { used: used() });
          const read = api.finish({ request, reply, used: used(), failure });
          if (sent.form === 'json_schema' && ignoredSchema(read)) api.can.ignoresSchemas();
          return { ...read, form: sent.form, messages };
        },
      );
    },
  };
}

/** Sends the request, without what the server refuses, until it replies. Resolves with the answered request. */
async function readStream<Reply extends Spending, Feature extends string, Request extends Prepared<Feature>>(
  api: HostedApi<Reply, Feature, Request>,
  request: ChatRequest,
  watch: Watchdog,
  reply: Reply,
): Promise<Request> {
  for (let left = MOST_REFUSALS; ; left -= 1) {
    const prepared = api.prepare(request);
    try {
      await readOnce(api, prepared, watch, reply);
      return prepared;
    } catch (error) {
      const answer = refusalIn(api, error, reply);
      if (answer === null || left === 0 || api.can.learn(answer, prepared.sent) === null) throw error;
      Object.assign(reply, api.empty());
    }
  }
}

async function readOnce<Reply extends Spending, Feature extends string, Request extends Prepared<Feature>>(
  api: HostedApi<Reply, Feature, Request>,
  prepared: Request,
  watch: Watchdog,
  reply: Reply,
): Promise<void> {
  await watch.request(async (signal) => {
    const stream = await api.open(prepared, reply, signal);
    watch.connected();
    reply.accepted = true;
    for await (const chunk of stream) {
      watch.received();
      api.take(chunk, reply);
      if (api.hasOutput(reply)) watch.hasText();
    }
  });
}

/**
 * The answer that may refuse a part of the request; null: it is none, or the reply has begun. LM Studio and gateways
 * that have sent their headers refuse a request as the first event of a stream, often without a status.
 */
function refusalIn<Reply extends Spending>(
  api: Pick<HostedApi<Reply, string, Prepared<string>>, 'answerOf' | 'hasOutput'>,
  error: unknown,
  reply: Reply,
): ApiAnswer | null {
  const answer = api.answerOf(error);
  if (answer === null || answer === 'timeout' || api.hasOutput(reply) || reply.usage !== null) return null;
  return { ...answer, status: answer.status ?? answer.words.status ?? 400 };
}

/** The most tokens that the API may generate: the reply and the thinking before it. */
export function outputLimit(entry: ModelEntry, request: ChatRequest): number {
  return Math.min(request.maxOutputTokens + entry.thinkingTokens, entry.maxOutputTokens);
}

/** Upper bound of a request's prompt in tokens, in whatever form it is sent. */
function promptBound(request: ChatRequest): number {
  return messagesTokenBound(request) + formTokenBound(request);
}

/** Upper bound of one call. The adapters never retry, and the API charges at most max_tokens for output. */
function hostedWorstCase(entry: ModelEntry, request: ChatRequest): TokenCost {
  return boundCost(entry.price, promptBound(request), outputLimit(entry, request));
}

/** Upper bound of prompt and reply together. */
const tokensOf = (entry: ModelEntry, request: ChatRequest): number =>
  promptBound(request) + outputLimit(entry, request);

/** Throws when prompt and reply may exceed the context window in models.yaml; its prices apply up to that size. */
function refuseTooLong(name: string, entry: ModelEntry, request: ChatRequest): void {
  const tokens = tokensOf(entry, request);
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

interface FailedCall {
  readonly model: string;
  readonly used: TokenCost;
  readonly nowMs: number;
  readonly secrets: readonly string[];
  readonly proxy: string | null;
}

function translated(
  { answerOf, hints, endpoint }: Pick<HostedApi<Spending, string, Prepared<string>>, 'answerOf' | 'hints' | 'endpoint'>,
  error: unknown,
  { proxy, ...call }: FailedCall,
): ModelError {
  const options = { cause: error, used: call.used };
  const answer = answerOf(error);
  const failure = (code: ModelError['code'], text: string) => new ModelError(code, `${call.model}: ${text}`, options);
  if (answer === 'timeout')
    return failure('timeout', `${withoutCredentials(endpoint.url)} did not answer in time; ${hints.url}`);
  if (answer !== null) return apiError({ ...call, ...answer, hints, cause: error });
  if (error instanceof z.ZodError || error instanceof SyntaxError)
    return failure('invalid', `the reply does not follow the API's format: ${firstFault(error)}; ${hints.url}`);
  if (call.used.tokens > 0)
    return failure('unreachable', `the connection broke in the middle of the reply: ${unreachable(error)}`);
  const through = proxy === null ? '' : ` through the proxy ${proxy}`;
  const url = withoutCredentials(endpoint.url);
  return failure('unreachable', `${url} cannot be reached${through}: ${unreachable(error)}; ${hints.url}`);
}

const unreachable = (error: unknown): string =>
  connectCause(error) ?? wordsOf(error instanceof Error ? error.message : String(error)).shown;

function firstFault(error: z.ZodError | SyntaxError): string {
  if (error instanceof SyntaxError) return wordsOf(error.message).shown;
  const [issue] = error.issues;
  return issue === undefined ? 'it is empty' : `${issue.path.join('.') || 'the piece'}: ${issue.message}`;
}
