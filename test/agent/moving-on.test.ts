import { runReActLoop } from '../../src/agent/react-loop.js';
import type { ChatModel } from '../../src/ports/model.js';
import {
  check,
  finish,
  limits,
  loopTask,
  manualClock,
  planningModel,
  recordedEffects,
  run,
  scriptedModel,
  type Performer,
} from './fakes.js';

/** A model that replies only when it is aborted. */
function slowModel(name: string, clock: ReturnType<typeof manualClock>): ChatModel & { readonly given: number[] } {
  const given: number[] = [];
  return {
    ...scriptedModel(name, [], { worst: { tokens: 70, usd: 0.7 } }),
    given,
    chat: ({ timeLeftMs = 0 }, signal) =>
      new Promise<never>((_resolve, reject) => {
        given.push(timeLeftMs);
        signal.addEventListener('abort', () => reject(signal.reason));
        clock.fire();
      }),
  };
}

const failing: Performer = ({ tool, model }) =>
  tool === 'finish' && model === 'overconfident'
    ? { outcome: 'error', checks: [check(1)], observation: 'out.txt is missing' }
    : {};

describe('a slow model', () => {
  test('gets half of the time that is left while another follows it, and that one then works', async () => {
    const clock = manualClock();
    const slow = slowModel('ollama:slow', clock);
    const effects = recordedEffects([slow, scriptedModel('playbook', [run('make'), finish()])], undefined, {
      remainingMs: () => 300_000,
    });
    expect((await runReActLoop(loopTask(), effects, limits(clock))).kind).toBe('finished');
    expect(slow.given).toEqual([150_000]);
    expect(effects.failovers).toMatchObject([{ fromModel: 'ollama:slow', toModel: 'playbook', cause: 'timeout' }]);
    expect(effects.failovers[0]?.reason).toContain(
      'had not replied after 150 s; the time that is left is for playbook',
    );
    expect(effects.decisions[0]).toMatchObject({ model: 'playbook', tokensIn: 80, costUsd: 0.71 });
  });

  test('that is the last one gets all of it, and the reason names it', async () => {
    const clock = manualClock();
    const slow = slowModel('ollama:slow', clock);
    const effects = recordedEffects([slow], undefined, { remainingMs: () => 300_000 });
    const end = await runReActLoop(loopTask(), effects, limits(clock));
    expect(slow.given).toEqual([300_000]);
    expect(end).toMatchObject({
      code: 'timeout',
      error:
        'the task reached its deadline after 0 steps: ollama:slow had not replied after 300 s; ' +
        'ollama:slow took 0.0 s (1 call, 0 steps)',
      usedUpBy: 'ollama:slow',
      unjournaled: { tokensIn: 70 },
    });
  });
});

describe('a model that finishes three times with the same failing check', () => {
  const overconfident = () => planningModel('overconfident', () => finish());

  test('leaves the task to the next model of the chain, which learns why', async () => {
    const next = scriptedModel('playbook', [run('make'), finish()]);
    const effects = recordedEffects([overconfident(), next], failing);
    expect((await runReActLoop(loopTask(), effects, limits())).kind).toBe('finished');
    expect(effects.decisions.map(({ model }) => model)).toEqual([
      ...Array.from({ length: 3 }, () => 'overconfident'),
      'playbook',
      'playbook',
    ]);
    expect(effects.failovers).toMatchObject([{ toModel: 'playbook', cause: 'gave_up', step: 4 }]);
    expect(next.requests[0]?.messages.at(-1)?.content).toContain('the same check failed 3 times');
    expect(effects.decisions[3]?.refusals).toEqual([expect.stringContaining('overconfident: the same check failed')]);
  });

  /** Between its finishes it does something new each time. */
  const busy = () => {
    let turn = 0;
    return planningModel('overconfident', () => (turn++ % 2 === 0 ? finish() : run(`echo ${turn}`)));
  };

  test('leaves it also when it does something else between its finishes', async () => {
    const effects = recordedEffects([busy(), scriptedModel('playbook', [run('make'), finish()])], failing);
    expect((await runReActLoop(loopTask(), effects, limits())).kind).toBe('finished');
    expect(effects.decisions.map(({ model }) => model)).toEqual([
      ...Array.from({ length: 5 }, () => 'overconfident'),
      'playbook',
      'playbook',
    ]);
    expect(effects.failovers).toMatchObject([{ toModel: 'playbook', cause: 'gave_up', step: 6 }]);
    expect(effects.failovers[0]?.reason).toContain('the same check failed after 3 finishes');
  });

  test('and does something else between them may work on where no other model follows', async () => {
    const effects = recordedEffects([busy()], failing);
    const { maxSteps } = loopTask().agent;
    expect(await runReActLoop(loopTask(), effects, limits())).toMatchObject({ code: 'steps' });
    expect(effects.decisions).toHaveLength(maxSteps);
  });

  test('does not leave it while another check fails than before', async () => {
    let finishes = 0;
    const other: Performer = ({ tool, model }) => {
      if (tool !== 'finish' || model !== 'overconfident') return {};
      finishes += 1;
      return { outcome: 'error', checks: [{ ...check(1), name: `check ${finishes}` }], observation: 'failed' };
    };
    const effects = recordedEffects([busy(), scriptedModel('playbook', [finish()])], other);
    await runReActLoop(loopTask(), effects, limits());
    expect(effects.failovers).toEqual([]);
  });

  test('leaves it also after a take-over', async () => {
    const before = recordedEffects([overconfident()], failing);
    await runReActLoop(loopTask(), before, limits());
    const effects = recordedEffects([overconfident(), scriptedModel('playbook', [finish()])], failing);
    const end = await runReActLoop(loopTask({ history: before.journal }), effects, limits());
    expect(end.kind).toBe('finished');
    expect(effects.decisions.map(({ model }) => model)).toEqual(['playbook']);
  });

  test('ends the task if it is the last one, and the reason names it', async () => {
    const effects = recordedEffects([overconfident()], failing);
    expect(await runReActLoop(loopTask(), effects, limits())).toMatchObject({
      code: 'checks',
      error: expect.stringMatching(
        /^overconfident: the same check failed 3 times .*there \(exit code 1\); overconfident took 0\.0 s/,
      ),
    });
  });

  test('does not use up the tries of the next one', async () => {
    const second = planningModel('second', () => finish());
    const always: Performer = () => ({ outcome: 'error', checks: [check(1)], observation: 'out.txt is missing' });
    const effects = recordedEffects([overconfident(), second], always);
    expect(await runReActLoop(loopTask(), effects, limits())).toMatchObject({ code: 'checks' });
    expect(effects.decisions).toHaveLength(6);
  });
});
