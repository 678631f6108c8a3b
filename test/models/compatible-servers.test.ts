import { createOpenaiModel } from '../../src/models/openai.js';
import type { ModelEntry } from '../../src/models/catalog.js';
import { piece, startFakeCompatible, type CompatibleAnswer, type FakeCompatible } from '../support/fake-compatible.js';
import { ask, chatRequest, clock, conversation, hostedEntry, modelError, step, tools } from './fixtures.js';

/** What servers with OpenAI's API send, as they send it. Sources: the issues in brackets. */
const entry: ModelEntry = { ...hostedEntry('openai', 'gpt-4.1'), id: 'm', contextTokens: 32_000 };
const text = JSON.stringify(step);
const usage = { prompt_tokens: 40, completion_tokens: 22, total_tokens: 62 };
const end = { ...piece({}), choices: [], usage };
const call = { name: 'finish', arguments: { summary: 'done' } };
const args = JSON.stringify(call.arguments);
const GO = "invalid character ']' after object key:value pair";

const open: FakeCompatible[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function given(answer: CompatibleAnswer | readonly unknown[], change: Partial<ModelEntry> = {}) {
  const said: CompatibleAnswer = 'length' in answer ? { events: answer } : answer;
  const server = await startFakeCompatible(() => said);
  open.push(server);
  const model = createOpenaiModel({
    entry: { ...entry, ...change },
    apiKey: 'secret-key',
    baseUrl: server.baseUrl,
    clock,
  });
  return { server, model };
}

describe('a reply is read as it was meant:', () => {
  const filter = { hate: { filtered: false, severity: 'safe' } };
  test.each<[string, CompatibleAnswer | readonly unknown[]]>([
    [
      'Azure: annotations of the filter without delta, usage null (autogen #6465, openai-python #1677)',
      [
        {
          id: '',
          object: '',
          created: 0,
          model: '',
          choices: [],
          prompt_filter_results: [{ prompt_index: 0 }],
          usage: null,
        },
        { ...piece({ role: 'assistant' }), usage: null },
        { ...piece({ content: text }), usage: null },
        {
          id: '',
          object: '',
          created: 0,
          model: '',
          choices: [
            {
              index: 0,
              finish_reason: null,
              content_filter_results: filter,
              content_filter_offsets: { check_offset: 44 },
            },
          ],
          usage: null,
        },
        piece({}, 'stop'),
        {
          id: '',
          object: '',
          created: 0,
          model: '',
          choices: [{ index: 0, finish_reason: null, content_filter_results: filter }],
          usage: null,
        },
        end,
      ],
    ],
    ['Azure: delta null', [{ ...piece(null) }, piece({ content: text }), piece({}, 'stop'), end]],
    [
      'vLLM: thinking in a separate field, usage in every piece',
      [
        piece({ role: 'assistant', reasoning_content: 'Hm' }, null, { usage }),
        piece({ reasoning: 'Hm' }),
        piece({ content: text }, 'stop', { usage }),
      ],
    ],
    [
      'llama.cpp: content null, thinking, timings',
      [
        piece({ role: 'assistant', content: null }),
        piece({ reasoning_content: 'Hm' }),
        piece({ content: text }),
        piece({}, 'stop', { timings: { predicted_n: 22 }, usage }),
      ],
    ],
    [
      'Mistral: content as a list of parts, thinking among them',
      [
        piece({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'Hm' }] }] }),
        piece({ content: [{ type: 'text', text }] }),
        piece({}, 'stop', { usage }),
      ],
    ],
    [
      'OpenRouter: comments that keep the connection open',
      [': OPENROUTER PROCESSING\n\n', piece({ content: text }), ': OPENROUTER PROCESSING\n\n', piece({}, 'stop'), end],
    ],
    [
      'CRLF, no space after data:',
      [`data:${JSON.stringify(piece({ content: text }))}\r\n\r\n`, piece({}, 'stop'), end],
    ],
    ['finish_reason empty until the end', [piece({ content: text }, ''), piece({}, 'stop'), end]],
    ['no finish_reason, but [DONE]', [piece({ content: text }), end]],
    ['Together: finish_reason eos', [piece({ content: text }, 'eos'), end]],
    [
      'fields missing: no id, no object, no index',
      [{ choices: [{ delta: { content: text } }] }, { choices: [{ delta: {}, finish_reason: 'stop' }] }, { usage }],
    ],
    [
      'a second choice, which was not asked for',
      [
        {
          choices: [
            { index: 0, delta: { content: text } },
            { index: 1, delta: { content: '{"other":1}' } },
          ],
        },
        piece({}, 'stop'),
        end,
      ],
    ],
    [
      'one document although a stream was asked for',
      {
        document: {
          choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
          usage,
        },
      },
    ],
  ])('%s', async (_, answer) => {
    const { model } = await given(answer);
    const reply = await ask(model);
    expect(reply.text).toBe(text);
    expect(reply.ending).toEqual({ kind: 'complete' });
    expect([reply.tokensIn, reply.tokensOut]).toEqual([40, 22]);
  });

  test.each<[string, readonly unknown[]]>([
    ['nothing', []],
    ['null', [{ ...piece({}), usage: null }]],
    ['nulls', [{ ...piece({}), usage: { prompt_tokens: null, completion_tokens: null } }]],
    ['zeros', [{ ...piece({}), usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } }]],
    ['text', [{ ...piece({}), usage: 'none' }]],
  ])('usage is %s: the call counts as its worst case', async (_, last) => {
    const { model } = await given([piece({ content: text }, 'stop'), ...last]);
    const reply = await ask(model);
    expect(reply.tokensIn + reply.tokensOut).toBe(model.worstCase(chatRequest()).tokens);
  });

  test('thinking that only the total counts is paid for (xAI)', async () => {
    const { model } = await given([piece({ content: text }, 'stop', { usage: { ...usage, total_tokens: 162 } })]);
    expect((await ask(model)).tokensOut).toBe(122);
  });

  test('more cached tokens than tokens of the prompt are not read as a negative number', async () => {
    const { model } = await given([
      piece({ content: text }, 'stop', { usage: { ...usage, prompt_tokens_details: { cached_tokens: 100 } } }),
    ]);
    const reply = await ask(model);
    expect(reply.tokensIn).toBe(40);
    expect(reply.costUsd).toBeGreaterThan(0);
  });
});

