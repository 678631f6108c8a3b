/** An attempt that a model has used up, and the attempt after it. */
import fc from 'fast-check';
import { startOfChain } from '../../src/agent/chain-place.js';
import type { LoopEnd, LoopTask } from '../../src/agent/loop-contract.js';
import { runReActLoop } from '../../src/agent/react-loop.js';
import type { AgentSpec, Playbook } from '../../src/domain/agent-spec.js';
import type { PayloadOf } from '../../src/domain/events.js';
import { createPlaybookModel } from '../../src/models/playbook.js';
import type { ChatModel, ChatRequest } from '../../src/ports/model.js';
import {
  check,
  failure,
  finish,
  limits,
  loopTask,
  manualClock,
  planningModel,
  read,
  recordedEffects,
  run,
  scriptedModel,
  type Performer,
} from './fakes.js';

const PLAYBOOK: Playbook = {
  name: 'make-certs',
  steps: [
    { name: 'make the CA', command: 'openssl req', unless: 'test -f ca.pem' },
    { name: 'sign', command: 'openssl x509', unless: null },
  ],
  acceptance: [],
};
/** Of the playbook: two commands, one `unless`, finish. */
const ITS_STEPS = 4;

const withPlaybook = (
  agent: Partial<AgentSpec> = {},
  assigned: Partial<PayloadOf<'task_assigned'>> = {},
  more: Partial<LoopTask> = {},
) => loopTask({ playbook: PLAYBOOK, ...more }, { playbook: PLAYBOOK.name, ...assigned }, agent);

/** A model that does something else in each step and never finishes. */
const busy = (name: string): ReturnType<typeof planningModel> =>
  planningModel(name, ({ turn }) => run(`echo ${turn?.steps.length}`));

const noCa: Performer = ({ arguments: args }) =>
  args['command'] === 'test -f ca.pem' ? { outcome: 'error', exitCode: 1 } : {};

const usedUpBy = (end: LoopEnd) => (end.kind === 'failed' ? end.usedUpBy : 'it finished');

describe('the place at which an attempt begins', () => {
  const [a, b, playbook] = [scriptedModel('a', []), scriptedModel('b', []), createPlaybookModel()];

  test.each<[string, readonly ChatModel[], string | null, Playbook | null, number]>([
    ['is the start of the chain for the first attempt', [a, b], null, null, 0],
    ['is behind the model that used up the attempt before', [a, b], 'a', null, 1],
    ['is the start again if nothing is behind that model', [a, b], 'b', null, 0],
    ['is the start if the chain does not have it', [a, b], 'c', null, 0],
    ['is the playbook if the task names one', [a, playbook], 'a', PLAYBOOK, 1],
    ['is the start if only a playbook is behind it and the task names none', [a, playbook], 'a', null, 0],
    ['is the start of a chain of one', [a], 'a', null, 0],
    ['is the start of an empty chain', [], 'a', null, 0],
  ])('%s', (_, chain, named, named2, place) => {
    expect(startOfChain(chain, named, named2)).toBe(place);
  });

  test('is never at the named model while another that can do the task is behind it, whatever the chain', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'playbook');
    const chains = fc.uniqueArray(name, { minLength: 1 });
    fc.assert(
      fc.property(chains, name, fc.boolean(), (names, named, hasPlaybook) => {
        const chain = names.map((one) => (one === 'playbook' ? playbook : scriptedModel(one, [])));
        const book = hasPlaybook ? PLAYBOOK : null;
        const able = (one: string) => one !== 'playbook' || hasPlaybook;
        const behind = names.slice(names.indexOf(named) + 1).filter(able);
        const first = names[startOfChain(chain, named, book)];
        if (names.includes(named) && behind.length > 0)
          expect(behind).toContain(names.slice(names.findIndex((one) => one === first)).find(able));
        else expect(first).toBe(names[0]);
      }),
      { seed: 1 },
    );
  });
});

