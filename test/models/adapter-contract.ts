import type { CallLimits } from '../../src/models/watchdog.js';
import type { ChatModel } from '../../src/ports/model.js';
import type { FakeReply, FakeServer } from '../support/fake-model-server.js';
import { ask, chatRequest, finish, modelError, step } from './fixtures.js';

export interface Harness {
  readonly name: string;
  start(reply: (index: number) => FakeReply): Promise<FakeServer & { readonly requests: readonly unknown[] }>;
  /** The adapter, asking the server at this URL. */
  model(url: string, limits?: Partial<CallLimits>): ChatModel;
}

/** None of these passes in a test, but for the one that a test sets. */
const PATIENT: CallLimits = { connectMs: 60_000, firstTokenMs: 60_000, idleMs: 60_000, wholeMs: 60_000 };

/** What the ReAct loop and the planner rely on, whichever API it is. */
export function describeAdapter(harness: Harness): void {
  describe(`${harness.name} keeps the contract of a chat model`, () => {
    const open: FakeServer[] = [];
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
      const { model, server } = await given({ kind: 'error', status: 429, message: 'slow down', headers: { 'retry-after': '7' } });
      const error = await modelError(ask(model));
      expect(error).toMatchObject({ code: 'rate_limited', retriable: true, retryAfterMs: 7000, used: { tokens: 0, usd: 0 } });
      expect(server.requests).toHaveLength(1);
    });

    test('a retry-after in the form of a past date means at once', async () => {
      const { model } = await given({ kind: 'error', status: 429, message: 'slow down', headers: { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' } });
      expect((await modelError(ask(model))).retryAfterMs).toBe(0);
    });

    test('429 without retry-after says nothing about when', async () => {
      const { model } = await given({ kind: 'error', status: 429, message: 'slow down' });
      expect((await modelError(ask(model))).retryAfterMs).toBeNull();
    });

    test.each([500, 503, 529])('%i is unreachable and not retried here', async (status) => {
      const { model, server } = await given({ kind: 'error', status, message: 'overloaded' });
      expect(await modelError(ask(model))).toMatchObject({ code: 'unreachable', retriable: true, message: expect.stringContaining('overloaded') });
      expect(server.requests).toHaveLength(1);
    });

    test('400 is refused, with the server\'s reason', async () => {
      const { model } = await given({ kind: 'error', status: 400, message: 'no such option' });
      expect(await modelError(ask(model))).toMatchObject({ code: 'refused', retriable: false, message: expect.stringContaining('no such option') });
    });

    test('a server that accepts and says nothing is a timeout', async () => {
      const { model } = await given({ kind: 'stalled', at: 'connect' }, { wholeMs: 300 });
      expect(await modelError(ask(model))).toMatchObject({ code: 'timeout', retriable: true });
    });

    test('a reply that does not begin is a timeout', async () => {
      const { model } = await given({ kind: 'stalled', at: 'first_token' }, { firstTokenMs: 300 });
      expect(await modelError(ask(model))).toMatchObject({ code: 'timeout', message: expect.stringContaining('did not begin') });
    });

    test('a reply that stalls is a timeout, and what it had used up counts', async () => {
      const { model } = await given({ kind: 'stalled', at: 'middle' }, { idleMs: 300 });
      const error = await modelError(ask(model));
      expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining('stalled') });
      expect(error.used.tokens).toBeGreaterThan(0);
      expect(error.used.tokens).toBeLessThanOrEqual(model.worstCase(chatRequest()).tokens);
    });

    test.each(['dropped', 'closed'] as const)('a stream that is %s in the middle is unreachable, never half a reply', async (how) => {
      const { model } = await given({ kind: 'cut', how });
      const error = await modelError(ask(model));
      expect(error).toMatchObject({ code: 'unreachable', retriable: true });
      expect(error.used.tokens).toBeGreaterThan(0);
    });

    test('an error inside the stream is an error', async () => {
      const { model } = await given({ kind: 'error_in_stream', message: 'the runner died' });
      expect(await modelError(ask(model))).toMatchObject({ code: 'unreachable', message: expect.stringContaining('the runner died') });
    });

    test('a server that is gone is unreachable', async () => {
      const { model, server } = await given('{}');
      open.length = 0;
      await server.close();
      expect(await modelError(ask(model))).toMatchObject({ code: 'unreachable', retriable: true });
    });

    test('a caller that gives up gets its own reason back, whenever it does', async () => {
      const reason = new Error('the task was cancelled');
      const { model } = await given({ kind: 'stalled', at: 'middle' });
      const during = new AbortController();
      const call = model.chat(chatRequest(), during.signal);
      setTimeout(() => during.abort(reason), 100);
      await expect(call).rejects.toBe(reason);
      await expect(model.chat(chatRequest(), AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    test('one adapter serves several calls side by side', async () => {
      const { model } = await given((index) => JSON.stringify({ ...step, thought: `call ${index}` }));
      const replies = await Promise.all([ask(model), ask(model), ask(model)]);
      expect(replies.map((reply) => String(JSON.parse(reply.text).thought)).sort()).toEqual(['call 0', 'call 1', 'call 2']);
    });
  });
}
