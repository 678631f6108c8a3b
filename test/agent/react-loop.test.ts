import type { LoopTask } from '../../src/agent/loop-contract.js';
import { runReActLoop } from '../../src/agent/react-loop.js';
import { ModelError } from '../../src/ports/model.js';
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
  type Scripted,
} from './fakes.js';

const calls = (effects: ReturnType<typeof recordedEffects>) =>
  effects.decisions.map((decision) => `${decision.tool} ${Object.values(decision.arguments)[0]}`);
const failingChecks: Partial<Awaited<ReturnType<ReturnType<typeof recordedEffects>['perform']>>> = {
  outcome: 'error',
  checks: [check(1)],
  observation: 'out.txt is missing',
};

async function loop(script: readonly Scripted[], perform?: Performer, task: LoopTask = loopTask()) {
  const model = scriptedModel('ollama:llama3.1', script);
  const effects = recordedEffects([model], perform);
  return { end: await runReActLoop(task, effects, limits()), effects, model };
}

describe('a task', () => {
  test('is carried out step by step until the checks after finish pass', async () => {
    const { end, effects } = await loop([run('make'), read('out.txt'), finish('made it')]);
    expect(end).toEqual({ kind: 'finished', summary: 'made it', outputs: { where: 'out.txt' }, checks: [check(0)] });
    expect(calls(effects)).toEqual(['execute_terminal_command make', 'workspace_read out.txt', 'finish made it']);
    expect(effects.decisions[0]).toMatchObject({
      thought: 'because',
      model: 'ollama:llama3.1',
      chainIndex: 0,
      refusals: [],
      tokensIn: 10,
      tokensOut: 5,
      costUsd: 0.01,
    });
  });

  test('continues with the outcome of a failed check as its observation', async () => {
    const finishes = (n: number) => (n === 1 ? failingChecks : {});
    const { end, model } = await loop([finish(), run('make'), finish()], (decision, step) =>
      decision.tool === 'finish' ? finishes(step) : {},
    );
    expect(end.kind).toBe('finished');
    expect(model.requests[1]?.messages.at(-1)?.content).toContain('out.txt is missing');
  });

  test('ends without a step after a finish without checks, and reports what its turn has used', async () => {
    const { end, effects } = await loop([run('make'), finish('made it')], undefined, { ...loopTask(), acceptance: [] });
    expect(calls(effects)).toEqual(['execute_terminal_command make']);
    expect(end).toEqual({
      kind: 'finished',
      summary: 'made it',
      outputs: { where: 'out.txt' },
      checks: [],
      unjournaled: { model: 'ollama:llama3.1', tokensIn: 10, tokensOut: 5, costUsd: 0.01 },
    });
  });

  test('journals a finish without checks if a reply before it was rejected, so that the log shows why', async () => {
    const { end, effects } = await loop(['not json', finish('made it')], () => ({ checks: [] }), {
      ...loopTask(),
      acceptance: [],
    });
    expect(calls(effects)).toEqual(['finish made it']);
    expect(effects.journal.at(-1)?.call.refusals).toEqual([expect.stringContaining('JSON')]);
    expect(end).toEqual({ kind: 'finished', summary: 'made it', outputs: { where: 'out.txt' }, checks: [] });
  });

  test('knows which calls are idempotent: as the tool or the playbook says, and finish always', async () => {
    const playbook = scriptedModel('playbook', [run('test -f a'), run('touch a')], { reply: { idempotent: true } });
    const effects = recordedEffects([playbook, scriptedModel('m', [run('x'), read('y'), finish()])]);
    await runReActLoop(loopTask(), effects, limits());
    expect(effects.decisions.map((decision) => decision.idempotent)).toEqual([true, true, false, true, true]);
  });

  test('that the worker loses rejects with the reason', async () => {
    const away = new AbortController();
    const effects = recordedEffects(
      [scriptedModel('m', [run('a'), run('b')])],
      () => (away.abort(new Error('claim lost')), {}),
      { signal: away.signal },
    );
    await expect(runReActLoop(loopTask(), effects, limits())).rejects.toThrow('claim lost');
    expect(effects.decisions).toHaveLength(1);
  });

  test('that the worker loses during a model call rejects with the reason', async () => {
    const away = new AbortController();
    const slow = {
      ...scriptedModel('m', []),
      chat: async () => {
        away.abort(new Error('cancelled'));
        throw new ModelError('unreachable', 'cut');
      },
    };
    await expect(
      runReActLoop(
        loopTask(),
        recordedEffects([slow, scriptedModel('n', [finish()])], undefined, { signal: away.signal }),
        limits(),
      ),
    ).rejects.toThrow('cancelled');
  });
});

