import { Ollama, type ChatRequest as OllamaRequest } from 'ollama';
import { z } from 'zod';
import { pause, type Clock } from '../ports/clock.js';
import {
  ModelError,
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  type ModelProbe,
  type TokenCost,
} from '../ports/model.js';
import { callModel, type CallSetting } from './call.js';
import type { ModelEntry } from './catalog.js';
import { retryAfterMs } from './http-errors.js';
import { createOllamaFetch, OllamaHttpError, OllamaStreamError } from './ollama-wire.js';
import { wasTruncated } from './truncation.js';
import { messagesTokenBound } from './token-bound.js';
import { createWatchdog, type CallLimits, type LimitAdvice, type Watchdog } from './watchdog.js';

export interface OllamaOptions {
  /** The server's URL (ollamaUrl). */
  readonly url: string;
  readonly entry: ModelEntry;
  readonly clock: Clock;
  readonly limits?: Partial<CallLimits>;
}

/** A busy server still answers /api/version at once. The first token waits until model and prompt are loaded. */
const LIMITS: CallLimits = { connectMs: 5_000, firstTokenMs: 240_000, stallMs: 60_000, wholeMs: 300_000 };

/** Node's fetch fails when no headers arrive for five minutes, and Ollama sends them with the first token. */
export const LONGEST_FIRST_TOKEN_MS = 290_000;

/** Limits with this much time for the first token. The limit of the whole call grows by the same amount. */
export function firstTokenWithin(firstTokenMs: number): Partial<CallLimits> {
  return { firstTokenMs, wholeMs: LIMITS.wholeMs + Math.max(0, firstTokenMs - LIMITS.firstTokenMs) };
}

const ADVICE: LimitAdvice = {
  connectMs: 'it hangs or is overloaded: restart `ollama serve`, or set OLLAMA_HOST',
  firstTokenMs:
    'loading the model and reading the prompt took too long: raise OLLAMA_FIRST_TOKEN_MS, ' +
    'load the model in advance (`ollama run`), or use a smaller one',
  stallMs: 'the server hangs or is overloaded: restart `ollama serve`, or use a smaller model',
  wholeMs: 'the model is too slow for this computer: use a smaller one, or split the task',
};

/** A chat without output for this long is loading its model, or hangs. */
const QUIET_MS = 250;

/** Longer than the pauses within a task, so that the model is not loaded again for each turn. */
const KEEP_ALIVE = '30m';
const SEED = 42;

/**
 * A model on an Ollama server. Replies are constrained by the request's schema; temperature is 0, the seed is fixed,
 * and num_ctx is the same in every request of the process.
 *
 * Errors: unreachable (no server, 5xx, interrupted stream), timeout (the message names the limit), refused (the server
 * lacks the model; the message has the pull command), rate_limited, invalid. It does not retry. It sends a request
 * twice only when a newer server refuses a prompt that is too long: the second request allows truncation, and the
 * reply says so (promptTruncated).
 */
export function createOllamaModel({ url, entry, clock, limits }: OllamaOptions): ChatModel {
  const name = `ollama:${entry.id}`;
  const server: Server = { url, entry, clock, name, limits: { ...LIMITS, ...limits } };
  return {
    name,
    contextTokens: entry.contextTokens,
    probe: (signal) => probe(server, signal),
    worstCase: (request) => ({ tokens: promptBound(entry, request) + outputLimit(entry, request), usd: 0 }),
    chat: (request, signal) => chat(server, request, signal),
  };
}

interface Server {
  readonly url: string;
  readonly entry: ModelEntry;
  readonly clock: Clock;
  readonly name: string;
  readonly limits: CallLimits;
}

/** Whether the server answers and has the model; if not, the reason and the fix. */
async function probe(server: Server, signal: AbortSignal): Promise<ModelProbe> {
  const watch = createWatchdog(server.clock, server.limits, ADVICE, signal);
  try {
    const { models } = tagsSchema.parse(await clientOf(server, watch, 'document').list());
    const found = models.some((model) => withTag(model.name) === withTag(server.entry.id));
    return found
      ? { usable: true }
      : { usable: false, reason: `${server.url} does not have model ${server.entry.id}`, fix: pullCommand(server) };
  } catch (error) {
    const why = watch.expired() ?? (error instanceof OllamaHttpError ? error.message : null);
    const reason =
      error instanceof z.ZodError
        ? `the server at ${server.url} is not Ollama`
        : `no Ollama at ${server.url}${why === null ? '' : ` (${why})`}`;
    return { usable: false, reason, fix: 'start `ollama serve`, or set OLLAMA_HOST' };
  } finally {
    watch.stop();
  }
}

const tagsSchema = z.object({ models: z.array(z.object({ name: z.string() })) });

/** A name without a tag means :latest. */
function withTag(model: string): string {
  const lastPart = model.slice(model.lastIndexOf('/') + 1);
  return lastPart.includes(':') ? model : `${model}:latest`;
}

function pullCommand(server: Server): string {
  return `ollama pull ${server.entry.id}`;
}

function clientOf(server: Server, watch: Watchdog, body: 'document' | 'lines'): Ollama {
  return new Ollama({ host: server.url, fetch: createOllamaFetch(server.clock, watch, body) });
}

