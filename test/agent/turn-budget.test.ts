import type { LoopTask } from '../../src/agent/loop-contract.js';
import { runReActLoop } from '../../src/agent/react-loop.js';
import type { ChatModel, TokenCost } from '../../src/ports/model.js';
import {
  agentSpec,
  failure,
  finish,
  limits,
  loopTask,
  read,
  recordedEffects,
  run,
  scriptedModel,
  type ModelOptions,
  type Scripted,
} from './fakes.js';

const worst = { tokens: 100, usd: 0.1 };
const model = (script: readonly Scripted[], more: ModelOptions = {}) =>
  scriptedModel('m', script, { worst, reply: { tokensIn: 60, tokensOut: 20, costUsd: 0.08 }, ...more });
const budgeted = (share: { readonly tokens?: number; readonly usd?: number }, more: Partial<LoopTask> = {}) =>
  loopTask(more, { share_tokens: share.tokens ?? null, share_usd: share.usd ?? null });

/** More than any of these tasks needs; without a budget nothing is reserved. */
const plenty = { tokens: 1_000_000, usd: 1_000 };

async function reservedBy(chain: readonly ChatModel[], task: LoopTask): Promise<readonly TokenCost[]> {
  const effects = recordedEffects(chain);
  await runReActLoop(task, effects, limits());
  return effects.decisions.map((decision) => decision.reserved);
}

describe('a step', () => {
  test('reserves all replies of the whole chain for the next turn', async () => {
    const dear = scriptedModel('dear', [], { worst: { tokens: 1_000, usd: 2 } });
    const [reserved] = await reservedBy([model([run('a'), finish()]), dear], budgeted(plenty));
    expect(reserved).toEqual({ tokens: 3 * 1_100, usd: expect.closeTo(6.3, 9) });
  });

  test('reserves only for the remaining models of the chain', async () => {
    const [reserved] = await reservedBy(
      [
        scriptedModel('gone', [failure('unreachable')], { worst: { tokens: 9_999, usd: 9 } }),
        model([run('a'), finish()]),
      ],
      budgeted(plenty),
    );
    expect(reserved).toMatchObject({ tokens: 300 });
  });

  test('never reserves more than is left of the share', async () => {
    const [reserved] = await reservedBy(
      [model([run('a'), finish()])],
      budgeted({ tokens: 200, usd: 0.2 }, { spent: { tokens: 20, usd: 0.02 } }),
    );
    expect(reserved).toEqual({ tokens: 200 - 20 - 80, usd: expect.closeTo(0.1, 9) });
  });

  test('reserves nothing if it is the last step of the task', async () => {
    const effects = recordedEffects([model([run('a'), run('b')])]);
    await runReActLoop({ ...budgeted(plenty), agent: { ...agentSpec, maxSteps: 2 } }, effects, limits());
    expect(effects.decisions.map((decision) => decision.reserved.tokens)).toEqual([300, 0]);
  });

  test('reserves at least what the next turn may actually need', async () => {
    // This model's bound is one token per byte of the prompt, and its replies are as invalid and long as possible.
    const bytes = (messages: readonly { readonly content: string }[]) =>
      messages.reduce((sum, message) => sum + Buffer.byteLength(message.content), 0);
    const needs: number[] = [];
    const thorough: ChatModel = {
      ...scriptedModel('thorough', []),
      worstCase: (request) => ({ tokens: bytes(request.messages) + request.maxOutputTokens, usd: 0 }),
      async chat(request) {
        needs.push(bytes(request.messages) + request.maxOutputTokens);
        return {
          text: request.turn?.steps.length === 0 ? JSON.stringify(run('big')) : '字'.repeat(5_000),
          tokensIn: 0,
          tokensOut: 0,
          costUsd: 0,
          promptTruncated: false,
        };
      },
    };
    const effects = recordedEffects([thorough], () => ({ observation: '字'.repeat(5_461) }));
    await runReActLoop(budgeted(plenty), effects, limits());
    expect(needs).toHaveLength(4);
    expect(effects.decisions[0]?.reserved.tokens).toBeGreaterThanOrEqual(
      needs.slice(1).reduce((sum, need) => sum + need, 0),
    );
  });
});

describe('a task without limits', () => {
  /** Its worst case is never requested. */
  const unasked = (one: ReturnType<typeof model>): ChatModel => ({
    ...one,
    worstCase: () => {
      throw new Error('worstCase must not be called');
    },
  });

  test('reserves nothing, and asks no model for its worst case, without a share of a budget', async () => {
    const reserved = await reservedBy([unasked(model([run('a'), finish()]))], loopTask());
    expect(reserved).toEqual([
      { tokens: 0, usd: 0 },
      { tokens: 0, usd: 0 },
    ]);
  });

  test('reserves nothing if only free models are left', async () => {
    const free: ChatModel = {
      ...model([run('a'), finish()], {
        worst: { tokens: 0, usd: 0 },
        reply: { tokensIn: 0, tokensOut: 0, costUsd: 0 },
      }),
      free: true,
    };
    const gone = model([failure('unreachable')]);
    expect(await reservedBy([gone, free], budgeted(plenty))).toEqual([
      { tokens: 0, usd: 0 },
      { tokens: 0, usd: 0 },
    ]);
  });

  test('reserves only for the other models of the chain if one is free', async () => {
    const free: ChatModel = {
      ...unasked(model([run('a'), finish()])),
      worstCase: () => ({ tokens: 0, usd: 0 }),
      free: true,
    };
    expect((await reservedBy([free, model([])], budgeted(plenty)))[0]).toMatchObject({ tokens: 300 });
  });
});

