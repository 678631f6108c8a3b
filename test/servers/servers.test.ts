/**
 * The OpenAI adapter against real servers with this API: `npm run test:servers`. A server that is not installed here is
 * skipped, and the test's name says what is missing. docs/models.md has what was found; the facts that differ between
 * servers are printed, and what was said on the wire is kept in .ravenhelm/servers.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isTooLong } from '../../src/models/http-errors.js';
import type { ModelEntry } from '../../src/models/catalog.js';
import { createOpenaiModel } from '../../src/models/openai.js';
import { serverWords } from '../../src/models/server-words.js';
import type { ChatReply } from '../../src/ports/model.js';
import { ModelError } from '../../src/ports/model.js';
import { ask, chatRequest, clock, conversation, hostedEntry, modelError, tools } from '../models/fixtures.js';
import { createRecorder, type Recorder } from './recorder.js';
import { CACHE, CONTEXT, KEY, SERVERS, type RealServer } from './real-servers.js';

/** Two busy cores without a GPU: what counts here is what comes back, not when. */
const limits = { connectMs: 300_000, firstTokenMs: 300_000, stallMs: 300_000, wholeMs: 590_000 };

/** Strings are bounded, and short: a base model of this size rarely ends one by itself. */
const schema = {
  type: 'object',
  properties: { thought: { type: 'string', maxLength: 12 }, tool: { enum: ['look', 'finish'] } },
  required: ['thought', 'tool'],
  additionalProperties: false,
};
const about = (content: string, maxOutputTokens = 100) =>
  chatRequest({ schema, messages: [{ role: 'user', content }], maxOutputTokens });

const piecesIn = (stream: string): number => [...stream.matchAll(/"content":"[^"]/g)].length;