describe('tool calls in pieces are put together:', () => {
  const begin = (more: object) => piece({ tool_calls: [more] });
  test.each<[string, readonly unknown[]]>([
    [
      'OpenAI',
      [
        begin({ index: 0, id: 'c1', type: 'function', function: { name: 'finish', arguments: '' } }),
        begin({ index: 0, function: { arguments: args.slice(0, 5) } }),
        begin({ index: 0, function: { arguments: args.slice(5) } }),
      ],
    ],
    [
      'without an index (Gemini, openai-python #2806)',
      [
        begin({ id: 'c1', function: { name: 'finish', arguments: args.slice(0, 5) } }),
        begin({ function: { arguments: args.slice(5) } }),
      ],
    ],
    ['index null', [begin({ index: null, id: 'c1', function: { name: 'finish', arguments: args } })]],
    [
      'without an id (Ollama, continue #13225)',
      [
        begin({ index: 0, function: { name: 'finish', arguments: args.slice(0, 5) } }),
        begin({ index: 0, function: { arguments: args.slice(5) } }),
      ],
    ],
    [
      'id empty in later pieces',
      [
        begin({ index: 0, id: 'c1', function: { name: 'finish', arguments: args.slice(0, 5) } }),
        begin({ index: 0, id: '', function: { name: '', arguments: args.slice(5) } }),
      ],
    ],
    [
      'the same id and name in each piece',
      [
        begin({ index: 0, id: 'c1', function: { name: 'finish', arguments: args.slice(0, 5) } }),
        begin({ index: 0, id: 'c1', function: { name: 'finish', arguments: args.slice(5) } }),
      ],
    ],
    [
      'the index counts on within the call (dirac #215)',
      [
        begin({ index: 0, id: 'c1', function: { name: 'finish', arguments: args.slice(0, 5) } }),
        begin({ index: 1, id: 'c1', function: { arguments: args.slice(5) } }),
      ],
    ],
    [
      'the older function_call',
      [
        piece({ function_call: { name: 'finish', arguments: args.slice(0, 5) } }),
        piece({ function_call: { arguments: args.slice(5) } }),
      ],
    ],
    [
      'arguments as an object',
      [begin({ index: 0, id: 'c1', function: { name: 'finish', arguments: call.arguments } })],
    ],
    [
      'the whole arguments again behind a part of them (vllm #42167)',
      [
        begin({ index: 0, id: 'c1', function: { name: 'finish', arguments: args.slice(0, 5) } }),
        begin({ index: 0, function: { arguments: args.slice(5, -1) } }),
        begin({ index: 0, id: null, type: null, function: { name: null, arguments: args } }),
      ],
    ],
    [
      'nulls around them',
      [
        piece({ content: null, tool_calls: null }),
        piece({ tool_calls: [null] }),
        begin({ index: 0, id: 'c1', function: { name: 'finish', arguments: args } }),
      ],
    ],
  ])('%s', async (_, events) => {
    const { model } = await given([...events, piece({}, 'tool_calls'), end], { toolCalls: 'native' });
    const reply = await ask(model, chatRequest({ tools }));
    expect(
      reply.toolCalls?.map(({ name, arguments: sent }) => ({
        name,
        arguments: typeof sent === 'string' ? JSON.parse(sent) : sent,
      })),
    ).toEqual([call]);
    expect(reply).toMatchObject({ text: '', form: 'native', ending: { kind: 'complete' } });
  });

  test('two calls stay two, though their index is the same (agno #8879) or missing', async () => {
    for (const index of [0, undefined]) {
      const { model } = await given(
        [
          begin({ index, id: 'c1', function: { name: 'finish', arguments: '{"summary":' } }),
          begin({ id: 'c1', function: { arguments: '"one"}' } }),
          begin({ index, id: 'c2', function: { name: 'finish', arguments: '{"summary":"two"}' } }),
          piece({}, 'tool_calls'),
        ],
        { toolCalls: 'native' },
      );
      expect((await ask(model, chatRequest({ tools }))).toolCalls?.map((one) => one.arguments)).toEqual([
        '{"summary":"one"}',
        '{"summary":"two"}',
      ]);
    }
  });

  test('a call that the limit cut is passed on as it was received, and the reply says that it was cut', async () => {
    const { model } = await given(
      [
        begin({ index: 0, id: 'c1', function: { name: 'finish', arguments: '{"summary": "half' } }),
        piece({}, 'length', { usage: { prompt_tokens: 40, completion_tokens: 500 } }),
      ],
      { toolCalls: 'native' },
    );
    expect(await ask(model, chatRequest({ tools }))).toMatchObject({
      toolCalls: [{ name: 'finish', arguments: '{"summary": "half' }],
      ending: { kind: 'cut', why: 'output_limit' },
    });
  });
});

