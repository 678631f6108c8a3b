import { createAnthropicModel } from '../../src/models/anthropic.js';
import type { ModelEntry } from '../../src/models/catalog.js';
import { startFakeAnthropic, type FakeAnthropic, type FakeAnthropicOptions } from '../support/fake-anthropic.js';
import { describeAdapter } from './adapter-contract.js';
import { ask, catalog, chatRequest, clock, hostedEntry, modelError, step } from './fixtures.js';

const entry = hostedEntry('anthropic', catalog.defaults.planner.anthropic);

describeAdapter({
  name: 'anthropic',
  start: (reply) => startFakeAnthropic({ reply: (_, index) => reply(index) }),
  model: (url, limits = {}, own = clock) =>
    createAnthropicModel({ entry, apiKey: 'test-key', baseUrl: url, clock: own, limits }),
});

describe('the anthropic adapter', () => {
  const open: FakeAnthropic[] = [];
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

  test('a reply in which the model declines is refused, and its cost counts', async () => {
    const { model } = await given({
      reply: () => ({ kind: 'text', text: 'no', stop: 'refusal', tokensIn: 100, tokensOut: 10 }),
    });
    expect(await modelError(ask(model))).toMatchObject({
      code: 'refused',
      used: { tokens: 110, usd: (100 * 4 + 10 * 20) / 1_000_000 },
    });
  });

  test('a reply of nothing but thinking is invalid', async () => {
    const { model } = await given({ reply: () => ({ kind: 'text', text: '', stop: 'max_tokens' }) });
    expect(await modelError(ask(model))).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('max_tokens'),
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
