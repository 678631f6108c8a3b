import { createOllamaModel } from '../../src/models/ollama.js';
import { ollamaUrl } from '../../src/models/ollama-host.js';
import { messagesTokenBound } from '../../src/models/token-bound.js';
import { createDeferred } from '../../src/domain/deferred.js';
import { startFakeOllama, type FakeOllama, type FakeOllamaOptions } from '../support/fake-ollama.js';
import { describeAdapter } from './adapter-contract.js';
import { ask, catalog, chatRequest, clock, finish, modelError, schema, step } from './fixtures.js';

const entry = catalog.ollama('qwen3:8b');

describeAdapter({
  name: 'ollama',
  start: (reply) => startFakeOllama({ reply: (_, index) => reply(index) }),
  model: (url, limits = {}, own = clock) => createOllamaModel({ url, entry, clock: own, limits }),
});

describe('the ollama adapter', () => {
  const open: FakeOllama[] = [];
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
        reason: `no Ollama at ${server.url}`,
        fix: expect.stringContaining('ollama serve'),
      });
    });

    test('never rejects, not even when the caller has aborted', async () => {
      const { model } = await given();
      expect(await model.probe(AbortSignal.abort(new Error('stop')))).toMatchObject({ usable: false });
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
  ])('%j means %s', (host, url) => {
    expect(ollamaUrl(host)).toBe(url);
  });

  test.each(['ftp://x', 'a b', 'host:port'])('%j is refused, and the error lists the accepted forms', (host) => {
    expect(() => ollamaUrl(host)).toThrow(/host:port/);
  });
});
