import { runReActLoop } from '../../src/agent/react-loop.js';
import type { ReplyRead } from '../../src/agent/reply-read.js';
import { RecordTooLarge } from '../../src/ports/log.js';
import type { ChatModel, ChatReply, ChatRequest, CutWhy, ReplyEnding, TokenCost } from '../../src/ports/model.js';
import { createPlanner } from '../../src/agent/planner.js';
import { finish, limits, loopTask, recordedEffects, run, scriptedModel } from './fakes.js';

const CUT = { kind: 'cut', why: 'output_limit', detail: 'cut at 500 tokens (num_predict)' } as const;
const AT_LIMIT: Partial<ChatReply> = { text: '{"thought":"I', ending: CUT };

interface RepliesOptions {
  readonly contextTokens?: number;
  readonly worstCase?: (request: ChatRequest) => TokenCost;
}

const isReply = (said: object): said is Partial<ChatReply> => 'text' in said;

/** A model that gives these replies in order; an object without `text` becomes a step in JSON. */
function replies(name: string, script: readonly (Partial<ChatReply> | object)[], more: RepliesOptions = {}) {
  const requests: ChatRequest[] = [];
  const model: ChatModel = {
    ...scriptedModel(name, []),
    ...more,
    async chat(request) {
      const said = script[requests.length] ?? finish();
      requests.push(request);
      const usual = { text: JSON.stringify(said), tokensIn: 10, tokensOut: 5, costUsd: 0.01, promptTruncated: false };
      return isReply(said) ? { ...usual, ...said } : usual;
    },
  };
  return { model, requests };
}

async function loop(...models: readonly ChatModel[]) {
  const effects = recordedEffects(models);
  return { end: await runReActLoop(loopTask(), effects, limits()), effects };
}

describe('a reply that was cut', () => {
  test('is asked for again, shorter and with more room, and the step says so', async () => {
    const { model, requests } = replies('m', [AT_LIMIT, run('make'), finish()]);
    const { effects } = await loop(model);
    expect(requests.map(({ maxOutputTokens }) => maxOutputTokens)).toEqual([500, 2_000, 500]);
    expect(requests[1]?.messages.at(-1)?.content).toContain('cut at 500 tokens (num_predict)');
    expect(requests[1]?.messages.at(-1)?.content).toContain('Be shorter');
    expect(effects.decisions[0]?.refusals).toEqual([expect.stringContaining('cut at 500 tokens (num_predict)')]);
    expect(JSON.parse(effects.decisions[0]?.turn ?? '')).toMatchObject({
      max_output_tokens: 2_000,
      rejected: [{ text: '{"thought":"I', reason: expect.stringContaining('cut at 500 tokens') }],
    });
  });

  test.each<[CutWhy | null, number]>([
    ['output_limit', 2_000],
    ['only_thinking', 2_000],
    [null, 2_000],
    ['context_full', 500],
    ['not_loaded', 500],
    ['filtered', 500],
    ['interrupted', 500],
  ])('because of %s may then have %d tokens', async (why, tokens) => {
    const ending: ReplyEnding = why === null ? { kind: 'complete' } : { kind: 'cut', why, detail: 'd' };
    const { model, requests } = replies('m', [{ ...AT_LIMIT, ending }, finish()]);
    await loop(model);
    expect(requests.map(({ maxOutputTokens }) => maxOutputTokens)).toEqual([500, tokens]);
  });

  test('twice moves the chain on after two calls, and the next model starts with the usual room', async () => {
    const first = replies('first', [AT_LIMIT, AT_LIMIT, run('never')]);
    const next = replies('next', [finish()]);
    const { effects } = await loop(first.model, next.model);
    expect(first.requests).toHaveLength(2);
    expect(next.requests[0]?.maxOutputTokens).toBe(500);
    expect(effects.failovers[0]?.reason).toMatch(/^two replies were cut, the last one after 5 tokens: .*500 tokens/);
  });

  test('leaves half of the context to the prompt', async () => {
    const { model, requests } = replies('m', [AT_LIMIT, finish()], { contextTokens: 3_000 });
    await loop(model);
    expect(requests[1]?.maxOutputTokens).toBe(1_500);
  });

  test('gets no more room than the budget has, and is then asked only to be shorter', async () => {
    const worstCase = ({ maxOutputTokens }: ChatRequest) => ({ tokens: maxOutputTokens, usd: 0 });
    const { model, requests } = replies('m', [AT_LIMIT, finish()], { worstCase });
    const effects = recordedEffects([model]);
    await runReActLoop(loopTask({}, { share_tokens: 1_000 }), effects, limits());
    expect(requests.map(({ maxOutputTokens }) => maxOutputTokens)).toEqual([500, 500]);
  });

  test('is part of what a turn reserves', async () => {
    const worstCase = ({ maxOutputTokens }: ChatRequest) => ({ tokens: maxOutputTokens, usd: 0 });
    const { model } = replies('m', [run('make'), finish()], { worstCase });
    const effects = recordedEffects([model]);
    await runReActLoop(loopTask({}, { share_tokens: 1_000_000 }), effects, limits());
    expect(effects.decisions[0]?.reserved.tokens).toBe(500 + 2_000 + 2_000);
  });

  test.each([100, 700, 1_100, 1_600, 2_400, 3_100, 5_000])('never exceeds a share of %d tokens', async (share) => {
    const used: number[] = [];
    const worstCase = ({ maxOutputTokens }: ChatRequest) => ({ tokens: 50 + maxOutputTokens, usd: 0 });
    const endless: ChatModel = {
      ...scriptedModel('endless', []),
      worstCase,
      async chat(request) {
        used.push(worstCase(request).tokens);
        const last = { tokensIn: 50, tokensOut: request.maxOutputTokens, costUsd: 0, promptTruncated: false };
        return used.length % 2 === 0
          ? { text: JSON.stringify(run(`${used.length}`)), ...last }
          : { text: '{', ending: CUT, ...last };
      },
    };
    await runReActLoop(loopTask({}, { share_tokens: share }), recordedEffects([endless]), limits());
    expect(used.reduce((sum, tokens) => sum + tokens, 0)).toBeLessThanOrEqual(share);
  });

  test('of a planner gets more room as well', async () => {
    const { model, requests } = replies('anthropic:claude', [AT_LIMIT, AT_LIMIT]);
    const roster = Object({ agents: [], byName: () => undefined });
    const planner = createPlanner({ chain: [model], roster, maxOutputTokens: 4_000 });
    const mission = { name: 'm', brief: 'b', agents: [], inputs: [], success: [], budget: { tokens: null, usd: null } };
    const request = { mission: Object(mission), revision: 1, reason: null, firstWave: 1, done: [], boundary: 'b' };
    await planner.propose(request, new AbortController().signal).catch((error: Error) => error);
    expect(requests.map(({ maxOutputTokens }) => maxOutputTokens)).toEqual([4_000, 16_000]);
  });
});

