import Anthropic, { APIConnectionTimeoutError } from '@anthropic-ai/sdk';
import type { ChatReply, ReplyEnding } from '../ports/model.js';
import { anthropicCalls, emptyAnthropicReply, takeAnthropicEvent, type AnthropicReply } from './anthropic-event.js';
import {
  anthropicCapabilities,
  anthropicRequest,
  type AnthropicFeature,
  type AnthropicRequest,
} from './anthropic-request.js';
import { anthropicEvents } from './anthropic-stream.js';
import { ErrorInStream, httpAnswerIn } from './api-fetch.js';
import type { ModelEntry } from './catalog.js';
import { COMPLETE, cut, endedByLength, isMisplaced, meaningOf, onlyThinking } from './endings.js';
import type { Endpoint } from './endpoint.js';
import { countedReply, outputLimit, sdkOptions, type HostedApi, type HostedOptions, type ReadCall } from './hosted.js';
import { WRITE_AGAIN, type ApiAnswer } from './http-errors.js';
import { promptTokens } from './price.js';

type PartialReply = AnthropicReply & { accepted: boolean };

/** The Messages API, with the vendor's SDK. */
export function anthropicApi(
  options: HostedOptions,
  endpoint: Endpoint,
): HostedApi<PartialReply, AnthropicFeature, AnthropicRequest> {
  const { entry } = options;
  const can = anthropicCapabilities(entry);
  // authToken: null, so that the SDK does not read a token from the environment.
  const client = new Anthropic({ ...sdkOptions(options, endpoint), authToken: null });
  return {
    endpoint,
    hints: {
      key: 'check ANTHROPIC_API_KEY',
      url: 'check ANTHROPIC_BASE_URL',
      model: 'check the model id in models.yaml',
    },
    can,
    empty: () => ({ ...emptyAnthropicReply(), accepted: false }),
    hasOutput,
    prepare: (request) => anthropicRequest(entry, can, request, outputLimit(entry, request)),
    open: async ({ params }, _, signal) =>
      anthropicEvents(await client.messages.create(params, { signal }).asResponse()),
    take: takeAnthropicEvent,
    finish: (call) => finish(entry, call),
    answerOf,
  };
}

function finish(entry: ModelEntry, call: ReadCall<PartialReply>): ChatReply {
  const { reply, failure } = call;
  if (reply.stage === 'nothing')
    throw failure('invalid', 'the server does not speak the Messages API; check ANTHROPIC_BASE_URL');
  if (reply.stage === 'started' || !reply.ended)
    throw failure('unreachable', 'the connection ended in the middle of the reply');
  if (reply.stopReason === 'refusal')
    throw failure('refused', `the model declined to answer${reply.refusal === null ? '' : ` (${reply.refusal})`}`);
  const { text, thinking, calls, stopReason: reason } = reply;
  if (isMisplaced({ text, thinking, calls: calls.size, reason })) reply.text = thinking;
  if (meaningOf(reason) === 'malformed') throw failure('invalid', `${WRITE_AGAIN} (stop_reason ${reason ?? ''})`);
  const toolCalls = anthropicCalls(reply);
  const ending = endingOf(entry, call);
  if (ending.kind === 'complete' && !hasOutput(reply))
    throw failure('invalid', `the reply is empty (stop_reason ${reply.stopReason ?? 'none'})`);
  return countedReply(entry, call, { toolCalls, ending, promptTruncated: false });
}

function endingOf(entry: ModelEntry, { request, reply }: ReadCall<PartialReply>): ReplyEnding {
  const reason = `stop_reason ${reply.stopReason ?? 'none'}`;
  const tokens = reply.usage?.output ?? null;
  switch (meaningOf(reply.stopReason)) {
    case 'length':
      return endedByLength({
        hasOutput: hasOutput(reply),
        tokens,
        allTokens: reply.usage === null ? null : promptTokens(reply.usage) + reply.usage.output,
        limit: outputLimit(entry, request),
        contextTokens: entry.contextTokens,
        reason,
      });
    case 'context':
      return cut(
        'context_full',
        `cut at ${tokens ?? 'some'} tokens: prompt and reply fill the model's context (${reason})`,
      );
    case 'filter':
      return cut(
        'filtered',
        `the server's content filter ended the reply after ${tokens ?? 'some'} tokens (${reason})`,
      );
    case 'interrupted':
      return cut('interrupted', `the server ended the reply after ${tokens ?? 'some'} tokens (${reason})`);
    case 'malformed':
    case 'end':
      return !hasOutput(reply) && reply.thought ? onlyThinking(tokens, reason) : COMPLETE;
  }
}

const hasOutput = (reply: AnthropicReply): boolean => reply.text !== '' || reply.calls.size > 0;

function answerOf(error: unknown): ApiAnswer | 'timeout' | null {
  const answer = httpAnswerIn(error);
  if (answer !== null) return answer;
  if (error instanceof ErrorInStream) return { status: null, words: error.words, headers: null };
  if (error instanceof APIConnectionTimeoutError) return 'timeout';
  return null;
}
