import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { startFakeOllama, type FakeOllama } from '../support/fake-ollama.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe, type Ended } from './support/ravenhelm.js';

const command = (text: string) => ({ tool: 'execute_terminal_command', arguments: { command: text } });
const step = (thought: string, action: object) => JSON.stringify({ thought, action });
const done = (summary: string) => step('It is done.', { finish: { summary, outputs: [] } });
const WRITES = 'echo one > out.txt; seq 1 3000; printf "\\u001b[31mred\\n" >&2';
/** What the model says, reply by reply. */
const REPLIES = [
  'I would first look around.',
  `Sure:\n\`\`\`json\n${step('Write it.', command(WRITES))}\n\`\`\``,
  done('It has one line.'),
  step('The check wants two.', command('echo two >> out.txt')),
  done('It has two lines.'),
];

const MISSION = `name: shown
brief: Write out.txt.
retries: 0
plan:
  waves:
    - tasks:
        - agent: first_agent
          description: Write two lines to out.txt.
          acceptance:
            - { name: it is there, command: cat out.txt }
            - name: it has two lines
              command: 'wc -l < out.txt; grep two out.txt || { echo two is missing >&2; exit 3; }'
            - { name: kept, command: 'test -f kept.txt && echo kept' }
`;

/** What an agent did, with a model's real requests beside it, read back from the real broker by the built program. */
describeWithBroker('show, of a task that a model did', () => {
  let clone: TestClone;
  let server: FakeOllama;
  let env: Readonly<Record<string, string>>;
  let ran: Ended;
  let missionId: string;
  const show = (...args: string[]) => runInPipe(clone, ['show', missionId, ...args], env);

  beforeAll(async () => {
    clone = await createTestClone();
    await writeFile(join(clone.dir, 'missions/shown.yaml'), MISSION);
    server = await startFakeOllama({ reply: (_, index) => REPLIES[index] ?? 'no more' });
    const { brokers, registryUrl } = testBroker();
    env = {
      KAFKA_BROKERS: brokers.join(','),
      SCHEMA_REGISTRY_URL: registryUrl,
      RAVENHELM_PREFIX: `show.${randomUUID().slice(0, 8)}`,
      OLLAMA_HOST: server.url,
      WORKER_MODELS: 'ollama:qwen3:8b',
    };
    const workspace = join(clone.dir, 'own');
    await runInPipe(clone, ['init'], env);
    await writeWorkspace(workspace);
    ran = await runInPipe(clone, ['run', 'missions/shown.yaml', '--workspace', workspace, '--json'], env);
    missionId = JSON.parse(ran.stdout).mission_id;
  }, 180_000);

  afterAll(async () => {
    await server.close();
    await clone.remove();
  });

  test('has thought, command, exit code, model, tokens, form, refusals and repairs of each step', async () => {
    expect(ran.code).toBe(0);
    const { code, stdout } = await show();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^deploy-first_agent-wave1 {2}attempt 1 {2}completed {2}first_agent$/m);
    expect(stdout).toMatch(/^ {2}step 1 {2}execute_terminal_command {2}ok, exit code 0, /m);
    expect(stdout).toMatch(
      /^ {4}ollama:qwen3:8b, \d+ \+ \d+ tokens, \$0\.00, asked for as (JSON schema|native tool call), /m,
    );
    expect(stdout).toMatch(/^ {4}refused: .*ollama:qwen3:8b/m);
    expect(stdout).toMatch(/^ {4}repaired: /m);
    expect(stdout).toContain('    thought: Write it.\n');
    expect(stdout).toMatch(/^ {4}command: echo one > out\.txt; seq 1 3000/m);
    expect(stdout).toMatch(/lines left out; --output shows them$/m);
    expect(stdout).toMatch(/^ {4}summary: It has two lines\.$/m);
    expect(stdout).not.toContain('\u001b');
  });

  test('has each check with command, exit code, output and what it did before the first step', async () => {
    const { stdout } = await show();
    const before = (code: number) =>
      ` {6}before the first step: exit code ${code} in the workspace, exit code 1 in an empty directory`;
    const [failed = '', passed = ''] = stdout.split(/^ {2}step \d+ {2}finish/m).slice(1);
    expect(failed).toMatch(/^ {4}✓ it is there {2}exit code 0, .*: cat out\.txt$/m);
    expect(failed).toMatch(/^ {4}✗ it has two lines {2}exit code 3, .*\n {6}before the first step: exit code \d+ in/m);
    expect(failed).toMatch(/ in an empty directory\n {6}1\n {6}\n {6}stderr:\n {6}two is missing$/m);
    expect(passed).toMatch(
      new RegExp(`^ {4}✓ it is there {2}exit code 0, .*: cat out\\.txt\\n${before(1)}\\n {6}one\\n {6}two$`, 'm'),
    );
    expect(passed).toMatch(/^ {4}✓ it has two lines .*\n.*\n {6}2\n {6}two$/m);
    expect(passed).toMatch(new RegExp(`^ {4}✓ kept \\(held before\\) .*\\n${before(0)}\\n {6}kept$`, 'm'));
  });

  test('--step shows one step, and a step that is not there is wrong use', async () => {
    const { stdout } = await show('first_agent', '--step', '3');
    expect(stdout.match(/^ {2}step \d+/gm)).toEqual(['  step 3']);
    expect(stdout).toContain('    command: echo two >> out.txt\n');
    expect(await show('--step', '9')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no attempt has a step 9'),
    });
    expect(await show('first_agent', '--attempt', '2')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has no attempt 2'),
    });
  });

  test('--output prints the whole output, which the journal has only in part', async () => {
    const { stdout } = await show('--step', '1', '--output');
    const printed = stdout.split('\n').filter((line) => /^ {6}\d+$/.test(line));
    expect(printed.map(Number)).toEqual(Array.from({ length: 3000 }, (_, index) => index + 1));
    expect(stdout).not.toContain('\u001b');
  });

  test('--prompt prints the prompt that the model was sent, and says that it is exact', async () => {
    const { stdout } = await show('--prompt');
    expect(stdout.match(/^ {4}prompt: exact, sha256 [0-9a-f]{64}$/gm)).toHaveLength(4);
    expect(stdout).toContain('    prompt, system:\n');
    const { steps } = JSON.parse((await show('--prompt', '--json')).stdout);
    // The first request was refused; each other one became a step.
    expect(steps).toHaveLength(server.requests.length - 1);
    for (const [index, { prompt }] of steps.entries()) {
      const sent = server.requests[index + 1]?.messages ?? [];
      expect(prompt.state).toBe('exact');
      expect(prompt.messages.at(-1).content).toBe(sent.at(-1)?.content);
      // For tool calls in the API's own form, the adapter adds a sentence on them at the end.
      expect(sent[0]?.content.startsWith(prompt.messages[0].content)).toBe(true);
    }
  });

  test('--json has all of it as one object for each attempt', async () => {
    const { stdout } = await show('--json');
    const reports = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(reports).toHaveLength(1);
    const { steps, checks, baseline } = reports[0];
    expect(steps).toMatchObject([
      { step: 1, form: expect.stringMatching(/^(json_schema|native)$/), refusals: [expect.any(String)] },
      {
        step: 2,
        tool: 'finish',
        outcome: {
          kind: 'error',
          checks: [{ exit_code: 0 }, { exit_code: 3, output: expect.stringContaining('two is missing') }],
        },
      },
      { step: 3, outcome: { kind: 'ok', exit_code: 0 } },
      { step: 4, tool: 'finish', outcome: { kind: 'ok' } },
    ]);
    expect(steps[0].repairs).not.toEqual([]);
    expect(steps[0]).not.toHaveProperty('prompt');
    expect(checks).toMatchObject([
      {
        command: 'cat out.txt',
        exit_code: 0,
        output: 'one\ntwo\n',
        before: { workspace: 1, empty: 1 },
        baseline: null,
      },
      { exit_code: 0, output: '2\ntwo\n' },
      { exit_code: 0, output: 'kept\n', before: { workspace: 0, empty: 1 }, baseline: 'held_before' },
    ]);
    expect(baseline.checks).toHaveLength(3);
  });
});

async function writeWorkspace(directory: string): Promise<void> {
  await mkdir(directory);
  await writeFile(join(directory, 'kept.txt'), 'x');
}
