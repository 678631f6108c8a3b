import type { ModelEntry } from '../../src/models/catalog.js';
import { createOpenaiModel } from '../../src/models/openai.js';
import { startFakeOpenai, type FakeOpenai, type FakeOpenaiOptions } from '../support/fake-openai.js';
import { describeAdapter } from './adapter-contract.js';
import { ask, catalog, chatRequest, clock, conversation, hostedEntry, modelError, schema, step } from './fixtures.js';

const entry = hostedEntry('openai', catalog.defaults.worker.openai);

describeAdapter({
  name: 'openai',
  start: (reply) => startFakeOpenai({ reply: (_, index) => reply(index) }),
  model: (url, limits = {}, own = clock) =>
    createOpenaiModel({ entry, apiKey: 'test-key', baseUrl: `${url}/v1`, clock: own, limits }),
});

describe('the openai adapter', () => {
  const open: FakeOpenai[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((server) => server.close()));
  });
  const given = async (
    options: Partial<FakeOpenaiOptions> = {},
    used: { readonly entry?: ModelEntry; readonly apiKey?: string } = {},
  ) => {
    const server = await startFakeOpenai({ reply: () => JSON.stringify(step), ...options });
    open.push(server);
    return {
      server,
      model: createOpenaiModel({
        entry: used.entry ?? entry,
        apiKey: used.apiKey ?? 'test-key',
        baseUrl: server.baseUrl,
        clock,
      }),
    };
  };

  test('a reasoning model gets an effort and tokens for reasoning, and no temperature', async () => {
    const { server, model } = await given();
    await ask(model);
    expect(server.requests[0]).toMatchObject({
      model: 'gpt-5.6-terra',
      reasoning_effort: 'low',
      max_completion_tokens: 500 + entry.thinkingTokens,
    });
    expect(server.requests[0]).not.toHaveProperty('temperature');
  });

  test('a model that accepts a temperature gets 0 and a seed, and no effort', async () => {
    const { server, model } = await given({}, { entry: hostedEntry('openai', 'gpt-4.1') });
    await ask(model);
    expect(server.requests[0]).toMatchObject({ temperature: 0, seed: expect.any(Number), max_tokens: 500 });
    expect(server.requests[0]).not.toHaveProperty('reasoning_effort');
  });

  test('prices tokens as in models.yaml, cached tokens at the price for cached ones', async () => {
    const { model } = await given({
      reply: () => ({ kind: 'text', text: JSON.stringify(step), tokensIn: 3_000, cached: 1_000, tokensOut: 500 }),
    });
    const reply = await ask(model);
    expect(reply.tokensIn).toBe(3_000);
    expect(reply.costUsd).toBeCloseTo((2_000 * 2 + 1_000 * 0.2 + 500 * 12) / 1_000_000, 12);
    expect(model.price).toEqual({ input: 2, output: 12 });
  });

  test('a call to a server that reports no usage counts as its worst case', async () => {
    const { model } = await given({ reply: () => ({ kind: 'text', text: JSON.stringify(step), uncounted: true }) });
    const reply = await ask(model);
    const worst = model.worstCase(chatRequest());
    expect([reply.tokensIn + reply.tokensOut, reply.costUsd]).toEqual([worst.tokens, worst.usd]);
  });

  test('a wrong key is refused; the message names the variable', async () => {
    const { model } = await given({}, { apiKey: 'wrong' });
    expect(await modelError(ask(model))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('OPENAI_API_KEY'),
    });
  });

  test('429 for an account without credit is refused: waiting does not help', async () => {
    const { model } = await given({
      reply: () => ({
        kind: 'error',
        status: 429,
        type: 'insufficient_quota',
        message: 'You exceeded your current quota',
      }),
    });
    expect(await modelError(ask(model))).toMatchObject({ code: 'refused', retriable: false });
  });

  test('an unknown model is refused; the message names models.yaml', async () => {
    const { model } = await given({ models: [] });
    expect(await modelError(ask(model))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('models.yaml'),
    });
  });

  test('a reply in which the model declines is refused, with its words', async () => {
    const { model } = await given({
      reply: () => ({ kind: 'text', text: 'I cannot help with that', stop: 'refusal' }),
    });
    expect(await modelError(ask(model))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('I cannot help with that'),
    });
  });

  test('a reply that the content filter ended is cut', async () => {
    const { model } = await given({ reply: () => ({ kind: 'text', text: 'I can', stop: 'content_filter' }) });
    expect((await ask(model)).ending).toMatchObject({ kind: 'cut', why: 'filtered' });
  });

  test('a reply that used up its limit on reasoning is cut before its first text', async () => {
    const limit = 500 + entry.thinkingTokens;
    const { model } = await given({ reply: () => ({ kind: 'text', text: '', stop: 'length', tokensOut: limit }) });
    expect(await ask(model)).toMatchObject({
      text: '',
      tokensOut: limit,
      ending: { kind: 'cut', why: 'only_thinking', detail: expect.stringContaining(`${limit}`) },
    });
  });

  test('tool calls are read, and form says how they were asked for', async () => {
    const calls = [{ name: 'finish', arguments: { summary: 'done' } }];
    const { model } = await given(
      { reply: () => ({ kind: 'text', text: '', calls }) },
      { entry: { ...entry, toolCalls: 'native' } },
    );
    expect(await ask(model, conversation)).toMatchObject({
      text: '',
      toolCalls: [{ name: 'finish', arguments: '{"summary":"done"}' }],
      form: 'native',
      ending: { kind: 'complete' },
    });
  });

  test.each([
    ['a property that is not required', { ...schema, required: ['thought'] }],
    ['an open object', { ...schema, additionalProperties: true }],
    ['a length', { ...schema, properties: { ...schema.properties, thought: { type: 'string', minLength: 1 } } }],
    ['a choice at the root', { anyOf: [schema] }],
  ])('a schema that strict structured output does not support is refused: %s', async (_, refused) => {
    const { model } = await given();
    expect((await modelError(ask(model, chatRequest({ schema: refused })))).code).toBe('refused');
  });
});
