/** Two tasks of one wave, in real sandboxes, that share a directory of the workspace. */
import { createClient, createSwarm, defineAgent, memoryLog, type TaskDefinition } from '../../src/index.js';

/** Waits for a file of the task beside it, so that each is at work while the other is. */
const wait = (file: string) => `until test -e ${file}; do sleep 0.02; done`;

const agent = (name: string, ...commands: readonly string[]) =>
  defineAgent({
    name,
    description: 'Works.',
    prompt: 'Work.',
    playbooks: { work: { steps: commands.map((command, at) => ({ name: `step ${at}`, command })) } },
  });
const maker = agent('maker', 'mkdir -p shared && echo old > shared/kept.txt');
const scanner = agent('scanner', 'echo x > scanner.ready', wait('shared/new.txt'), 'echo fine > scan.txt');

const task = (name: string, check: string, more: Partial<TaskDefinition> = {}): TaskDefinition => ({
  agent: name,
  description: 'Work.',
  playbook: 'work',
  acceptance: [{ name: 'done', command: check }],
  ...more,
});

async function run(writer: ReturnType<typeof agent>, writing: TaskDefinition) {
  const swarm = await createSwarm({ log: memoryLog(), agents: [maker, scanner, writer] });
  const client = createClient(swarm);
  const waves = [
    { tasks: [task('maker', 'test -s shared/kept.txt')] },
    { tasks: [task('scanner', 'ls shared | grep -q kept && test -s scan.txt'), writing] },
  ];
  const report = await client.run({ name: 'share', brief: 'Work.', retries: 0, plan: { waves } });
  await client.close();
  await swarm.close();
  return report;
}

const STEPS = [wait('scanner.ready'), 'echo new > shared/new.txt'];

test('a file that the other task is to create fails no task: its check names it', async () => {
  const report = await run(agent('writer', ...STEPS), task('writer', 'grep -q new shared/new.txt'));
  expect(report.tasks.map(({ agent: name, status }) => `${name} ${status}`)).toEqual([
    'maker verified',
    'scanner verified',
    'writer verified',
  ]);
});

test('what the other task may change is the same', async () => {
  const writer = agent('writer', STEPS[0] ?? '', 'echo changed > shared/kept.txt', STEPS[1] ?? '');
  const report = await run(writer, task('writer', 'grep -q changed shared/kept.txt', { changes: ['shared'] }));
  expect(report.status).toBe('completed');
});

test('a change that the plan does not announce fails the task with its name and the cure', async () => {
  const writer = agent('writer', STEPS[0] ?? '', 'echo other > shared/other.txt', STEPS[1] ?? '');
  const report = await run(writer, task('writer', 'grep -q new shared/new.txt'));
  const scan = report.tasks.find(({ agent: name }) => name === 'scanner');
  expect(scan).toMatchObject({ status: 'failed', changed_paths: ['shared/other.txt (created)'] });
  expect(scan?.detail).toContain('its wave has 1 other task: what those change belongs in their `changes`');
});
