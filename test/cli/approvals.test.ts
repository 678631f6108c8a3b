import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe, startOnTerminal } from './support/ravenhelm.js';

/** run with a policy that asks about the work of the first task, on the in-memory log. */
let clone: TestClone;
beforeAll(async () => {
  clone = await createTestClone();
  writeFileSync(
    join(clone.dir, 'asks-policy.yaml'),
    `rules:
  - name: ask-first
    decision: ask
    reason: a person looks first
    agent: first_agent
    command: echo
    matches: [{agent: first_agent, command: echo a}]
    not: [ls]
`,
  );
});
afterAll(() => clone.remove());

const run = (workspace: string, ...more: readonly string[]): readonly string[] => [
  ...['run', 'missions/quick.yaml', '--log', 'memory', '--policy', 'asks-policy.yaml'],
  ...['--workspace', workspace, ...more],
];
const wrote = (workspace: string): boolean => existsSync(join(clone.dir, workspace, 'first_agent.txt'));

test('without a terminal a call that the policy asks about is refused, and the report says why', async () => {
  const { code, stdout } = await runInPipe(clone, run('piped'));
  expect(code).toBe(1);
  expect(stdout).toContain('by the rule ask-first');
  expect(stdout).toContain('approvals are not available here');
  expect(wrote('piped')).toBe(false);
});

test('--on-ask wait without a terminal is wrong use where no other process can answer', async () => {
  const { code, stderr } = await runInPipe(clone, run('waiting', '--on-ask', 'wait'));
  expect(stderr).toContain('no other process can answer on the in-memory log');
  expect(code).toBe(2);
});

test('--on-ask takes wait and reject only', async () => {
  const { code, stderr } = await runInPipe(clone, run('waiting', '--on-ask', 'maybe'));
  expect(stderr).toContain("'maybe' is invalid");
  expect(code).toBe(2);
});

test('in a terminal the exact call is shown, and y lets it run', async () => {
  const started = startOnTerminal(clone, run('yes'), { columns: 120, rows: 60 });
  await started.shows('Let it run? [y/N]');
  expect(started.output()).toContain('echo first_agent >> first_agent.txt');
  expect(started.output()).toContain('ask-first: echo first_agent');
  expect(wrote('yes')).toBe(false);
  started.type('y\r');
  expect(await started.exit).toBe(0);
  expect(readFileSync(join(clone.dir, 'yes/first_agent.txt'), 'utf8')).toBe('first_agent\n');
});

test('in a terminal n refuses it with the reason that is typed', async () => {
  const started = startOnTerminal(clone, run('no'), { columns: 120, rows: 60 });
  await started.shows('Let it run? [y/N]');
  started.type('n\r');
  await started.shows('Why not?');
  started.type('use the other file\r');
  expect(await started.exit).toBe(1);
  expect(started.output()).toContain('rejected it: use the other file');
  expect(wrote('no')).toBe(false);
});

test('in a terminal --on-ask reject asks nothing', async () => {
  const started = startOnTerminal(clone, run('rejected', '--on-ask', 'reject'), { columns: 120, rows: 60 });
  expect(await started.exit).toBe(1);
  expect(started.output()).not.toContain('Let it run?');
});
