/**
 * What real servers have sent to this adapter, byte for byte, with pieces left out in the middle (npm run test:servers;
 * docs/models.md says which versions). compatible-servers.test.ts has what public reports say.
 */
import { createOpenaiModel } from '../../src/models/openai.js';
import type { ModelEntry } from '../../src/models/catalog.js';
import type { ReplyForm } from '../../src/ports/model.js';
import {
  startFakeCompatible,
  type CompatibleAnswer,
  type FakeCompatible,
  type SentBody,
} from '../support/fake-compatible.js';
import { ask, chatRequest, clock, conversation, hostedEntry, modelError } from './fixtures.js';

const entry: ModelEntry = { ...hostedEntry('openai', 'gpt-4.1'), id: 'm', contextTokens: 64_000 };

const open: FakeCompatible[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function given(answer: (body: SentBody, index: number) => CompatibleAnswer, change: Partial<ModelEntry> = {}) {
  const server = await startFakeCompatible(answer);
  open.push(server);
  const options = { entry: { ...entry, ...change }, apiKey: 'secret-key', baseUrl: server.baseUrl, clock };
  return { server, model: createOpenaiModel(options) };
}

/** A stream as it was received. */
const stream = (...events: readonly string[]): CompatibleAnswer => ({
  events: events.map((event) => `data: ${event}\n\n`),
  done: false,
});
const refused = (status: number, body: string): CompatibleAnswer => ({
  status,
  error: body,
  type: 'application/json',
});

describe('Ollama 0.6.5 behind /v1', () => {
  const said = (content: string, finish = 'null') =>
    '{"id":"chatcmpl-727","object":"chat.completion.chunk","created":1796069685,"model":"ravenhelm-gemma3-270m",' +
    '"system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":' +
    `${JSON.stringify(content)}},` +
    `"finish_reason":${finish}}]}`;
  const usage = (prompt: number, reply: number) =>
    '{"id":"chatcmpl-727","object":"chat.completion.chunk","created":1796069697,"model":"ravenhelm-gemma3-270m",' +
    `"system_fingerprint":"fp_ollama","choices":[],"usage":{"prompt_tokens":${prompt},"completion_tokens":${reply},` +
    `"total_tokens":${prompt + reply}}}`;
  const reply = (prompt: number) =>
    stream(said('{'), said('\n'), said('"thought":"t"}'), said('', '"stop"'), usage(prompt, 31), '[DONE]');
  const long = 'The agent reads every line of the log. '.repeat(512);
  const asked = (content: string) => chatRequest({ messages: [{ role: 'user', content }] });

  test('a prompt that the server has cut without a word is reported', async () => {
    const { model } = await given(() => reply(2_048));
    expect(await ask(model, asked(long))).toMatchObject({ promptTruncated: true, ending: { kind: 'complete' } });
  });

  test.each([
    ['is as long as its words', long, 4_609],
    ['is short', 'Name a file.', 19],
    ['is counted without what was cached', long, 31],
  ])('a prompt that %s is not', async (_, text, counted) => {
    const { model } = await given(() => reply(counted));
    expect((await ask(model, asked(text))).promptTruncated).toBe(false);
  });

  test('a model without tools is asked with a schema', async () => {
    const { model, server } = await given(
      (body) =>
        'tools' in body
          ? refused(
              400,
              '{"error":{"message":"registry.ollama.ai/library/ravenhelm-gemma3-270m:latest does not support tools",' +
                '"type":"api_error","param":null,"code":null}}\n',
            )
          : reply(69),
      { toolCalls: 'native' },
    );
    expect((await ask(model, conversation)).form).toBe('json_schema');
    expect(server.bodies).toHaveLength(2);
  });

  test('a model that is not there', async () => {
    const body =
      '{"error":{"message":"model \\"no-such-model\\" not found, try pulling it first","type":"api_error",' +
      '"param":null,"code":null}}\n';
    const { model } = await given(() => refused(404, body));
    expect(await modelError(ask(model))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('check the model id in models.yaml'),
    });
  });
});

test('llama.cpp of October 2026 refuses a prompt that is longer than its context', async () => {
  const body =
    '{"error":{"code":400,"message":"request (4632 tokens) exceeds the available context size (2048 tokens), try ' +
    'increasing it","type":"exceed_context_size_error","n_prompt_tokens":4632,"n_ctx":2048}}';
  const { model, server } = await given(() => refused(400, body));
  expect(await modelError(ask(model))).toMatchObject({
    code: 'refused',
    message: expect.stringContaining('shorten the prompt'),
  });
  expect(server.bodies).toHaveLength(1);
});