async function chat(server: Server, request: ChatRequest, signal: AbortSignal): Promise<ChatReply> {
  const received = { chunks: 0 };
  // The server reports its counts only at the end. Until then the prompt counts in full and each chunk as one token.
  const used = (): TokenCost => ({
    tokens: received.chunks === 0 ? 0 : promptBound(server.entry, request) + received.chunks,
    usd: 0,
  });
  const setting: CallSetting = {
    clock: server.clock,
    limits: server.limits,
    advice: ADVICE,
    model: server.name,
    used,
    translate: (error) => translate(server, error, used()),
  };
  return callModel(setting, signal, (watch) =>
    Promise.race([converse(server, request, watch, received), awaitSignOfLife(server, watch)]),
  );
}

/**
 * Asks for the server's version beside the chat: a chat sends nothing while the model is loaded, and only a server that
 * hangs does not answer this request either. It is sent only after the chat has been quiet for a while, because a
 * loaded model often replies sooner. Never resolves; rejects when the server refuses the request or the call ends.
 */
async function awaitSignOfLife(server: Server, watch: Watchdog): Promise<never> {
  await pause(server.clock, Math.min(QUIET_MS, server.limits.connectMs / 2), watch.signal);
  if (!watch.isConnected()) {
    await clientOf(server, watch, 'document').version();
    watch.connected();
  }
  return new Promise(() => undefined);
}

async function converse(
  server: Server,
  request: ChatRequest,
  watch: Watchdog,
  received: { chunks: number },
): Promise<ChatReply> {
  const mayBeTooLong = messagesTokenBound(request) + outputLimit(server.entry, request) > server.entry.contextTokens;
  try {
    return await stream(server, request, watch, received, false);
  } catch (error) {
    // A server that supports `truncate: false` refuses a prompt that it would truncate. Allow it, and report it.
    const refusedAsTooLong =
      mayBeTooLong && error instanceof OllamaHttpError && (error.status === 400 || error.status === 500);
    if (!refusedAsTooLong) throw error;
    return { ...(await stream(server, request, watch, received, true)), promptTruncated: true };
  }
}

/** Two fields of /api/chat that the package's type lacks. Older servers ignore them. */
export type OllamaChatBody = OllamaRequest & {
  /** false: refuse a prompt that does not fit, instead of silently dropping its older messages. */
  truncate: boolean;
  /** false: end the reply at num_ctx, instead of dropping the beginning of the prompt while replying. */
  shift: boolean;
};

function bodyOf({ entry }: Server, request: ChatRequest, allowTruncation: boolean): OllamaChatBody & { stream: true } {
  return {
    model: entry.id,
    messages: request.messages.map(({ role, content }) => ({ role, content })),
    stream: true,
    format: request.schema,
    keep_alive: KEEP_ALIVE,
    think: entry.thinking,
    truncate: allowTruncation,
    shift: allowTruncation,
    options: { num_ctx: entry.contextTokens, num_predict: outputLimit(entry, request), temperature: 0, seed: SEED },
  };
}

/** Upper bound of the prompt's tokens: Ollama reads no more than num_ctx of it. */
function promptBound(entry: ModelEntry, request: ChatRequest): number {
  return Math.min(messagesTokenBound(request), entry.contextTokens);
}

function outputLimit(entry: ModelEntry, request: ChatRequest): number {
  return Math.min(request.maxOutputTokens, entry.maxOutputTokens);
}

async function stream(
  server: Server,
  request: ChatRequest,
  watch: Watchdog,
  received: { chunks: number },
  allowTruncation: boolean,
): Promise<ChatReply> {
  const replies = await clientOf(server, watch, 'lines').chat(bodyOf(server, request, allowTruncation));
  let text = '';
  for await (const chunk of replies) {
    const part = chunkSchema.parse(chunk);
    text += part.message.content;
    if (text !== '') watch.hasText();
    if (!part.done) {
      received.chunks += 1;
      continue;
    }
    const counted = { prompt: part.prompt_eval_count ?? null, reply: part.eval_count ?? received.chunks };
    return {
      text,
      // Servers before 0.4 omit the count when the prompt was cached; the upper bound is used then.
      tokensIn: counted.prompt ?? promptBound(server.entry, request),
      tokensOut: counted.reply,
      costUsd: 0,
      promptTruncated: wasTruncated(request, counted, server.entry.contextTokens),
    };
  }
  throw new OllamaStreamError('cut', 'the stream ended before the reply was done');
}

const chunkSchema = z.object({
  message: z.object({ content: z.string() }),
  done: z.boolean(),
  prompt_eval_count: z.int().nonnegative().optional(),
  eval_count: z.int().nonnegative().optional(),
});

function translate(server: Server, error: unknown, used: TokenCost): ModelError {
  const failure = (code: ModelError['code'], message: string, wait: number | null = null) =>
    new ModelError(code, `${server.name}: ${message}`, { cause: error, used, retryAfterMs: wait });
  if (error instanceof OllamaHttpError) {
    if (error.status === 404) return failure('refused', `${error.message}; run \`${pullCommand(server)}\``);
    // 503: the server's queue is full. 429: a proxy in front of it limits the rate.
    const wait = retryAfterMs(error.headers, server.clock.now());
    if (error.status === 429) return failure('rate_limited', error.message, wait);
    return failure(error.status >= 500 ? 'unreachable' : 'refused', error.message, wait);
  }
  if (error instanceof OllamaStreamError)
    return failure(error.kind === 'malformed' ? 'invalid' : 'unreachable', error.message);
  if (error instanceof z.ZodError || error instanceof SyntaxError)
    return failure('invalid', `the server at ${server.url} does not speak Ollama's API; check OLLAMA_HOST`);
  return used.tokens > 0
    ? failure('unreachable', 'the connection broke in the middle of the reply')
    : failure('unreachable', `Ollama does not answer at ${server.url}; start \`ollama serve\`, or set OLLAMA_HOST`);
}
