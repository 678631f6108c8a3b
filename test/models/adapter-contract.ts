import type { CallLimits } from '../../src/models/watchdog.js';
import type { ChatModel } from '../../src/ports/model.js';
import { startDeafServer } from '../support/deaf-server.js';
import { startHttpServer, type FakeReply, type FakeServer } from '../support/fake-model-server.js';
import { ask, chatRequest, clock, finish, modelError, step } from './fixtures.js';

export interface Harness {
  readonly name: string;
  start(reply: (index: number) => FakeReply): Promise<FakeServer & { readonly requests: readonly unknown[] }>;
  /** The adapter, asking the server at this URL. */
  model(url: string, limits?: Partial<CallLimits>): ChatModel;
}

/** None of these passes in a test, but for the one that a test sets. */
const PATIENT: CallLimits = { connectMs: 600_000, firstTokenMs: 600_000, stallMs: 600_000, wholeMs: 600_000 };

/** What the ReAct loop and the planner rely on, whichever API it is. */
export function describeAdapter(harness: Harness): void {
  describe(`${harness.name} keeps the contract of a chat model`, () => {
    const open: Pick<FakeServer, 'close'>[] = [];
    afterEach(async () => {
      await Promise.all(open.splice(0).map((server) => server.close()));
    });
    const given = async (reply: FakeReply | ((index: number) => FakeReply), limits: Partial<CallLimits> = {}) => {
      const server = await harness.start(typeof reply === 'function' ? reply : () => reply);
      open.push(server);
      return { server, model: harness.model(server.url, { ...PATIENT, ...limits }) };
    };

    test.each([step, finish])('a reply comes back as it was said: %j', async (content) => {
      const { model } = await given(JSON.stringify(content));
      const reply = await ask(model);
      expect(JSON.parse(reply.text)).toEqual(content);
      expect(reply.promptTruncated).toBe(false);
      expect(reply.idempotent).toBeUndefined();
    });

    test('tokens are those that the server counted, and no more than the worst case', async () => {
      const { model } = await given({ kind: 'text', text: JSON.stringify(step), tokensIn: 40, tokensOut: 22 });
      const reply = await ask(model);
      expect([reply.tokensIn, reply.tokensOut]).toEqual([40, 22]);
      const worst = model.worstCase(chatRequest());
      expect(reply.tokensIn + reply.tokensOut).toBeLessThanOrEqual(worst.tokens);
      expect(reply.costUsd).toBeLessThanOrEqual(worst.usd);
    });

    test('text that is no JSON reaches the caller, who tells the model so', async () => {
      const { model } = await given('I would rather talk about it.');
      expect((await ask(model)).text).toBe('I would rather talk about it.');
    });

    test('a body that is no reply of this API is invalid', async () => {
      const { model } = await given({ kind: 'malformed', body: '<html>It works!</html>\n' });
      expect((await modelError(ask(model))).code).toBe('invalid');
    });

    test('429 is rate limited and carries the seconds of retry-after; nothing is retried here', async () => {
      const { model, server } = await given({
        kind: 'error',
        status: 429,
        message: 'slow down',
        headers: { 'retry-after': '7' },
      });
      const error = await modelError(ask(model));
      expect(error).toMatchObject({
        code: 'rate_limited',
        retriable: true,
        retryAfterMs: 7000,
        used: { tokens: 0, usd: 0 },
      });
      expect(server.requests).toHaveLength(1);
    });

    test('a retry-after in the form of a past date means at once', async () => {
      const { model } = await given({
        kind: 'error',
        status: 429,
        message: 'slow down',
        headers: { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' },
      });
      expect((await modelError(ask(model))).retryAfterMs).toBe(0);
    });

    test.each([429, 503, 529])(
      '%i: the milliseconds of retry-after-ms come before retry-after, which may be a date',
      async (status) => {
        const at = (index: number): Readonly<Record<string, string>> =>
          index === 0
            ? { 'retry-after-ms': '1500', 'retry-after': '60' }
            : { 'retry-after': new Date(clock.now() + 600_000).toUTCString() };
        const { model } = await given((index) => ({ kind: 'error', status, message: 'later', headers: at(index) }));
        expect((await modelError(ask(model))).retryAfterMs).toBe(1_500);
        const dated = (await modelError(ask(model))).retryAfterMs;
        expect(dated).toBeGreaterThan(0);
        expect(dated).toBeLessThanOrEqual(600_000);
      },
    );

    test('a retry-after of a year is one of a quarter of an hour; one that is no time is none', async () => {
      const { model } = await given((index) => ({
        kind: 'error',
        status: 429,
        message: 'later',
        headers: { 'retry-after': index === 0 ? '31536000' : 'soon' },
      }));
      expect((await modelError(ask(model))).retryAfterMs).toBe(900_000);
      expect((await modelError(ask(model))).retryAfterMs).toBeNull();
    });

    test('429 without retry-after says nothing about when', async () => {
      const { model } = await given({ kind: 'error', status: 429, message: 'slow down' });
      expect((await modelError(ask(model))).retryAfterMs).toBeNull();
    });

    test.each([500, 503, 529])('%i is unreachable and not retried here', async (status) => {
      const { model, server } = await given({ kind: 'error', status, message: 'overloaded' });
      expect(await modelError(ask(model))).toMatchObject({
        code: 'unreachable',
        retriable: true,
        message: expect.stringContaining('overloaded'),
      });
      expect(server.requests).toHaveLength(1);
    });

    test("400 is refused, with the server's reason", async () => {
      const { model } = await given({ kind: 'error', status: 400, message: 'no such option' });
      expect(await modelError(ask(model))).toMatchObject({
        code: 'refused',
        retriable: false,
        message: expect.stringContaining('no such option'),
      });
    });

    describe('says which limit has passed, what to do, and closes the connection:', () => {
      test('a server that never accepts', async () => {
        const deaf = await startDeafServer();
        open.push(deaf);
        const error = await modelError(ask(harness.model(deaf.url, { ...PATIENT, connectMs: 300 })));
        expect(error).toMatchObject({
          code: 'timeout',
          retriable: true,
          message: expect.stringMatching(/did not answer within 300 ms \(connectMs\); \w/),
        });
      });

      test('a server that accepts and says nothing', async () => {
        const silent = await startHttpServer(async () => undefined);
        open.push(silent);
        const error = await modelError(ask(harness.model(silent.url, { ...PATIENT, connectMs: 300 })));
        expect(error).toMatchObject({
          code: 'timeout',
          retriable: true,
          used: { tokens: 0, usd: 0 },
          message: expect.stringMatching(/did not answer within 300 ms \(connectMs\); \w/),
        });
        await silent.abandoned;
      });

      test('a server that sends headers and no token', async () => {
        const { model, server } = await given({ kind: 'stalled', at: 'first_token' }, { firstTokenMs: 300 });
        expect(await modelError(ask(model))).toMatchObject({
          code: 'timeout',
          message: expect.stringMatching(/did not begin within 300 ms \(firstTokenMs\); \w/),
        });
        await server.abandoned;
      });

      test('a reply that stalls in the middle, and what it had used up counts', async () => {
        const { model, server } = await given({ kind: 'stalled', at: 'middle' }, { stallMs: 300 });
        const error = await modelError(ask(model));
        expect(error).toMatchObject({
          code: 'timeout',
          message: expect.stringMatching(/stalled: no further piece came within 300 ms \(stallMs\); \w/),
        });
        expect(error.used.tokens).toBeGreaterThan(0);
        expect(error.used.tokens).toBeLessThanOrEqual(model.worstCase(chatRequest()).tokens);
        await server.abandoned;
      });

      test('a reply that drips for ever, and what it had used up counts', async () => {
        const { model, server } = await given({ kind: 'dripping' }, { wholeMs: 600 });
        const error = await modelError(ask(model));
        expect(error).toMatchObject({
          code: 'timeout',
          message: expect.stringMatching(/was not complete within 600 ms \(wholeMs\); \w/),
        });
        expect(error.used.tokens).toBeGreaterThan(0);
        await server.abandoned;
      });
    });

    test.each(['dropped', 'closed'] as const)(
      'a stream that is %s in the middle is unreachable, never half a reply',
      async (how) => {
        const { model } = await given({ kind: 'cut', how });
        const error = await modelError(ask(model));
        expect(error).toMatchObject({ code: 'unreachable', retriable: true });
        expect(error.used.tokens).toBeGreaterThan(0);
      },
    );

    test('an error inside the stream is an error', async () => {
      const { model } = await given({ kind: 'error_in_stream', message: 'the runner died' });
      expect(await modelError(ask(model))).toMatchObject({
        code: 'unreachable',
        message: expect.stringContaining('the runner died'),
      });
    });

    test('a server that is gone is unreachable', async () => {
      const { model, server } = await given('{}');
      open.length = 0;
      await server.close();
      expect(await modelError(ask(model))).toMatchObject({ code: 'unreachable', retriable: true });
    });

    describe('a caller that gives up gets its own reason back, and the connection is closed at once:', () => {
      const reason = new Error('the task was cancelled');

      test('before the call', async () => {
        const { model, server } = await given('{}');
        await expect(model.chat(chatRequest(), AbortSignal.abort(reason))).rejects.toBe(reason);
        expect(server.requests).toHaveLength(0);
      });

      test('before the server has accepted', async () => {
        const deaf = await startDeafServer();
        open.push(deaf);
        const caller = new AbortController();
        const call = harness.model(deaf.url, PATIENT).chat(chatRequest(), caller.signal);
        setImmediate(() => caller.abort(reason));
        await expect(call).rejects.toBe(reason);
      });

      test('before the server has answered', async () => {
        const silent = await startHttpServer(async () => undefined);
        open.push(silent);
        await expectClosed(harness.model(silent.url, PATIENT), silent);
      });

      test.each([
        ['before the first token', { kind: 'stalled', at: 'first_token' }],
        ['in the middle of a silence', { kind: 'stalled', at: 'middle' }],
        ['in the middle of the reply', { kind: 'dripping' }],
      ] satisfies [string, FakeReply][])('%s', async (_, reply) => {
        const { model, server } = await given(reply);
        await expectClosed(model, server);
      });

      async function expectClosed(model: ChatModel, server: FakeServer): Promise<void> {
        const caller = new AbortController();
        const call = model.chat(chatRequest(), caller.signal);
        await Promise.race([server.stalling, call]);
        caller.abort(reason);
        await expect(call).rejects.toBe(reason);
        await server.abandoned;
      }
    });

    test('one adapter serves several calls side by side', async () => {
      const { model } = await given((index) => JSON.stringify({ ...step, thought: `call ${index}` }));
      const replies = await Promise.all([ask(model), ask(model), ask(model)]);
      expect(replies.map((reply) => String(JSON.parse(reply.text).thought)).sort()).toEqual([
        'call 0',
        'call 1',
        'call 2',
      ]);
    });
  });
}
