import type { ServerResponse } from 'node:http';
import type {
  MessageCreateParamsStreaming,
  RawMessageStreamEvent,
  StopReason,
  Usage,
} from '@anthropic-ai/sdk/resources/messages';
import type { ErrorType } from '@anthropic-ai/sdk/resources/shared';
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

export type AnthropicRequest = z.infer<typeof checker>;

export interface FakeAnthropicOptions {
  /** Answers one request; the index counts them from 0. A string is the reply's text. */
  reply(request: AnthropicRequest, index: number): FakeReply | Promise<FakeReply>;
  /** Any other key is answered 401. */
  readonly apiKey?: string;
  readonly models?: readonly string[];
  /** A request without a schema and tools is taken, as by servers that know neither. Default: it is refused. */
  readonly takesPlain?: boolean;
}

export interface FakeAnthropic extends FakeServer {
  readonly requests: readonly AnthropicRequest[];
}

const textBlock = z.strictObject({ type: z.literal('text'), text: z.string().min(1) });
const toolUse = z.strictObject({
  type: z.literal('tool_use'),
  id: z.string().regex(/^[\w-]+$/),
  name: z.string(),
  input: z.record(z.string(), z.unknown()),
});
const toolResult = z.strictObject({ type: z.literal('tool_result'), tool_use_id: z.string(), content: z.string() });

/**
 * The part of the pinned SDK's request type that the adapter may use. Strict: like the API it refuses what is not in
 * the type, a temperature among it.
 */
const checker = z.strictObject({
  model: z.string(),
  max_tokens: z.int().positive(),
  system: z.string().min(1).optional(),
  messages: z
    .array(
      z.union([
        z.strictObject({ role: z.enum(['user', 'assistant']), content: z.string().min(1) }),
        z.strictObject({ role: z.literal('assistant'), content: z.array(z.union([textBlock, toolUse])).min(1) }),
        z.strictObject({ role: z.literal('user'), content: z.array(toolResult).min(1) }),
      ]),
    )
    .min(1),
  output_config: z
    .strictObject({
      format: z.strictObject({ type: z.literal('json_schema'), schema: z.record(z.string(), z.unknown()) }).optional(),
      effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).optional(),
    })
    .optional(),
  tools: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[\w-]{1,64}$/),
        description: z.string(),
        input_schema: z.looseObject({ type: z.literal('object') }),
        strict: z.literal(true).optional(),
      }),
    )
    .min(1)
    .optional(),
  tool_choice: z.strictObject({ type: z.literal('auto'), disable_parallel_tool_use: z.literal(true) }).optional(),
  stream: z.literal(true),
}) satisfies z.ZodType<MessageCreateParamsStreaming>;
const linked: NoExtraKeys<AnthropicRequest, MessageCreateParamsStreaming> = true;
void linked;

/** A server that speaks the Messages API with server-sent events. Pass its url as the adapter's base URL. */
export async function startFakeAnthropic(options: FakeAnthropicOptions): Promise<FakeAnthropic> {
  const requests: AnthropicRequest[] = [];
  const server = await startHttpServer(async (request, response, body) => {
    if (`${request.method} ${request.url}` !== 'POST /v1/messages')
      return fail(response, 404, 'not_found_error', `no such path: ${request.method} ${request.url}`);
    // The pinned SDK sends the key as a bearer token; older ones as x-api-key.
    const key = request.headers['x-api-key'] ?? request.headers.authorization?.replace(/^Bearer /, '');
    if (key !== (options.apiKey ?? 'test-key')) return fail(response, 401, 'authentication_error', 'invalid x-api-key');
    if (!/^\d{4}-\d{2}-\d{2}$/.test(String(request.headers['anthropic-version'])))
      return fail(response, 400, 'invalid_request_error', 'anthropic-version: header is required');
    const parsed = checker.safeParse(JSON.parse(body));
    if (!parsed.success)
      return fail(
        response,
        400,
        'invalid_request_error',
        parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
      );
    const fault = faultOf(parsed.data, options.takesPlain === true);
    if (fault !== null) return fail(response, 400, 'invalid_request_error', fault);
    if (!(options.models ?? ['claude-opus-5-5', 'claude-sonnet-5-5', 'claude-haiku-5-5']).includes(parsed.data.model))
      return fail(response, 404, 'not_found_error', `model: ${parsed.data.model}`);
    requests.push(parsed.data);
    await sendReply(
      response,
      wireOf(response, parsed.data),
      asReply(await options.reply(parsed.data, requests.length - 1)),
    );
  });
  return { ...server, requests };
}

