import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import type { ChatReply, ReplyEnding } from '../ports/model.js';
import type { ModelEntry } from './catalog.js';
import { COMPLETE, cut, endedByLength, isMisplaced, meaningOf, onlyThinking } from './endings.js';
import { countedReply, outputLimit, sdkOptions, type HostedApi, type HostedOptions, type ReadCall } from './hosted.js';
import { isAzure, isOpenai, type OpenaiBase } from './openai-base.js';
import { ErrorInStream, httpAnswerIn } from './api-fetch.js';
import { WRITE_AGAIN, type ApiAnswer } from './http-errors.js';
import { emptyOpenaiReply, takeOpenaiChunk, type OpenaiReply } from './openai-chunk.js';
import { openaiCapabilities, openaiRequest, type OpenaiFeature, type OpenaiRequest } from './openai-request.js';
import { openaiStream, type StreamEnd } from './openai-stream.js';
import { promptTokens } from './price.js';
import { wordsOf } from './server-words.js';
import { countsTooFew } from './truncation.js';

/** A reply and whether its stream ended as the API says. */
interface PartialReply extends OpenaiReply {
  accepted: boolean;
  readonly end: StreamEnd;
}

/** Chat Completions, with the vendor's SDK. */
export function openaiApi(
  options: HostedOptions,
  { endpoint, query }: OpenaiBase,
): HostedApi<PartialReply, OpenaiFeature, OpenaiRequest> {
  const { entry } = options;
  const own = isOpenai(endpoint.url);
  const can = openaiCapabilities(entry);
  // organization and project: null, so that the SDK does not read them from the environment.
  const client = new OpenAI({
    ...sdkOptions(options, endpoint),
    organization: null,
    project: null,
    defaultQuery: query,
    defaultHeaders: isAzure(endpoint.url) ? { 'api-key': options.apiKey } : {},
  });
  return {
    endpoint,
    hints: { key: 'check OPENAI_API_KEY', url: 'check OPENAI_BASE_URL', model: 'check the model id in models.yaml' },
    can,
    empty: () => ({ ...emptyOpenaiReply(), accepted: false, end: { marked: false } }),
    hasOutput: (reply) => reply.text !== '' || reply.calls.count() > 0,
    prepare: (request) => openaiRequest({ entry, own, can }, request, outputLimit(entry, request)),
    open: async ({ params }, reply, signal) => {
      try {
        const response = await client.chat.completions.create(params, { signal }).asResponse();
        return orGenerated(await openaiStream(client, response, reply.end));
      } catch (error) {
        return [generatedPiece(error)];
      }
    },
    take: takeOpenaiChunk,
    finish: (call) => finish(entry, call),
    answerOf,
  };
}

async function* orGenerated(stream: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  try {
    yield* stream;
  } catch (error) {
    yield generatedPiece(error);
  }
}

/**
 * Groq refuses what its model wrote, and sends it along: a step may be read from it. As the piece of a reply; rethrows
 * an error that has none.
 */
function generatedPiece(error: unknown): object {
  const answer = answerOf(error);
  if (answer === null || answer === 'timeout' || answer.words.generated === null) throw error;
  return { choices: [{ index: 0, delta: { content: answer.words.generated }, finish_reason: 'stop' }] };
}

function finish(entry: ModelEntry, call: ReadCall<PartialReply>): ChatReply {
  const { request, reply, failure } = call;
  if (reply.chunks === 0) throw failure('invalid', 'the server does not speak Chat Completions; check OPENAI_BASE_URL');
  if (reply.finishReason === null && !reply.end.marked)
    throw failure('unreachable', 'the connection ended in the middle of the reply');
  if (reply.refusal !== '') throw failure('refused', `the model declined to answer: ${reply.refusal}`);
  const { text, thinking, calls, finishReason: reason } = reply;
  if (isMisplaced({ text, thinking, calls: calls.count(), reason })) reply.text = thinking;
  if (meaningOf(reason) === 'malformed') throw failure('invalid', `${WRITE_AGAIN} (finish_reason ${reason ?? ''})`);
  const toolCalls = reply.calls.all();
  const ending = endingOf(entry, call);
  if (ending.kind === 'complete' && reply.text === '' && toolCalls.length === 0)
    throw failure('invalid', `the reply is empty (finish_reason ${reply.finishReason ?? 'none'})`);
  // Some servers behind a base URL report no usage.
  const promptTruncated = reply.usage !== null && countsTooFew(request, promptTokens(reply.usage));
  return countedReply(entry, call, { toolCalls, ending, promptTruncated });
}

function endingOf(entry: ModelEntry, { request, reply }: ReadCall<PartialReply>): ReplyEnding {
  const reason = `finish_reason ${reply.finishReason ?? 'none'}`;
  const hasOutput = reply.text !== '' || reply.calls.count() > 0;
  const { usage } = reply;
  const filters = reply.filters.length === 0 ? '' : `: ${reply.filters.join(', ')}`;
  switch (meaningOf(reply.finishReason)) {
    case 'length':
      return endedByLength({
        hasOutput,
        tokens: usage?.output ?? null,
        allTokens: usage === null ? null : promptTokens(usage) + usage.output,
        limit: outputLimit(entry, request),
        contextTokens: entry.contextTokens,
        reason,
      });
    case 'context':
      return cut('context_full', `prompt and reply fill the model's context (${reason})`);
    case 'filter':
      return cut('filtered', `the server's content filter ended the reply${filters} (${reason})`);
    case 'interrupted':
      return cut('interrupted', `the server ended the reply before its end (${reason})`);
    case 'malformed':
    case 'end':
      return !hasOutput && reply.thought ? onlyThinking(usage?.output ?? null, reason) : COMPLETE;
  }
}

function answerOf(error: unknown): ApiAnswer | 'timeout' | null {
  const answer = httpAnswerIn(error);
  if (answer !== null) return answer;
  if (error instanceof ErrorInStream) return { status: null, words: error.words, headers: null };
  if (error instanceof APIConnectionTimeoutError) return 'timeout';
  if (!(error instanceof APIError) || error instanceof APIConnectionError) return null;
  // An error inside the stream has no HTTP status.
  return { status: error.status ?? null, words: wordsOf(error.error ?? error.message), headers: error.headers ?? null };
}
