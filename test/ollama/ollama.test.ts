import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createOllamaModel } from '../../src/models/ollama.js';
import { messagesTokenBound, messagesTokenFloor } from '../../src/models/token-bound.js';
import type { ChatRequest } from '../../src/ports/model.js';
import { ask, catalog, chatRequest, clock, modelError } from '../models/fixtures.js';
import { MODEL, startRealOllama, type RealOllama } from './real-ollama.js';

const NUM_CTX = 2_048;
/** Two busy cores without a GPU: what counts here is what comes back, not when. */
const limits = { connectMs: 60_000, firstTokenMs: 900_000, stallMs: 300_000, wholeMs: 1_200_000 };

/** Strings are bounded, and short: a base model of this size rarely ends one by itself. */
const schema = {
  type: 'object',
  properties: {
    thought: { type: 'string', maxLength: 12 },
    tool: { enum: ['execute_terminal_command', 'workspace_read'] },
    arguments: { type: 'object', properties: { command: { type: 'string', maxLength: 12 } }, required: ['command'] },
  },
  required: ['thought', 'tool', 'arguments'],
};

describe('a real Ollama with real weights', () => {
  let ollama: RealOllama;
  let stopped = false;
  const model = (id = MODEL) =>
    createOllamaModel({ url: ollama.url, entry: { ...catalog.ollama(id), contextTokens: NUM_CTX }, clock, limits });
  const about = (content: string): ChatRequest =>
    chatRequest({ schema, messages: [{ role: 'user', content }], maxOutputTokens: 200 });

  beforeAll(async () => {
    ollama = await startRealOllama();
  }, 1_200_000);
  afterAll(async () => {
    if (!stopped) await ollama?.stop();
  });

  test('the probe finds the model', async () => {
    expect(await model().probe(new AbortController().signal)).toEqual({ usable: true });
  });

  test('twenty constrained replies parse and follow the schema', async () => {
    const tasks = Array.from(
      { length: 20 },
      (_, index) => `Task ${index}: list the files of directory number ${index}. Answer with one JSON object.`,
    );
    for (const task of tasks) {
      const reply = await ask(model(), about(task));
      expect(JSON.parse(reply.text)).toEqual({
        thought: expect.any(String),
        tool: expect.stringMatching(/^(execute_terminal_command|workspace_read)$/),
        arguments: expect.objectContaining({ command: expect.any(String) }),
      });
      expect(reply.promptTruncated).toBe(false);
      expect(reply.tokensIn + reply.tokensOut).toBeLessThanOrEqual(model().worstCase(about(task)).tokens);
    }
  });

  test('the same question gets the same answer', async () => {
    const [first, second] = [await ask(model(), about('Name a file.')), await ask(model(), about('Name a file.'))];
    expect(second.text).toBe(first.text);
    // The second prompt was cached, and is counted all the same.
    expect(second.tokensIn).toBe(first.tokensIn);
  });

  describe('truncation', () => {
    const sentence = 'The agent reads every line of the log and writes down what it sees. ';

    test('one message that is too long is reported', async () => {
      expect((await ask(model(), about(sentence.repeat(300)))).promptTruncated).toBe(true);
    });

    test('older messages that were dropped are reported', async () => {
      const turns = Array.from({ length: 12 }, (_, index) => ({
        role: index % 2 === 0 ? ('user' as const) : ('assistant' as const),
        content: sentence.repeat(25),
      }));
      const messages = [
        { role: 'system' as const, content: 'Be brief.' },
        ...turns,
        { role: 'user' as const, content: 'Continue.' },
      ];
      expect((await ask(model(), chatRequest({ schema, messages, maxOutputTokens: 100 }))).promptTruncated).toBe(true);
    });

    test('a long prompt that fits is not', async () => {
      expect((await ask(model(), about(sentence.repeat(100)))).promptTruncated).toBe(false);
    });
  });

  test.each([
    ['prose', readFileSync(new URL('../../node_modules/openai/README.md', import.meta.url), 'utf8')],
    ['code', readFileSync(new URL('../../src/models/ollama.ts', import.meta.url), 'utf8')],
    ['JSON', readFileSync(new URL('../../package.json', import.meta.url), 'utf8')],
    ['YAML', readFileSync(new URL('../../models.yaml', import.meta.url), 'utf8')],
    [
      'digests',
      Array.from(
        { length: 30 },
        (_, index) => `${createHash('sha256').update(String(index)).digest('hex')}  file-${index}`,
      ).join('\n'),
    ],
    ['base64', randomBytes(1_500).toString('base64')],
    ['capitals', Array.from({ length: 60 }, (_, index) => `POSTGRES_PASSWORD_${index}=CHANGE_ME`).join('\n')],
    [
      'a log',
      Array.from(
        { length: 40 },
        (_, index) => `2026-11-23T14:29:${index}.123Z INFO [worker-${index}] task.executed duration_ms=${index * 37}`,
      ).join('\n'),
    ],
    ['other scripts', 'Zażółć gęślą jaźń. 配置文件已写入。Привет, мир! 🚀 '.repeat(10)],
  ])('the token bounds hold for %s', async (_, text) => {
    const request = chatRequest({
      schema,
      messages: [{ role: 'user', content: text.slice(0, 1_200) }],
      maxOutputTokens: 5,
    });
    const { tokensIn } = await ask(model(), request);
    expect(tokensIn).toBeLessThanOrEqual(messagesTokenBound(request));
    expect(tokensIn).toBeGreaterThanOrEqual(messagesTokenFloor(request));
  });

  test('a missing model is refused and the message has the pull command', async () => {
    expect(await modelError(ask(model('no-such-model'), about('Hello')))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('ollama pull no-such-model'),
    });
    expect(await model('no-such-model').probe(new AbortController().signal)).toMatchObject({
      usable: false,
      fix: 'ollama pull no-such-model',
    });
  });

  test('a stopped server is unreachable and the message says how to start it', async () => {
    await ollama.stop();
    stopped = true;
    expect(await modelError(ask(model(), about('Hello')))).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('ollama serve'),
    });
  });
});
