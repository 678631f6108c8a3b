import { withRetries } from '../../src/models/retry.js';
import { createOllamaModel } from '../../src/models/ollama.js';
import { ollamaUrl } from '../../src/models/ollama-host.js';
import { messagesTokenBound } from '../../src/models/token-bound.js';
import { createDeferred } from '../../src/domain/deferred.js';
import type { OllamaChatBody } from '../../src/models/ollama-request.js';
import { startHttpServer } from '../support/fake-model-server.js';
import { startFakeOllama, type FakeOllama, type FakeOllamaOptions } from '../support/fake-ollama.js';
import { describeAdapter } from './adapter-contract.js';
import { ask, catalog, chatRequest, clock, conversation, finish, modelError, schema, step, tools } from './fixtures.js';

const entry = catalog.ollama('qwen3:8b');

describeAdapter({
  name: 'ollama',
  start: (reply) => startFakeOllama({ reply: (_, index) => reply(index) }),
  model: (url, limits = {}, own = clock) => createOllamaModel({ url, entry, clock: own, limits }),
});

describe('the ollama adapter', () => {
  const open: Pick<FakeOllama, 'close'>[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((server) => server.close()));
  });
  const given = async (options: Partial<FakeOllamaOptions> = {}) => {
    const server = await startFakeOllama({ reply: () => JSON.stringify(step), ...options });
    open.push(server);
    return { server, model: createOllamaModel({ url: server.url, entry, clock }) };
  };
  const never = new AbortController().signal;

  test('constrains the reply by the schema, and always sends the same num_ctx, temperature 0 and a seed', async () => {
    const { server, model } = await given();
    await ask(model);
    await ask(model, chatRequest({ maxOutputTokens: 900 }));
    expect(server.requests[0]).toMatchObject({ model: 'qwen3:8b', format: schema, stream: true, think: false });
    expect(server.requests.map((request) => request.options)).toEqual([
      { num_ctx: entry.contextTokens, num_predict: 500, temperature: 0, seed: expect.any(Number) },
      { num_ctx: entry.contextTokens, num_predict: 900, temperature: 0, seed: server.requests[0]?.options?.seed },
    ]);
  });

  test("costs nothing; its worst case is the prompt's bound plus the reply", async () => {
    const { model } = await given();
    expect(model.worstCase(chatRequest())).toEqual({ tokens: messagesTokenBound(chatRequest()) + 500, usd: 0 });
    expect((await ask(model)).costUsd).toBe(0);
  });

  test('a prompt longer than num_ctx counts as num_ctx in the worst case: the server reads no more', async () => {
    const { model } = await given();
    const long = chatRequest({ messages: [{ role: 'user', content: 'word '.repeat(100_000) }] });
    expect(model.worstCase(long).tokens).toBe(entry.contextTokens + 500);
  });

  describe('probe', () => {
    test('a model that the server has is usable, with and without its tag', async () => {
      const { server } = await given({ models: ['llama3.1:latest', 'qwen3:8b'] });
      for (const id of ['llama3.1', 'llama3.1:latest', 'qwen3:8b']) {
        expect(await createOllamaModel({ url: server.url, entry: catalog.ollama(id), clock }).probe(never)).toEqual({
          usable: true,
        });
      }
    });

    test('for a missing model it gives the pull command', async () => {
      const { server } = await given({ models: ['qwen3:4b'] });
      const probe = await createOllamaModel({ url: server.url, entry, clock }).probe(never);
      expect(probe).toEqual({
        usable: false,
        reason: `${server.url} does not have model qwen3:8b`,
        fix: 'ollama pull qwen3:8b',
      });
    });

    test('for a stopped server it gives the command that starts it', async () => {
      const { server, model } = await given();
      open.length = 0;
      await server.close();
      expect(await model.probe(never)).toEqual({
        usable: false,
        reason: expect.stringMatching(/no Ollama at .* \(nothing listens at 127\.0\.0\.1:\d+ \(ECONNREFUSED\)\)/),
        fix: expect.stringContaining('ollama serve'),
      });
    });

    test('never rejects; a caller that has aborted does not hear that there is no server', async () => {
      const { model } = await given();
      const probe = await model.probe(AbortSignal.abort(new Error('stop')));
      expect(probe).toMatchObject({ usable: false, fix: null, reason: expect.not.stringContaining('no Ollama') });
    });

    test.each([
      [401, '{"error":"unauthorized"}', 'HTTP 401: unauthorized', 'user:password@'],
      [
        404,
        '<html><head><title>404 Not Found</title></head></html>',
        'HTTP 404: 404 Not Found (a web page',
        'check OLLAMA_HOST',
      ],
      [200, '<html></html>', 'is not Ollama', 'check OLLAMA_HOST'],
      [200, '{"object":"list"}', 'is not Ollama', 'check OLLAMA_HOST'],
    ])('a server that answers %i %s is named as what it is', async (status, body, reason, fix) => {
      const server = await startHttpServer(async (_, response) => {
        response.writeHead(status, { 'content-type': body.startsWith('<') ? 'text/html' : 'application/json' });
        response.end(body);
      });
      open.push(server);
      const probe = await createOllamaModel({ url: server.url, entry, clock }).probe(never);
      expect(probe).toMatchObject({
        usable: false,
        reason: expect.stringContaining(reason),
        fix: expect.stringContaining(fix),
      });
    });

    test.each([
      ['llama3.1:latest', 'Llama3.1'],
      ['llama3.1:latest', 'library/llama3.1'],
      ['llama3.1:latest', 'registry.ollama.ai/library/llama3.1:latest'],
      ['llama3.1:latest', 'llama3.1@sha256:abc'],
      ['qwen3:8b', 'QWEN3:8B'],
      ['team/m:latest', 'Team/M'],
      ['hf.co/bartowski/L-GGUF:Q4_K_M', 'hf.co/bartowski/L-GGUF:q4_k_m'],
      ['hf.co/bartowski/L-GGUF:Q4_K_M', 'huggingface.co/bartowski/L-GGUF:Q4_K_M'],
      ['registry.local:5000/team/m:latest', 'registry.local:5000/team/m'],
    ])('%s is the model %s', async (there, asked) => {
      const { server } = await given({ models: [there] });
      expect(await createOllamaModel({ url: server.url, entry: catalog.ollama(asked), clock }).probe(never)).toEqual({
        usable: true,
      });
    });

    test.each([
      ['llama3.1:8b', 'llama3.1'],
      ['team/m:latest', 'm'],
      ['hf.co/a/m:latest', 'a/m'],
      ['registry.local:5000/team/m:latest', 'team/m'],
    ])('%s is not the model %s', async (there, asked) => {
      const { server } = await given({ models: [there] });
      expect(
        await createOllamaModel({ url: server.url, entry: catalog.ollama(asked), clock }).probe(never),
      ).toMatchObject({ usable: false });
    });
  });

  test('a server that hangs is detected by /api/version, long before the model could have loaded', async () => {
    const server = await startFakeOllama({ reply: () => '{}', hangs: true });
    open.push(server);
    const model = createOllamaModel({ url: server.url, entry, clock, limits: { connectMs: 200 } });
    expect(await modelError(ask(model))).toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('did not answer'),
    });
    expect(await model.probe(never)).toMatchObject({
      usable: false,
      reason: expect.stringContaining('did not answer'),
    });
  });

  test('a server that replies at once is not asked for its version', async () => {
    const { server, model } = await given();
    await ask(model);
    expect(server.asked()).toEqual(['POST /api/chat']);
  });

  test('a server that loads its model is asked for its version, and then has the time of the first token', async () => {
    const asked = createDeferred<void>();
    const server = await startFakeOllama({
      reply: () => asked.promise.then(() => JSON.stringify(step)),
      onVersion: () => asked.resolve(),
    });
    open.push(server);
    const reply = await ask(createOllamaModel({ url: server.url, entry, clock, limits: { connectMs: 2_000 } }));
    expect(JSON.parse(reply.text)).toEqual(step);
    expect(server.asked()).toEqual(['POST /api/chat', 'GET /api/version']);
  });

  test('a server with the API and without /api/version is not taken for one without the model', async () => {
    const asked = createDeferred<void>();
    const server = await startFakeOllama({
      reply: () => asked.promise.then(() => JSON.stringify(step)),
      onVersion: () => asked.resolve(),
      versionStatus: 404,
    });
    open.push(server);
    const reply = await ask(createOllamaModel({ url: server.url, entry, clock, limits: { connectMs: 2_000 } }));
    expect(JSON.parse(reply.text)).toEqual(step);
  });

  describe('what a server or a model lacks is left out from then on:', () => {
    test.each([
      [
        'a format of Ollama before 0.5',
        400,
        'json: cannot unmarshal object into Go struct field ChatRequest.format of type string',
        (body: OllamaChatBody) => typeof body.format === 'object',
        'auto',
        'native',
      ],
      [
        'any format',
        500,
        'failed to load model vocabulary required for format',
        (body: OllamaChatBody) => body.format !== undefined,
        'json',
        'plain',
      ],
      [
        'tools (ollama #5793)',
        400,
        'registry.ollama.ai/library/llama3:latest does not support tools',
        (body: OllamaChatBody) => body.tools !== undefined,
        'native',
        'json_schema',
      ],
      [
        'thinking (ollama #11439)',
        400,
        '"qwen3:8b" does not support thinking',
        (body: OllamaChatBody) => body.think !== undefined,
        'auto',
        'json_schema',
      ],
    ] as const)('%s', async (_, status, error, when, toolCalls, form) => {
      const server = await startFakeOllama({
        reply: () => JSON.stringify(step),
        refuse: (body) => (when(body) ? { status, error } : null),
      });
      open.push(server);
      const model = createOllamaModel({ url: server.url, entry: { ...entry, toolCalls }, clock });
      expect((await ask(model, chatRequest({ tools }))).form).toBe(form);
      // On a busy computer it also asks whether the server is there (/api/version).
      const chats = () => server.asked().filter((line) => line === 'POST /api/chat').length;
      const before = chats();
      await ask(model, chatRequest({ tools }));
      expect(chats()).toBe(before + 1);
    });
  });

  test('tool calls: the conversation as the API has it, what may be null is optional, the calls are read', async () => {
    const calls = [{ name: 'finish', arguments: { summary: 'done' } }];
    const { server } = await given({ reply: () => ({ kind: 'text', text: '', calls }) });
    const model = createOllamaModel({ url: server.url, entry: { ...entry, toolCalls: 'native' }, clock });
    expect(await ask(model, conversation)).toMatchObject({ text: '', toolCalls: calls, form: 'native' });
    expect(server.requests[0]?.messages?.slice(1)).toEqual([
      { role: 'user', content: 'Make a certificate authority.' },
      {
        role: 'assistant',
        content: 'look first',
        tool_calls: [
          { function: { name: 'execute_terminal_command', arguments: { command: 'ls -l', timeout: null } } },
        ],
      },
      { role: 'tool', content: 'Step 1: succeeded.', tool_name: 'execute_terminal_command' },
    ]);
    expect(server.requests[0]?.tools?.[0]?.function.parameters).toMatchObject({
      properties: { command: { type: 'string' }, timeout: { type: 'integer' } },
      required: ['command'],
    });
    expect(server.requests[0]).not.toHaveProperty('format');
  });

  test("a request's seed takes the place of the fixed one", async () => {
    const { server, model } = await given();
    await ask(model, chatRequest({ seed: 7 }));
    expect(server.requests[0]?.options?.seed).toBe(7);
  });

  test('a model that thinks gets room for it', async () => {
    const { server } = await given();
    const thinking = { ...entry, thinking: true, thinkingTokens: 1_000 };
    await ask(createOllamaModel({ url: server.url, entry: thinking, clock }));
    expect(server.requests[0]).toMatchObject({ think: true, options: { num_predict: 1_500 } });
  });

  describe('how a reply ended', () => {
    const ended = async (text: string, extra: object, stop = 'length') => {
      const { model } = await given({ reply: () => ({ kind: 'text', text, stop, extra: { ...extra } }) });
      const { ending, text: received } = await ask(model);
      expect(received).toBe(text);
      return ending;
    };

    test('at num_predict', async () => {
      expect(await ended('{"thou', { prompt_eval_count: 40, eval_count: 500 })).toEqual({
        kind: 'cut',
        why: 'output_limit',
        detail: 'cut at 500 tokens (done_reason length, num_predict, limit 500)',
      });
    });

    test('in a full context', async () => {
      const counts = { prompt_eval_count: entry.contextTokens - 100, eval_count: 100 };
      expect(await ended('{"thou', counts)).toMatchObject({
        why: 'context_full',
        detail: expect.stringContaining('16384'),
      });
    });

    test('before its first text', async () => {
      expect(await ended('', { eval_count: 500 })).toMatchObject({ why: 'only_thinking' });
    });

    test.each(['load', 'unload'])('%s: the server sent no text', async (reason) => {
      expect(await ended('', {}, reason)).toEqual({
        kind: 'cut',
        why: 'not_loaded',
        detail: `the server only ${reason}ed the model and sent no text (done_reason ${reason})`,
      });
    });

    test('complete', async () => {
      expect(await ended('{}', {}, 'stop')).toEqual({ kind: 'complete' });
    });
  });

  test('pieces without content, with null, and counts that are null are read (M24)', async () => {
    const lines = [
      { message: { role: 'assistant', thinking: 'Hm' }, done: false },
      { message: { role: 'assistant', content: null, thinking: null }, done: false },
      { message: { role: 'assistant', content: '{}' }, done: false },
      { done: true, done_reason: 'stop', eval_count: null, prompt_eval_count: null },
    ];
    const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const { model } = await given({ reply: () => ({ kind: 'malformed', body }) });
    expect(await ask(model)).toMatchObject({ text: '{}', ending: { kind: 'complete' }, tokensOut: 3 });
  });

  // qwen3-next with thinking and a schema (harper #1805)
  test.each([
    ['{"a":1}', { text: '{"a":1}', ending: { kind: 'complete' } }],
    ['I should answer {"a":1}', { text: '', ending: { kind: 'cut', why: 'only_thinking' } }],
  ])('thinking without text: only one JSON object is the reply: %s', async (thinking, expected) => {
    const lines = [
      { message: { role: 'assistant', content: '', thinking: thinking.slice(0, 4) }, done: false },
      { message: { role: 'assistant', content: '', thinking: thinking.slice(4) }, done: false },
      { message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop', eval_count: 4 },
    ];
    const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const { model } = await given({ reply: () => ({ kind: 'malformed', body }) });
    expect(await ask(model)).toMatchObject(expected);
  });

  test('a runner that dies in the middle of a reply is an error, and its tokens count (ollama #8258)', async () => {
    const lines = [
      { message: { role: 'assistant', content: 'Hello! How' }, done: false },
      { error: 'an error was encountered while running the model: unexpected EOF' },
    ];
    const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const { model } = await given({ reply: () => ({ kind: 'malformed', body }) });
    const error = await modelError(ask(model));
    expect(error).toMatchObject({ code: 'unreachable', message: expect.stringContaining('unexpected EOF') });
    expect(error.used.tokens).toBeGreaterThan(0);
  });

  test('an error object inside the stream shows its message (M19)', async () => {
    const body = `${JSON.stringify({ error: { message: 'overloaded', code: 503 } })}\n`;
    const { model } = await given({ reply: () => ({ kind: 'malformed', body }) });
    const error = await modelError(ask(model));
    expect(error).toMatchObject({
      code: 'unreachable',
      message: "ollama:qwen3:8b: overloaded; the fault is the server's: look at its log or status page",
    });
  });

  test.each([
    [
      { error: 'model "qwen3:8b" not found, try pulling it first', status: 404 },
      'refused',
      /run `ollama pull qwen3:8b`$/,
    ],
    [{ error: { message: 'slow down. Please retry in 5s', code: 429 } }, 'rate_limited', /wait, or name another model/],
    [{ error: 'the input length exceeds the context length' }, 'refused', /shorten the prompt/],
    [{ error: { message: 'blocked', code: 'content_filter' } }, 'refused', /change the words of the task$/],
    [{ error: { message: 'bad key', code: 401 } }, 'refused', /user:password@ in front of the host in OLLAMA_HOST/],
  ])('an error inside the stream is judged by its words: %j', async (content, code, message) => {
    const { model } = await given({ reply: () => ({ kind: 'malformed', body: `${JSON.stringify(content)}\n` }) });
    expect(await modelError(ask(model))).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test.each([
    [
      'of one line',
      '<!DOCTYPE html><html><title>Sign in</title></html>',
      'sent a web page and no reply: Sign in; check OLLAMA_HOST',
    ],
    ['of several lines', '<!DOCTYPE html>\n<html>\n</html>\n', 'sent a web page and no reply; check OLLAMA_HOST'],
  ])('a web page %s instead of a reply is no broken reply', async (_, body, message) => {
    const { model } = await given({ reply: () => ({ kind: 'malformed', body }) });
    const error = await modelError(ask(model));
    expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining(message) });
  });

  test.each([
    ['model requires more system memory (5.6 GiB) than is available (3.4 GiB)'],
    ['llama runner process has terminated: error loading model: unable to allocate CUDA0 buffer'],
    ['llama runner process has terminated: CUDA error: out of memory'],
    ['llama runner process has terminated: cudaMalloc failed: out of memory'],
  ])('a server without the memory for the model is not asked again: %s', async (message) => {
    for (const status of [500, 200]) {
      let asked = 0;
      const server = await startHttpServer(async (_, response) => {
        asked += 1;
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(`${JSON.stringify({ error: message })}\n`);
      });
      open.push(server);
      const model = withRetries(createOllamaModel({ url: server.url, entry, clock }), { clock, random: () => 0 });
      const error = await modelError(ask(model));
      expect([error.code, error.retriable, asked]).toEqual(['refused', false, 1]);
      expect(error.message).toContain(message);
      expect(error.message).toContain('use a smaller model');
    }
  });

  test.each([
    "error parsing tool call: raw='ls -R\n', err=invalid character 'l' looking for beginning of value",
    'failed to parse JSON: unexpected end of JSON input',
    "invalid character ']' after object key:value pair",
  ])('a reply that the server could not read is invalid, and the model learns it (ollama #12884): %j', async (said) => {
    for (const status of [500, 200]) {
      const server = await startHttpServer(async (_, response) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(`${JSON.stringify({ error: said })}\n`);
      });
      open.push(server);
      const error = await modelError(ask(createOllamaModel({ url: server.url, entry, clock })));
      expect(error).toMatchObject({ code: 'invalid', retriable: false });
      expect(error.message).toContain('the server could not read what you wrote');
    }
  });

  test('so is one whose error is a key beside the reply (ollama #11704, #11781)', async () => {
    const server = await startHttpServer(async (_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.end('{"error parsing tool call":"invalid character \'c\' looking for beginning of value"}\n');
    });
    open.push(server);
    const error = await modelError(ask(createOllamaModel({ url: server.url, entry, clock })));
    expect(error).toMatchObject({ code: 'invalid', retriable: false });
    expect(error.message).toContain('the server could not read what you wrote');
  });

  test.each([
    [404, '{"error":"model \\"qwen3:8b\\" not found, try pulling it first"}', 'run `ollama pull qwen3:8b`'],
    [404, '404 page not found', 'check OLLAMA_HOST'],
    [502, '<html><body><h1>Bad Gateway</h1></body></html>', 'HTTP 502: Bad Gateway (a web page'],
    [500, '{"error":"llama runner process has terminated: exit status 2"}', 'HTTP 500: llama runner process'],
    // continue #12713, ollama #15934, ha-llmvision #648, continue #9233 and #11444
    [
      500,
      '{"error":"llama-server process has terminated: error loading model: failed to load"}',
      "fault is the server's",
    ],
    [503, '{"error":"Server overloaded, please retry shortly (ref: aaa65c70)"}', 'HTTP 503: Server overloaded'],
    [503, '{"error":"server busy, please try again.  maximum pending requests exceeded"}', 'HTTP 503: server busy'],
    [429, '{"error":"you\'ve reached your hourly usage limit, please wait or upgrade to continue"}', 'wait, or name'],
    [429, '{"error":"you (x) have reached your session usage limit, upgrade for higher limits"}', 'wait, or name'],
  ])('%i %s says what to do', async (status, body, said) => {
    let asked = 0;
    const server = await startHttpServer(async ({ url }, response) => {
      if (url === '/api/chat') asked += 1; // what the adapter finds out about the server is another question
      response.writeHead(status, { 'content-type': body.startsWith('{') ? 'application/json' : 'text/html' });
      response.end(body);
    });
    open.push(server);
    const long = chatRequest({ messages: [{ role: 'user', content: 'aa 11 '.repeat(20_000) }] });
    for (const request of [chatRequest(), long]) {
      const { message } = await modelError(ask(createOllamaModel({ url: server.url, entry, clock }), request));
      expect(message).toContain(said);
      if (!said.includes('pull')) expect(message).not.toContain('pull');
    }
    // A long prompt is no reason to send it again: nothing says that it was too long.
    expect(asked).toBe(2);
  });

  test('consecutive calls reuse their connection, although the body ends after the last line', async () => {
    const { server, model } = await given();
    for (let call = 0; call < 20; call += 1) await ask(model);
    // A call that starts at the moment when another ends finds its connection in use.
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  test('a reply is complete with its last line, even if its body never ends', async () => {
    const { server, model } = await given({ reply: () => ({ kind: 'endless', text: JSON.stringify(step) }) });
    expect(JSON.parse((await ask(model)).text)).toEqual(step);
    await server.abandoned;
  });

  test('errors about a missing model and a stopped server say what to do', async () => {
    const { server } = await given({ models: [] });
    const model = createOllamaModel({ url: server.url, entry, clock });
    expect(await modelError(ask(model))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('ollama pull qwen3:8b'),
    });
    open.length = 0;
    await server.close();
    expect(await modelError(ask(model))).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('ollama serve'),
    });
  });

  test('a call counts as the upper bound if the server omits the count of a cached prompt', async () => {
    const { model } = await given({ reply: () => ({ kind: 'text', text: JSON.stringify(finish), uncounted: true }) });
    expect((await ask(model)).tokensIn).toBe(messagesTokenBound(chatRequest()));
  });

  describe('a prompt that did not fit', () => {
    const words = 'the agent reads every line of the log '.repeat(4_000);
    const long = chatRequest({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: words },
      ],
    });

    test.each([
      ['the runner cut it to num_ctx', entry.contextTokens],
      ['a newer runner truncated it to half of num_ctx', entry.contextTokens / 2 + 2],
      ['whole messages were dropped', 900],
    ])('is reported: %s', async (_, tokensIn) => {
      const { model } = await given({ reply: () => ({ kind: 'text', text: JSON.stringify(step), tokensIn }) });
      expect((await ask(model, long)).promptTruncated).toBe(true);
    });

    test('is reported when the reply exceeded num_ctx and its beginning was dropped', async () => {
      const { model } = await given({
        reply: () => ({
          kind: 'text',
          text: JSON.stringify(step),
          tokensIn: entry.contextTokens - 100,
          tokensOut: 400,
        }),
      });
      expect(
        (await ask(model, chatRequest({ messages: [{ role: 'user', content: 'aa 11 '.repeat(4_000) }] })))
          .promptTruncated,
      ).toBe(true);
    });

    test('is certain when the server refuses it: it is sent again with truncation allowed, and reported', async () => {
      const { server, model } = await given({
        countTokens: () => 32_000,
        reply: () => ({ kind: 'text', text: JSON.stringify(step), tokensIn: 13_000 }),
      });
      const reply = await ask(model, long);
      expect(reply).toMatchObject({ promptTruncated: true, tokensIn: 13_000 });
      expect(server.requests.map((request) => request.truncate)).toEqual([false, true]);
    });

    test('a long prompt that was read completely is not reported', async () => {
      const text = 'the agent reads every line of the log '.repeat(1_500);
      const { model } = await given({ reply: () => ({ kind: 'text', text: JSON.stringify(step), tokensIn: 12_050 }) });
      expect((await ask(model, chatRequest({ messages: [{ role: 'user', content: text }] }))).promptTruncated).toBe(
        false,
      );
    });

    test("a short prompt is never reported, regardless of the server's counts", async () => {
      const { model } = await given({ reply: () => ({ kind: 'text', text: JSON.stringify(step), tokensIn: 1 }) });
      expect((await ask(model)).promptTruncated).toBe(false);
    });
  });
});