function faultOf(request: AnthropicRequest, takesPlain: boolean): string | null {
  if (request.messages.at(-1)?.role !== 'user')
    return 'messages: this model does not support assistant message prefill';
  const schemas =
    request.output_config?.format === undefined
      ? (request.tools ?? []).map((tool) => tool.input_schema)
      : [request.output_config.format.schema];
  if (schemas.length === 0 && !takesPlain) return 'this test server expects a schema or tools';
  return schemas.map((schema) => strictSchemaFault(schema, false)).find((fault) => fault !== null) ?? null;
}

function fail(
  response: ServerResponse,
  status: number,
  type: ErrorType,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendJson(
    response,
    status,
    { type: 'error', error: { type, message, details: null }, request_id: 'req_fake' },
    headers,
  );
}

function wireOf(response: ServerResponse, request: AnthropicRequest): ReplyWire {
  return {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'request-id': 'req_fake' },
    whole(reply) {
      const tokensIn = reply.tokensIn ?? roughTokens(JSON.stringify(request.messages));
      const cached = reply.cached ?? 0;
      return [...opening(request, tokensIn - cached, cached), ...restOf(reply)].map(sse);
    },
    begin: () => opening(request, 100, 0).map(sse),
    piece: (text) => sse(delta(text)),
    errorInStream: ({ message, type }) =>
      'event: error\ndata: ' +
      `${JSON.stringify({ type: 'error', error: { type: type ?? 'overloaded_error', message } })}\n\n`,
    cutOff: '',
    fail: ({ status, type, message, headers }) =>
      fail(response, status, errorType(type ?? typeOf(status)), message, headers),
  };
}

function sse(event: RawMessageStreamEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function opening(request: AnthropicRequest, input: number, cached: number): readonly RawMessageStreamEvent[] {
  const usage: Usage = {
    input_tokens: input,
    cache_creation: null,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: 1,
    output_tokens_details: null,
    inference_geo: null,
    server_tool_use: null,
    service_tier: 'standard',
    speed: null,
  };
  return [
    {
      type: 'message_start',
      message: {
        id: 'msg_fake',
        type: 'message',
        role: 'assistant',
        model: request.model,
        content: [],
        container: null,
        diagnostics: null,
        stop_details: null,
        stop_reason: null,
        stop_sequence: null,
        usage,
      },
    },
    // These models think first; the text is the second block.
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Let me see.' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'fake' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '', citations: null } },
  ];
}

function delta(text: string): RawMessageStreamEvent {
  return { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text } };
}

function restOf(reply: TextReply): readonly RawMessageStreamEvent[] {
  return [
    ...pieces(reply.text).map(delta),
    { type: 'content_block_stop', index: 1 },
    ...(reply.calls ?? []).flatMap(({ name, arguments: input }, at) => callEvents(name, input, at + 2)),
    {
      type: 'message_delta',
      delta: {
        container: null,
        stop_details: null,
        stop_reason: stopReason(reply.stop ?? (reply.calls === undefined ? undefined : 'tool_use')),
        stop_sequence: null,
        ...reply.extra,
      },
      usage: {
        cache_creation_input_tokens: null,
        cache_read_input_tokens: null,
        input_tokens: null,
        output_tokens: reply.tokensOut ?? roughTokens(reply.text),
        output_tokens_details: null,
        server_tool_use: null,
      },
    },
    { type: 'message_stop' },
  ];
}

/** As the API streams a call: its block, then its input in pieces of JSON. */
function callEvents(name: string, input: object, index: number): readonly RawMessageStreamEvent[] {
  return [
    {
      type: 'content_block_start',
      index,
      content_block: { type: 'tool_use', id: `toolu_${index}`, name, input: {}, caller: { type: 'direct' } },
    },
    ...pieces(JSON.stringify(input)).map(
      (piece): RawMessageStreamEvent => ({
        type: 'content_block_delta',
        index,
        delta: { type: 'input_json_delta', partial_json: piece },
      }),
    ),
    { type: 'content_block_stop', index },
  ];
}

const ERROR_TYPES: readonly ErrorType[] = [
  'invalid_request_error',
  'authentication_error',
  'billing_error',
  'permission_error',
  'not_found_error',
  'rate_limit_error',
  'timeout_error',
  'api_error',
  'overloaded_error',
];

/** Servers with this API send others, too. */
function stopReason(given: string | undefined): StopReason {
  return (given ?? 'end_turn') as StopReason;
}

function errorType(given: string): ErrorType {
  return ERROR_TYPES.find((type) => type === given) ?? 'api_error';
}

function typeOf(status: number): ErrorType {
  if (status === 429) return 'rate_limit_error';
  if (status === 529) return 'overloaded_error';
  return status >= 500 ? 'api_error' : 'invalid_request_error';
}
