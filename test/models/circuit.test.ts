import { backoffMs } from '../../src/domain/backoff.js';
import { createCircuits } from '../../src/models/circuits.js';
import type { CircuitChange } from '../../src/ports/circuits.js';
import type { Clock } from '../../src/ports/clock.js';
import { noMetrics, type CircuitStateName } from '../../src/ports/metrics.js';
import { ModelError, type ChatModel, type ChatReply, type ModelErrorCode } from '../../src/ports/model.js';
import { ask, chatRequest, modelError } from './fixtures.js';

const ENDPOINT = 'ollama at http://127.0.0.1:11434';
const reply: ChatReply = { text: '{}', tokensIn: 1, tokensOut: 1, costUsd: 0, promptTruncated: false };
const NOON = Date.UTC(2026, 10, 25, 12);

/** A model of which each call waits until the test ends it. */
function openModel(name = 'ollama:qwen3:8b') {
  const calls: { resolve(reply: ChatReply): void; reject(error: unknown): void }[] = [];
  const model: ChatModel = {
    name,
    probe: async () => ({ usable: true }),
    worstCase: () => ({ tokens: 0, usd: 0 }),
    chat: () => new Promise((resolve, reject) => calls.push({ resolve, reject })),
  };
  return { model, calls };
}

function given(random = () => 1) {
  let nowMs = 0;
  const clock: Clock = {
    now: () => NOON + nowMs,
    monotonicMs: () => nowMs,
    setTimer: () => ({ cancel: () => undefined }),
  };
  const gauge: [string, CircuitStateName][] = [];
  const changes: CircuitChange[] = [];
  const circuits = createCircuits({
    clock,
    random,
    metrics: { ...noMetrics, circuitState: (endpoint, state) => gauge.push([endpoint, state]) },
  });
  circuits.subscribe((change) => changes.push(change));
  const { model, calls } = openModel();
  const guarded = circuits.guard(ENDPOINT, model);
  const failing = async (code: ModelErrorCode, retryAfterMs: number | null = null) => {
    const call = modelError(ask(guarded));
    calls.at(-1)?.reject(new ModelError(code, `${code} it was`, { retryAfterMs }));
    return call;
  };
  const trip = async () => {
    for (let call = 0; call < 5; call += 1) await failing('unreachable');
  };
  return { circuits, guarded, calls, changes, gauge, failing, trip, pass: (ms: number) => void (nowMs += ms) };
}
const states = (changes: readonly CircuitChange[]) => changes.map(({ from, to }) => `${from} → ${to}`);

