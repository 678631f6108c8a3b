import { createAnthropicModel } from '../../src/models/anthropic.js';
import { withRetries } from '../../src/models/retry.js';
import type { Clock } from '../../src/ports/clock.js';
import { ModelError } from '../../src/ports/model.js';
import type { FakeReply } from '../support/fake-model-server.js';
import { startFakeAnthropic, type FakeAnthropic } from '../support/fake-anthropic.js';
import { ask, catalog, chatRequest, clock, hostedEntry, modelError, step } from './fixtures.js';

describe('a hosted model with retries', () => {
  const open: FakeAnthropic[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((server) => server.close()));
  });

  /** The waits between attempts end at once and are recorded. */
  const given = async (replies: readonly FakeReply[], random = () => 0) => {
    const server = await startFakeAnthropic({ reply: (_, index) => replies[index] ?? JSON.stringify(step) });
    open.push(server);
    const waits: number[] = [];
    const hurried: Clock = {
      ...clock,
      setTimer(delayMs, callback) {
        waits.push(delayMs);
        return clock.setTimer(0, callback);
      },
    };
    const model = createAnthropicModel({
      entry: hostedEntry('anthropic', catalog.defaults.planner.anthropic),
      apiKey: 'test-key',
      baseUrl: server.url,
      clock,
    });
    return { server, waits, model: withRetries(model, { clock: hurried, random }), once: model };
  };
  const limited = (seconds: string): FakeReply => ({
    kind: 'error',
    status: 429,
    message: 'slow down',
    headers: { 'retry-after': seconds },
  });
  const down: FakeReply = { kind: 'error', status: 529, message: 'overloaded' };

  test('waits for the time in retry-after, then succeeds', async () => {
    const { model, waits } = await given([limited('7')]);
    expect(JSON.parse((await ask(model)).text)).toEqual(step);
    expect(waits).toEqual([7_000]);
  });

  test('adds jitter to retry-after, so that callers with the same value do not retry together', async () => {
    const { model, waits } = await given([limited('7')], () => 0.5);
    await ask(model);
    expect(waits).toEqual([7_500]);
  });

  test.each([
    [() => 0.999, [999, 1_998]],
    [() => 0, [0, 0]],
  ])(
    'backs off after server errors with full jitter and a bound that doubles; three attempts in total',
    async (random, expected) => {
      const { model, server, waits } = await given([down, down, down, down], random);
      expect((await modelError(ask(model))).code).toBe('unreachable');
      expect([server.requests.length, waits]).toEqual([3, expected]);
    },
  );

  test('fails at once if the caller has less time than the server asks for', async () => {
    const { model, server, waits } = await given([limited('7')]);
    expect(await modelError(ask(model, chatRequest({ timeLeftMs: 6_999 })))).toMatchObject({
      code: 'rate_limited',
      retryAfterMs: 7_000,
    });
    expect([server.requests.length, waits]).toEqual([1, []]);
  });

  test('its patience counts from the first attempt: a second wait that exceeds it is not started', async () => {
    const { once, server } = await given([limited('20'), limited('20')]);
    let nowMs = 0;
    const passing: Clock = {
      ...clock,
      monotonicMs: () => nowMs,
      setTimer(delayMs, callback) {
        nowMs += delayMs;
        return clock.setTimer(0, callback);
      },
    };
    expect((await modelError(ask(withRetries(once, { clock: passing, random: () => 0 })))).code).toBe('rate_limited');
    expect([server.requests.length, nowMs]).toEqual([2, 20_000]);
  });

  test.each([
    ['a wait that is too long', limited('600')],
    ['an error that a retry cannot fix', { kind: 'error', status: 400, message: 'bad' }],
    ['a call that may have been charged', { kind: 'cut', how: 'dropped' }],
  ] satisfies [string, FakeReply][])('fails at once: %s', async (_, reply) => {
    const { model, server, waits } = await given([reply]);
    await modelError(ask(model));
    expect([server.requests.length, waits]).toEqual([1, []]);
  });

  test('a retry-after applies to all later calls: until then they are rejected without being sent', async () => {
    const { once, server } = await given([limited('60')]);
    let nowMs = 0;
    const model = withRetries(once, { clock: { ...clock, monotonicMs: () => nowMs }, random: () => 0 });
    expect((await modelError(ask(model))).code).toBe('rate_limited');
    nowMs = 20_000;
    expect(await modelError(ask(model))).toMatchObject({
      code: 'resting',
      retriable: true,
      retryAfterMs: 40_000,
      message: expect.stringContaining('accepts no calls for another 40 s (retry-after)'),
    });
    expect(server.requests).toHaveLength(1);
    nowMs = 60_000;
    expect(JSON.parse((await ask(model)).text)).toEqual(step);
    expect(server.requests).toHaveLength(2);
  });

  test('it also delays the next attempt of a call that was already running', async () => {
    const calls: { reject(error: ModelError): void }[] = [];
    const waits: number[] = [];
    const waiting: Clock = {
      ...clock,
      monotonicMs: () => 0,
      setTimer: (delayMs) => (waits.push(delayMs), { cancel: () => undefined }),
    };
    const model = withRetries(
      {
        name: 'm',
        probe: async () => ({ usable: true }),
        worstCase: () => ({ tokens: 0, usd: 0 }),
        chat: () => new Promise((_, reject) => calls.push({ reject })),
      },
      { clock: waiting, random: () => 0.5 },
    );
    const caller = new AbortController();
    const both = [model.chat(chatRequest(), caller.signal), model.chat(chatRequest(), caller.signal)];
    calls[0]?.reject(new ModelError('rate_limited', 'slow down', { retryAfterMs: 7_000 }));
    await new Promise((resolve) => setImmediate(resolve));
    calls[1]?.reject(new ModelError('unreachable', 'overloaded'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(waits).toEqual([7_500, 7_500]);
    caller.abort(new Error('the tasks were cancelled'));
    for (const call of both) await expect(call).rejects.toThrow('the tasks were cancelled');
  });

  test('a call that pauses already waits longer when the server asks another one to', async () => {
    const calls: { resolve(): void; reject(error: ModelError): void }[] = [];
    const pending: { at: number; run(): void }[] = [];
    let nowMs = 0;
    const stepped: Clock = {
      ...clock,
      monotonicMs: () => nowMs,
      setTimer(delayMs, run) {
        pending.push({ at: nowMs + delayMs, run });
        return { cancel: () => undefined };
      },
    };
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    const advance = async (toMs: number) => {
      nowMs = toMs;
      const waiting = pending.splice(0);
      pending.push(...waiting.filter(({ at }) => at > toMs));
      for (const { at, run } of waiting) if (at <= toMs) run();
      await settled();
    };
    const reply = { text: '{}', tokensIn: 1, tokensOut: 1, costUsd: 0, promptTruncated: false };
    const model = withRetries(
      {
        name: 'm',
        probe: async () => ({ usable: true }),
        worstCase: () => ({ tokens: 0, usd: 0 }),
        chat: () => new Promise((resolve, reject) => calls.push({ resolve: () => resolve(reply), reject })),
      },
      { clock: stepped, random: () => 0 },
    );
    const both = [ask(model), ask(model)];
    calls[0]?.reject(new ModelError('rate_limited', 'slow down', { retryAfterMs: 5_000 }));
    await settled();
    await advance(1_000);
    calls[1]?.reject(new ModelError('rate_limited', 'slow down more', { retryAfterMs: 9_000 }));
    await settled();
    await advance(5_000);
    expect(calls).toHaveLength(2);
    await advance(10_000);
    expect(calls).toHaveLength(4);
    for (const call of calls.slice(2)) call.resolve();
    await Promise.all(both);
  });

  test('a call shortly before the end of that time waits', async () => {
    const { once, server } = await given([limited('60')]);
    let nowMs = 0;
    const waits: number[] = [];
    const hurried: Clock = {
      ...clock,
      monotonicMs: () => nowMs,
      setTimer(delayMs, callback) {
        waits.push(delayMs);
        nowMs += delayMs;
        return clock.setTimer(0, callback);
      },
    };
    const model = withRetries(once, { clock: hurried, random: () => 0.5 });
    await modelError(ask(model));
    nowMs = 50_000;
    expect(JSON.parse((await ask(model)).text)).toEqual(step);
    expect([server.requests.length, waits]).toEqual([2, [10_500]]);
  });

  test('has the worst case of a single call', async () => {
    const { model, once } = await given([]);
    expect(model.worstCase(chatRequest())).toEqual(once.worstCase(chatRequest()));
  });

  test("an abort during a wait rejects with the signal's reason", async () => {
    const reason = new Error('the task was cancelled');
    const caller = new AbortController();
    const { once } = await given([limited('20')]);
    const waiting: Clock = {
      ...clock,
      setTimer: () => {
        queueMicrotask(() => caller.abort(reason));
        return { cancel: () => undefined };
      },
    };
    await expect(
      withRetries(once, { clock: waiting, random: () => 0 }).chat(chatRequest(), caller.signal),
    ).rejects.toBe(reason);
  });
});
