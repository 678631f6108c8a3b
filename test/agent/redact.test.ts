import { rebuildPrompts } from '../../src/agent/prompt-journal.js';
import { runReActLoop } from '../../src/agent/react-loop.js';
import { failure, finish, limits, loopTask, recordedEffects, run, scriptedModel } from './fakes.js';

const SECRET = 'hunter2-correct-horse';
/** Hides the secret, also where a line break in it is escaped. */
const redact = (text: string) => text.replaceAll(/hunter2(-|\n|\\n)correct-horse/g, '[hidden]');

describe('a redactor', () => {
  const secrets = {
    brief: `Log in with ${SECRET}.`,
    description: `Use ${SECRET}.`,
    feedback: `${SECRET} was wrong`,
    answer: `it is ${SECRET}`,
    inputs: [{ task_id: 't', agent: 'a', summary: SECRET, outputs: { token: SECRET } }],
  };

  async function attempt() {
    const down = scriptedModel('down', [failure('unreachable', `cannot log in with ${SECRET}`)]);
    const model = scriptedModel('m', [
      `no JSON, but ${SECRET}`,
      { ...run(`echo ${SECRET}`), thought: `it is ${SECRET}` },
      { ...run('printf "hunter2\ncorrect-horse"'), thought: 'x' },
      finish(SECRET),
    ]);
    const history = recordedEffects([down, model], () => ({ observation: `${'x'.repeat(5_000)}${SECRET}` }), {
      redact,
    });
    const task = loopTask({}, secrets);
    await runReActLoop(task, history, { ...limits(), maxPromptTokens: 1_500 });
    return { task, requests: [...down.requests, ...model.requests], effects: history };
  }

  test('sees every prompt before it is sent', async () => {
    const { requests } = await attempt();
    expect(requests).toHaveLength(5);
    for (const { messages } of requests) {
      expect(JSON.stringify(messages)).not.toMatch(/correct-horse|hunter2/);
      expect(JSON.stringify(messages)).toContain('[hidden]');
    }
  });

  test('sees every reply and error before it is journaled or done', async () => {
    const { effects } = await attempt();
    expect(effects.journal).toHaveLength(3);
    for (const { call } of effects.journal) expect(JSON.stringify(call)).not.toMatch(/correct-horse|hunter2/);
    expect(effects.decisions[0]).toMatchObject({ thought: 'it is [hidden]', arguments: { command: 'echo [hidden]' } });
    expect(effects.decisions[1]).toMatchObject({ arguments: { command: 'printf "[hidden]"' } });
    expect(JSON.stringify(effects.failovers)).toContain('cannot log in with [hidden]');
  });

  test('sees the arguments of a call in an API’s own form', async () => {
    const model = scriptedModel('m', [''], {
      reply: { toolCalls: [{ name: 'execute_terminal_command', arguments: { command: `echo ${SECRET}` } }] },
    });
    const effects = recordedEffects([model], () => ({ observation: 'x' }), { redact });
    await runReActLoop(loopTask({}, secrets), effects, limits());
    expect(effects.decisions[0]).toMatchObject({ arguments: { command: 'echo [hidden]' } });
  });

  test('is not needed to rebuild the prompts', async () => {
    const { task, requests, effects } = await attempt();
    const rebuilt = [...rebuildPrompts(task.assignment, effects.journal).values()];
    expect(rebuilt.map(({ state }) => state)).toEqual(['exact', 'exact', 'exact']);
    expect(rebuilt.map(({ messages }) => messages.at(-1)?.content)).toEqual(
      requests.slice(2).map(({ messages }) => messages.at(-1)?.content),
    );
  });
});