describe('LiteLLM 1.106.12', () => {
  const chunk = (choice: string, more = '') =>
    `{"id":"c1","object":"chat.completion.chunk","created":1796069776,"model":"small","choices":[${choice}]${more}}`;
  const said = (content: string) =>
    chunk(`{"index":0,"delta":{"role":"assistant","content":${JSON.stringify(content)}}}`);
  const ended = (finish: string) => chunk(`{"index":0,"delta":{},"finish_reason":"${finish}"}`);
  const counts = chunk(
    '{"index":0,"delta":{}}',
    ',"usage":{"completion_tokens":5,"prompt_tokens":9,"total_tokens":14,"completion_tokens_details":' +
      '{"reasoning_tokens":0,"text_tokens":5}}',
  );

  test('a reply, whose counts come with an empty choice', async () => {
    const { model } = await given(() => stream(said('{"thought":"t","tool":"look"}'), ended('stop'), counts, '[DONE]'));
    expect(await ask(model)).toMatchObject({
      text: '{"thought":"t","tool":"look"}',
      form: 'json_schema',
      ending: { kind: 'complete' },
      tokensIn: 9,
      tokensOut: 5,
    });
  });

  test('a tool call, whose content is left out', async () => {
    const call =
      '{"index":0,"delta":{"role":"assistant","tool_calls":[{"id":"call_1","function":{"arguments":' +
      '"{\\"command\\":\\"ls\\"}","name":"execute_terminal_command"},"type":"function","index":0}]}}';
    const { model } = await given(() => stream(chunk(call), ended('tool_calls'), counts, '[DONE]'), {
      toolCalls: 'native',
    });
    expect(await ask(model, conversation)).toMatchObject({
      toolCalls: [{ name: 'execute_terminal_command', arguments: '{"command":"ls"}' }],
      ending: { kind: 'complete' },
    });
  });

  test.each(['{"thought":"half', '{"thought":"a","action":', '{"a":[1'])(
    'says "stop" where the server behind it is gone: %s does not show that schemas are ignored',
    async (half) => {
      const { model } = await given(() => stream(said(half), ended('stop'), counts, '[DONE]'));
      const forms: (ReplyForm | undefined)[] = [];
      for (let time = 0; time < 2; time += 1) forms.push((await ask(model, conversation)).form);
      expect(forms).toEqual(['json_schema', 'json_schema']);
    },
  );

  test.each(['Sure.', "{'thought':'t'}", '{thought: "t"}', '{"thought":"t"} and so on'])(
    'but %s does',
    async (text) => {
      const { model } = await given(() => stream(said(text), ended('stop'), counts, '[DONE]'));
      await ask(model, conversation);
      expect((await ask(model, conversation)).form).toBe('native');
    },
  );

  const unsupported = (provider: string, names: string, model: string, group: string) =>
    `{"error":{"message":"litellm.UnsupportedParamsError: ${provider} does not support parameters: [${names}], ` +
    `for model=${model}. To drop these, set \`litellm.drop_params=True\` or for proxy:\\n\\n\`litellm_settings:\\n ` +
    `drop_params: true\`\\n. \\n If you want to use these params dynamically send allowed_openai_params=` +
    `[${names}] in your request.\\n\\nLiteLLM: model group '${group}' failed with the error above. No fallback was ` +
    'attempted.","type":"invalid_request_error","param":null,"code":"400"}}';
  test.each([
    ['ollama_chat', ['parallel_tool_calls', 'store']],
    ['anthropic', ['seed', 'store']],
    ['gemini', ['store']],
  ])('what %s lacks is left out one by one', async (provider, lacks) => {
    const { model, server } = await given(
      (body) => {
        const there = lacks.filter((name) => name in body);
        if (there.length === 0) return stream(said('{}'), ended('stop'), counts, '[DONE]');
        return refused(400, unsupported(provider, there.map((name) => `'${name}'`).join(', '), 'm', 'small'));
      },
      { toolCalls: 'native', temperature: true },
    );
    expect((await ask(model, conversation)).form).toBe('native');
    expect(server.bodies).toHaveLength(lacks.length + 1);
  });

  test.each([
    [
      'a full context',
      400,
      '{"error":{"message":"litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: ' +
        "OpenAIException - This model's maximum context length is 2048 tokens. However, your request has 3000 input " +
        "tokens.\\nmodel=small. context_window_fallbacks=None. fallbacks=None.\\n\\nSet 'context_window_fallback' - " +
        "https://docs.litellm.ai/docs/routing#fallbacks\\n\\nLiteLLM: model group 'small' failed with the error " +
        'above. No fallback was attempted.","type":"invalid_request_error","param":null,"code":"400"}}',
      { code: 'refused', message: expect.stringContaining('shorten the prompt') },
    ],
    [
      'an overloaded server behind it',
      503,
      '{"error":{"message":"litellm.ServiceUnavailableError: ServiceUnavailableError: OpenAIException - ' +
        "overloaded\\n\\nLiteLLM: model group 'small' failed with the error above. No fallback was attempted.\"," +
        '"type":"internal_server_error","param":null,"code":"503"}}',
      { code: 'unreachable', message: expect.stringContaining("the fault is the server's") },
    ],
    [
      'a wrong key of the server behind it',
      401,
      '{"error":{"message":"litellm.BadRequestError: OpenAIException - bad key\\n\\nLiteLLM: model group \'small\' ' +
        'failed with the error above. No fallback was attempted.","type":"invalid_request_error",' +
        '"param":null,"code":"401"}}',
      { code: 'refused', message: expect.stringContaining('check OPENAI_API_KEY') },
    ],
    [
      'a server that it spares after an error',
      429,
      '{"error":{"message":"No deployments available for selected model, Try again in 5 seconds. All deployments for ' +
        "selected model are in cooldown. Passed model=small. pre-call-checks=False, cooldown_list=['9ec1e2600f52']\"," +
        '"type":"all_deployments_in_cooldown","param":null,"code":"429"}}',
      { code: 'rate_limited', message: expect.stringContaining('wait, or name another model') },
    ],
  ])('the error of %s', async (_, status, body, expected) => {
    const { model } = await given(() => refused(status, body));
    expect(await modelError(ask(model))).toMatchObject(expected);
  });

  test('an error in the middle of a reply', async () => {
    const { model } = await given(() =>
      stream(
        said('half'),
        '{"error": {"message": "litellm.InternalServerError: InternalServerError: Hosted_vllmException - engine ' +
          'died", "type": "internal_server_error", "param": null, "code": "500"}}',
      ),
    );
    expect(await modelError(ask(model))).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('engine died'),
    });
  });
});