describe('an invalid reply', () => {
  test('is returned to the model with the reason, at most twice, and the step records it', async () => {
    const { effects, model } = await loop([
      'not json',
      { thought: 't', tool: 'workspace_reed', arguments: {} },
      run('make'),
      finish(),
    ]);
    expect(effects.decisions[0]?.refusals).toHaveLength(2);
    expect(effects.decisions[0]).toMatchObject({ tokensIn: 30, tokensOut: 15 });
    expect(model.requests[1]?.messages.at(-1)?.content).toContain('is not JSON');
    expect(model.requests[2]?.messages.at(-1)?.content).toContain('did you mean "workspace_read"?');
  });

  test('in an API’s own form is returned as text', async () => {
    const model = scriptedModel('m', [''], {
      reply: { toolCalls: [{ name: 'workspace_reed', arguments: { path: 'x' } }] },
    });
    await runReActLoop(loopTask(), recordedEffects([model]), limits());
    const [, , said] = model.requests[1]?.messages ?? [];
    expect(said).toEqual({ role: 'assistant', content: '{"tool":"workspace_reed","arguments":{"path":"x"}}' });
  });

  test('is not part of later prompts', async () => {
    const { model } = await loop(['nonsense here', run('make'), finish()]);
    expect(JSON.stringify(model.requests[1]?.messages)).toContain('nonsense here');
    expect(JSON.stringify(model.requests[2]?.messages)).not.toContain('nonsense here');
  });

  test.each<[string, object, string]>([
    [
      'with wrong arguments',
      { thought: 't', tool: 'workspace_read', arguments: { file: 'x' } },
      'unknown argument file',
    ],
    ['with both a tool and finish', { ...run('x'), ...finish() }, '2 different steps'],
    [
      'without a summary',
      { thought: 't', finish: { summary: ' ', outputs: {} } },
      'finish is wrong: summary: must not be empty',
    ],
  ])('%s says so', async (_, reply, reason) => {
    const { effects } = await loop([reply, finish()]);
    expect(effects.decisions[0]?.refusals.join()).toContain(reason);
  });

  test('for the third time in a row moves to the next model, which gets the reason', async () => {
    const next = scriptedModel('next', [finish()]);
    const effects = recordedEffects([scriptedModel('first', ['a', 'b', 'c', finish()]), next]);
    expect((await runReActLoop(loopTask(), effects, limits())).kind).toBe('finished');
    expect(effects.decisions[0]).toMatchObject({ model: 'next', chainIndex: 1 });
    expect(next.requests[0]?.messages.at(-1)?.content).toContain('first: 3 invalid replies in a row');
  });

  test('counts also if the adapter could not read it', async () => {
    const { effects } = await loop([failure('invalid', 'cut in the middle'), finish()]);
    expect(effects.decisions[0]).toMatchObject({ refusals: ['ollama:llama3.1: cut in the middle'], tokensIn: 13 });
  });
});