describe('OLLAMA_HOST', () => {
  test.each([
    [null, 'http://127.0.0.1:11434'],
    ['', 'http://127.0.0.1:11434'],
    ['gpu.local', 'http://gpu.local:11434'],
    ['gpu.local:8080', 'http://gpu.local:8080'],
    [':8080', 'http://127.0.0.1:8080'],
    ['0.0.0.0', 'http://127.0.0.1:11434'],
    ['0.0.0.0:8080', 'http://127.0.0.1:8080'],
    ['[::1]:8080', 'http://[::1]:8080'],
    ['http://gpu.local', 'http://gpu.local:80'],
    ['https://gpu.example', 'https://gpu.example:443'],
    ['https://gpu.example:444/ollama/', 'https://gpu.example:444/ollama'],
    [' "gpu.local:80" ', 'http://gpu.local:80'],
    // Forms of ollama's own table (envconfig), and what people paste (M23).
    ['::1', 'http://[::1]:11434'],
    ['fd00::1', 'http://[fd00::1]:11434'],
    ['[fd00::1]', 'http://[fd00::1]:11434'],
    ['::', 'http://[::1]:11434'],
    ['HTTP://gpu.local', 'http://gpu.local:80'],
    ['Https://GPU.local:1', 'https://gpu.local:1'],
    ['http://h:11434?x=1', 'http://h:11434'],
    ['h:11434#x', 'http://h:11434'],
    ['http://h:11434/api', 'http://h:11434'],
    ['http://h:11434/api/', 'http://h:11434'],
    ['http://h/ollama/api', 'http://h:80/ollama'],
    ['http://h:11434/v1', 'http://h:11434'],
    ['ollama.com', 'https://ollama.com:443'],
    ['me:pw@h', 'http://me:pw@h:11434'],
    ['https://me:p%40@h/x', 'https://me:p%40@h:443/x'],
  ])('%j means %s', (host, url) => {
    expect(ollamaUrl(host)).toBe(url);
  });

  test('what it means means the same again', () => {
    for (const host of ['::1', 'me:pw@h/x/', 'https://h', ':1'])
      expect(ollamaUrl(ollamaUrl(host))).toBe(ollamaUrl(host));
  });

  test.each(['ftp://x', 'a b', 'host:port', 'http://', 'h:99999', 'me:hidden@a b'])(
    '%j is refused, and the error lists the accepted forms',
    (host) => {
      expect(() => ollamaUrl(host)).toThrow(/host:port/);
      expect(() => ollamaUrl(host)).not.toThrow(/hidden/);
    },
  );
});