describe('what is sent for tool calls', () => {
  test('tools, one of them required, none in parallel; the conversation as calls and results', async () => {
    const { server, model } = await given([piece({ content: text }, 'stop'), end], { toolCalls: 'native' });
    await ask(model, conversation);
    expect(server.bodies[0]).toMatchObject({
      tools: [
        { type: 'function', function: { name: 'execute_terminal_command', strict: true } },
        { function: { name: 'finish' } },
      ],
      tool_choice: 'required',
      parallel_tool_calls: false,
      messages: [
        { role: 'system' },
        { role: 'user', content: 'Make a certificate authority.' },
        {
          role: 'assistant',
          content: 'look first',
          tool_calls: [
            {
              id: 'call_1',
              type: 'function',
              function: { name: 'execute_terminal_command', arguments: '{"command":"ls -l","timeout":null}' },
            },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'Step 1: succeeded.' },
      ],
    });
    expect(server.bodies[0]).not.toHaveProperty('response_format');
  });

  test('a call without its result, and a result without its call, are text', async () => {
    const { server, model } = await given([piece({ content: text }, 'stop'), end], { toolCalls: 'native' });
    const [system, task, said, result] = conversation.messages;
    if (!system || !task || !said || !result) throw new Error('the conversation has four messages');
    await ask(model, {
      ...conversation,
      messages: [system, task, said, { role: 'user', content: 'x' }, { ...result, answers: 'call_0' }],
    });
    expect(JSON.stringify(server.bodies[0])).not.toMatch(/"tool_calls":|"tool_call_id":/);
  });

  test('as JSON, the same conversation is text, and so is one of a request without tools', async () => {
    const asJson = await given([piece({ content: text }, 'stop'), end], { toolCalls: 'json' });
    await ask(asJson.model, conversation);
    const { tools: _, ...withoutTools } = conversation;
    const native = await given([piece({ content: text }, 'stop'), end], { toolCalls: 'native' });
    expect((await ask(native.model, withoutTools)).form).toBe('json_schema');
    for (const body of [asJson.server.bodies[0], native.server.bodies[0]])
      expect(body?.['messages']).toEqual(conversation.messages.map(({ role, content }) => ({ role, content })));
  });

  test('auto turns to tool calls after a server has ignored the schema', async () => {
    const { model, server } = await given([piece({ content: 'Sure! I will look first.' }, 'stop'), end]);
    expect((await ask(model, conversation)).form).toBe('json_schema');
    expect((await ask(model, conversation)).form).toBe('native');
    expect(server.bodies).toHaveLength(2);
  });

  test("the request's seed is sent, also to a model that takes no temperature", async () => {
    const { server, model } = await given([piece({ content: text }, 'stop'), end], { temperature: false });
    await ask(model, chatRequest({ seed: 7 }));
    await ask(model);
    expect(server.bodies.map((body) => body['seed'])).toEqual([7, undefined]);
  });
});

describe('how a reply ended', () => {
  const ended = async (finish: string | null, counts: object | null, delta: object = { content: text.slice(0, 9) }) => {
    const { model } = await given([
      piece(delta),
      piece({}, finish),
      ...(counts === null ? [] : [{ ...piece({}), choices: [], usage: counts }]),
    ]);
    return (await ask(model)).ending;
  };
  const counts = (prompt: number, completion: number) => ({ prompt_tokens: prompt, completion_tokens: completion });

  test.each(['length', 'max_tokens', 'MAX_TOKENS'])('%s is the output limit, with its numbers', async (finish) => {
    expect(await ended(finish, counts(40, 500))).toEqual({
      kind: 'cut',
      why: 'output_limit',
      detail: `cut at 500 tokens (finish_reason ${finish}, limit 500)`,
    });
  });

  test('length without counts names the limit', async () => {
    expect(await ended('length', null)).toMatchObject({ why: 'output_limit', detail: expect.stringContaining('500') });
  });

  test('length below the limit is a full context where the counts say so', async () => {
    expect(await ended('length', counts(31_900, 100))).toEqual({
      kind: 'cut',
      why: 'context_full',
      detail:
        'cut at 100 of 500 tokens: prompt and reply (32000 tokens) fill the context of 32000 (finish_reason length)',
    });
  });

  test('length below the limit is a lower limit of the server where the context has room', async () => {
    expect(await ended('length', counts(40, 100))).toEqual({
      kind: 'cut',
      why: 'output_limit',
      detail: 'cut at 100 tokens, before the limit of 500: the server has a lower one (finish_reason length)',
    });
  });

  test('length before any text is only thinking', async () => {
    expect(await ended('length', counts(40, 500), { reasoning_content: 'Let me see' })).toMatchObject({
      why: 'only_thinking',
      detail: expect.stringContaining('500'),
    });
  });

  test('a reply that ends by itself with nothing but thinking is only thinking', async () => {
    expect(await ended('stop', counts(40, 90), { reasoning: 'Let me see' })).toMatchObject({
      why: 'only_thinking',
      detail: 'ended after 90 tokens of thinking without text (finish_reason stop)',
    });
  });

  test.each([
    ['model_length', 'context_full'],
    ['content_filter', 'interrupted'],
    ['SAFETY', 'interrupted'],
    ['insufficient_system_resource', 'interrupted'],
    ['abort', 'interrupted'],
    ['error', 'interrupted'],
  ])('%s is %s', async (finish, why) => {
    expect(await ended(finish, counts(40, 9))).toMatchObject({
      kind: 'cut',
      why,
      detail: expect.stringContaining(finish),
    });
  });

  test("Azure's filter is named", async () => {
    const { model } = await given([
      piece({ content: text.slice(0, 9) }),
      {
        choices: [
          {
            index: 0,
            delta: {},
            finish_reason: 'content_filter',
            content_filter_results: { violence: { filtered: true, severity: 'high' }, hate: { filtered: false } },
          },
        ],
      },
    ]);
    expect((await ask(model)).ending).toMatchObject({ detail: expect.stringContaining('violence') });
  });

  test('an empty reply is invalid', async () => {
    const { model } = await given([piece({ content: '' }, 'stop'), end]);
    expect(await modelError(ask(model))).toMatchObject({ code: 'invalid', message: expect.stringContaining('empty') });
  });
});

describe("errors show the status, the server's own words and what to do:", () => {
  const page = '<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>';
  test.each<[string, Extract<CompatibleAnswer, { status: number }>, RegExp]>([
    [
      'a web page (M27)',
      { status: 502, error: page, type: 'text/html' },
      /HTTP 502: 502 Bad Gateway \(a web page, not the API's words\); check OPENAI_BASE_URL/,
    ],
    [
      'text',
      { status: 503, error: 'upstream connect error\n  or disconnect' },
      /HTTP 503: upstream connect error or disconnect; the fault is the server's/,
    ],
    ['nothing', { status: 500, error: '' }, /HTTP 500: the server gave no reason; the fault/],
    [
      'vLLM',
      { status: 404, error: { object: 'error', message: 'The model `m` does not exist.', code: 404 } },
      /HTTP 404: The model `m` does not exist\.; check the model id in models\.yaml/,
    ],
    ['FastAPI', { status: 404, error: { detail: 'Not Found' } }, /HTTP 404: Not Found; check OPENAI_BASE_URL/],
    [
      'an object as the message',
      { status: 400, error: { error: { message: { reason: 'x', code: 7 } } } },
      /HTTP 400: \{"reason":"x","code":7\}; /,
    ],
    [
      "Azure's filter on the prompt",
      {
        status: 400,
        error: {
          error: {
            message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
            type: null,
            param: 'prompt',
            code: 'content_filter',
            status: 400,
          },
        },
      },
      /HTTP 400: The response was filtered .*; its content filter refused the prompt: change the words of the task/,
    ],
    [
      'a key in the words',
      { status: 401, error: { error: { message: 'Incorrect API key provided: secret-key' } } },
      /HTTP 401: Incorrect API key provided: •••; check OPENAI_API_KEY/,
    ],
    [
      'a context that is too small (llama.cpp #15780)',
      {
        status: 500,
        error: {
          error: {
            code: 500,
            message: 'the request exceeds the available context size. try increasing the context size',
            type: 'exceed_context_size_error',
            n_prompt_tokens: 1407,
            n_ctx: 256,
          },
        },
      },
      /HTTP 500: the request exceeds .*; shorten the prompt/,
    ],
  ])('%s', async (_, answer, message) => {
    const { model } = await given(answer);
    const error = await modelError(ask(model));
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('[object Object]');
  });

  test('a long message is cut at 300 characters, and colours do not reach the terminal', async () => {
    const { model } = await given({ status: 400, error: { error: { message: `\u001B[31m${'long '.repeat(500)}` } } });
    const { message } = await modelError(ask(model));
    expect(message.length).toBeLessThan(400);
    expect(message).toContain('…');
    expect(message).not.toContain('\u001B');
  });

  test.each([
    [{ error: { code: 502, message: 'Provider disconnected' } }, 'unreachable', 'Provider disconnected'],
    [{ error: { code: 429, message: 'Rate limit of the provider' } }, 'rate_limited', 'Rate limit'],
    [
      { object: 'error', message: 'EngineDeadError', type: 'InternalServerError', code: 500 },
      'unreachable',
      'EngineDeadError',
    ],
    [{ error: 'a text' }, 'unreachable', 'a text'],
    [{ error: { message: 'Compute error.' }, message: 'Compute error.' }, 'unreachable', 'Compute error.'],
  ])('an error inside the stream: %j', async (event, code, words) => {
    const { model } = await given([piece({ content: '{' }), event]);
    expect(await modelError(ask(model))).toMatchObject({ code, message: expect.stringContaining(words) });
  });
});

test('an error before the first text of a stream is that error (vercel/ai #16805)', async () => {
  const error = {
    message: 'You exceeded your current quota, please check your plan and billing details.',
    type: 'insufficient_quota',
    param: null,
    code: 'insufficient_quota',
  };
  const { model, server } = await given([{ error }]);
  const failed = await modelError(ask(model));
  expect(failed).toMatchObject({ code: 'refused', message: expect.stringContaining("check the account's credit") });
  expect(server.bodies).toHaveLength(1);
});

describe('a document with status 200 that is an error (xaibo #36)', () => {
  test.each([
    [{ code: 'rate_limit_daily', message: 'Error code: 429 - too many requests' }, 'too many requests'],
    [{ error: { message: 'the provider has no credit' } }, 'the provider has no credit'],
    [{ choices: null, detail: 'upstream is away' }, 'upstream is away'],
    [{ success: false, message: 'no such route' }, 'no such route'],
  ])('is an error with its words: %j', async (document, words) => {
    const { model } = await given({ document });
    expect((await modelError(ask(model))).message).toContain(words);
  });

  test.each([[{ choices: [], usage }], [{ choices: null }]])(
    'is an invalid reply without words: %j',
    async (document) => {
      const { model } = await given({ document });
      expect((await modelError(ask(model))).code).toBe('invalid');
    },
  );
});

/** A reply that the server could not read is the model's fault: the next one may be right. */
describe('what a model wrote and its server refused', () => {
  const groq = (generated: string, code = 'tool_use_failed') => ({
    error: {
      message: "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.",
      type: 'invalid_request_error',
      code,
      failed_generation: generated,
    },
  });
  const written = `<function=execute_terminal_command>{"command": "ls"}</function>`;

  test.each<[string, CompatibleAnswer | readonly unknown[]]>([
    ['400 (smolagents #1119)', { status: 400, error: groq(written) }],
    ['400 for a schema', { status: 400, error: groq(written, 'json_validate_failed') }],
    [
      'an event of the stream (opencode #1018)',
      [`event: error\ndata: ${JSON.stringify({ error: { ...groq(written).error, status_code: 400 } })}\n\n`],
    ],
  ])('is read where Groq sends it along: %s', async (_, answer) => {
    const { server, model } = await given(answer, { toolCalls: 'native' });
    const reply = await ask(model, chatRequest({ tools }));
    expect(reply).toMatchObject({ text: written, ending: { kind: 'complete' } });
    // Nothing that the request had is the fault.
    expect((await ask(model, chatRequest({ tools }))).form).toBe('native');
    expect(server.bodies).toHaveLength(2);
  });

  test.each<[string, CompatibleAnswer]>([
    ['Groq without the text', { status: 400, error: groq('') }],
    [
      'Groq on the arguments (ha-groq-cloud-api #20)',
      {
        status: 400,
        error: {
          error: {
            message: 'tool call validation failed: parameters for tool finish did not match schema: errors: [`/a`]',
            type: 'invalid_request_error',
            code: 'tool_use_failed',
          },
        },
      },
    ],
    [
      'Groq behind LiteLLM',
      {
        status: 400,
        error: {
          error: { message: `litellm.BadRequestError: GroqException - ${JSON.stringify(groq(''))}`, code: '400' },
        },
      },
    ],
    [
      'llama.cpp (#20532)',
      { status: 500, error: { error: { code: 500, message: 'Failed to parse input at pos 184: <tool_call>' } } },
    ],
    [
      'Ollama behind /v1 (#12884)',
      {
        status: 500,
        error: { error: { message: "error parsing tool call: raw='ls -R', err=invalid character 'l' looking for" } },
      },
    ],
    ['Ollama without its own words (#17647)', { status: 500, error: { error: { message: GO } } }],
  ])('is an invalid reply, which is not asked for in another form: %s', async (_, answer) => {
    const { server, model } = await given(answer, { toolCalls: 'native' });
    const error = await modelError(ask(model, chatRequest({ tools })));
    expect(error).toMatchObject({ code: 'invalid', retriable: false });
    expect(error.message).toContain('the server could not read what you wrote: write it again');
    expect(server.bodies).toHaveLength(1);
  });
});