describe('the end of an attempt names the model that used it up', () => {
  const always: Performer = () => ({ outcome: 'error', checks: [check(1)], observation: 'out.txt is missing' });
  const overconfident = () => planningModel('ollama:a', () => finish());

  test.each<[string, readonly ChatModel[], Performer | undefined, Partial<AgentSpec>, string, string | null]>([
    ['when its steps are used up', [busy('ollama:a'), busy('b')], undefined, { maxSteps: 3 }, 'steps', 'ollama:a'],
    ['when its checks keep failing', [overconfident()], always, {}, 'checks', 'ollama:a'],
    [
      'when it repeats itself',
      [planningModel('ollama:a', () => read('x'))],
      () => ({ outputDigest: 'd', observation: 'x' }),
      {},
      'repeated',
      'ollama:a',
    ],
    ['when it gave no usable reply', [scriptedModel('ollama:a', ['?', '?', '?'])], undefined, {}, 'model', 'ollama:a'],
    [
      'the last one when all were asked',
      [scriptedModel('a', [failure('unreachable')]), scriptedModel('b', [failure('unreachable')])],
      undefined,
      {},
      'model',
      'b',
    ],
    [
      'not a playbook that the task does not name',
      [scriptedModel('a', [failure('unreachable')]), createPlaybookModel()],
      undefined,
      {},
      'gave_up',
      'a',
    ],
    ['none if there is none', [], undefined, {}, 'model', null],
  ])('%s', async (_, chain, perform, agent, code, named) => {
    const end = await runReActLoop(loopTask({}, {}, agent), recordedEffects(chain, perform), limits());
    expect(end).toMatchObject({ kind: 'failed', code, usedUpBy: named });
  });

  test('when the deadline passes between its steps', async () => {
    let left = 2_000;
    const effects = recordedEffects([busy('ollama:a')], undefined, { remainingMs: () => (left -= 400) });
    const end = await runReActLoop(loopTask(), effects, limits());
    expect(end).toMatchObject({ code: 'timeout', usedUpBy: 'ollama:a' });
    expect(end).toMatchObject({
      error: expect.stringMatching(
        /^the task reached its deadline after \d steps?: .*execute_terminal_command of ollama:a; ollama:a took/,
      ),
    });
  });

  test('and says what each model did and how long it took, take-overs included', async () => {
    let nowMs = 0;
    const clock = { ...manualClock(), monotonicMs: () => nowMs };
    const slow = (name: string, script: Parameters<typeof scriptedModel>[1]) => {
      const model = scriptedModel(name, script);
      return {
        ...model,
        chat: (request: ChatRequest, signal: AbortSignal) => ((nowMs += 1_500), model.chat(request, signal)),
      };
    };
    const perform: Performer = () => ({ durationMs: 250 });
    const before = recordedEffects([slow('a', [run('one')])], perform);
    await runReActLoop(loopTask({}, {}, { maxSteps: 1 }), before, limits(clock));
    const history = before.journal.map((step) => ({ ...step, call: { ...step.call, model_ms: 1_500 } }));
    const effects = recordedEffects(
      [slow('a', [run('two'), failure('unreachable')]), slow('b', ['?', '?', '?'])],
      perform,
      {
        history,
      },
    );
    expect(await runReActLoop(loopTask({ history }), effects, limits(clock))).toMatchObject({
      error: expect.stringMatching(/; a took 5\.0 s \(3 calls, 2 steps\); b took 4\.5 s \(3 calls, 0 steps\)$/),
    });
  });
});

describe('the attempt after one that was used up', () => {
  const second = (named: string | null) => ({ attempt: 2, used_up_by: named, feedback: 'it was slow' });

  test('begins behind the model that is named, which is not asked', async () => {
    const [first, next] = [busy('first'), scriptedModel('second', [finish()])];
    const effects = recordedEffects([first, next]);
    expect((await runReActLoop(loopTask({}, second('first')), effects, limits())).kind).toBe('finished');
    expect(first.requests).toEqual([]);
    expect(effects.decisions[0]).toMatchObject({ model: 'second', chainIndex: 1, refusals: [] });
  });

  test('does so also when it is taken over before its first step, and after it', async () => {
    for (const steps of [0, 1]) {
      const before = recordedEffects([busy('first'), busy('second')]);
      if (steps > 0) await runReActLoop(loopTask({}, second('first'), { maxSteps: steps }), before, limits());
      const [first, next] = [busy('first'), scriptedModel('second', [finish()])];
      const history = before.journal;
      const effects = recordedEffects([first, next], undefined, { history });
      await runReActLoop(loopTask({ history }, second('first')), effects, limits());
      expect([first.requests.length, effects.decisions.map(({ model }) => model)]).toEqual([0, ['second']]);
    }
  });

  test('asks the same model again only with another seed and another text', async () => {
    const asked: ChatRequest[] = [];
    for (const attempt of [1, 2, 3, 4]) {
      // The same failure each time, and once a person's retry of an attempt without one.
      const feedback = attempt === 1 || attempt === 4 ? null : 'it was slow';
      const model = busy('only');
      const task = loopTask({}, { attempt, used_up_by: attempt === 1 ? null : 'only', feedback }, { maxSteps: 1 });
      await runReActLoop(task, recordedEffects([model]), limits());
      asked.push(...model.requests);
    }
    expect(asked).toHaveLength(4);
    expect(new Set(asked.map(({ seed }) => seed)).size).toBe(4);
    expect(new Set(asked.map(({ messages }) => JSON.stringify(messages))).size).toBe(4);
  });
});