describe('a step that is too large for the log', () => {
  const tooLarge = () => new RecordTooLarge('too large', { bytes: 7_340_346, limitBytes: 1_048_576 });

  test('goes back to the model in the same turn, and the next step counts both replies', async () => {
    const { model, requests } = replies('m', [run('x'.repeat(5_000)), run('make'), finish()]);
    const effects = recordedEffects([model], (decision) => {
      if (JSON.stringify(decision.arguments).length > 4_000) throw tooLarge();
      return {};
    });
    const end = await runReActLoop(loopTask(), effects, limits());
    expect(end.kind).toBe('finished');
    expect(effects.journal.map(({ call }) => [call.step, call.tokens_in, call.refusals.length])).toEqual([
      [1, 20, 1],
      [2, 10, 0],
    ]);
    const told = requests[1]?.messages.at(-1)?.content;
    expect(told).toContain('too large for a record of the log (7340346 bytes of 1048576)');
    expect(told).toContain('mode append');
    expect(requests[1]?.messages.at(-2)?.content.length).toBeLessThan(3_000);
  });

  test('three times in a row moves the chain on', async () => {
    const large = replies('large', [run('x'), run('x'), run('x'), run('x')]);
    const small = replies('small', [finish()]);
    const effects = recordedEffects([large.model, small.model], ({ model }) => {
      if (model === 'large') throw tooLarge();
      return {};
    });
    expect((await runReActLoop(loopTask(), effects, limits())).kind).toBe('finished');
    expect(large.requests).toHaveLength(3);
    expect(effects.failovers[0]?.reason).toContain('3 invalid replies in a row');
  });
});

describe('a turn', () => {
  test('is journaled with form, limits and the digest of its prompt', async () => {
    const step = { text: JSON.stringify(run('make')), form: 'json_object' as const };
    const { model, requests } = replies('m', [step, finish()]);
    const { effects } = await loop(model);
    const turn: unknown = JSON.parse(effects.journal[0]?.call.turn ?? '');
    expect(turn).toEqual({
      form: 'json_object',
      token_limit: 100_000,
      max_output_tokens: 500,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      length: requests[0]?.messages.map(({ role, content }) => `${role}: ${content}`).join('\n\n').length,
      left: { steps: 20, seconds: 1, tokens: null },
      system: requests[0]?.messages[0]?.content,
      messages: expect.any(Array),
    });
  });

  test('offers the tools and finish, for models that can call tools', async () => {
    const { model, requests } = replies('m', [finish()]);
    await loop(model);
    expect(requests[0]?.tools?.map(({ name }) => name)).toEqual([
      'execute_terminal_command',
      'workspace_read',
      'finish',
    ]);
  });

  test('with several calls runs the first, journals the others, and the next prompt says so', async () => {
    const toolCalls = [
      { name: 'execute_terminal_command', arguments: '{"command":"make"}' },
      { name: 'workspace_read', arguments: { path: 'a' } },
    ];
    const { model, requests } = replies('m', [{ text: '', toolCalls, form: 'native' as const }, finish()]);
    const { effects } = await loop(model);
    expect(effects.decisions.map(({ tool }) => tool)).toEqual(['execute_terminal_command', 'finish']);
    expect(JSON.parse(effects.journal[0]?.call.turn ?? '')).toMatchObject({
      form: 'native',
      not_run: ['workspace_read'],
    });
    expect(requests[1]?.messages.at(-1)?.content).toContain('not run: workspace_read');
  });

  test('records what was changed in its reply, and reports it for the metrics', async () => {
    const { model } = replies('m', [{ text: `Sure!\n\`\`\`json\n${JSON.stringify(run('make'))}\n\`\`\`` }, finish()]);
    const counted: ReplyRead[] = [];
    const effects = recordedEffects([model], undefined, { replyRead: (reply) => void counted.push(reply) });
    await runReActLoop(loopTask(), effects, limits());
    expect(effects.journal.map(({ call }) => [...call.repairs].sort())).toEqual([['fence', 'prose'], []]);
    expect(counted.map(({ repairs, ...reply }) => ({ ...reply, repairs: [...repairs].sort() }))).toEqual([
      { model: 'm', fault: null, repairs: ['fence', 'prose'] },
      { model: 'm', fault: null, repairs: [] },
    ]);
  });
});