for (const kind of SERVERS) {
  const missing = kind.missing();
  const suite = missing === null ? describe : describe.skip;
  suite(missing === null ? kind.name : `${kind.name}: ${missing}`, () => {
    let server: RealServer;
    let recorder: Recorder;
    const facts: Record<string, unknown> = {};

    const model = (change: Partial<ModelEntry> = {}) =>
      createOpenaiModel({
        entry: {
          ...hostedEntry('openai', 'gpt-4.1'),
          id: server.model,
          contextTokens: 32_000,
          temperature: true,
          ...change,
        },
        apiKey: process.env['TEST_SERVER_KEY'] ?? KEY,
        baseUrl: server.baseUrl,
        clock,
        limits,
        transport: recorder,
      });

    const send = (by: typeof fetch, fields: object, signal: AbortSignal): Promise<Response> =>
      by(`${server.baseUrl}/chat/completions`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${process.env['TEST_SERVER_KEY'] ?? KEY}`,
        },
        body: JSON.stringify({
          model: server.model,
          messages: [{ role: 'user', content: 'Name a file as JSON.' }],
          temperature: 0,
          ...fields,
        }),
        signal,
      });

    /** Without the adapter: what the server does with a field. */
    async function post(fields: object): Promise<{ readonly status: number; readonly body: string }> {
      const response = await send(recorder.fetch, fields, AbortSignal.timeout(limits.wholeMs));
      return { status: response.status, body: await response.text() };
    }

    const said = ({ status, body }: { readonly status: number; readonly body: string }): string =>
      status === 200 ? 'accepted' : `HTTP ${status}: ${serverWords(body).shown}`;

    /** A reply of a model that knows nothing, or an error that says what the model did wrong; nothing else. */
    async function replyOrInvalid(asked: Promise<ChatReply>): Promise<ChatReply | ModelError> {
      try {
        return await asked;
      } catch (error) {
        if (!(error instanceof ModelError) || error.code !== 'invalid') throw error;
        return error;
      }
    }

    beforeAll(async () => {
      mkdirSync(CACHE, { recursive: true });
      recorder = createRecorder(join(CACHE, `${kind.name.replaceAll(/[^\w.]+/g, '-')}.jsonl`));
      server = await kind.start();
    });
    afterAll(async () => {
      await Promise.allSettled(recorder.exchanges);
      await server.stop();
      process.stderr.write(`test:servers: ${kind.name}: ${JSON.stringify(facts, null, 2)}\n`);
    });

    test('a schema is kept, or the reply says that it is not', async () => {
      const reply = await ask(model(), about('List the files. Answer with one JSON object.'));
      facts['json_schema'] = reply.form;
      expect(reply.ending?.kind).toBe('complete');
      if (reply.form === 'json_schema') expect(Object.keys(JSON.parse(reply.text))).toEqual(['thought', 'tool']);
      expect(reply.tokensIn).toBeGreaterThan(0);
      expect(reply.tokensOut).toBeGreaterThan(0);
    });

    test("the step's own schema is kept, too", async () => {
      const reply = await replyOrInvalid(ask(model(), chatRequest({ maxOutputTokens: 60 })));
      facts['step_schema'] = reply instanceof ModelError ? reply.message : [reply.form, reply.ending];
    });

    test('a step is asked for as a tool call, with a step behind it', async () => {
      const reply = await replyOrInvalid(
        ask(model({ toolCalls: 'native' }), { ...conversation, tools, maxOutputTokens: 60 }),
      );
      facts['native'] =
        reply instanceof ModelError ? reply.message : [reply.form, reply.ending, reply.toolCalls ?? reply.text];
      expect(JSON.stringify(facts['native'])).not.toContain('[object Object]');
    });

    test('a reply that is cut is named with its numbers', async () => {
      const { ending } = await ask(model(), about('Count to a thousand, with all words.', 8));
      facts['cut'] = ending;
      expect(ending).toMatchObject({ kind: 'cut', why: 'output_limit', detail: expect.stringContaining('8') });
    });

    test('a prompt that is longer than the context is named so', async () => {
      const long = about('The agent reads every line of the log. '.repeat(CONTEXT / 4));
      const end = await ask(model(), long).catch((error: unknown) => error);
      if (end instanceof ModelError) {
        facts['context'] = end.message;
        expect(end.code).toBe('refused');
        expect(end.message).toContain('shorten the prompt');
        const last = await recorder.exchanges.at(-1);
        expect(isTooLong(serverWords(last?.body ?? ''))).toBe(true);
      } else {
        facts['context'] = `cut to ${(end as ChatReply).tokensIn} tokens`;
        expect((end as ChatReply).promptTruncated).toBe(true);
      }
    });

    test('a model that is not there is refused with advice, or the server has only one', async () => {
      const end = await ask(model({ id: 'no-such-model' }), about('Hello', 4)).catch((error: unknown) => error);
      if (!(end instanceof ModelError)) return void (facts['unknown model'] = 'answers all the same');
      facts['unknown model'] = `${end.code} ${end.message}`;
      expect(end.code).toBe('refused');
      expect(end.message).toContain('models.yaml');
    });

    test.each([
      ['unknown field', { ravenhelm_unknown: true, max_tokens: 2 }],
      ['store', { store: false, max_tokens: 2 }],
      ['parallel_tool_calls', { parallel_tool_calls: false, max_tokens: 2 }],
      ['seed', { seed: 1, max_tokens: 2 }],
      ['json_object', { response_format: { type: 'json_object' }, max_tokens: 40 }],
      ['max_tokens', { max_tokens: 3 }],
    ])('the field of %s is taken, or refused in words that say which', async (name, fields) => {
      const answer = await post(fields);
      const counted = answer.status === 200 ? JSON.parse(answer.body) : null;
      facts[name] = counted === null ? said(answer) : ['accepted', counted.usage?.completion_tokens];
      if (name === 'json_object') facts['json_object text'] = counted?.choices?.[0]?.message?.content;
      if (answer.status !== 200) expect(serverWords(answer.body).shown).not.toBe('');
    });

    test('max_completion_tokens limits a reply, or is skipped', async () => {
      const stop = new AbortController();
      const response = await send(fetch, { max_completion_tokens: 3, stream: true }, stop.signal);
      let text = '';
      const decoder = new TextDecoder();
      for await (const part of response.body ?? []) {
        text += decoder.decode(part, { stream: true });
        if (piecesIn(text) > 8) break;
      }
      stop.abort();
      const much = piecesIn(text) > 8 ? 'skipped: the reply continues' : `${piecesIn(text)} pieces`;
      facts['max_completion_tokens'] = response.status === 200 ? much : said({ status: response.status, body: text });
    });

    test('one who has stopped is unreachable, in words that say where', async () => {
      await server.stop();
      const error = await modelError(ask(model(), about('Hello', 4)));
      expect(error.code).toBe('unreachable');
      expect(error.message).toContain('nothing listens at');
      server = { ...server, stop: async () => undefined };
    });
  });
}