describe('a model call', () => {
  test('does not start if its worst case exceeds what is left of the share; the task ends', async () => {
    const asked = model([run('a'), run('b'), finish()]);
    const end = await runReActLoop(budgeted({ tokens: 250 }), recordedEffects([asked]), limits());
    expect(asked.requests).toHaveLength(2);
    expect(end).toMatchObject({ kind: 'failed', code: 'budget', retriable: false });
    expect(end.kind === 'failed' && end.error).toContain('a call may need 100 tokens of 90');
  });

  test('counts what earlier owners spent', async () => {
    const asked = model([finish()]);
    await runReActLoop(budgeted({ usd: 1 }, { spent: { tokens: 0, usd: 0.95 } }), recordedEffects([asked]), limits());
    expect(asked.requests).toHaveLength(0);
  });

  test('counts the rejected replies of its turn', async () => {
    const asked = model(['bad', 'bad', finish()]);
    const end = await runReActLoop(budgeted({ tokens: 200 }), recordedEffects([asked]), limits());
    expect(asked.requests).toHaveLength(2);
    expect(end).toMatchObject({ kind: 'failed', code: 'budget', unjournaled: { tokensIn: 120, tokensOut: 40 } });
  });

  test('leaves the task to a cheaper model of the chain', async () => {
    const effects = recordedEffects([
      model([]),
      scriptedModel('free', [finish()], { reply: { tokensIn: 0, tokensOut: 0, costUsd: 0 } }),
    ]);
    expect((await runReActLoop(budgeted({ tokens: 50 }), effects, limits())).kind).toBe('finished');
    expect(effects.decisions[0]?.refusals).toEqual(['m: a call may need 100 tokens of 50 left in the budget']);
  });
});

describe('a take-over', () => {
  test('reserves the lost turn again before the first call', async () => {
    const order: string[] = [];
    const asked = model([() => (order.push('call'), finish())]);
    const effects = recordedEffects([asked], undefined, {
      reserveTurn: async (cost) => void order.push(`reserve ${cost.tokens}`),
    });
    await runReActLoop(
      budgeted({ tokens: 1_000 }, { mustReserve: true, spent: { tokens: 400, usd: 0 } }),
      effects,
      limits(),
    );
    expect(order).toEqual(['reserve 300', 'call']);
  });

  test('reserves with the repeated step if there is one, not separately', async () => {
    const before = recordedEffects([model([read('a')])], () => ({ outcome: 'unknown', observation: '' }));
    await runReActLoop(loopTask({}, {}, { maxSteps: 1 }), before, limits());
    const effects = recordedEffects([model([finish()])], undefined, { history: before.journal });
    await runReActLoop(budgeted(plenty, { history: before.journal, mustReserve: true }), effects, limits());
    expect(effects.reservations).toEqual([]);
    expect(effects.decisions[0]?.reserved.tokens).toBe(300);
  });

  test('uses the turn that the last step has reserved, and no more', async () => {
    const before = recordedEffects([model([run('a'), failure('gave_up')])]);
    await runReActLoop(budgeted({ tokens: 230 }), before, limits());
    expect(before.journal[0]?.call.reserved_tokens).toBe(150);
    const asked = model(['bad', finish()]);
    const end = await runReActLoop(
      budgeted({ tokens: 2_000 }, { history: before.journal, spent: { tokens: 80, usd: 0 } }),
      recordedEffects([asked], undefined, { history: before.journal }),
      limits(),
    );
    expect(asked.requests).toHaveLength(1);
    expect(end).toMatchObject({ kind: 'failed', code: 'budget' });
  });
});

describe('a prompt that the model saw only partly', () => {
  test('is reported with the step, and the next one is shorter', async () => {
    const size = (index: number, requests: readonly { readonly messages: readonly { readonly content: string }[] }[]) =>
      requests[index]?.messages.reduce((sum, message) => sum + message.content.length, 0) ?? 0;
    const script = [run('a'), run('b'), run('c'), finish()];
    const observation = () => ({ observation: 'word '.repeat(3_000) });
    const small = { contextTokens: 8_000, reply: { promptTruncated: true } };
    const cut = scriptedModel('m', script, small);
    const effects = recordedEffects([cut], (decision, step) =>
      decision.tool === 'finish' ? {} : { observation: `${step} ${observation().observation}` },
    );
    await runReActLoop(loopTask(), effects, limits());
    expect(effects.decisions[0]?.refusals).toEqual([
      'm: the model saw only part of the prompt; the next one will be shorter',
    ]);
    const sizes = [1, 2, 3].map((index) => size(index, cut.requests));
    expect(sizes[1]).toBeLessThan(sizes[0] ?? 0);
    expect(sizes[2]).toBeLessThan(sizes[1] ?? 0);
  });
});
