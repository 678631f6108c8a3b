import { createAnthropicModel } from '../../src/models/anthropic.js';
import type { ModelEntry } from '../../src/models/catalog.js';
import { startFakeAnthropic, type FakeAnthropic, type FakeAnthropicOptions } from '../support/fake-anthropic.js';
import { describeAdapter } from './adapter-contract.js';
import { sendJson, startHttpServer } from '../support/fake-model-server.js';
import { ask, catalog, chatRequest, clock, conversation, hostedEntry, modelError, step } from './fixtures.js';

const entry = hostedEntry('anthropic', catalog.defaults.planner.anthropic);

describeAdapter({
  name: 'anthropic',
  start: (reply) => startFakeAnthropic({ reply: (_, index) => reply(index) }),
  model: (url, limits = {}, own = clock) =>
    createAnthropicModel({ entry, apiKey: 'test-key', baseUrl: url, clock: own, limits }),
});

describe('the anthropic adapter', () => {
  const open: Pick<FakeAnthropic, 'close'>[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((server) => server.close()));
  });
  const given = async (
    options: Partial<FakeAnthropicOptions> = {},
    overrides: Partial<ModelEntry> & { readonly apiKey?: string } = {},
  ) => {
    const server = await startFakeAnthropic({ reply: () => JSON.stringify(step), ...options });
    open.push(server);
    const { apiKey = 'test-key', ...changed } = overrides;
    return {
      server,
      model: createAnthropicModel({ entry: { ...entry, ...changed }, apiKey, baseUrl: server.url, clock }),
    };
  };

  test('sends system prompt and schema separately, tokens for thinking, and no temperature', async () => {
    const { server, model } = await given();
    await ask(model);
    const [request] = server.requests;
    expect(request).toMatchObject({
      model: 'claude-opus-5-5',
      system: 'You are cert_agent. Answer with one JSON object.',
      messages: [{ role: 'user', content: 'Make a certificate authority.' }],
      max_tokens: 500 + entry.thinkingTokens,
      output_config: { format: { type: 'json_schema' }, effort: 'medium' },
    });
    expect(request).not.toHaveProperty('temperature');
  });

  test('prices tokens as in models.yaml, cached tokens at the price for cached ones', async () => {
    const { model } = await given({
      reply: () => ({ kind: 'text', text: JSON.stringify(step), tokensIn: 3_000, cached: 1_000, tokensOut: 500 }),
    });
    const reply = await ask(model);
    expect(reply.tokensIn).toBe(3_000);
    expect(reply.costUsd).toBeCloseTo((2_000 * 4 + 1_000 * 0.2 + 500 * 20) / 1_000_000, 12);
  });

  test('a wrong key is refused; the message names the variable', async () => {
    const { model } = await given({}, { apiKey: 'wrong' });
    expect(await modelError(ask(model))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('ANTHROPIC_API_KEY'),
      used: { tokens: 0, usd: 0 },
    });
  });

  test('an unknown model is refused; the message names models.yaml', async () => {
    const { model } = await given({ models: [] });
    expect(await modelError(ask(model))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('models.yaml'),
    });
  });

  test('an error about an account without credit, which the API answers with 400, says to check it', async () => {
    const message = 'Your credit balance is too low to access the Anthropic API.';
    const { model } = await given({ reply: () => ({ kind: 'error', status: 400, message }) });
    expect((await modelError(ask(model))).message).toContain(`HTTP 400: ${message}; check the account's credit`);
  });

  test('a reply in which the model declines is refused, and its cost counts', async () => {
    const { model } = await given({
      reply: () => ({ kind: 'text', text: 'no', stop: 'refusal', tokensIn: 100, tokensOut: 10 }),
    });
    expect(await modelError(ask(model))).toMatchObject({
      code: 'refused',
      used: { tokens: 110, usd: (100 * 4 + 10 * 20) / 1_000_000 },
    });
  });

  test('a refusal carries its category and explanation', async () => {
    const extra = { stop_details: { type: 'refusal', category: 'cyber', explanation: 'It asks for malware.' } };
    const { model } = await given({ reply: () => ({ kind: 'text', text: '', stop: 'refusal', extra }) });
    expect((await modelError(ask(model))).message).toContain(
      'the model declined to answer (cyber: It asks for malware.)',
    );
  });

  test('a reply that used up its limit on thinking is cut before its first text', async () => {
    const limit = 500 + entry.thinkingTokens;
    const { model } = await given({ reply: () => ({ kind: 'text', text: '', stop: 'max_tokens', tokensOut: limit }) });
    expect(await ask(model)).toMatchObject({
      text: '',
      tokensOut: limit,
      ending: { kind: 'cut', why: 'only_thinking', detail: expect.stringContaining('max_tokens') },
    });
  });

  test.each([
    ['max_tokens', 'output_limit'],
    ['model_context_window_exceeded', 'context_full'],
    ['pause_turn', 'interrupted'],
    // Compatible servers (pi #6634; gateways that pass on what is behind them)
    ['sensitive', 'filtered'],
    ['length', 'output_limit'],
    ['abort', 'interrupted'],
  ])('%s: the reply is cut (%s), its text is as it was received', async (stop, why) => {
    const { model } = await given({ reply: () => ({ kind: 'text', text: '{"thought": "ha', stop, tokensOut: 8_500 }) });
    expect(await ask(model)).toMatchObject({
      text: '{"thought": "ha',
      ending: { kind: 'cut', why, detail: expect.stringMatching(new RegExp(`8500.*${stop}`)) },
    });
  });

  describe('tool calls', () => {
    const calls = [{ name: 'finish', arguments: { summary: 'done' } }];

    test('are sent with the conversation in blocks, none in parallel, and read back', async () => {
      const { server, model } = await given(
        { reply: () => ({ kind: 'text', text: 'Now I finish.', calls }) },
        { toolCalls: 'native' },
      );
      expect(await ask(model, conversation)).toMatchObject({
        text: 'Now I finish.',
        toolCalls: calls.map(({ name, arguments: args }) => ({ name, arguments: JSON.stringify(args) })),
        form: 'native',
        ending: { kind: 'complete' },
      });
      expect(server.requests[0]).toMatchObject({
        tools: [{ name: 'execute_terminal_command', strict: true }, { name: 'finish' }],
        tool_choice: { type: 'auto', disable_parallel_tool_use: true },
        output_config: { effort: 'medium' },
        messages: [
          { role: 'user', content: 'Make a certificate authority.' },
          {
            role: 'assistant',
            content: [
              { type: 'text', text: 'look first' },
              {
                type: 'tool_use',
                id: 'call_1',
                name: 'execute_terminal_command',
                input: { command: 'ls -l', timeout: null },
              },
            ],
          },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: 'Step 1: succeeded.' }] },
        ],
      });
      expect(server.requests[0]?.output_config).not.toHaveProperty('format');
    });

    test('auto is the schema, which the API enforces', async () => {
      const { model } = await given();
      expect((await ask(model, conversation)).form).toBe('json_schema');
    });
  });

  describe('a compatible server', () => {
    const events = (text: string) =>
      [
        { type: 'message_start', message: { usage: { input_tokens: 9, output_tokens: 0 } } },
        { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
        { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
        { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 5 } },
        { type: 'message_stop' },
      ]
        .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
        .join('');
    const startServer = async (refuses: (body: Record<string, unknown>) => string | null) => {
      const bodies: Record<string, unknown>[] = [];
      const server = await startHttpServer(async (_, response, text) => {
        const body: Record<string, unknown> = JSON.parse(text);
        bodies.push(body);
        const message = refuses(body);
        if (message !== null)
          return sendJson(response, 400, { type: 'error', error: { type: 'invalid_request_error', message } });
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(events(JSON.stringify(step)));
      });
      open.push(server);
      return { server, bodies };
    };

    test.each([
      ['output_config: Extra inputs are not permitted', 'auto', (body: object) => 'output_config' in body, 'native'],
      ['tools are not supported by this model', 'native', (body: object) => 'tools' in body, 'json_schema'],
      [
        'messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.',
        'native',
        (body: object) => JSON.stringify(body).includes('"tool_use"'),
        'json_schema',
      ],
    ] as const)('that says "%s" is asked for what it has', async (message, toolCalls, when, form) => {
      const { server, bodies } = await startServer((body) => (when(body) ? message : null));
      const model = createAnthropicModel({
        entry: { ...entry, toolCalls, effort: null },
        apiKey: 'k',
        baseUrl: server.url,
        clock,
      });
      const first = await ask(model, conversation);
      await ask(model, conversation);
      expect([first.form, bodies.length]).toEqual([form, 3]);
    });

    /** A server that sends these events, each under its type. */
    const sending = async (sent: readonly { readonly type: string; readonly [key: string]: unknown }[]) => {
      const server = await startHttpServer(async (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(sent.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''));
      });
      open.push(server);
      return createAnthropicModel({
        entry: { ...entry, toolCalls: 'native' },
        apiKey: 'test-key',
        baseUrl: server.url,
        clock,
      });
    };
    const start = (counts: object | null) => ({ type: 'message_start', message: { usage: counts } });
    const block = (index: number, content: object) => ({ type: 'content_block_start', index, content_block: content });
    const part = (index: number, partial: string) => ({
      type: 'content_block_delta',
      index,
      delta: { type: 'input_json_delta', partial_json: partial },
    });
    const stop = (reason: string, counts?: object) => ({
      type: 'message_delta',
      delta: { stop_reason: reason, stop_sequence: null },
      ...(counts === undefined ? {} : { usage: counts }),
    });
    const counts = { input_tokens: 9, output_tokens: 0 };
    const counted = { output_tokens: 5 };
    const called = { type: 'tool_use', id: 'c1', name: 'finish' };
    const input = { summary: 'done' };
    const json = JSON.stringify(input);

    test.each([
      [
        'the whole input in the first event of a call, and no pieces (gajae-code #1895)',
        [start(counts), block(0, { ...called, input }), stop('tool_use', counted)],
      ],
      [
        'no input in the first event of a call (llama.cpp #22960)',
        [start(counts), block(0, called), part(0, json.slice(0, 4)), part(0, json.slice(4)), stop('tool_use', counted)],
      ],
      [
        'end_turn behind a call, and an empty text before it (litellm #34692)',
        [
          start(counts),
          block(0, { type: 'text', text: '' }),
          block(1, { ...called, input: {} }),
          part(1, json),
          stop('end_turn', counted),
        ],
      ],
      [
        'the tokens of the prompt in the first event only (gptel #1331)',
        [
          start({ ...counts, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 }),
          block(0, { ...called, input: {} }),
          part(0, json),
          stop('tool_use', counted),
        ],
      ],
    ])('that sends %s is read', async (_, sent) => {
      const model = await sending([...sent, { type: 'message_stop' }]);
      const reply = await ask(model, conversation);
      const args = reply.toolCalls?.[0]?.arguments;
      expect(typeof args === 'string' ? JSON.parse(args) : args).toEqual(input);
      expect(reply).toMatchObject({
        text: '',
        toolCalls: [{ name: 'finish' }],
        ending: { kind: 'complete' },
        tokensIn: 9,
        tokensOut: 5,
      });
    });

    test('that sends a call without its beginning sends it on as it is (vllm #34887)', async () => {
      const model = await sending([
        start(counts),
        block(0, { ...called, input: {} }),
        part(0, 'summary'),
        part(0, '": "done"}'),
        stop('tool_use', counted),
        { type: 'message_stop' },
      ]);
      expect((await ask(model, conversation)).toolCalls).toEqual([{ name: 'finish', arguments: 'summary": "done"}' }]);
    });

    test.each([
      ['zeros (cc-switch #2485)', { input_tokens: 0, output_tokens: 0 }],
      ['nothing', undefined],
    ])('that counts %s is paid as the worst case', async (_, sent) => {
      const zeros = sent === undefined ? null : { input_tokens: 0, output_tokens: 0 };
      const model = await sending([
        start(zeros),
        block(0, { ...called, input }),
        stop('tool_use', sent),
        { type: 'message_stop' },
      ]);
      const { tokensIn, tokensOut, costUsd } = await ask(model, conversation);
      const worst = model.worstCase(conversation);
      expect([tokensIn + tokensOut, costUsd]).toEqual([worst.tokens, worst.usd]);
    });

    // gptel #1512, claude-code #58367
    test.each([
      ['overloaded_error', 'Overloaded', 'unreachable', 'look at its log or status page'],
      [
        'invalid_request_error',
        'Output blocked by content filtering policy',
        'refused',
        'change the words of the task',
      ],
    ])('that ends its stream with %s: %s', async (type, message, code, next) => {
      const model = await sending([
        start(counts),
        { type: 'error', error: { details: null, type, message }, request_id: 'req_1' },
      ]);
      const error = await modelError(ask(model, conversation));
      expect(error.code).toBe(code);
      expect(error.message).toContain(message);
      expect(error.message).toContain(next);
    });

    const answering = async (type: string, body: string) => {
      const server = await startHttpServer(async (_, response) => {
        response.writeHead(200, { 'content-type': type }).end(body);
      });
      open.push(server);
      return createAnthropicModel({ entry, apiKey: 'k', baseUrl: server.url, clock });
    };
    const data = (...events: readonly object[]) => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
    const message = {
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: json }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 9, output_tokens: 5 },
    };
    const ending = [stop('end_turn', counted), { type: 'message_stop' }];

    test.each([
      [
        'without the names of the events, behind the mark of another API',
        'text/event-stream; charset=utf-8',
        `${data(start(counts), block(0, { type: 'text', text: json }), ...ending)}data: [DONE]\n\n`,
      ],
      [
        'with names, and without types in the data',
        'text/event-stream',
        'event: message_start\ndata: {"message":{"usage":{"input_tokens":9}}}\n\n' +
          `event: content_block_start\ndata: {"index":0,"content_block":${JSON.stringify(message.content[0])}}` +
          '\n\nevent: message_delta\ndata: {"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}\n\n' +
          'event: message_stop\ndata: {}\n\n',
      ],
      ['as a document, although a stream was asked for', 'application/json', JSON.stringify(message)],
      [
        'with the reply as thinking (vllm #48863)',
        'text/event-stream',
        data(
          start(counts),
          block(0, { type: 'thinking', thinking: json.slice(0, 3) }),
          { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: json.slice(3) } },
          ...ending,
        ),
      ],
    ])('that answers %s is read', async (_, type, body) => {
      expect(await ask(await answering(type, body))).toMatchObject({
        text: json,
        ending: { kind: 'complete' },
        tokensIn: 9,
        tokensOut: 5,
      });
    });

    test.each([
      [
        'in an event without a name (litellm #38610)',
        'text/event-stream',
        data(start(counts), { error: { message: 'litellm.APIConnectionError', code: '500' } }),
      ],
      [
        'in text, not as JSON',
        'text/event-stream',
        `${data(start(counts))}event: error\ndata: litellm.APIConnectionError\n\n`,
      ],
      [
        'as a document with status 200',
        'application/json',
        '{"type":"error","error":{"type":"api_error","message":"litellm.APIConnectionError"}}',
      ],
    ])("that reports an error %s: the server's words are shown", async (_, type, body) => {
      expect(await modelError(ask(await answering(type, body)))).toMatchObject({
        code: 'unreachable',
        retriable: true,
        message: expect.stringContaining('litellm.APIConnectionError'),
      });
    });

    test('that has left out a call which it could not read: the model is asked to write it again', async () => {
      const model = await sending([start(counts), stop('malformed_function_call', counted), { type: 'message_stop' }]);
      expect(await modelError(ask(model, conversation))).toMatchObject({
        code: 'invalid',
        message: expect.stringContaining('write it again'),
      });
    });

    test('that says a prompt is too long is not asked again, and the error says what to do', async () => {
      const { server, bodies } = await startServer(() => 'prompt is too long: 210000 tokens > 200000 maximum');
      const error = await modelError(ask(createAnthropicModel({ entry, apiKey: 'k', baseUrl: server.url, clock })));
      expect(error).toMatchObject({
        code: 'refused',
        message: expect.stringMatching(/HTTP 400: .*; shorten the prompt/),
      });
      expect(bodies).toHaveLength(1);
    });
  });

  test('a rate limit inside the stream is rate_limited', async () => {
    const { model } = await given({
      reply: () => ({ kind: 'error_in_stream', type: 'rate_limit_error', message: 'too many tokens' }),
    });
    expect((await modelError(ask(model))).code).toBe('rate_limited');
  });

  test('a prompt that exceeds the context window in models.yaml is refused before it costs anything', async () => {
    const { server, model } = await given({}, { contextTokens: 1_000 });
    expect(await modelError(ask(model))).toMatchObject({ code: 'refused', used: { tokens: 0, usd: 0 } });
    expect(server.requests).toHaveLength(0);
  });

  test("the test server refuses a request with fields that the pinned SDK's types lack", async () => {
    const { server } = await given();
    const answer = await fetch(`${server.url}/v1/messages`, {
      method: 'POST',
      headers: { authorization: 'Bearer test-key', 'anthropic-version': '2026-10-21' },
      body: JSON.stringify({
        model: 'claude-opus-5-5',
        max_tokens: 1,
        temperature: 0.2,
        messages: [{ role: 'user', content: 'x' }],
        output_config: { format: { type: 'json_schema', schema: {} } },
        stream: true,
      }),
    });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('temperature')]);
  });

  test('the test server, like the API, refuses a conversation that ends with the assistant', async () => {
    const { model } = await given();
    const prefilled = chatRequest({
      messages: [
        { role: 'user', content: 'hello' },
        { role: 'assistant', content: '{' },
      ],
    });
    expect((await modelError(ask(model, prefilled))).code).toBe('refused');
  });
});
