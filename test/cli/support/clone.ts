import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../../..', import.meta.url));

/** A separate built clone: the real program, with agents and missions that take no time, and its own .ravenhelm. */
export interface TestClone {
  readonly dir: string;
  /** Environment of a user who has set nothing. */
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

const playbook = (name: string, command: string, check: string) => `  ${name}:
    steps:
      - { name: ${name}, command: '${command}', unless: '${check}' }
    acceptance:
      - { name: ${name} is there, command: '${check}' }
`;

const agent = (name: string, phase: number, dependsOn: string) => `---
name: ${name}
description: Writes files.
phase: ${phase}
depends_on: [${dependsOn}]
tools: [execute_terminal_command]
concurrency: 2
timeout_seconds: 60
max_steps: 10
playbooks:
${[
  playbook('quick', `echo ${name} >> ${name}.txt`, `test -f ${name}.txt`),
  playbook('slow', `touch ${name}.started; sleep 4; touch ${name}.slow`, `test -f ${name}.slow`),
  playbook(
    'gated',
    `touch ${name}.started; while ! test -f go; do sleep 0.1; done; touch ${name}.gated`,
    `test -f ${name}.gated`,
  ),
  playbook('endless', 'sleep 60', 'test -f nowhere.txt'),
  playbook('wrong', `touch ${name}.wrong`, 'test -f nowhere.txt'),
  playbook('loud', 'seq 1 5000; printf "\\033[31mred\\n" >&2', 'test -f nowhere.txt'),
].join('')}---
You write files.
`;

const mission = (playbookName: string, head = '', tail = '') => `name: ${playbookName}-mission
brief: Write files.
retries: 0
${head}plan:
  waves:
    - tasks: [{ agent: first_agent, description: Write., playbook: ${playbookName} }]
    - tasks: [{ agent: second_agent, description: Write., playbook: quick }]
success:
  - { name: both wrote, command: test -f second_agent.txt }
${tail}`;

export async function createTestClone(): Promise<TestClone> {
  const dir = await mkdtemp(join(tmpdir(), 'ravenhelm-cli-'));
  for (const name of ['bin', 'dist']) await cp(join(project, name), join(dir, name), { recursive: true });
  for (const name of [
    'package.json',
    'node_modules',
    'schemas',
    'toolbox',
    'topics.yaml',
    'models.yaml',
    'policy.default.yaml',
  ])
    await symlink(join(project, name), join(dir, name));
  await mkdir(join(dir, 'agents'));
  await mkdir(join(dir, 'missions'));
  await writeFile(join(dir, 'agents/first_agent.md'), agent('first_agent', 1, ''));
  await writeFile(join(dir, 'agents/second_agent.md'), agent('second_agent', 2, 'first_agent'));
  const missions = {
    'quick.yaml': mission('quick'),
    'slow.yaml': mission('slow'),
    'gated.yaml': mission('gated'),
    'endless.yaml': mission('endless'),
    'wrong.yaml': mission('wrong'),
    'loud.yaml': mission('loud'),
    'ravenhelm-platform.yaml': mission('quick'),
    'asks.yaml': mission('quick', 'approval: approval\n'),
    'short.yaml': mission('quick', 'approval: approval\nbudget: { minutes: 0.05 }\n'),
    'stuck.yaml': mission('wrong', 'on_failure: ask\n'),
    'broken.yaml': mission('quick', 'aproval: none\n'),
  };
  for (const [name, text] of Object.entries(missions)) await writeFile(join(dir, 'missions', name), text);
  const { PATH = '' } = process.env;
  return {
    dir,
    env: { PATH, HOME: dir, TERM: 'xterm-256color', OLLAMA_HOST: 'http://127.0.0.1:9' },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
