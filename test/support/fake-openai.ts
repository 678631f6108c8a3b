import type { ServerResponse } from 'node:http';
import type { ChatCompletionChunk, ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions';
import { z } from 'zod';
import type { ReplyForm } from '../../src/ports/model.js';
import {
  asReply,
  pieces,
  roughTokens,
  sendJson,
  sendReply,
  startHttpServer,
  type FakeCall,
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
  /** How it may be asked for a reply; default: by schema or by tools, so that a schema that it refuses is noticed. */
  readonly forms?: readonly ReplyForm[];
}

export interface FakeOpenai extends FakeServer {
  /** For the adapter's base URL: the server's url with /v1. */
  readonly baseUrl: string;
  readonly requests: readonly OpenaiRequest[];
}

/** The part of the pinned SDK's request type that the adapter may use; anything else is refused. */
const toolCall = z.strictObject({
  id: z.string().min(1),
  type: z.literal('function'),
  function: z.strictObject({ name: z.string().regex(/^[\w-]{1,64}$/), arguments: z.string() }),
});
const checker = z.strictObject({
  model: z.string(),
  messages: z
    .array(
      z.union([
        z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }),
        z.strictObject({ role: z.literal('assistant'), content: z.string(), tool_calls: z.array(toolCall).min(1) }),
        z.strictObject({ role: z.literal('tool'), content: z.string(), tool_call_id: z.string() }),
      ]),
    )
    .min(1),
  max_completion_tokens: z.int().positive().optional(),
  max_tokens: z.int().positive().optional(),
  response_format: z
    .union([
      z.strictObject({
        type: z.literal('json_schema'),
        json_schema: z.strictObject({
          name: z.string().regex(/^[\w-]{1,64}$/),
          strict: z.literal(true),
          schema: z.record(z.string(), z.unknown()),
        }),
      }),
      z.strictObject({ type: z.literal('json_object') }),
    ])
    .optional(),
  tools: z
    .array(
      z.strictObject({
        type: z.literal('function'),
        function: z.strictObject({
          name: z.string().regex(/^[\w-]{1,64}$/),
          description: z.string(),
          parameters: z.record(z.string(), z.unknown()),
          strict: z.literal(true).optional(),
        }),
      }),
    )
    .min(1)
    .optional(),
  tool_choice: z.literal('required').optional(),
  parallel_tool_calls: z.literal(false).optional(),
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
    const form = formOf(parsed.data);
    if (!(options.forms ?? ['json_schema', 'native']).includes(form))
      return fail(response, 400, null, `this test server does not expect the form ${form}`);
    const fault = faultOf(parsed.data);
    if (fault !== null) return fail(response, 400, fault.code, fault.message, {}, fault.param);
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

function formOf(request: OpenaiRequest): ReplyForm {
  if (request.tools !== undefined) return 'native';
  return request.response_format?.type ?? 'plain';
}

interface Fault {
  readonly code: string | null;
  readonly param: string;
  readonly message: string;
}

/** The API's rules by kind of model: reasoning models take an effort and no temperature, the others the reverse. */
function faultOf(request: OpenaiRequest): Fault | null {
  const reasons = !request.model.startsWith('gpt-4');
  const unsupported = (param: string, more = ''): Fault => ({
    code: 'unsupported_parameter',
    param,
    message: `Unsupported parameter: '${param}' is not supported with this model.${more}`,
  });
  if (reasons && request.max_tokens !== undefined)
    return unsupported('max_tokens', " Use 'max_completion_tokens' instead.");
  if (reasons && request.temperature !== undefined) return unsupported('temperature');
  if (!reasons && request.reasoning_effort !== undefined) return unsupported('reasoning_effort');
  const schemas =
    request.response_format?.type === 'json_schema'
      ? [request.response_format.json_schema.schema]
      : (request.tools ?? []).map((tool) => tool.function.parameters);
  const bad = schemas.map((schema) => strictSchemaFault(schema, true)).find((fault) => fault !== null);
  if (bad === undefined) return null;
  return { code: null, param: 'response_format', message: `Invalid schema for response_format 'reply': ${bad}` };
}

function fail(
  response: ServerResponse,
  status: number,
  code: string | null,
  message: string,
  headers: Readonly<Record<string, string>> = {},
  param: string | null = null,
): void {
  sendJson(response, status, { error: { message, type: errorType(status), param, code } }, headers);
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
    ...(reply.calls ?? []).flatMap((call, index) => callChunks(request, call, index)),
    chunk(request, {}, finishReason(reply)),
    ...(reply.uncounted === true ? [] : [counts]),
  ];
}

function finishReason(reply: TextReply): FinishReason {
  if (reply.stop === 'length' || reply.stop === 'content_filter') return reply.stop;
  return reply.calls === undefined ? 'stop' : 'tool_calls';
}

/** As the API streams a call: its id and name first, then its arguments in pieces. */
function callChunks(request: OpenaiRequest, { name, arguments: args }: FakeCall, index: number): ChatCompletionChunk[] {
  const begin = { index, id: `call_${index}`, type: 'function' as const, function: { name, arguments: '' } };
  return [
    chunk(request, { tool_calls: [begin] }),
    ...pieces(JSON.stringify(args)).map((piece) =>
      chunk(request, { tool_calls: [{ index, function: { arguments: piece } }] }),
    ),
  ];
}
