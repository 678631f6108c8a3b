import type { LoopTask } from '../../src/agent/loop-contract.js';
import { runReActLoop } from '../../src/agent/react-loop.js';
import { createPlaybookModel } from '../../src/models/playbook.js';
import { finish, limits, loopTask, recordedEffects, scriptedModel, type Performer } from './fakes.js';

const playbook = {
  name: 'make-certs',
  steps: [
    { name: 'make the CA', command: 'openssl req', unless: 'test -f ca.pem' },
    { name: 'sign', command: 'openssl x509', unless: null },
    { name: 'list', command: 'ls', unless: null },
  ],
  acceptance: [],
};
const task = (more: Partial<LoopTask> = {}) => loopTask({ playbook, ...more }, { playbook: playbook.name });
/** The CA does not exist yet; everything else succeeds. */
const world: Performer = (decision) =>
  decision.arguments['command'] === 'test -f ca.pem' ? { outcome: 'error', exitCode: 1 } : {};
const commands = (effects: ReturnType<typeof recordedEffects>) =>
  effects.decisions.map((decision) => decision.arguments['command'] ?? decision.tool);

describe('a task with a playbook', () => {
  test('runs its steps one by one, `unless` first, and finishes', async () => {
    const effects = recordedEffects([createPlaybookModel()], world);
    expect(await runReActLoop(task(), effects, limits())).toMatchObject({
      kind: 'finished',
      outputs: { playbook: 'make-certs' },
    });
    expect(commands(effects)).toEqual(['test -f ca.pem', 'openssl req', 'openssl x509', 'ls', 'finish']);
    expect(effects.decisions.map((decision) => decision.idempotent)).toEqual([true, false, false, false, true]);
  });

  test.each([1, 2, 3, 4, 5])('continues after a crash after step %d without repeating any', async (cut) => {
    const whole = recordedEffects([createPlaybookModel()], world);
    const expected = await runReActLoop(task(), whole, limits());
    const history = whole.journal.slice(0, cut);
    const rest = recordedEffects([createPlaybookModel()], world, { history });
    expect(await runReActLoop(task({ history }), rest, limits())).toEqual(expected);
    expect(commands(rest)).toEqual(commands(whole).slice(cut));
  });

  async function inDoubt(at: number) {
    const lost: Performer = (decision, step) =>
      step === at ? { outcome: 'unknown', exitCode: null, observation: '' } : world(decision, step);
    const before = recordedEffects([createPlaybookModel()], lost);
    await runReActLoop({ ...task(), agent: { ...task().agent, maxSteps: at } }, before, limits());
    const effects = recordedEffects([createPlaybookModel(), scriptedModel('llm', [finish()])], world, {
      history: before.journal,
    });
    await runReActLoop(task({ history: before.journal }), effects, limits());
    return effects;
  }

  test('runs `unless` again if a crash lost its outcome', async () => {
    expect(commands(await inDoubt(1))).toEqual(['test -f ca.pem', 'openssl req', 'openssl x509', 'ls', 'finish']);
  });

  test('runs `unless` before it repeats a command that may have run', async () => {
    expect(commands(await inDoubt(2))).toEqual(['test -f ca.pem', 'openssl req', 'openssl x509', 'ls', 'finish']);
  });

  test('leaves a command without `unless` that may have run to the next model', async () => {
    const effects = await inDoubt(3);
    expect(commands(effects)).toEqual(['finish']);
    expect(effects.decisions[0]).toMatchObject({
      model: 'llm',
      chainIndex: 1,
      refusals: [expect.stringContaining('has no `unless`')],
    });
  });

  test('leaves a failed step to the next model', async () => {
    const next = scriptedModel('llm', [finish()]);
    const effects = recordedEffects([createPlaybookModel(), next], (decision, step) =>
      decision.arguments['command'] === 'openssl x509'
        ? { outcome: 'error', exitCode: 2, observation: 'bad key' }
        : world(decision, step),
    );
    expect((await runReActLoop(task(), effects, limits())).kind).toBe('finished');
    expect(next.requests[0]?.messages.at(-1)?.content).toContain('bad key');
  });

  test('is not run by the playbook model if it names no playbook', async () => {
    expect(await runReActLoop(loopTask(), recordedEffects([createPlaybookModel()]), limits())).toMatchObject({
      kind: 'failed',
      code: 'gave_up',
      retriable: false,
    });
  });
});