describe('the chain', () => {
  test.each(['unreachable', 'timeout', 'rate_limited', 'refused', 'gave_up'] as const)(
    'moves to the next model after %s, and stays there',
    async (code) => {
      const first = scriptedModel('first', [failure(code)]);
      const effects = recordedEffects([first, scriptedModel('second', [run('a'), run('b'), finish()])]);
      expect((await runReActLoop(loopTask(), effects, limits())).kind).toBe('finished');
      expect(effects.decisions.map((decision) => decision.chainIndex)).toEqual([1, 1, 1]);
      expect(effects.decisions[0]?.refusals).toEqual([`first: ${code}`]);
      expect(first.requests).toHaveLength(1);
    },
  );

  test('reports each skipped model once per task, with the step, the cause and the reason', async () => {
    const chain = [
      scriptedModel('ollama:llama3.1', [failure('resting', 'ollama:llama3.1: ollama at http://x is resting')]),
      scriptedModel('playbook', [run('a'), failure('gave_up', 'step "a" failed')]),
      scriptedModel('openai:gpt', [run('b'), finish()]),
    ];
    const effects = recordedEffects(chain);
    expect((await runReActLoop(loopTask(), effects, limits())).kind).toBe('finished');
    expect(effects.failovers).toEqual([
      {
        fromModel: 'ollama:llama3.1',
        toModel: 'playbook',
        cause: 'resting',
        reason: 'ollama at http://x is resting',
        step: 1,
      },
      { fromModel: 'playbook', toModel: 'openai:gpt', cause: 'gave_up', reason: 'step "a" failed', step: 2 },
    ]);
  });

  test('reports nothing when its last model fails: there is no next one', async () => {
    const effects = recordedEffects([scriptedModel('only', [failure('unreachable')])]);
    await runReActLoop(loopTask(), effects, limits());
    expect(effects.failovers).toEqual([]);
  });

  test("passes the task's remaining time to the model", async () => {
    const model = scriptedModel('m', [finish()]);
    await runReActLoop(loopTask(), recordedEffects([model], undefined, { remainingMs: () => 4_321 }), limits());
    expect(model.requests[0]?.timeLeftMs).toBe(4_321);
  });

  test('shows the failed step of a playbook to the next model', async () => {
    const next = scriptedModel('llm', [finish()]);
    const effects = recordedEffects(
      [scriptedModel('playbook', [run('openssl req'), failure('gave_up', 'step "request" failed')]), next],
      (decision) =>
        decision.tool === 'finish' ? {} : { outcome: 'error', exitCode: 2, observation: 'no such option' },
    );
    await runReActLoop(loopTask(), effects, limits());
    const conversation = JSON.stringify(next.requests[0]?.messages);
    expect(conversation).toContain('no such option');
    expect(conversation).toContain('step \\"request\\" failed');
  });

  test.each<[string, readonly ModelError[], object]>([
    [
      'gave up without a step: a new attempt changes nothing',
      [failure('gave_up', 'declined')],
      { code: 'gave_up', retriable: false, error: 'first: declined; first took 0.0 s (1 call, 0 steps)' },
    ],
    ['could not be reached: a new attempt may', [failure('unreachable')], { code: 'model', retriable: true }],
    ['was refused: a new attempt is refused too', [failure('refused')], { code: 'model', retriable: false }],
    [
      'could not be reached, and then declined',
      [failure('unreachable'), failure('gave_up')],
      { code: 'gave_up', retriable: true },
    ],
  ])('that is used up fails the task when it %s', async (_, errors, expected) => {
    const chain = errors.map((error, index) => scriptedModel(index === 0 ? 'first' : 'second', [error]));
    expect(await runReActLoop(loopTask(), recordedEffects(chain), limits())).toMatchObject({
      kind: 'failed',
      ...expected,
      unjournaled: { tokensIn: 3 * errors.length },
    });
  });

  test('that gives up after a failed check fails the task with that check', async () => {
    const { end } = await loop([finish(), failure('gave_up')], () => failingChecks);
    expect(end).toMatchObject({ kind: 'failed', code: 'checks', retriable: true, checks: [check(1)] });
    expect(end.kind === 'failed' && end.error).toContain('there (exit code 1)');
  });

  test('without models fails the task with that reason', async () => {
    expect(await runReActLoop(loopTask(), recordedEffects([]), limits())).toMatchObject({
      kind: 'failed',
      code: 'model',
      retriable: false,
      error: 'no model is left for cert_agent',
    });
  });
});

