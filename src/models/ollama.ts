import { Ollama } from 'ollama';
import { z } from 'zod';
import { pause, type Clock } from '../ports/clock.js';
import {
  ModelError,
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  type ModelProbe,
  type NativeCall,
  type ReplyEnding,
  type TokenCost,
} from '../ports/model.js';
import { createApiFetch, httpAnswerIn } from './api-fetch.js';
import { callModel, type CallSetting } from './call.js';
import { ignoredSchema, MOST_REFUSALS, type Capabilities } from './capabilities.js';
import type { ModelEntry } from './catalog.js';
import { connectCause, isSyntaxError } from './connect-cause.js';
import { COMPLETE, cut, endedByLength, isMisplaced, onlyThinking } from './endings.js';
import { endpointOf, type Endpoint } from './endpoint.js';
import { answerText, apiError, isTooLong } from './http-errors.js';
import { sameOllamaModel } from './ollama-name.js';
import { ollamaCapabilities, ollamaRequest, type OllamaFeature, type OllamaPrepared } from './ollama-request.js';
import { createOllamaFetch, OllamaStreamError } from './ollama-wire.js';
import { wasTruncated } from './truncation.js';
import { formTokenBound, messagesTokenBound } from './token-bound.js';
import { createTransport, type Transport } from './transport.js';
import { createWatchdog, type CallLimits, type LimitAdvice, type Watchdog } from './watchdog.js';

