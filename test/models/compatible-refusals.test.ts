import { getEventListeners } from 'node:events';
import { z } from 'zod';
import { createOpenaiModel } from '../../src/models/openai.js';
import type { ModelEntry } from '../../src/models/catalog.js';
import type { ReplyForm } from '../../src/ports/model.js';
import { piece, startFakeCompatible, type FakeCompatible, type SentBody } from '../support/fake-compatible.js';
import { ask, catalog, chatRequest, clock, conversation, modelError, step, tools } from './fixtures.js';

const entry: ModelEntry = {
  ...(catalog.hosted('openai', 'gpt-4.1') ?? catalog.ollama('x')),
  id: 'local-model',
  contextTokens: 32_000,
};

const open: FakeCompatible[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

const openaiError = (message: string, param: string | null = null, code: string | null = 'unsupported_parameter') => ({
  error: { message, type: 'invalid_request_error', param, code },
});
const formatOf = (body: SentBody): unknown => {
  const format = body['response_format'];
  return typeof format === 'object' && format !== null && 'type' in format ? format.type : undefined;
};
const has = (field: string) => (body: SentBody) => field in body;
const roles = (body: SentBody): readonly string[] =>
  [...JSON.stringify(body['messages']).matchAll(/"role":"(\w+)"/g)].map(([, role]) => role ?? '');

interface Refusal {
  readonly server: string;
  readonly status: number;
  /** As the real server wrote it; a text is sent as it stands. */
  readonly error: unknown;
  /** Which requests it refuses. */
  readonly when: (body: SentBody) => boolean;
  readonly entry?: Partial<ModelEntry>;
  /** The form that is left; default json_schema. */
  readonly form?: ReplyForm;
}

/** Refusals from public reports; each names one part of the request, which is then left out for good. */
const REFUSALS: readonly Refusal[] = [
  {
    server: 'DeepSeek: json_schema (crewAI #5990)',
    status: 400,
    error: openaiError('This response_format type is unavailable now', null, 'invalid_request_error'),
    when: (body) => formatOf(body) === 'json_schema',
    form: 'native',
  },
  {
    server: 'text-generation-inference: json_schema',
    status: 422,
    error:
      'Failed to deserialize the JSON body into the target type: response_format.type: unknown variant `json_schema`',
    when: (body) => formatOf(body) === 'json_schema',
    form: 'native',
  },
  {
    server: 'llama.cpp: schema beside its own grammar (llama.cpp #11847)',
    status: 400,
    error: {
      error: {
        code: 400,
        message: 'Either "json_schema" or "grammar" can be specified, but not both',
        type: 'invalid_request_error',
      },
    },
    when: (body) => formatOf(body) === 'json_schema',
    form: 'native',
  },
  {
    server: 'vLLM: a schema that its grammar cannot say',
    status: 400,
    error: {
      object: 'error',
      message: 'The provided JSON schema contains features not supported by xgrammar.',
      type: 'BadRequestError',
      param: null,
      code: 400,
    },
    when: (body) => formatOf(body) === 'json_schema',
    form: 'native',
  },
  {
    server: 'LM Studio: json_object (lmstudio-bug-tracker #189)',
    status: 400,
    error: { error: "'response_format.type' must be 'json_schema' or 'text'" },
    when: (body) => formatOf(body) === 'json_object' || formatOf(body) === 'json_schema',
    entry: { toolCalls: 'json' },
    form: 'plain',
  },
  {
    server: 'vLLM without a tool parser (vllm #9986)',
    status: 400,
    error: {
      object: 'error',
      message: '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
      type: 'BadRequestError',
      param: null,
      code: 400,
    },
    when: has('tools'),
    entry: { toolCalls: 'native' },
  },
  {
    server: 'llama.cpp without --jinja, which answers 500 (LLMKube #126)',
    status: 500,
    error: { error: { code: 500, message: 'tools param requires --jinja flag', type: 'server_error' } },
    when: has('tools'),
    entry: { toolCalls: 'native' },
  },
  {
    server: 'older llama.cpp (llama.cpp #10920)',
    status: 500,
    error: { code: 500, message: 'Unsupported param: tools', type: 'server_error' },
    when: has('tools'),
    entry: { toolCalls: 'native' },
  },
  {
    server: 'Ollama behind /v1: a model without tools (ollama #6027)',
    status: 400,
    error: {
      error: { message: 'stablelm2:latest does not support tools', type: 'api_error', param: null, code: null },
    },
    when: has('tools'),
    entry: { toolCalls: 'native' },
  },
  {
    server: 'OpenRouter: no provider with tools',
    status: 404,
    error: { error: { message: 'No endpoints found that support tool use.', code: 404 } },
    when: has('tools'),
    entry: { toolCalls: 'native' },
  },
  {
    server: 'older vLLM: a tool is required (pydantic-ai #582, vllm #12834)',
    status: 400,
    error: {
      object: 'error',
      message:
        "[{'type': 'value_error', 'loc': ('body',), 'msg': 'Value error, `tool_choice` must either be a named tool, " +
        "\"auto\", or \"none\".', 'input': {'messages': [{'role': 'user', 'content': 'USA Capital'}], " +
        "'parallel_tool_calls': True, 'tool_choice': 'required'}}]",
      type: 'BadRequestError',
      param: null,
      code: 400,
    },
    when: has('tool_choice'),
    entry: { toolCalls: 'native' },
    form: 'native',
  },
  {
    server: 'DeepSeek reasoner: a forced tool',
    status: 400,
    error: openaiError('deepseek-reasoner does not support this tool_choice', null, 'invalid_request_error'),
    when: has('tool_choice'),
    entry: { toolCalls: 'native' },
    form: 'native',
  },
  {
    server: 'OpenAI o-series: parallel_tool_calls (llama_index #20865)',
    status: 400,
    error: openaiError(
      "Unsupported parameter: 'parallel_tool_calls' is not supported with this model.",
      'parallel_tool_calls',
    ),
    when: has('parallel_tool_calls'),
    entry: { toolCalls: 'native' },
    form: 'native',
  },
  {
    server: 'stdapi.ai: parallel_tool_calls (stdapi.ai #90)',
    status: 400,
    error: {
      detail: 'Validation error at body: Value error, parallel_tool_calls=False is not supported on this backend.',
    },
    when: has('parallel_tool_calls'),
    entry: { toolCalls: 'native' },
    form: 'native',
  },
  {
    server: 'DigitalOcean: store (pi #2539)',
    status: 400,
    error: {
      error: { message: 'store: Extra inputs are not permitted', type: 'invalid_request_error' },
      status_code: 400,
    },
    when: has('store'),
  },
  {
    server: 'Groq: store',
    status: 400,
    error: {
      error: { message: "property 'store' is unsupported, did you mean 'stop'?", type: 'invalid_request_error' },
    },
    when: has('store'),
  },
  {
    server: 'Mistral: store',
    status: 422,
    error: {
      object: 'error',
      message: {
        detail: [
          { type: 'extra_forbidden', loc: ['body', 'store'], msg: 'Extra inputs are not permitted', input: false },
        ],
      },
      type: 'invalid_request_error',
      param: null,
      code: null,
    },
    when: has('store'),
  },
  {
    server: 'older vLLM: store (vllm #10463)',
    status: 400,
    error: {
      object: 'error',
      message:
        "[{'type': 'extra_forbidden', 'loc': ('body', 'store'), 'msg': 'Extra inputs are not permitted', " +
        "'input': False}]",
      type: 'BadRequestError',
      param: null,
      code: 400,
    },
    when: has('store'),
  },
  {
    server: 'Gemini: store, in a list',
    status: 400,
    error: [
      {
        error: {
          code: 400,
          message: 'Invalid JSON payload received. Unknown name "store": Cannot find field.',
          status: 'INVALID_ARGUMENT',
        },
      },
    ],
    when: has('store'),
  },
  {
    server: 'Azure with an older API version: stream_options',
    status: 400,
    error: openaiError('Unrecognized request argument supplied: stream_options', null, null),
    when: has('stream_options'),
  },
  {
    server: 'OpenAI and Azure: max_tokens (opencode #37964)',
    status: 400,
    error: openaiError(
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      'max_tokens',
    ),
    when: has('max_tokens'),
  },
  {
    server: 'LiteLLM: a parameter of its list (klangk #2067)',
    status: 400,
    error: {
      error: {
        message:
          "litellm.UnsupportedParamsError: zai does not support parameters: ['seed'], for model=glm-5.2. To drop " +
          'these, set `litellm.drop_params=True`. Received Model Group=glm',
        type: 'None',
        param: null,
        code: '400',
      },
    },
    when: has('seed'),
  },
  {
    server: 'LiteLLM: temperature with the words of OpenAI inside (litellm #11722)',
    status: 400,
    error: {
      error: {
        message:
          'litellm.BadRequestError: OpenAIException - {\n "error": {\n "message": "Unsupported parameter: ' +
          '\'temperature\' is not supported with this model.", "param": "temperature" } }',
        type: null,
        param: null,
        code: '400',
      },
    },
    when: has('temperature'),
  },
  {
    server: 'LiteLLM: temperature in the words of Bedrock (Roo-Code #12162)',
    status: 400,
    error: {
      error: {
        message:
          'litellm.BadRequestError: BedrockException - {"message":"The model returned the following errors: ' +
          '{\\"type\\":\\"error\\",\\"error\\":{\\"type\\":\\"invalid_request_error\\",\\"message\\":' +
          '\\"`temperature` is deprecated for this model.\\"}}"}',
        type: null,
        param: null,
        code: '400',
      },
    },
    when: has('temperature'),
  },
  {
    server: 'OpenAI: another temperature than 1',
    status: 400,
    error: openaiError(
      "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
      'temperature',
      'unsupported_value',
    ),
    when: has('temperature'),
  },
  {
    server: 'xAI: an effort',
    status: 400,
    error: {
      code: 'Client specified an invalid argument',
      error: 'Argument not supported on this model: reasoningEffort',
    },
    when: has('reasoning_effort'),
    entry: { effort: 'low' },
  },
  {
    server: 'OpenAI: an effort that the model does not have (chatwise-releases #1257)',
    status: 400,
    error: openaiError(
      "Unsupported value: 'reasoning_effort' does not support 'high' with this model. Supported values are: 'medium'.",
      'reasoning_effort',
      'unsupported_value',
    ),
    when: has('reasoning_effort'),
    entry: { effort: 'high' },
  },
  {
    server: 'OpenAI: tools beside an effort (pipecat #4043, openai-openapi #541)',
    status: 400,
    error: openaiError(
      'Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions. Please use ' +
        '/v1/responses instead.',
      'reasoning_effort',
      null,
    ),
    when: (body) => 'reasoning_effort' in body && 'tools' in body,
    entry: { effort: 'low', toolCalls: 'native' },
    form: 'native',
  },
  {
    server: 'LiteLLM: an effort in the words of another API (software-agent-sdk #755)',
    status: 400,
    error: {
      error: {
        message:
          'litellm.BadRequestError: OpenAIException - {\n  "error": {\n    "message": "Unsupported parameter: ' +
          "'reasoning_effort'. In the Responses API, this parameter has moved to 'reasoning.effort'. Try again with " +
          'the new parameter.",\n    "param": null,\n    "code": "unsupported_parameter"\n  }\n}No fallback ' +
          'model group found',
        type: null,
        param: null,
        code: '400',
      },
    },
    when: has('reasoning_effort'),
    entry: { effort: 'low' },
  },
  {
    server: 'ik_llama.cpp: json_schema, with 500 (ik_llama.cpp #778)',
    status: 500,
    error: {
      error: {
        code: 500,
        message: 'response_format type must be one of "text" or "json_object", but got: json_schema',
        type: 'server_error',
      },
    },
    when: (body) => formatOf(body) === 'json_schema',
    form: 'native',
  },
  {
    server: 'llama-cpp-python: json_schema, with 500 (llama.cpp #23463)',
    status: 500,
    error: {
      error: {
        message:
          "[{'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), 'msg': \"Input should be 'text' or " +
          "'json_object'\", 'input': 'json_schema', 'ctx': {'expected': \"'text' or 'json_object'\"}}]",
        type: 'internal_server_error',
        param: null,
        code: null,
      },
    },
    when: (body) => formatOf(body) === 'json_schema',
    form: 'native',
  },
  {
    server: 'Gemma on vLLM: no system role',
    status: 400,
    error: { object: 'error', message: 'System role not supported', type: 'BadRequestError', param: null, code: 400 },
    when: (body) => roles(body).includes('system'),
  },
  {
    server: 'Mistral 7B on vLLM: a system role counts as one that does not alternate (autogen #1037)',
    status: 400,
    error: {
      object: 'error',
      message: 'Conversation roles must alternate user/assistant/user/assistant/...',
      type: 'BadRequestError',
      param: null,
      code: 400,
    },
    when: (body) => roles(body).includes('system'),
  },
  {
    server: 'Ministral on llama.cpp: no system role (opencode #5034)',
    status: 500,
    error: {
      error: {
        code: 500,
        message: 'Only user, assistant and tool roles are supported, got system. at row 1',
        type: 'server_error',
      },
    },
    when: (body) => roles(body).includes('system'),
  },
];

const reply = (body: SentBody) => ({
  events: [
    piece({ role: 'assistant', content: '' }),
    'tools' in body
      ? piece({ tool_calls: [{ index: 0, id: 'c', function: { name: 'finish', arguments: '{}' } }] })
      : piece({ content: JSON.stringify(step) }),
    piece({}, 'stop'),
    { ...piece({}), choices: [], usage: { prompt_tokens: 9, completion_tokens: 9 } },
  ],
});

async function given(
  when: Refusal['when'],
  refusal: Pick<Refusal, 'status' | 'error'>,
  change: Partial<ModelEntry> = {},
) {
  const server = await startFakeCompatible((body) => (when(body) ? refusal : reply(body)));
  open.push(server);
  return {
    server,
    model: createOpenaiModel({ entry: { ...entry, ...change }, apiKey: 'k', baseUrl: server.baseUrl, clock }),
  };
}

describe('a server with most of the API is asked for what it has', () => {
  test.each(REFUSALS)('$server', async ({ when, entry: change, form = 'json_schema', ...refusal }) => {
    const { server, model } = await given(when, refusal, change);
    const first = await ask(model, chatRequest({ tools }));
    expect(first.form).toBe(form);
    expect(when(server.bodies.at(-1) ?? {})).toBe(false);
    const asked = server.bodies.length;
    expect(asked).toBeLessThanOrEqual(3);
    await ask(model, chatRequest({ tools }));
    expect(server.bodies).toHaveLength(asked + 1);
  });

  test('consecutive messages of one role are put together where roles must alternate (vllm #6862)', async () => {
    const twice = chatRequest({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'one' },
        { role: 'user', content: 'two' },
      ],
    });
    const message =
      'After the optional system message, conversation roles must alternate user/assistant/user/assistant/...';
    const { server, model } = await given((body) => roles(body).join() === 'system,user,user', {
      status: 400,
      error: { object: 'error', message, type: 'BadRequestError', param: null, code: 400 },
    });
    await ask(model, twice);
    expect(server.bodies.at(-1)?.['messages']).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'one\n\ntwo' },
    ]);
  });

  test('ids of tool calls are shortened where they must have nine characters (ironclaw #1241)', async () => {
    const long = (body: SentBody) => JSON.stringify(body['messages']).includes('call_1');
    const { server, model } = await given(
      long,
      {
        status: 400,
        error: {
          object: 'error',
          message: 'Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.',
          type: 'invalid_function_call',
          param: null,
          code: '3280',
        },
      },
      { toolCalls: 'native' },
    );
    await ask(model, conversation);
    const ids = [...JSON.stringify(server.bodies.at(-1)).matchAll(/"(?:id|tool_call_id)":"(\w+)"/g)].map(
      ([, id]) => id,
    );
    expect(ids).toHaveLength(2);
    expect(ids[0]).toMatch(/^[a-z0-9]{9}$/);
    expect(ids[1]).toBe(ids[0]);
  });

  test('a schema that one request had is not held against the next (OpenAI: Invalid schema)', async () => {
    const other = { type: 'object', properties: {}, required: [], additionalProperties: false };
    const { server, model } = await given((body) => JSON.stringify(body['response_format'])?.includes('thought'), {
      status: 400,
      error: openaiError("Invalid schema for response_format 'reply': In context=(), …", 'response_format', null),
    });
    expect((await ask(model)).form).toBe('json_object');
    expect((await ask(model, chatRequest({ schema: other }))).form).toBe('json_schema');
    expect(server.bodies).toHaveLength(3);
  });

  test('a refusal as the first event of a stream counts too (LM Studio, gateways)', async () => {
    const server = await startFakeCompatible((body) =>
      roles(body).includes('system')
        ? {
            events: [
              'event: error\ndata: {"error":{"message":"Error rendering prompt with jinja template: Only user and ' +
                'assistant roles are supported!"}}\n\n',
            ],
          }
        : reply(body),
    );
    open.push(server);
    const said = await ask(createOpenaiModel({ entry, apiKey: 'k', baseUrl: server.baseUrl, clock }));
    expect(JSON.parse(said.text)).toEqual(step);
    expect(server.bodies).toHaveLength(2);
  });

  test('the same words in the middle of a reply are an error, and its cost counts', async () => {
    const server = await startFakeCompatible(() => ({
      events: [piece({ content: '{' }), { error: { code: 400, message: 'seed is not supported' } }],
    }));
    open.push(server);
    const error = await modelError(ask(createOpenaiModel({ entry, apiKey: 'k', baseUrl: server.baseUrl, clock })));
    expect(error.used.tokens).toBeGreaterThan(0);
    expect(server.bodies).toHaveLength(1);
  });

  test('several refusals are learned one after the other, and two calls at once agree', async () => {
    const fields = ['store', 'seed', 'temperature', 'stream_options'];
    const server = await startFakeCompatible((body) => {
      const refused = fields.find((field) => field in body);
      return refused === undefined
        ? reply(body)
        : { status: 422, error: { detail: [{ loc: ['body', refused], msg: 'Extra inputs are not permitted' }] } };
    });
    open.push(server);
    const model = createOpenaiModel({ entry, apiKey: 'k', baseUrl: server.baseUrl, clock });
    await Promise.all([ask(model), ask(model)]);
    expect(server.bodies.length).toBeLessThanOrEqual(2 * (fields.length + 1));
    await ask(model);
    expect(fields.filter((field) => field in (server.bodies.at(-1) ?? {}))).toEqual([]);
  });

  test('one call may be refused many times, and no signal gathers listeners: Node warns of more than ten', async () => {
    const signals: AbortSignal[] = [];
    const { AbortController: Own } = globalThis;
    globalThis.AbortController = class extends Own {
      constructor() {
        super();
        signals.push(this.signal);
      }
    };
    let most = 0;
    const fields = ['store', 'seed', 'temperature', 'stream_options', 'parallel_tool_calls', 'tool_choice'];
    const refused = (body: SentBody) =>
      fields.find((field) => field in body) ??
      (JSON.stringify(body['tools'] ?? '').includes('"strict"') ? 'strict' : undefined) ??
      (formatOf(body) === 'json_schema' ? 'response_format' : undefined) ??
      ('tools' in body ? 'tools' : undefined) ??
      ('response_format' in body ? 'response_format' : undefined) ??
      ('max_tokens' in body ? 'max_tokens' : undefined);
    const isSystem = (body: SentBody) => roles(body).includes('system');
    const server = await startFakeCompatible((body) => {
      most = Math.max(most, ...signals.map((signal) => getEventListeners(signal, 'abort').length));
      const field = refused(body) ?? (isSystem(body) ? 'system role' : undefined);
      return field === undefined
        ? reply(body)
        : { status: 400, error: openaiError(`${field} is not supported`, field === 'system role' ? null : field) };
    });
    open.push(server);
    const model = createOpenaiModel({
      entry: { ...entry, toolCalls: 'native' },
      apiKey: 'k',
      baseUrl: server.baseUrl,
      clock,
    });
    try {
      await ask(model, chatRequest({ ...conversation, tools }));
    } finally {
      globalThis.AbortController = Own;
    }
    expect(server.bodies.length).toBeGreaterThan(11);
    expect([signals.length > 0, most <= 10]).toEqual([true, true]);
  });

  test.each<[ReplyForm, Partial<ModelEntry>, (body: SentBody) => boolean]>([
    ['json_schema', {}, () => false],
    ['native', { toolCalls: 'native' }, () => false],
    ['json_object', { toolCalls: 'json' }, (body) => formatOf(body) === 'json_schema'],
    ['plain', { toolCalls: 'json' }, has('response_format')],
  ])('in the form %s, a reply has the messages that were sent, notes included', async (form, change, when) => {
    const refusal = { status: 400, error: openaiError('response_format is not supported', 'response_format') };
    const { server, model } = await given(when, refusal, change);
    const said = await ask(model, { ...conversation, tools });
    expect(said.form).toBe(form);
    const body = z.object({ messages: z.array(z.looseObject({ role: z.string(), content: z.string() })) });
    const sent = body.parse(server.bodies.at(-1)).messages;
    // A call in the API's own form is the one message whose text the record writes out.
    const asText = sent.map(({ role, content, tool_calls: calls }, index) =>
      calls === undefined
        ? { role: role === 'tool' ? 'user' : role, content }
        : { role, content: conversation.messages[index]?.content },
    );
    expect(said.messages).toEqual(asText);
    expect(said.messages?.[0]?.content !== conversation.messages[0]?.content).toBe(form !== 'json_schema');
  });

  test('in words only, the prompt has the schema and says what to write', async () => {
    const { server, model } = await given(has('response_format'), {
      status: 400,
      error: openaiError("Unknown parameter: 'response_format'.", 'response_format', 'unknown_parameter'),
    });
    expect((await ask(model)).form).toBe('plain');
    const sent = JSON.stringify(server.bodies.at(-1));
    expect(sent).toContain('must match this JSON Schema');
    expect(sent).toContain('execute_terminal_command');
  });
});

