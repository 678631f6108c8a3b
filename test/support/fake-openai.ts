import type { ServerResponse } from 'node:http';
import type { ChatCompletionChunk, ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions';
import { z } from 'zod';
import {
  asReply,
  pieces,
  roughTokens,
  sendJson,
  sendReply,
  startHttpServer,
  type FakeReply,
  type FakeServer,
  type NoExtraKeys,
  type ReplyWire,
  type TextReply,
} from './fake-model-server.js';
import { strictSchemaFault } from './strict-schema-fault.js';

export type OpenaiRequest = z.infer<typeof checker>;

export interface FakeOpenaiOptions {
  /** Answers one request; the index counts them from 0. A string is the reply's text. */
  reply(request: OpenaiRequest, index: number): FakeReply | Promise<FakeReply>;
  /** Any other key is answered 401. */
  readonly apiKey?: string;
  readonly models?: readonly string[];
}

export interface FakeOpenai extends FakeServer {
  /** For the adapter's base URL: the server's url with /v1. */
  readonly baseUrl: string;
  readonly requests: readonly OpenaiRequest[];
}

/** The part of the pinned SDK's request type that the adapter may use; anything else is refused. */
const checker = z.strictObject({
  model: z.string(),
  messages: z.array(z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })).min(1),
  max_completion_tokens: z.int().positive(),
  response_format: z.strictObject({
    type: z.literal('json_schema'),
    json_schema: z.strictObject({
      name: z.string().regex(/^[\w-]{1,64}$/),
      strict: z.literal(true),
      schema: z.record(z.string(), z.unknown()),
    }),
  }),
  reasoning_effort: z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh']).optional(),
  temperature: z.number().min(0).max(2).optional(),
  seed: z.int().optional(),
  store: z.literal(false),
  stream: z.literal(true),
  stream_options: z.strictObject({ include_usage: z.literal(true) }),
}) satisfies z.ZodType<ChatCompletionCreateParamsStreaming>;
const linked: NoExtraKeys<OpenaiRequest, ChatCompletionCreateParamsStreaming> = true;
void linked;

/** A server that speaks Chat Completions with server-sent events. */
export async function startFakeOpenai(options: FakeOpenaiOptions): Promise<FakeOpenai> {
  const requests: OpenaiRequest[] = [];
  const server = await startHttpServer(async (request, response, body) => {
    if (`${request.method} ${request.url}` !== 'POST /v1/chat/completions')
      return fail(response, 404, null, `no such path: ${request.method} ${request.url}`);
    if (request.headers.authorization !== `Bearer ${options.apiKey ?? 'test-key'}`)
      return fail(response, 401, 'invalid_api_key', 'Incorrect API key provided');
    const parsed = checker.safeParse(JSON.parse(body));
    if (!parsed.success)
      return fail(
        response,
        400,
        'unknown_parameter',
        parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
      );
    const fault = faultOf(parsed.data);
    if (fault !== null) return fail(response, 400, 'unsupported_parameter', fault);
    if (!(options.models ?? ['gpt-5.6-sol', 'gpt-5.6-terra', 'gpt-5.6-luna', 'gpt-4.1']).includes(parsed.data.model))
      return fail(response, 404, 'model_not_found', `The model ${parsed.data.model} does not exist`);
    requests.push(parsed.data);
    await sendReply(
      response,
      wireOf(response, parsed.data),
      asReply(await options.reply(parsed.data, requests.length - 1)),
    );
  });
  return { ...server, baseUrl: `${server.url}/v1`, requests };
}

/** The API's rules by kind of model: reasoning models take an effort and no temperature, the others the reverse. */
function faultOf(request: OpenaiRequest): string | null {
  const reasons = !request.model.startsWith('gpt-4');
  if (reasons && request.temperature !== undefined)
    return "Unsupported parameter: 'temperature' is not supported with this model.";
  if (!reasons && request.reasoning_effort !== undefined)
    return "Unsupported parameter: 'reasoning_effort' is not supported with this model.";
  return strictSchemaFault(request.response_format.json_schema.schema, true);
}

function fail(
  response: ServerResponse,
  status: number,
  code: string | null,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendJson(response, status, { error: { message, type: errorType(status), param: null, code } }, headers);
}

function errorType(status: number): string {
  if (status === 429) return 'requests';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

function wireOf(response: ServerResponse, request: OpenaiRequest): ReplyWire {
  return {
    headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    whole: (reply) => [...chunksOf(request, reply).map(sse), 'data: [DONE]\n\n'],
    begin: () => [sse(chunk(request, { role: 'assistant', content: '{"reply":' }))],
    piece: (text) => sse(chunk(request, { content: text })),
    errorInStream: ({ message, type }) =>
      `data: ${JSON.stringify({ error: { message, type: type ?? 'server_error', param: null, code: null } })}\n\n`,
    cutOff: '',
    fail: ({ status, type, message, headers }) =>
      fail(response, status, type ?? (status === 429 ? 'rate_limit_exceeded' : null), message, headers),
  };
}

function sse(part: ChatCompletionChunk): string {
  return `data: ${JSON.stringify(part)}\n\n`;
}

type Delta = ChatCompletionChunk['choices'][number]['delta'];
type FinishReason = ChatCompletionChunk['choices'][number]['finish_reason'];

function chunk(request: OpenaiRequest, delta: Delta, finish: FinishReason = null): ChatCompletionChunk {
  return {
    id: 'chatcmpl-fake',
    object: 'chat.completion.chunk',
    created: 1_795_000_000,
    model: request.model,
    choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }],
    usage: null,
  };
}

function chunksOf(request: OpenaiRequest, reply: TextReply): readonly ChatCompletionChunk[] {
  const refused = reply.stop === 'refusal';
  const tokensIn = reply.tokensIn ?? roughTokens(JSON.stringify(request.messages));
  const tokensOut = reply.tokensOut ?? roughTokens(reply.text);
  const counts: ChatCompletionChunk = {
    ...chunk(request, {}),
    choices: [],
    usage: {
      prompt_tokens: tokensIn,
      completion_tokens: tokensOut,
      total_tokens: tokensIn + tokensOut,
      prompt_tokens_details: { cached_tokens: reply.cached ?? 0 },
    },
  };
  return [
    chunk(request, { role: 'assistant', content: '', refusal: null }),
    ...pieces(reply.text).map((piece) => chunk(request, refused ? { refusal: piece } : { content: piece })),
    chunk(request, {}, reply.stop === 'length' || reply.stop === 'content_filter' ? reply.stop : 'stop'),
    ...(reply.uncounted === true ? [] : [counts]),
  ];
}