export interface OllamaOptions {
  /** The server's URL (ollamaUrl); may hold user:password@ for basic authentication. */
  readonly url: string;
  readonly entry: ModelEntry;
  readonly clock: Clock;
  readonly limits?: Partial<CallLimits>;
  /** Default: directly. */
  readonly transport?: Transport;
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

/**
 * A model on an Ollama server. Replies are constrained by the request's schema, or the model calls tools where
 * models.yaml says `tool_calls: native`; temperature is 0, the seed is fixed unless the request has one, and num_ctx is
 * the same in every request of the process. What a server or a model refuses (format, think, tools) is left out from
 * then on.
 *
 * Errors: unreachable (no server, 5xx, interrupted stream), timeout (the message names the limit), refused (the server
 * lacks the model; the message has the pull command), rate_limited, invalid. It does not retry. When a newer server
 * refuses a prompt that is too long, a second request allows truncation, and the reply says so (promptTruncated).
 */
export function createOllamaModel(options: OllamaOptions): ChatModel {
  const { url, entry, clock, limits, transport = createTransport() } = options;
  const name = `ollama:${entry.id}`;
  const endpoint = endpointOf(url);
  const server: Server = {
    endpoint,
    entry,
    clock,
    name,
    transport,
    limits: { ...LIMITS, ...limits },
    can: ollamaCapabilities(entry),
  };
  return {
    name,
    contextTokens: entry.contextTokens,
    thinkingTokens: entry.thinkingTokens,
    probe: (signal) => probe(server, signal),
    worstCase: (request) => ({ tokens: promptBound(server, request) + outputLimit(entry, request), usd: 0 }),
    chat: (request, signal) => chat(server, request, signal),
  };
}

interface Server {
  readonly endpoint: Endpoint;
  readonly entry: ModelEntry;
  readonly clock: Clock;
  readonly name: string;
  readonly transport: Transport;
  readonly limits: CallLimits;
  readonly can: Capabilities<OllamaFeature>;
}

/** Whether the server answers and has the model; if not, the reason and the fix. */
async function probe(server: Server, signal: AbortSignal): Promise<ModelProbe> {
  const watch = createWatchdog(server.clock, server.limits, ADVICE, signal);
  try {
    const { models } = tagsSchema.parse(await clientOf(server, watch, 'document').list());
    const found = models.some((model) => sameOllamaModel(model.name, server.entry.id));
    return found
      ? { usable: true }
      : {
          usable: false,
          reason: `${server.endpoint.url} does not have model ${server.entry.id}`,
          fix: pullCommand(server),
        };
  } catch (error) {
    return { usable: false, ...probeFailure(server, error, watch.expired(), signal.aborted) };
  } finally {
    watch.stop();
  }
}

function probeFailure(
  { endpoint }: Server,
  error: unknown,
  expired: string | null,
  aborted: boolean,
): { readonly reason: string; readonly fix: string | null } {
  const { url } = endpoint;
  if (aborted) return { reason: `the start ended before the Ollama at ${url} answered`, fix: null };
  const answer = httpAnswerIn(error);
  if (answer !== null) {
    const asked = answer.status === 401 || answer.status === 403;
    return {
      reason: `the server at ${url} answered ${answerText({ ...answer, secrets: endpoint.secrets })}`,
      fix: asked ? 'write user:password@ in front of the host in OLLAMA_HOST' : 'check OLLAMA_HOST',
    };
  }
  if (error instanceof z.ZodError || isSyntaxError(error))
    return { reason: `the server at ${url} is not Ollama`, fix: 'check OLLAMA_HOST' };
  const why = expired ?? connectCause(error);
  return {
    reason: `no Ollama at ${url}${why === null ? '' : ` (${why})`}`,
    fix: 'start `ollama serve`, or set OLLAMA_HOST',
  };
}

const tagsSchema = z.object({ models: z.array(z.object({ name: z.string() })) });

function pullCommand(server: Server): string {
  return `ollama pull ${server.entry.id}`;
}

function clientOf({ endpoint, transport, clock }: Server, watch: Watchdog, body: 'document' | 'lines'): Ollama {
  const send = createApiFetch(transport.leanFetch, endpoint);
  return new Ollama({ host: endpoint.url, fetch: createOllamaFetch(send, clock, watch, body) });
}

async function chat(server: Server, request: ChatRequest, signal: AbortSignal): Promise<ChatReply> {
  const received = { chunks: 0 };
  // The server reports its counts only at the end. Until then the prompt counts in full and each chunk as one token.
  const used = (): TokenCost => ({
    tokens: received.chunks === 0 ? 0 : promptBound(server, request) + received.chunks,
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
 * loaded model often replies sooner. Any answer will do: servers with Ollama's API may lack this path. Never resolves;
 * rejects when there is no answer.
 */
async function awaitSignOfLife(server: Server, watch: Watchdog): Promise<never> {
  await pause(server.clock, Math.min(QUIET_MS, server.limits.connectMs / 2), watch.signal);
  if (!watch.isConnected()) {
    try {
      await clientOf(server, watch, 'document').version();
    } catch (error) {
      if (httpAnswerIn(error) === null && !isSyntaxError(error)) throw error;
    }
    watch.connected();
  }
  return new Promise(() => undefined);
}

/** Sends the request, without what the server refuses, until it replies. */
async function converse(
  server: Server,
  request: ChatRequest,
  watch: Watchdog,
  received: { chunks: number },
): Promise<ChatReply> {
  const { entry, can } = server;
  const limit = outputLimit(entry, request);
  const mayBeTooLong = messagesTokenBound(request) + limit > entry.contextTokens;
  let truncating = false;
  for (let left = MOST_REFUSALS; ; left -= 1) {
    const prepared = ollamaRequest(entry, can, request, limit, truncating);
    try {
      const reply = await stream(server, request, prepared, watch, received);
      if (prepared.sent.form === 'json_schema' && ignoredSchema(reply)) can.ignoresSchemas();
      return { ...reply, promptTruncated: truncating || reply.promptTruncated };
    } catch (error) {
      const answer = httpAnswerIn(error);
      if (answer === null || left === 0) throw error;
      // A server that supports `truncate: false` refuses a prompt that it would truncate. Allow it, and report it.
      if (!truncating && mayBeTooLong && isTooLong(answer.words)) truncating = true;
      else if (can.learn(answer, prepared.sent) === null) throw error;
    }
  }
}

/** Upper bound of the prompt's tokens: Ollama reads no more than num_ctx of it. A schema constrains without tokens. */
function promptBound({ entry, can }: Server, request: ChatRequest): number {
  const form = can.formFor(request) === 'json_schema' ? 0 : formTokenBound(request);
  return Math.min(messagesTokenBound(request) + form, entry.contextTokens);
}

function outputLimit(entry: ModelEntry, request: ChatRequest): number {
  return Math.min(request.maxOutputTokens + entry.thinkingTokens, entry.maxOutputTokens);
}

async function stream(
  server: Server,
  request: ChatRequest,
  { body, sent, messages }: OllamaPrepared,
  watch: Watchdog,
  received: { chunks: number },
): Promise<ChatReply> {
  const replies = await clientOf(server, watch, 'lines').chat(body);
  let text = '';
  let thinking = '';
  const toolCalls: NativeCall[] = [];
  for await (const chunk of replies) {
    const part = chunkSchema.parse(chunk);
    text += part.message?.content ?? '';
    thinking += part.message?.thinking ?? '';
    for (const call of part.message?.tool_calls ?? [])
      toolCalls.push({ name: call.function.name, arguments: call.function.arguments });
    if (text !== '' || toolCalls.length > 0) watch.hasText();
    if (!part.done) {
      received.chunks += 1;
      continue;
    }
    const reason = part.done_reason ?? null;
    if (isMisplaced({ text, thinking, calls: toolCalls.length, reason })) text = thinking;
    const counted = { prompt: part.prompt_eval_count ?? null, reply: part.eval_count ?? received.chunks };
    return {
      text,
      ...(toolCalls.length > 0 ? { toolCalls } : {}),
      ending: endingOf(server.entry, part, {
        hasOutput: text !== '' || toolCalls.length > 0,
        thought: thinking !== '',
        limit: body.options?.num_predict ?? 0,
      }),
      form: sent.form,
      messages,
      // Servers before 0.4 omit the count when the prompt was cached; the upper bound is used then.
      tokensIn: counted.prompt ?? promptBound(server, request),
      tokensOut: counted.reply,
      costUsd: 0,
      promptTruncated: wasTruncated(request, counted, server.entry.contextTokens),
    };
  }
  throw new OllamaStreamError('cut', 'the stream ended before the reply was done');
}

const count = z.int().nonnegative().nullish();
const chunkSchema = z.object({
  message: z
    .object({
      content: z.string().nullish(),
      thinking: z.string().nullish(),
      tool_calls: z
        .array(z.object({ function: z.object({ name: z.string(), arguments: z.unknown().optional() }) }))
        .nullish(),
    })
    .nullish(),
  done: z.boolean(),
  done_reason: z.string().nullish(),
  prompt_eval_count: count,
  eval_count: count,
});

function endingOf(
  { contextTokens }: ModelEntry,
  { done_reason, prompt_eval_count, eval_count }: z.infer<typeof chunkSchema>,
  { hasOutput, thought, limit }: { readonly hasOutput: boolean; readonly thought: boolean; readonly limit: number },
): ReplyEnding {
  const reason = `done_reason ${done_reason ?? 'none'}`;
  const tokens = eval_count ?? null;
  if (done_reason === 'length') {
    const prompt = prompt_eval_count ?? null;
    const allTokens = prompt === null || tokens === null ? null : prompt + tokens;
    return endedByLength({ hasOutput, tokens, allTokens, limit, contextTokens, reason: `${reason}, num_predict` });
  }
  if (!hasOutput && (done_reason === 'load' || done_reason === 'unload'))
    return cut('not_loaded', `the server only ${done_reason}ed the model and sent no text (${reason})`);
  return !hasOutput && thought ? onlyThinking(tokens, reason) : COMPLETE;
}

function translate(server: Server, error: unknown, used: TokenCost): ModelError {
  const { endpoint, name, transport } = server;
  const failure = (code: ModelError['code'], message: string) =>
    new ModelError(code, `${name}: ${message}`, { cause: error, used });
  if (error instanceof OllamaStreamError && error.kind === 'page') return failure('invalid', pageText(server, error));
  const streamed = error instanceof OllamaStreamError ? error.words : null;
  const answer = streamed === null ? httpAnswerIn(error) : { status: null, words: streamed, headers: null };
  if (answer !== null) {
    return apiError({
      ...answer,
      model: name,
      hints: {
        key: 'write user:password@ in front of the host in OLLAMA_HOST',
        url: 'check OLLAMA_HOST',
        model: `run \`${pullCommand(server)}\``,
      },
      secrets: endpoint.secrets,
      cause: error,
      used,
      nowMs: server.clock.now(),
    });
  }
  if (error instanceof OllamaStreamError)
    return failure(error.kind === 'malformed' ? 'invalid' : 'unreachable', error.message);
  if (error instanceof z.ZodError || isSyntaxError(error))
    return failure('invalid', `the server at ${endpoint.url} does not speak Ollama's API; check OLLAMA_HOST`);
  const why = connectCause(error);
  const because = why === null ? '' : `: ${why}`;
  if (used.tokens > 0) return failure('unreachable', `the connection broke in the middle of the reply${because}`);
  const proxy = transport.proxyOf(endpoint.url);
  const through = proxy === null ? '' : ` through the proxy ${proxy}`;
  return failure(
    'unreachable',
    `Ollama does not answer at ${endpoint.url}${through}${because}; start \`ollama serve\`, or set OLLAMA_HOST`,
  );
}

function pageText({ endpoint }: Server, { message }: OllamaStreamError): string {
  const title = message === '' ? '' : `: ${message}`;
  const what = `the server at ${endpoint.url} sent a web page and no reply${title}`;
  return `${what}; check OLLAMA_HOST and the proxy in front of it`;
}