describe('a playbook behind other models', () => {
  const finishes = async (
    chain: readonly ChatModel[],
    task: LoopTask,
    effects = recordedEffects(chain, noCa, { remainingMs: () => 300_000 }),
  ) => {
    const end = await runReActLoop(task, effects, limits());
    return { end, effects, models: effects.decisions.map(({ model }) => model) };
  };

  test.each([ITS_STEPS + 1, ITS_STEPS + 3, 20])(
    'has its steps left, of %d, whatever is before it',
    async (maxSteps) => {
      const { end, effects, models } = await finishes(
        [busy('a'), busy('b'), createPlaybookModel()],
        withPlaybook({ maxSteps }),
      );
      expect(end.kind).toBe('finished');
      expect(models).toEqual([
        ...Array.from({ length: maxSteps - ITS_STEPS }, () => 'a'),
        ...Array.from({ length: ITS_STEPS }, () => 'playbook'),
      ]);
      expect(effects.failovers).toMatchObject([
        { fromModel: 'a', toModel: 'b', reason: `the last 4 of ${maxSteps} steps are for playbook` },
        { fromModel: 'b', toModel: 'playbook' },
      ]);
    },
  );

  test('does the task alone where there are no other steps', async () => {
    const { end, models } = await finishes([busy('a'), createPlaybookModel()], withPlaybook({ maxSteps: ITS_STEPS }));
    expect([end.kind, new Set(models)]).toEqual(['finished', new Set(['playbook'])]);
  });

  test('has nothing set aside that would not be enough', async () => {
    const task = withPlaybook({ maxSteps: ITS_STEPS - 1 });
    const { end, models } = await finishes([busy('a'), createPlaybookModel()], task);
    expect([usedUpBy(end), new Set(models)]).toEqual(['a', new Set(['a'])]);
  });

  test('keeps its steps after a take-over', async () => {
    const before = recordedEffects([busy('a')], noCa);
    await runReActLoop(loopTask({}, {}, { maxSteps: 2 }), before, limits());
    const chain = [busy('a'), createPlaybookModel()];
    const effects = recordedEffects(chain, noCa, { history: before.journal, remainingMs: () => 300_000 });
    const task = withPlaybook({ maxSteps: ITS_STEPS + 3 }, {}, { history: before.journal });
    const { end, models } = await finishes(chain, task, effects);
    expect([end.kind, models.filter((model) => model === 'a')]).toEqual(['finished', ['a']]);
  });

  test('has its time left: many quick calls and long commands end before it', async () => {
    let left = 300_000;
    const given: number[] = [];
    const chain = [busy('a'), createPlaybookModel()];
    const recorded = recordedEffects(chain, noCa, { remainingMs: () => left });
    const effects = {
      ...recorded,
      perform: async (...[decision, timeLeftMs]: Parameters<typeof recorded.perform>) => {
        if (decision.model === 'a') given.push(timeLeftMs());
        left -= decision.model === 'a' ? Math.min(100_000, timeLeftMs()) : 10_000;
        return recorded.perform(decision, timeLeftMs);
      },
    };
    const { end, models } = await finishes(chain, withPlaybook({ maxSteps: 100 }), effects);
    // Two steps of at most 30 s are set aside.
    expect(given).toEqual([240_000, 140_000, 40_000]);
    expect([end.kind, models.filter((model) => model === 'playbook').length]).toEqual(['finished', ITS_STEPS]);
    expect(left).toBeGreaterThan(0);
  });

  test('leaves at least half of the time to the models before it', async () => {
    const given: number[] = [];
    const asked = (name: string): ChatModel => ({
      ...scriptedModel(name, []),
      chat: async ({ timeLeftMs = 0 }) => {
        given.push(timeLeftMs);
        throw failure('unreachable');
      },
    });
    const chain = [asked('a'), asked('b'), createPlaybookModel()];
    const effects = recordedEffects(chain, noCa, { remainingMs: () => 40_000 });
    const task = withPlaybook({}, { timeout_seconds: 40 });
    expect((await finishes(chain, task, effects)).end.kind).toBe('finished');
    expect(given).toEqual([10_000, 20_000]);
  });

  test('needs no tokens: it does the task when another model has used up the share, and more', async () => {
    const greedy = scriptedModel('a', [run('one')], { worst: { tokens: 90, usd: 0 }, reply: { tokensIn: 500 } });
    const { end, models } = await finishes([greedy, createPlaybookModel()], withPlaybook({}, { share_tokens: 100 }));
    expect([end.kind, models]).toEqual(['finished', ['a', ...Array.from({ length: ITS_STEPS }, () => 'playbook')]]);
  });

  test('that the task does not name takes nothing from the model before it', async () => {
    const given: number[] = [];
    const only: ChatModel = {
      ...scriptedModel('a', []),
      chat: async ({ timeLeftMs = 0 }) => {
        given.push(timeLeftMs);
        throw failure('unreachable');
      },
    };
    const effects = recordedEffects([only, createPlaybookModel()], undefined, { remainingMs: () => 40_000 });
    await runReActLoop(loopTask(), effects, limits());
    expect(given).toEqual([40_000]);
  });

  test("is in no model's time and steps that are left", async () => {
    const model = busy('a');
    const chain = [model, createPlaybookModel()];
    const effects = recordedEffects(chain, noCa, { remainingMs: () => 300_000 });
    await finishes(chain, withPlaybook({ maxSteps: 10 }), effects);
    expect(model.requests[0]?.messages.at(-1)?.content).toContain('Left for this task: 6 steps, 240 seconds.');
  });
});
