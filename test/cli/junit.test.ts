import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../contract/until.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { requireJunit } from './support/junit-rules.js';
import { MEMORY, runInPipe, startInPipe } from './support/ravenhelm.js';

/** --junit of the built program, on the in-memory log. */
let clone: TestClone;
beforeAll(async () => {
  clone = await createTestClone();
  mkdirSync(join(clone.dir, 'reports'));
});
afterAll(() => clone.remove());

const suiteOf = (file: string) => requireJunit(readFileSync(join(clone.dir, file), 'utf8'));
const outcomesOf = (file: string) =>
  suiteOf(file)
    .children.filter(({ name }) => name === 'testcase')
    .map(({ attributes: { classname, name }, children: [end] }) => `${classname} ${name} ${end?.name ?? 'passed'}`);

test('run --junit writes what the report says, beside --json', async () => {
  const args = ['run', 'missions/quick.yaml', '--junit', 'reports/quick.xml', '--json', ...MEMORY];
  const { code, stdout } = await runInPipe(clone, args);
  expect(code).toBe(0);
  expect(outcomesOf('reports/quick.xml')).toEqual([
    'quick-mission.wave1 deploy-first_agent-wave1 passed',
    'quick-mission.wave1.deploy-first_agent-wave1 quick is there passed',
    'quick-mission.wave2 deploy-second_agent-wave2 passed',
    'quick-mission.wave2.deploy-second_agent-wave2 quick is there passed',
    'quick-mission.wave3 verify-second_agent-wave3 passed',
    'quick-mission.success both wrote passed',
  ]);
  const [properties] = suiteOf('reports/quick.xml').children;
  expect(properties?.children[0]?.attributes).toEqual({ name: 'mission_id', value: JSON.parse(stdout).mission_id });
  expect(readdirSync(join(clone.dir, 'reports')).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a mission that fails writes it, too, and takes the place of an older file', async () => {
  writeFileSync(join(clone.dir, 'reports/wrong.xml'), 'old');
  const args = ['run', 'missions/wrong.yaml', '--junit', 'reports/wrong.xml', ...MEMORY];
  expect((await runInPipe(clone, args)).code).toBe(1);
  expect(outcomesOf('reports/wrong.xml')).toEqual([
    'wrong-mission.wave1 deploy-first_agent-wave1 failure',
    'wrong-mission.wave1.deploy-first_agent-wave1 wrong is there failure',
    'wrong-mission.wave2 deploy-second_agent-wave2 skipped',
    'wrong-mission.wave2.deploy-second_agent-wave2 quick is there skipped',
    'wrong-mission.wave3 verify-second_agent-wave3 skipped',
    'wrong-mission.success both wrote skipped',
    'wrong-mission mission failure',
  ]);
});

test('a run that is interrupted writes that its mission has not ended', async () => {
  const args = ['run', 'missions/slow.yaml', '--workspace', 'cut', '--junit', 'reports/cut.xml', ...MEMORY];
  const run = startInPipe(clone, args);
  await until('the slow step to run', () => existsSync(join(clone.dir, 'cut/first_agent.started')));
  run.child.kill('SIGINT');
  expect((await run.ended()).code).toBe(130);
  expect(outcomesOf('reports/cut.xml').at(-1)).toBe('slow-mission mission error');
});

test.each([
  ['nowhere/report.xml', 'there is no directory'],
  ['reports', 'is no regular file'],
  ['package.json/report.xml', 'there is no directory'],
])('--junit %s ends with 2 before the mission starts', async (file, words) => {
  const args = ['run', 'missions/quick.yaml', '--workspace', 'untouched', '--junit', file, ...MEMORY];
  const { code, stderr } = await runInPipe(clone, args);
  expect(stderr).toContain(words);
  expect(code).toBe(2);
  expect(existsSync(join(clone.dir, 'untouched'))).toBe(false);
});

// The superuser may write anywhere.
(process.getuid?.() === 0 ? test.skip : test)('a directory without the right to write ends with 2', async () => {
  mkdirSync(join(clone.dir, 'closed'));
  chmodSync(join(clone.dir, 'closed'), 0o555);
  const { code, stderr } = await runInPipe(clone, ['run', 'missions/quick.yaml', '--junit', 'closed/r.xml', ...MEMORY]);
  expect(stderr).toContain('cannot be written');
  expect(code).toBe(2);
});

test('submit --junit without --wait is wrong use', async () => {
  const { code, stderr } = await runInPipe(clone, ['submit', 'missions/quick.yaml', '--junit', 'reports/no.xml']);
  expect(stderr).toContain('--junit needs --wait');
  expect(code).toBe(2);
});