describe('the limits', () => {
  test('end a task after max_steps steps, those of earlier owners included', async () => {
    const before = await loop([run('a'), run('b'), failure('gave_up')]);
    const task = loopTask({ history: before.effects.journal }, {}, { maxSteps: 3 });
    const { end, effects } = await loop([run('c'), run('d')], undefined, task);
    expect(end).toMatchObject({ kind: 'failed', code: 'steps' });
    expect(effects.decisions).toHaveLength(1);
  });

  test('end a task at its deadline', async () => {
    let remaining = 2;
    const effects = recordedEffects(
      [planningModel('m', () => run('again'))],
      (_, step) => ({ observation: `o${step}` }),
      { remainingMs: () => remaining-- },
    );
    expect(await runReActLoop(loopTask(), effects, limits())).toMatchObject({
      kind: 'failed',
      code: 'timeout',
      retriable: true,
    });
  });

  test('end a model call at the deadline, and count its worst case', async () => {
    const clock = manualClock();
    const stuck = {
      ...scriptedModel('stuck', [], { worst: { tokens: 70, usd: 0.7 } }),
      chat: (_: unknown, signal: AbortSignal) =>
        new Promise<never>((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          clock.fire();
        }),
    };
    const end = await runReActLoop(loopTask(), recordedEffects([stuck]), limits(clock));
    expect(end).toMatchObject({ kind: 'failed', code: 'timeout', unjournaled: { tokensIn: 70, costUsd: 0.7 } });
  });

  test('warn a model about a repeated call with the same outcome, and end the task at the third', async () => {
    const { end, effects, model } = await loop([run('same'), run('same'), run('same'), finish()], () => ({
      observation: 'nothing',
    }));
    expect(end).toMatchObject({ kind: 'failed', code: 'repeated' });
    expect(effects.decisions).toHaveLength(3);
    expect(model.requests[1]?.messages.at(-1)?.content).not.toContain('another repetition ends the task');
    expect(model.requests[2]?.messages.at(-1)?.content).toContain('another repetition ends the task');
  });

  test('see the same call in arguments whose keys are in another order', async () => {
    const call = (args: object) => ({ thought: 'because', tool: 'execute_terminal_command', arguments: args });
    const { end } = await loop(
      [
        call({ command: 'same', timeout: 5 }),
        call({ timeout: 5, command: 'same' }),
        call({ command: 'same', timeout: 5 }),
        finish(),
      ],
      () => ({ observation: 'nothing' }),
    );
    expect(end).toMatchObject({ kind: 'failed', code: 'repeated' });
  });

  test('end a task at the third finish whose same check fails, though its output holds times', async () => {
    const { end, effects } = await loop(
      Array.from({ length: 10 }, () => finish()),
      (_, step) => ({
        outcome: 'error',
        observation: `failed after ${step} ms`,
        checks: [{ ...check(1), output_digest: `d${step}` }],
      }),
    );
    expect(end).toMatchObject({ kind: 'failed', code: 'checks' });
    expect(effects.decisions).toHaveLength(3);
  });

  test("give each further attempt another seed, and the first one the model's own", async () => {
    const seeds = [];
    for (const attempt of [1, 2, 3]) {
      const { model } = await loop([finish()], undefined, loopTask({}, { attempt }));
      seeds.push(model.requests[0]?.seed);
    }
    expect(seeds).toEqual([undefined, 1002, 1003]);
  });

  test('detect a cycle of calls', async () => {
    const { end, effects } = await loop(
      Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? run('a') : read('b'))),
      () => ({ observation: 'as before' }),
    );
    expect(end).toMatchObject({ kind: 'failed', code: 'repeated' });
    expect(effects.decisions.length).toBeLessThan(8);
  });

  test('let a test fail repeatedly as long as something new is tried in between', async () => {
    const script = [
      run('test'),
      run('edit 1'),
      run('test'),
      run('edit 2'),
      run('test'),
      run('edit 3'),
      run('test'),
      finish(),
    ];
    const { end } = await loop(script, (decision) =>
      decision.tool === 'finish'
        ? {}
        : { observation: `${Object.values(decision.arguments)[0]}`, outcome: 'error', exitCode: 1 },
    );
    expect(end.kind).toBe('finished');
  });

  test('do not count the same call with a different outcome', async () => {
    const { end } = await loop([run('poll'), run('poll'), run('poll'), run('poll'), finish()]);
    expect(end.kind).toBe('finished');
  });

  test('end a task if the same check fails three times, regardless of the summary', async () => {
    const { end } = await loop([finish('a'), finish('b'), finish('c'), finish('d')], () => failingChecks);
    expect(end).toMatchObject({ kind: 'failed', code: 'checks', checks: [check(1)] });
  });
});

