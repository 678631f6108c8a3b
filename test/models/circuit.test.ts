import { backoffMs } from '../../src/domain/backoff.js';
import { afterCall, CLOSED, type CallEnd, type Circuit } from '../../src/models/circuit.js';
import { createCircuits } from '../../src/models/circuits.js';
import type { CircuitChange } from '../../src/ports/circuits.js';
import type { Clock } from '../../src/ports/clock.js';
import { noMetrics, type CircuitStateName } from '../../src/ports/metrics.js';
import { ModelError, type ChatModel, type ChatReply, type ModelErrorCode } from '../../src/ports/model.js';
import { ask, chatRequest, modelError } from './fixtures.js';

const ENDPOINT = 'ollama at http://127.0.0.1:11434';
const reply: ChatReply = { text: '{}', tokensIn: 1, tokensOut: 1, costUsd: 0, promptTruncated: false };
const NOON = Date.UTC(2026, 10, 25, 12);

/** A model whose calls wait until the test ends them. */
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
    calls.at(-1)?.reject(new ModelError(code, `a test failure (${code})`, { retryAfterMs }));
    return call;
  };
  const trip = async () => {
    for (let call = 0; call < 5; call += 1) await failing('unreachable');
  };
  return { circuits, guarded, calls, changes, gauge, failing, trip, pass: (ms: number) => void (nowMs += ms) };
}
const states = (changes: readonly CircuitChange[]) => changes.map(({ from, to }) => `${from} → ${to}`);

describe('the circuit breaker of an endpoint', () => {
  test('opens after five consecutive failures, then rejects calls with the time and the reason', async () => {
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
        reason: 'a test failure (unreachable)',
        failures: 5,
        openMs: 20_000,
      },
    ]);
    const rejected = await modelError(ask(guarded));
    expect(calls).toHaveLength(5);
    expect(rejected).toMatchObject({
      code: 'resting',
      retriable: true,
      used: { tokens: 0, usd: 0 },
      message:
        `ollama:qwen3:8b: ${ENDPOINT} is not called until 2026-11-25T12:00:20.000Z, ` +
        'after 5 failures; the last one: a test failure (unreachable)',
    });
  });

  test('a call that was not sent because of retry-after counts neither as a failure nor as an answer', async () => {
    const { changes, failing } = given();
    for (let round = 0; round < 4; round += 1) await failing('unreachable');
    await failing('resting');
    expect(changes).toEqual([]);
    await failing('unreachable');
    expect(states(changes)).toEqual(['closed → open']);
  });

  test.each(['refused', 'invalid', 'gave_up'] as const)(
    '%s is not a failure of the endpoint: it has answered',
    async (code) => {
      const { changes, failing } = given();
      for (let round = 0; round < 4; round += 1) await failing('unreachable');
      await failing(code);
      for (let round = 0; round < 4; round += 1) await failing('unreachable');
      expect(changes).toEqual([]);
    },
  );

  test('an answered call resets the count of failures', async () => {
    const { guarded, calls, changes, failing } = given();
    for (let round = 0; round < 4; round += 1) await failing('unreachable');
    const good = ask(guarded);
    calls.at(-1)?.resolve(reply);
    await good;
    for (let round = 0; round < 4; round += 1) await failing('unreachable');
    expect(changes).toEqual([]);
  });

  test.each([
    [0, 10_000],
    [0.5, 1_000],
    [20, 1_000],
  ])('a retry-after of %d ms does not close it at once: it rests for %d ms', (retryAfterMs, least) => {
    let circuit: Circuit = CLOSED;
    const end: CallEnd = { kind: 'failed', reason: 'busy', retryAfterMs };
    for (let call = 0; call < 5; call += 1) circuit = afterCall(circuit, circuit.generation, end, 0, () => 0);
    expect(circuit).toMatchObject({ state: 'open', openMs: least });
  });

  test("stays open as long as the server's retry-after asks", async () => {
    const { changes, failing } = given();
    for (let round = 0; round < 5; round += 1) await failing('rate_limited', 90_000);
    expect(changes).toMatchObject([{ to: 'open', openMs: 90_000 }]);
  });

  test('then admits a single test call; its success closes the circuit', async () => {
    const { guarded, calls, changes, gauge, trip, pass } = given();
    await trip();
    pass(19_999);
    expect((await modelError(ask(guarded))).code).toBe('resting');
    pass(1);
    const probe = ask(guarded);
    const other = await modelError(ask(guarded));
    expect(other).toMatchObject({
      code: 'resting',
      message: expect.stringContaining('while one call tests whether it is available again'),
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

  test('stays open longer after each failed test call, up to five minutes', async () => {
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

  test('half of each open time is fixed, the other half random', async () => {
    const openMsWith = async (random: () => number) => {
      const { changes, trip } = given(random);
      await trip();
      return changes[0]?.openMs;
    };
    expect(await openMsWith(() => 0)).toBe(10_000);
    expect(await openMsWith(() => 0.5)).toBe(10_000 + backoffMs(1, { baseMs: 10_000, maxMs: 10_000 }, () => 0.5));
  });

  test('if the test call is aborted, the next call is the test call', async () => {
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

  test('the end of a call that was admitted before the circuit opened changes nothing', async () => {
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

  test('all models of an endpoint share one circuit; another endpoint has its own', async () => {
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

  test('does not call a listener that has unsubscribed', async () => {
    const { circuits, trip } = given();
    const heard: CircuitChange[] = [];
    circuits.subscribe((change) => heard.push(change))();
    await trip();
    expect(heard).toEqual([]);
  });
});
