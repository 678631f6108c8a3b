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
    [
      'a proxy of Gemini: finish_reason stop in every piece (gcli2api #403)',
      [
        piece({ reasoning_content: 'Hm' }, 'stop'),
        piece({ content: text.slice(0, 9) }, 'stop'),
        piece({ content: text.slice(9) }, 'stop'),
        end,
      ],
    ],
    ['Together: finish_reason eos', [piece({ content: text }, 'eos'), end]],
    [
      'fields missing: no id, no object, no index',
      [{ choices: [{ delta: { content: text } }] }, { choices: [{ delta: {}, finish_reason: 'stop' }] }, { usage }],
    ],
    [
      'a gateway: comments as data, and data without anything (llm-gateway #2053, coddy-agent #106)',
      ['data: : OPENROUTER PROCESSING\n\n', piece({ content: text }), 'data:\n\n', piece({}, 'stop'), end],
    ],
    [
      'vLLM and LM Studio: an empty list of calls, finish_reason tool_calls (vllm #53363, lmstudio-bug-tracker #1318)',
      [piece({ role: 'assistant', content: text, tool_calls: [] }), piece({}, 'tool_calls'), end],
    ],
    [
      'LM Studio: a call with an empty id and nothing else beside the text (lmstudio-bug-tracker #830)',
      [
        piece({ content: text }),
        piece({ tool_calls: [{ index: 0, id: '', type: 'function' }] }),
        piece({}, 'stop'),
        end,
      ],
    ],
    [
      'vLLM and SGLang: the reply in the field for thinking (vllm #19222, #48863, sglang #14821)',
      [
        piece({ role: 'assistant', content: null, tool_calls: null }),
        piece({ reasoning_content: text.slice(0, 9) }),
        piece({ reasoning_content: text.slice(9) }),
        piece({ content: null }, 'stop'),
        end,
      ],
    ],
    [
      'vLLM as a document, with the newer name of that field (vllm #50948)',
      {
        document: {
          choices: [
            { index: 0, message: { role: 'assistant', content: null, reasoning: text }, finish_reason: 'stop' },
          ],
          usage,
        },
      },
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
    expect(reply.toolCalls).toBeUndefined();
    expect(reply.ending).toEqual({ kind: 'complete' });
    expect([reply.tokensIn, reply.tokensOut]).toEqual([40, 22]);
  });

  test.each<[string, readonly unknown[]]>([
    ['is prose', [piece({ reasoning_content: 'I look first.' }), piece({}, 'stop')]],
    ['holds a step among prose', [piece({ reasoning_content: `I say ${text}` }), piece({}, 'stop')]],
    ['is a step that the limit cut', [piece({ reasoning_content: text }), piece({}, 'length')]],
  ])('thinking alone is no reply where it %s', async (_, events) => {
    const { model } = await given([...events, end]);
    expect(await ask(model)).toMatchObject({ text: '', ending: { kind: 'cut', why: 'only_thinking' } });
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
      'LiteLLM: the only call has the index 1 (pipecat #4987)',
      [
        begin({ index: 1, id: 'c1', type: 'function', function: { name: 'finish', arguments: '' } }),
        begin({ index: 1, id: null, function: { name: null, arguments: args.slice(0, 5) } }),
        begin({ index: 1, id: null, function: { name: null, arguments: args.slice(5) } }),
      ],
    ],
    [
      'vLLM: a first piece without arguments (vllm #9693)',
      [
        begin({ index: 0, id: 'chatcmpl-tool-1', type: 'function', function: { name: 'finish' } }),
        begin({ index: 0, function: { arguments: args } }),
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

  test('two calls stay two whose further pieces have an empty id and the same index (lmdeploy #3412)', async () => {
    const { model } = await given(
      ['one', 'two'].flatMap((said) => [
        begin({ index: 0, id: `chatcmpl-tool-${said}`, type: 'function', function: { name: 'finish', arguments: '' } }),
        begin({ index: 0, id: '', type: 'function', function: { name: null, arguments: '{"summary":' } }),
        begin({ index: 0, id: '', type: 'function', function: { name: null, arguments: `"${said}"}` } }),
      ]),
      { toolCalls: 'native' },
    );
    expect((await ask(model, chatRequest({ tools }))).toolCalls?.map((one) => one.arguments)).toEqual([
      '{"summary":"one"}',
      '{"summary":"two"}',
    ]);
  });

  // vLLM with a forced tool (vllm #9209), Gemini (python-genai #2868); mlx-lm #782; only [DONE] (openclaw #98575)
  test.each(['stop', 'tool_call', null])('a call is complete with finish_reason %s', async (finish) => {
    const { model } = await given(
      [begin({ index: 0, id: 'c1', function: { name: 'finish', arguments: args } }), piece({}, finish), end],
      { toolCalls: 'native' },
    );
    expect(await ask(model, chatRequest({ tools }))).toMatchObject({
      toolCalls: [{ name: 'finish', arguments: args }],
      ending: { kind: 'complete' },
    });
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
    ['content_filter', 'filtered'],
    ['SAFETY', 'filtered'],
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

  // python-genai #1836, pydantic-ai #631, llm-gateway's and Google's compatible APIs
  test.each(['malformed_function_call', 'function_call_filter: MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL'])(
    'a reply without the call that the server could not read is invalid (%s)',
    async (reason) => {
      const { model } = await given([piece({ role: 'assistant' }), piece({}, reason), end]);
      expect(await modelError(ask(model))).toMatchObject({
        code: 'invalid',
        message: expect.stringContaining('write it again'),
      });
    },
  );

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
      /HTTP 400: The response was filtered .*; its content filter refused the prompt or the reply: change the words/,
    ],
    [
      "Azure's filter behind LiteLLM, which drops its code (litellm #16231)",
      {
        status: 400,
        error: {
          error: {
            message:
              'litellm.BadRequestError: litellm.ContentPolicyViolationError: AzureException - The response was ' +
              "filtered due to the prompt triggering Azure OpenAI's content management policy. Received Model Group=x",
            type: null,
            param: null,
            code: '400',
          },
        },
      },
      /HTTP 400: litellm\.BadRequestError: .*; its content filter refused the prompt or the reply/,
    ],
    [
      "DeepSeek's filter (DeepSeek-V2 #30)",
      { status: 400, error: { detail: 'Content Exists Risk' } },
      /HTTP 400: Content Exists Risk; its content filter refused/,
    ],
    [
      "DashScope's filter (BettaFish #449)",
      {
        status: 400,
        error: {
          error: {
            message: 'Input data may contain inappropriate content. For details, see: https://help.aliyun.com/x',
            type: 'data_inspection_failed',
            param: null,
            code: 'data_inspection_failed',
          },
          request_id: 'c2b25c93',
        },
      },
      /HTTP 400: Input data may contain .*; its content filter refused/,
    ],
    [
      "OpenAI's check of a prompt for models that reason (pal-mcp-server #178)",
      {
        status: 400,
        error: {
          error: {
            message:
              'Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again ' +
              'with a different prompt: https://platform.openai.com/docs/guides/reasoning#advice-on-prompting',
            type: 'invalid_request_error',
            param: null,
            code: 'invalid_prompt',
          },
        },
      },
      /HTTP 400: Invalid prompt: .*; its content filter refused/,
    ],
    [
      'llama.cpp while it loads its model (llama-swap #146)',
      { status: 503, error: { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } } },
      /HTTP 503: Loading model; wait until it has loaded the model/,
    ],
    [
      'an empty message (vllm #35438)',
      { status: 500, error: { error: { message: '', type: 'InternalServerError', param: null, code: 500 } } },
      /HTTP 500: .*InternalServerError.*; the fault is the server's/,
    ],
    [
      'a model that is gone (Groq, crewAI #1976)',
      {
        status: 400,
        error: {
          error: {
            message: 'The model `m` has been decommissioned and is no longer supported.',
            type: 'invalid_request_error',
            code: 'model_decommissioned',
          },
        },
      },
      /HTTP 400: The model `m` has been decommissioned .*; check the model's entry in models\.yaml/,
    ],
    [
      'credit for fewer tokens (OpenRouter, openclaude #1125)',
      {
        status: 402,
        error: {
          error: {
            message:
              'This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can ' +
              'only afford 27342.',
            code: 402,
            metadata: { provider_name: null },
          },
        },
      },
      /HTTP 402: This request requires more credits.*; check the account's credit/,
    ],
    [
      "Cloudflare's page (claude-code #3197)",
      {
        status: 520,
        error:
          '<!DOCTYPE html>\n<!--[if lt IE 7]> <html class="no-js ie6 oldie" lang="en-US"> <![endif]-->\n<head>\n' +
          '<title>api.example.com | 520: Web server is returning an unknown error</title>\n</head>',
        type: 'text/html',
      },
      /HTTP 520: api\.example\.com \| 520: Web server is returning an unknown error \(a web page/,
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

  test.each<[string, number, unknown]>([
    [
      'vLLM from 0.10.1 (fms-guardrails-orchestrator #511)',
      400,
      {
        error: {
          message:
            "This model's maximum context length is 32768 tokens. However, you requested 39197 tokens in the " +
            'messages, Please reduce the length of the messages. None',
          type: 'BadRequestError',
          param: null,
          code: 400,
        },
      },
    ],
    [
      'vLLM before it counted so (vllm #4667)',
      400,
      {
        object: 'error',
        message: 'max_tokens must be at least 1, got -186.',
        type: 'BadRequestError',
        param: null,
        code: 400,
      },
    ],
    [
      'vLLM for prompts with images (grounded-rl #16)',
      400,
      {
        object: 'error',
        message: 'The decoder prompt (length 10127) is longer than the maximum model length of 8192.',
        type: 'BadRequestError',
        param: null,
        code: 400,
      },
    ],
    [
      'SGLang (sglang #8096, Qwen3 #1321)',
      400,
      {
        object: 'error',
        message: "The input (61709 tokens) is longer than the model's context length (40960 tokens).",
        type: 'BadRequestError',
        param: null,
        code: 400,
      },
    ],
    [
      'llama.cpp in the middle of the prompt (llama.cpp #19774)',
      500,
      { error: { code: 500, message: 'Context size has been exceeded.', type: 'server_error' } },
    ],
    [
      'llama-cpp-python (logdetective-website #193)',
      400,
      { error: { message: 'Requested tokens (2285) exceed context window of 2048', type: null, code: null } },
    ],
    [
      'LM Studio (lmstudio-bug-tracker #237)',
      400,
      {
        error:
          'Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded with ' +
          'context length of only 4096 tokens, which is not enough.',
      },
    ],
    [
      'a newer LM Studio (openclaude #353)',
      400,
      {
        error:
          'The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 13055>= ' +
          'n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input.',
      },
    ],
    [
      'text-generation-inference (chat-ui #1149)',
      422,
      {
        error:
          'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8192. Given: 6204 `inputs` tokens ' +
          'and 2047 `max_new_tokens`',
        error_type: 'validation',
      },
    ],
    [
      'LiteLLM in front of Anthropic (brokk-app #540)',
      400,
      {
        error: {
          message:
            'litellm.BadRequestError: AnthropicException - b\'{"type":"error","error":{"type":' +
            '"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 179413 + 32768 > ' +
            '200000, decrease input length or `max_tokens` and try again"}}\'',
          type: null,
          param: null,
          code: '400',
        },
      },
    ],
    [
      'LiteLLM in front of Azure (litellm #15968)',
      400,
      {
        error: {
          message:
            'AzureException BadRequestError - Input tokens exceed the configured limit of 272000 tokens. Your ' +
            'messages resulted in 509178 tokens.',
          code: '400',
        },
      },
    ],
    [
      'Gemini (litellm #18282)',
      400,
      [
        {
          error: {
            code: 400,
            message: 'The input token count (2800010) exceeds the maximum number of tokens allowed (1048575).',
            status: 'INVALID_ARGUMENT',
          },
        },
      ],
    ],
    ['Bedrock (claude-code #760)', 400, { message: 'Input is too long for requested model.' }],
    [
      'xAI (cline #3120)',
      400,
      {
        code: 'Client specified an invalid argument',
        error: "This model's maximum prompt length is 131072 but the request contains 136973 tokens.",
      },
    ],
    [
      'Moonshot (kimi-cli #2011)',
      400,
      {
        error: {
          message: 'Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)',
          type: 'invalid_request_error',
        },
      },
    ],
    ['MiniMax (pi #6061)', 400, { error: { message: 'invalid params, context window exceeds limit (2013)' } }],
    [
      'DashScope (qwen-code #98)',
      400,
      {
        error: {
          code: 'invalid_parameter_error',
          message: '<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 204800]',
          param: null,
          type: 'invalid_request_error',
        },
      },
    ],
    [
      'GitHub Copilot (copilot-intellij-feedback #94)',
      400,
      {
        error: {
          message: 'prompt token count of 138898 exceeds the limit of 64000',
          code: 'model_max_prompt_tokens_exceeded',
        },
      },
    ],
    [
      'Groq, above the tokens of a minute (gpt-researcher #985)',
      413,
      {
        error: {
          message:
            'Request too large for model `m` in organization `o` on tokens per minute (TPM): Limit 6000, Requested ' +
            '14368, please reduce your message size and try again.',
          type: 'tokens',
          code: 'rate_limit_exceeded',
        },
      },
    ],
    [
      'OpenAI, above the tokens of a minute (vanna-flask #11)',
      429,
      {
        error: {
          message:
            'Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 342389. The input or ' +
            'output tokens must be reduced in order to run successfully.',
          type: 'tokens',
          param: null,
          code: 'rate_limit_exceeded',
        },
      },
    ],
  ])('a prompt that is too long, in the words of %s', async (_, status, error) => {
    const { server, model } = await given({ status, error });
    expect(await modelError(ask(model))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('; shorten the prompt, or put a model with a larger context first'),
    });
    expect(server.bodies).toHaveLength(1);
  });

  test.each([
    [
      'Groq (crewAI #494)',
      'Limit 5000, Used 5747, Requested ~4251. Please try again in 59.977s. Visit https://x',
      59_977,
    ],
    ['Groq behind LiteLLM (openinterpreter #408)', 'Please try again in 6.780999999s. Visit https://x', 6_781],
    ['milliseconds', 'Please try again in 850ms.', 850],
    ['minutes', 'Please try again in 1m26.4s.', 86_400],
    ['hours', 'Please try again in 3h2m.', 900_000],
    ['hours, minutes and seconds', 'Rate limit reached. Please try again in 2h47m56.58s.', 900_000],
    ['Azure', 'Requests have exceeded the token rate limit. Please retry after 60 seconds.', 60_000],
    ['one second', 'Please retry after 1 second.', 1_000],
    ['minutes and seconds in words', 'Please try again in 1 minute and 5 seconds', 65_000],
    ['Gemini', 'You exceeded your current quota. Please retry in 57.6s.', 57_600],
    ['short words', 'Please try again in 2 mins 5 secs.', 125_000],
    ['an hour in short', 'Try again in 1 hr.', 900_000],
    ['milliseconds in short', 'Please retry after 300 msecs', 300],
    ['a wait', 'Too many requests, please wait 20 seconds before the next one.', 20_000],
    ['a wait without a time', 'You are sending too fast, please wait or upgrade.', null],
    ['a word that only begins like a unit', 'Please retry in 5 steps.', null],
    ['no time', 'Please try again in a few minutes.', null],
  ])('where no header says how long to wait, the words do: %s', async (_, words, retryAfterMs) => {
    const { model } = await given({ status: 429, error: { error: { message: words, code: 'rate_limit_exceeded' } } });
    expect(await modelError(ask(model))).toMatchObject({ code: 'rate_limited', retryAfterMs });
  });

  test('the wait of Google is in the details of its error', async () => {
    const error = {
      code: 429,
      message: 'You exceeded your current quota.',
      status: 'RESOURCE_EXHAUSTED',
      details: [{ '@type': 'q' }, { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '57s' }],
    };
    const { model } = await given({ status: 429, error: [{ error }] });
    expect(await modelError(ask(model))).toMatchObject({ code: 'rate_limited', retryAfterMs: 57_000 });
  });

  test('524 is a server that did not answer Cloudflare in time (claude-code #16737)', async () => {
    const page = '<!DOCTYPE html><head><title>api.example.com | 524: A timeout occurred</title></head>';
    const { model } = await given({ status: 524, error: page, type: 'text/html' });
    expect(await modelError(ask(model))).toMatchObject({ code: 'timeout', retriable: true });
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
    // SGLang (litellm #25492)
    [
      {
        error: {
          object: 'error',
          message: "Requested token count exceeds the model's maximum context length of 196608 tokens.",
          type: 'BadRequestError',
          param: null,
          code: 400,
        },
      },
      'refused',
      'shorten the prompt',
    ],
    // llama.cpp, as a field of the stream (llama.cpp #16104, coddy-agent #106)
    [
      'error: {"code":400,"message":"the request exceeds the available context size. try increasing it",' +
        '"type":"invalid_request_error"}\n\n',
      'refused',
      'shorten the prompt',
    ],
    ['error: {"code":500,"message":"Compute error.","type":"server_error"}\n\n', 'unreachable', 'Compute error.'],
  ])('an error inside the stream: %j', async (event, code, words) => {
    const { model } = await given([piece({ content: '{' }), event]);
    expect(await modelError(ask(model))).toMatchObject({ code, message: expect.stringContaining(words) });
  });
});

test("llama.cpp's error in the field error: before any text is that error (coddy-agent #106)", async () => {
  const said = '{"code":400,"message":"the request exceeds the available context size","type":"invalid_request_error"}';
  const { model, server } = await given([`error: ${said}\n\n`]);
  expect(await modelError(ask(model))).toMatchObject({
    code: 'refused',
    message: expect.stringContaining('shorten the prompt'),
  });
  expect(server.bodies).toHaveLength(1);
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
