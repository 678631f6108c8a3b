import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
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

describe('operators', () => {
  const keygen = (name: string, out: string) => runInPipe(clone, ['operators', 'keygen', name, '--out', out]);

  test('keygen writes a key that only its owner can read, prints the entry, and overwrites nothing', async () => {
    const { code, stdout } = await keygen('eve', 'eve.pem');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^operators:\n {2}- name: "eve"\n {4}key: \S{60}\n$/);
    expect(statSync(join(clone.dir, 'eve.pem')).mode & 0o777).toBe(0o600);
    const again = await keygen('eve', 'eve.pem');
    expect(again.stderr).toContain('eve.pem was not written: it is there already');
    expect(again.code).toBe(2);
  });

  test('in a terminal the answer is signed with --key', async () => {
    const { stdout } = await keygen('ann', 'ann.pem');
    writeFileSync(join(clone.dir, 'operators.yaml'), stdout);
    const flags = ['--operators', 'operators.yaml', '--key', 'ann.pem'];
    const started = startOnTerminal(clone, run('signed', ...flags), { columns: 120, rows: 60 });
    await started.shows('Let it run? [y/N]');
    started.type('y\r');
    expect(await started.exit).toBe(0);
    expect(started.output()).toContain('approvals must be signed');
    expect(wrote('signed')).toBe(true);
  });

  test('run without a key where requests must be signed ends with 2, and names the setting', async () => {
    const { code, stderr } = await runInPipe(clone, run('unsigned', '--operators', 'operators.yaml'));
    expect(stderr).toContain('this must be signed: OPERATORS_FILE is set, and OPERATOR_KEY is not');
    expect(code).toBe(2);
    expect(wrote('unsigned')).toBe(false);
  });

  test('OPERATOR_KEY signs the mission, and the report names the operator and the key', async () => {
    const env = { OPERATORS_FILE: 'operators.yaml', OPERATOR_KEY: 'ann.pem', RAVENHELM_POLICY: 'policy.default.yaml' };
    const words = ['run', 'missions/quick.yaml', '--log', 'memory'];
    const { code, stdout } = await runInPipe(clone, [...words, '--json'], env);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ requested_by: 'ann', signed_by: { name: 'ann' }, void_requests: [] });
    const people = await runInPipe(clone, words, env);
    expect(people.stdout).toMatch(/^signed by: ann, key [0-9a-f]{16}$/m);
  });

  test('a bad operators file ends with 2, and names line and column', async () => {
    writeFileSync(join(clone.dir, 'bad.yaml'), 'operators:\n  - name: ann\n    key: nonsense\n');
    const { code, stderr } = await runInPipe(clone, run('bad', '--operators', 'bad.yaml'));
    expect(stderr).toContain('bad.yaml:3:5: it is no public Ed25519 key');
    expect(code).toBe(2);
  });

  test.each([
    ['without a key where it must be signed', ['--operators', 'operators.yaml'], 'OPERATOR_KEY is not'],
    ['with a file that is no key', ['--key', 'package.json'], 'has no private Ed25519 key'],
    ['with a key of no operator', ['--operators', 'operators.yaml', '--key', 'eve.pem'], 'is the key of no operator'],
    ['with a key and no operators', ['--key', 'ann.pem'], 'OPERATORS_FILE is not set'],
    ['with a name and no key', ['--as', 'ann'], 'no key is given'],
  ])('approve %s ends with 2 before the log is opened', async (_, flags, message) => {
    const { code, stderr } = await runInPipe(clone, ['approve', 'abc', ...flags]);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});
