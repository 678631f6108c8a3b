import type { CallLimits } from '../../src/models/watchdog.js';
import type { Clock } from '../../src/ports/clock.js';
import type { ChatModel } from '../../src/ports/model.js';
import { createFakeClock } from '../cli/support/fake-clock.js';
import { startDeafServer } from '../support/deaf-server.js';
import { startHttpServer, type FakeReply, type FakeServer } from '../support/fake-model-server.js';
import { ask, chatRequest, clock, finish, modelError, step } from './fixtures.js';

export interface Harness {
  readonly name: string;
  start(reply: (index: number) => FakeReply): Promise<FakeServer & { readonly requests: readonly unknown[] }>;
  /** The adapter, asking the server at this URL. Without a clock: the system's. */
  model(url: string, limits?: Partial<CallLimits>, clock?: Clock): ChatModel;
}

/** Too long to expire in a test; each test shortens the limit that it examines. */
const PATIENT: CallLimits = { connectMs: 600_000, firstTokenMs: 600_000, stallMs: 600_000, wholeMs: 600_000 };

/** The behaviour that the ReAct loop and the planner rely on, the same for every API. */
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

    test.each([step, finish])('a reply is returned unchanged: %j', async (content) => {
      const { model } = await given(JSON.stringify(content));
      const reply = await ask(model);
      expect(JSON.parse(reply.text)).toEqual(content);
      expect(reply.promptTruncated).toBe(false);
      expect(reply.idempotent).toBeUndefined();
    });

    test("tokens are the server's counts, and at most the worst case", async () => {
      const { model } = await given({ kind: 'text', text: JSON.stringify(step), tokensIn: 40, tokensOut: 22 });
      const reply = await ask(model);
      expect([reply.tokensIn, reply.tokensOut]).toEqual([40, 22]);
      const worst = model.worstCase(chatRequest());
      expect(reply.tokensIn + reply.tokensOut).toBeLessThanOrEqual(worst.tokens);
      expect(reply.costUsd).toBeLessThanOrEqual(worst.usd);
    });

    test('a pause before the first token counts in the time of the first token and of the call', async () => {
      const fake = createFakeClock(1_700_000_000_123);
      const { server } = await given({
        kind: 'paused',
        text: JSON.stringify(step),
        onPause: () => fake.advance(1_500),
      });
      const { timing } = await ask(harness.model(server.url, PATIENT, fake));
      expect(timing).toEqual({ startedAtMs: 1_700_000_000_123, firstTokenMs: 1_500, durationMs: 1_500 });
    });

    test('text that is not JSON is returned to the caller, which asks the model to correct it', async () => {
      const { model } = await given('I would rather talk about it.');
      expect((await ask(model)).text).toBe('I would rather talk about it.');
    });

    test('a body that does not follow the API is an invalid reply', async () => {
      const { model } = await given({ kind: 'malformed', body: '<html>It works!</html>\n' });
      expect((await modelError(ask(model))).code).toBe('invalid');
    });

    test('429 is rate_limited and carries retry-after; the adapter does not retry', async () => {
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

    test('a retry-after date in the past means no wait', async () => {
      const { model } = await given({
        kind: 'error',
        status: 429,
        message: 'slow down',
        headers: { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' },
      });
      expect((await modelError(ask(model))).retryAfterMs).toBe(0);
    });

    test.each([429, 503, 529])(
      '%i: retry-after-ms takes precedence over retry-after, which may be a date',
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

    test('a retry-after of a year is reduced to 15 minutes; an unreadable one is ignored', async () => {
      const { model } = await given((index) => ({
        kind: 'error',
        status: 429,
        message: 'later',
        headers: { 'retry-after': index === 0 ? '31536000' : 'soon' },
      }));
      expect((await modelError(ask(model))).retryAfterMs).toBe(900_000);
      expect((await modelError(ask(model))).retryAfterMs).toBeNull();
    });

    test('429 without retry-after has no wait', async () => {
      const { model } = await given({ kind: 'error', status: 429, message: 'slow down' });
      expect((await modelError(ask(model))).retryAfterMs).toBeNull();
    });

    test.each([500, 503, 529])('%i is unreachable; the adapter does not retry', async (status) => {
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

    describe('names the exceeded limit and what to do, and closes the connection:', () => {
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

      test('a server that accepts and sends nothing', async () => {
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
          message: expect.stringMatching(/did not start within 300 ms \(firstTokenMs\); \w/),
        });
        await server.abandoned;
      });

      test('a reply that stalls in the middle; the tokens used so far count', async () => {
        const { model, server } = await given({ kind: 'stalled', at: 'middle' }, { stallMs: 300 });
        const error = await modelError(ask(model));
        expect(error).toMatchObject({
          code: 'timeout',
          message: expect.stringMatching(/stalled: no further chunk arrived within 300 ms \(stallMs\); \w/),
        });
        expect(error.used.tokens).toBeGreaterThan(0);
        expect(error.used.tokens).toBeLessThanOrEqual(model.worstCase(chatRequest()).tokens);
        await server.abandoned;
      });

      test('a reply that trickles without end; the tokens used so far count', async () => {
        // On a busy computer no token may come within a short limit, and nothing is used: then a longer one must do.
        for (const wholeMs of [600, 3_000, 15_000]) {
          const { model, server } = await given({ kind: 'dripping' }, { wholeMs });
          const error = await modelError(ask(model));
          expect(error).toMatchObject({
            code: 'timeout',
            message: expect.stringMatching(
              new RegExp(String.raw`was not complete within ${wholeMs} ms \(wholeMs\); \w`),
            ),
          });
          if (error.used.tokens === 0 && wholeMs < 15_000) continue;
          expect(error.used.tokens).toBeGreaterThan(0);
          await server.abandoned;
          return;
        }
      });
    });

    test.each(['dropped', 'closed'] as const)(
      'a stream that is %s in the middle is unreachable, not a partial reply',
      async (how) => {
        const { model } = await given({ kind: 'cut', how });
        const error = await modelError(ask(model));
        expect(error).toMatchObject({ code: 'unreachable', retriable: true });
        expect(error.used.tokens).toBeGreaterThan(0);
      },
    );

    test('an error inside the stream fails the call', async () => {
      const { model } = await given({ kind: 'error_in_stream', message: 'the runner died' });
      expect(await modelError(ask(model))).toMatchObject({
        code: 'unreachable',
        message: expect.stringContaining('the runner died'),
      });
    });

    test('a stopped server is unreachable', async () => {
      const { model, server } = await given('{}');
      open.length = 0;
      await server.close();
      expect(await modelError(ask(model))).toMatchObject({ code: 'unreachable', retriable: true });
    });

    describe("an aborted call rejects with the signal's reason and closes the connection at once:", () => {
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

    test('one adapter serves concurrent calls', async () => {
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
