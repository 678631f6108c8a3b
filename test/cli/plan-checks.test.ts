import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startFakeOllama, type FakeOllama } from '../support/fake-ollama.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe } from './support/ravenhelm.js';

/** What the built program does with checks that prove nothing, and with files that cannot be watched. */
let clone: TestClone;
beforeAll(async () => void (clone = await createTestClone()));
afterAll(() => clone.remove());

const write = (name: string, text: string) => writeFile(join(clone.dir, 'missions', name), text);
const QUICK = '{ agent: first_agent, description: Write., playbook: quick }';

describe('a planner whose plan has a check that always passes', () => {
  const planWith = (command: string) =>
    JSON.stringify({
      strategy: 'Write the file.',
      waves: [
        {
          wave_number: 1,
          rationale: 'It is all.',
          tasks: [
            {
              agent: 'first_agent',
              description: 'Write first_agent.txt.',
              playbook: 'quick',
              acceptance: [{ name: 'it is fine', command }],
              timeout_seconds: null,
              protected: [],
              changes: [],
              artifacts: [],
            },
          ],
        },
      ],
      risks: [],
      success_criteria: [],
    });
  let server: FakeOllama;
  let plans: readonly string[] = [];
  beforeEach(async () => {
    server = await startFakeOllama({ reply: (_, index) => plans[Math.min(index, plans.length - 1)] ?? '' });
    await write('brief.yaml', 'name: planned\nbrief: Write a file.\nagents: [first_agent]\n');
  });
  afterEach(() => server.close());

  const withPlanner = (...args: readonly string[]) =>
    runInPipe(clone, args, { OLLAMA_HOST: server.url, PLANNER_MODELS: 'ollama:qwen3:8b', WORKER_MODELS: 'playbook' });
  const lastMessages = () => server.requests.map(({ messages }) => messages?.at(-1)?.content ?? '');

  test('learns which check it was and what to do, and its next plan is run', async () => {
    plans = [planWith('true'), planWith('test -s first_agent.txt')];
    const args = ['run', 'missions/brief.yaml', '--workspace', 'planned', '--log', 'memory', '--json'];
    const { code, stdout } = await withPlanner(...args);
    expect(lastMessages()).toHaveLength(2);
    expect(lastMessages()[1]).toContain(
      'the check "it is fine" of deploy-first_agent-wave1 always passes: "true"; ' +
        'give a command that fails until the work is done, or leave the check out',
    );
    expect(code).toBe(0);
    const { tasks, ...report } = JSON.parse(stdout);
    expect(report).toMatchObject({ status: 'completed', proof: { tasks: 1, verified: 1 } });
    const names = tasks.flatMap((task: { checks: { name: string }[] }) => task.checks.map(({ name }) => name));
    expect(names).toEqual(expect.arrayContaining(['it is fine']));
  });

  test('three times has given no plan: nothing runs, and the reason names the check', async () => {
    plans = [planWith(':'), planWith('exit 0'), planWith('true || test -f x')];
    const { code, stdout, stderr } = await withPlanner('plan', 'missions/brief.yaml');
    expect(code).not.toBe(0);
    expect(lastMessages()).toHaveLength(3);
    expect(stdout).toBe('');
    expect(stderr).toContain('no planner model has given a plan that can be used');
    expect(stderr).toContain('the check "it is fine" of deploy-first_agent-wave1 always passes: "true || test -f x"');
  });
});

describe('a task whose check names more files than can be watched', () => {
  test('fails before its first step, and its reason names the pattern, how much it is and what to do', async () => {
    const many = join(clone.dir, 'many');
    await mkdir(many);
    for (let index = 0; index <= 1_000; index += 1) await writeFile(join(many, `part-${index}.txt`), '');
    const task = QUICK.replace(' }', ", acceptance: [{ name: all, command: 'cat part-*.txt' }] }");
    await write('many.yaml', `name: m\nbrief: b\nagents: [first_agent]\nplan: { waves: [{ tasks: [${task}] }] }\n`);
    const { code, stdout } = await runInPipe(clone, [
      ...['run', 'missions/many.yaml', '--workspace', many, '--log', 'memory', '--json'],
    ]);
    expect(code).toBe(1);
    const { tasks, reason } = JSON.parse(stdout);
    expect(tasks).toMatchObject([{ status: 'failed', attempts: 1, steps: 0 }]);
    expect(reason).toContain('what deploy-first_agent-wave1 must not change cannot be watched: "part-*.txt" ');
    expect(reason).toMatch(/1,?000.*list what it may change/);
  });
});
