import { z } from 'zod';
import type { Clock } from '../ports/clock.js';
import { ModelError, type ChatModel, type ChatReply, type ChatRequest, type TokenCost } from '../ports/model.js';
import { callModel } from './call.js';
import type { ModelEntry } from './catalog.js';
import { apiError, type ApiAnswer } from './http-errors.js';
import { boundCost, usageCost, type Usage } from './price.js';
import { messagesTokenBound, schemaTokenBound } from './token-bound.js';
import type { CallLimits, LimitAdvice, Watchdog } from './watchdog.js';

/** What the adapters of hosted APIs are given. */
export interface HostedOptions {
  readonly entry: ModelEntry;
  readonly apiKey: string;
  /** null: the vendor's own. */
  readonly baseUrl: string | null;
  readonly clock: Clock;
  readonly limits?: Partial<CallLimits>;
}

/** How far a streamed call has come, for what it has used up. */
export interface Spending {
  /** Whether the API has taken the request, from which moment on it may charge. */
  accepted: boolean;
  /** The final counts; null until the API has sent them. */
  usage: Usage | null;
}

/** A call whose stream has ended. */
export interface ReadCall<Reply extends Spending> {
  readonly request: ChatRequest;
  readonly reply: Reply;
  readonly used: TokenCost;
  /** The error that names the model and says what was used up. */
  failure(code: ModelError['code'], message: string): ModelError;
}

/** What a vendor's API has of its own. */
export interface HostedApi<Reply extends Spending> {
  /** The setting that holds its key. */
  readonly keyName: string;
  /** A reply of which nothing has come. */
  empty(): Reply;
  /** Sends the request and reads the stream into the reply; tells the watchdog of every piece. */
  read(request: ChatRequest, watch: Watchdog, reply: Reply): Promise<void>;
  /** What a stream comes to that ended; throws where it holds no reply. */
  finish(call: ReadCall<Reply>): ChatReply;
  /** The API's own failure; timeout: the SDK's; null: no answer of the API. */
  answerOf(error: unknown): ApiAnswer | 'timeout' | null;
}

/** Thinking models say nothing for a while, but their streams carry pings and thinking as pieces. */
export const HOSTED_LIMITS: CallLimits = {
  connectMs: 60_000,
  firstTokenMs: 120_000,
  stallMs: 60_000,
  wholeMs: 600_000,
};

const ADVICE: LimitAdvice = {
  connectMs: "check this computer's network, the vendor's status page and the base URL",
  firstTokenMs: "check the vendor's status page, or put another model in front",
  stallMs: "check this computer's network and the vendor's status page",
  wholeMs: 'ask for less at once, or put a faster model in front',
};

/** A model behind a hosted API: everything but what the vendor's API has of its own. It never retries. */
export function createHostedModel<Reply extends Spending>(
  { entry, clock, limits }: Omit<HostedOptions, 'apiKey' | 'baseUrl'>,
  api: HostedApi<Reply>,
): ChatModel {
  const name = `${entry.provider}:${entry.id}`;
  return {
    name,
    contextTokens: entry.contextTokens,
    // A request would cost money and says little about the next one; a wrong key shows itself at the first call.
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
          await api.read(request, watch, reply);
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

/** Tokens that the API is allowed to write: the reply and the thinking before it. */
export function outputLimit(entry: ModelEntry, request: ChatRequest): number {
  return Math.min(request.maxOutputTokens + entry.thinkingTokens, entry.maxOutputTokens);
}

/** Upper bound of a request's prompt in tokens, the schema included. */
function promptBound(request: ChatRequest): number {
  return messagesTokenBound(request) + schemaTokenBound(request.schema);
}

/** Upper bound of one call; the adapters never retry, and the API charges for no more than max_tokens. */
function hostedWorstCase(entry: ModelEntry, request: ChatRequest): TokenCost {
  return boundCost(entry.price, promptBound(request), outputLimit(entry, request));
}

/** Throws when the prompt may be longer than the context whose price models.yaml knows. */
function refuseTooLong(name: string, entry: ModelEntry, request: ChatRequest): void {
  const tokens = promptBound(request) + outputLimit(entry, request);
  if (tokens <= entry.contextTokens) return;
  throw new ModelError(
    'refused',
    `${name}: prompt and reply may take ${tokens} tokens and the model has ${entry.contextTokens}; shorten the prompt`,
  );
}

/** What a call has used up; the worst case where it was taken and then broke off, for nobody says what was charged. */
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
      `${call.model}: the API's reply is not what it promises: ${error.message.slice(0, 200)}`,
      options,
    );
  }
  return new ModelError(
    'unreachable',
    `${call.model}: the API cannot be reached: ${error instanceof Error ? error.message : String(error)}`,
    options,
  );
}