describe('the circuit breaker of an endpoint', () => {
  test('opens after five failures in a row, and passes the model over at once, saying until when and why', async () => {
    const { guarded, calls, changes, failing } = given();
    for (const code of ['unreachable', 'timeout', 'unreachable', 'timeout'] as const) await failing(code);
    expect(changes).toEqual([]);
    await failing('unreachable');
    expect(changes).toEqual([
      {
        endpoint: ENDPOINT,
        model: 'ollama:qwen3:8b',
        from: 'closed',
        to: 'open',
        reason: 'unreachable it was',
        failures: 5,
        openMs: 20_000,
      },
    ]);
    const passedOver = await modelError(ask(guarded));
    expect(calls).toHaveLength(5);
    expect(passedOver).toMatchObject({
      code: 'resting',
      retriable: true,
      used: { tokens: 0, usd: 0 },
      message: `ollama:qwen3:8b: ${ENDPOINT} is resting until 2026-11-25T12:00:20.000Z: 5 failures, last: unreachable it was`,
    });
  });

  test('takes a call that was not made, because the server wants to be left alone, for neither a failure nor an answer', async () => {
    const { changes, failing } = given();
    for (let round = 0; round < 4; round += 1) await failing('unreachable');
    await failing('resting');
    expect(changes).toEqual([]);
    await failing('unreachable');
    expect(states(changes)).toEqual(['closed → open']);
  });

  test.each(['refused', 'invalid', 'gave_up'] as const)(
    'counts no %s: an endpoint that answers is there',
    async (code) => {
      const { changes, failing } = given();
      for (let round = 0; round < 4; round += 1) await failing('unreachable');
      await failing(code);
      for (let round = 0; round < 4; round += 1) await failing('unreachable');
      expect(changes).toEqual([]);
    },
  );

  test('counts from nothing again after a call that was answered', async () => {
    const { guarded, calls, changes, failing } = given();
    for (let round = 0; round < 4; round += 1) await failing('unreachable');
    const good = ask(guarded);
    calls.at(-1)?.resolve(reply);
    await good;
    for (let round = 0; round < 4; round += 1) await failing('unreachable');
    expect(changes).toEqual([]);
  });

  test('rests as long as a server asks that limits the rate', async () => {
    const { changes, failing } = given();
    for (let round = 0; round < 5; round += 1) await failing('rate_limited', 90_000);
    expect(changes).toMatchObject([{ to: 'open', openMs: 90_000 }]);
  });

  test('lets one call find out after the rest, and no other meanwhile; a good one closes it', async () => {
    const { guarded, calls, changes, gauge, trip, pass } = given();
    await trip();
    pass(19_999);
    expect((await modelError(ask(guarded))).code).toBe('resting');
    pass(1);
    const probe = ask(guarded);
    const other = await modelError(ask(guarded));
    expect(other).toMatchObject({
      code: 'resting',
      message: expect.stringContaining('while one call finds out whether it is back'),
    });
    expect(calls).toHaveLength(6);
    calls.at(-1)?.resolve(reply);
    await probe;
    const after = ask(guarded);
    calls.at(-1)?.resolve(reply);
    expect(await after).toBe(reply);
    expect(states(changes)).toEqual(['closed → open', 'open → half_open', 'half_open → closed']);
    expect(gauge).toEqual((['closed', 'open', 'half_open', 'closed'] as const).map((state) => [ENDPOINT, state]));
  });

  test('rests longer each time that the call finds nothing, up to five minutes', async () => {
    const { changes, failing, trip, pass } = given();
    await trip();
    for (let round = 0; round < 6; round += 1) {
      pass(300_000);
      await failing('unreachable');
    }
    expect(changes.filter(({ to }) => to === 'open').map(({ openMs }) => openMs)).toEqual([
      20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000,
    ]);
  });

  test('half of each rest is certain, the other half chance', async () => {
    const restWith = async (random: () => number) => {
      const { changes, trip } = given(random);
      await trip();
      return changes[0]?.openMs;
    };
    expect(await restWith(() => 0)).toBe(10_000);
    expect(await restWith(() => 0.5)).toBe(10_000 + backoffMs(1, { baseMs: 10_000, maxMs: 10_000 }, () => 0.5));
  });

  test('a call that finds out and is given up leaves it to the next one', async () => {
    const { guarded, calls, changes, trip, pass } = given();
    await trip();
    pass(20_000);
    const reason = new Error('the task was cancelled');
    const probe = guarded.chat(chatRequest(), new AbortController().signal);
    calls.at(-1)?.reject(reason);
    await expect(probe).rejects.toBe(reason);
    const next = ask(guarded);
    calls.at(-1)?.resolve(reply);
    await next;
    expect(states(changes)).toEqual(['closed → open', 'open → half_open', 'half_open → closed']);
  });

  test('the end of a call from before it opened changes nothing', async () => {
    const { guarded, calls, changes, trip, pass } = given();
    const slow = ask(guarded);
    const slower = modelError(ask(guarded));
    await trip();
    calls[0]?.resolve(reply);
    await slow;
    pass(20_000);
    const probe = ask(guarded);
    calls[1]?.reject(new ModelError('unreachable', 'long ago'));
    await slower;
    calls.at(-1)?.resolve(reply);
    await probe;
    expect(states(changes)).toEqual(['closed → open', 'open → half_open', 'half_open → closed']);
  });

  test('is one for all models of the endpoint, and another endpoint has its own', async () => {
    const { circuits, trip } = given();
    const sibling = openModel('ollama:llama3.1');
    const elsewhere = openModel('openai:gpt-4.1');
    const guardedSibling = circuits.guard(ENDPOINT, sibling.model);
    const guardedElsewhere = circuits.guard('openai at https://api.openai.com/v1', elsewhere.model);
    await trip();
    expect((await modelError(ask(guardedSibling))).message).toContain('ollama:llama3.1: ollama at');
    const good = ask(guardedElsewhere);
    elsewhere.calls.at(-1)?.resolve(reply);
    expect(await good).toBe(reply);
  });

  test('tells nobody who has stopped listening', async () => {
    const { circuits, trip } = given();
    const heard: CircuitChange[] = [];
    circuits.subscribe((change) => heard.push(change))();
    await trip();
    expect(heard).toEqual([]);
  });
});