describe('a task that is taken over', () => {
  /** Decides by the conversation alone: one command after each observation, then finish. */
  const steady = () =>
    planningModel('ollama:llama3.1', (request) => {
      const taken = request.turn?.steps.length ?? 0;
      return taken < 4
        ? taken % 2 === 0
          ? run(`command ${taken + 1}`)
          : read(`file ${taken + 1}`)
        : finish('all done');
    });

  test.each([0, 1, 2, 3, 4, 5])(
    'after %d steps continues the same conversation and repeats none of them',
    async (cut) => {
      const whole = recordedEffects([steady()]);
      const expected = await runReActLoop(loopTask(), whole, limits());
      const history = whole.journal.slice(0, cut);
      const model = steady();
      const rest = recordedEffects([model], undefined, { history });
      expect(await runReActLoop(loopTask({ history, spent: { tokens: 15 * cut, usd: 0 } }), rest, limits())).toEqual(
        expected,
      );
      expect(rest.decisions).toEqual(whole.decisions.slice(cut));
      const original = steady();
      await runReActLoop(loopTask(), recordedEffects([original]), limits());
      expect(model.requests.map((request) => request.messages)).toEqual(
        original.requests.slice(cut).map((request) => request.messages),
      );
    },
  );

  test('continues with the model that decided last', async () => {
    const before = recordedEffects([
      scriptedModel('first', [failure('unreachable')]),
      scriptedModel('second', [run('a'), failure('gave_up')]),
    ]);
    await runReActLoop(loopTask(), before, limits());
    const first = scriptedModel('first', [finish()]);
    const effects = recordedEffects([first, scriptedModel('second', [finish()])], undefined, {
      history: before.journal,
    });
    await runReActLoop(loopTask({ history: before.journal }), effects, limits());
    expect(first.requests).toHaveLength(0);
    expect(effects.decisions[0]?.chainIndex).toBe(1);
  });

  async function interrupted(last: object) {
    const before = recordedEffects([scriptedModel('m', [run('a'), last, failure('gave_up')])], (_, step) =>
      step === 2 ? { outcome: 'unknown', exitCode: null, observation: '', checks: null } : {},
    );
    await runReActLoop(loopTask({}, {}, { maxSteps: 2 }), before, limits());
    const model = scriptedModel('m', [finish()]);
    const effects = recordedEffects([model], undefined, { history: before.journal });
    const end = await runReActLoop(loopTask({ history: before.journal }), effects, limits());
    return { end, effects, model };
  }

  test('repeats an idempotent call whose outcome was lost, as a new step, without asking the model', async () => {
    const { end, effects } = await interrupted(read('config'));
    expect(end.kind).toBe('finished');
    expect(effects.decisions[0]).toMatchObject({
      tool: 'workspace_read',
      arguments: { path: 'config' },
      idempotent: true,
      model: 'm',
      tokensIn: 0,
    });
  });

  test('runs interrupted checks again', async () => {
    const { end, effects, model } = await interrupted(finish('was done'));
    expect(end).toMatchObject({ kind: 'finished', summary: 'was done' });
    expect(effects.decisions).toHaveLength(1);
    expect(model.requests).toHaveLength(0);
  });

  test('informs the model that a command may have run, and does not run it', async () => {
    const { effects, model } = await interrupted(run('rm -rf cache'));
    expect(model.requests[0]?.messages.at(-1)?.content).toContain('It may have run completely or partly. Check before');
    expect(calls(effects)).toEqual(['finish done']);
  });

  test('needs no further step if finish had passed', async () => {
    const before = await loop([finish('was done')]);
    const { end, effects } = await loop([], undefined, loopTask({ history: before.effects.journal }));
    expect(end).toMatchObject({ kind: 'finished', summary: 'was done', checks: [check(0)] });
    expect(effects.decisions).toHaveLength(0);
  });
});

test('a long output that a playbook quotes when it gives up is shown once, not three times', async () => {
  const effects = recordedEffects([scriptedModel('playbook', [failure('gave_up', 'x'.repeat(16_000))])]);
  const end = await runReActLoop(loopTask(), effects, limits());
  expect(end.kind === 'failed' && end.error.length).toBeLessThan(2_200);
});