describe('other refusals are errors at once:', () => {
  test.each([
    [
      'a limit that is too high',
      400,
      openaiError(
        'max_tokens is too large: 20000. This model supports at most 4096 completion tokens, whereas you ' +
          'provided 20000.',
        'max_tokens',
        'invalid_value',
      ),
    ],
    [
      'a limit beside the context (vLLM)',
      400,
      {
        object: 'error',
        message:
          "'max_tokens' or 'max_completion_tokens' is too large: 500. This model's maximum context length is " +
          '512 tokens and your request has 100 input tokens.',
        type: 'BadRequestError',
        param: null,
        code: 400,
      },
    ],
    [
      'a prompt that is too long',
      400,
      openaiError(
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
        'messages',
        'context_length_exceeded',
      ),
    ],
    [
      'something in the conversation',
      400,
      openaiError("Invalid 'messages[0].content': string too long.", 'messages[0].content', 'string_above_max_length'),
    ],
    [
      'a failing server',
      500,
      { error: { message: 'CUDA out of memory while storing the tools', type: 'server_error' } },
    ],
    [
      'a wrong key',
      401,
      { error: { message: 'Unknown API key', type: 'invalid_request_error', param: null, code: null } },
    ],
    ['a rate limit that names tools', 429, { error: { message: 'tools are not available right now', code: 429 } }],
    ['everything', 400, openaiError('We are closed', null, null)],
  ])('%s', async (_, status, error) => {
    const { server, model } = await given(() => true, { status, error }, { toolCalls: 'native' });
    await modelError(ask(model, chatRequest({ tools })));
    expect(server.bodies).toHaveLength(1);
  });

  test('a server that refuses everything with words for every feature is asked a few times', async () => {
    const all =
      'unsupported: response_format json_schema json_object tools tool_choice parallel_tool_calls strict: store: ' +
      'seed: temperature stream_options max_tokens max_completion_tokens reasoning_effort';
    const { server, model } = await given(() => true, { status: 400, error: openaiError(all, null, null) });
    const error = await modelError(ask(model, chatRequest({ tools })));
    expect(error.code).toBe('refused');
    expect(server.bodies.length).toBeLessThan(20);
    // The limit of the reply is never given up.
    expect(server.bodies.every((body) => 'max_tokens' in body || 'max_completion_tokens' in body)).toBe(true);
  });
});
