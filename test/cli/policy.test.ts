import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe } from './support/ravenhelm.js';

let clone: TestClone;
beforeAll(async () => {
  clone = await createTestClone();
});
afterAll(() => clone.remove());

const RULE = '  - {name: one, decision: deny, reason: not wanted, command: ls, matches: [ls], not: [cat]}';
const write = (name: string, text: string) => writeFileSync(join(clone.dir, name), text);

test('policy test lists the rules of the built-in policy when no other is named', async () => {
  const { code, stdout } = await runInPipe(clone, ['policy', 'test']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^network-clients +deny +\d+ +this agent does not reach the network$/m);
  expect(stdout).toMatch(/^Policy: built-in \(\d+ rules, otherwise allow\); all examples hold$/m);
});

test('policy test ends with 2 for a bad file, and names line and column', async () => {
  write('bad.yaml', `rules:\n${RULE.replace('[cat]', '[ls -l]')}\n`);
  const { code, stderr } = await runInPipe(clone, ['policy', 'test', 'bad.yaml']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/bad\.yaml:2:\d+: the rule one matches this example/);
  expect((await runInPipe(clone, ['policy', 'test', 'missing.yaml'])).code).toBe(2);
});

test('policy explain takes policy.yaml of the working directory, and --policy before it', async () => {
  write('policy.yaml', `rules:\n${RULE}\n`);
  write('other.yaml', 'default: ask\n');
  const explain = async (...flags: readonly string[]) =>
    (await runInPipe(clone, [...flags, 'policy', 'explain', '--json', '--', 'ls | wc -l'])).stdout;
  expect(JSON.parse(await explain())).toMatchObject({ decision: 'deny', rule: 'one' });
  expect(JSON.parse(await explain('--policy', 'other.yaml'))).toMatchObject({ decision: 'ask', rule: 'default' });
  write(
    'policy.yaml',
    `rules:\n${RULE.replace('command: ls', 'tainted: true').replace('[cat]', '[{command: ls, tainted: false}]')}\n`,
  );
  expect(JSON.parse(await explain())).toMatchObject({ decision: 'allow' });
  const tainted = await runInPipe(clone, ['policy', 'explain', '--tainted', '--json', '--', 'ls']);
  expect(JSON.parse(tainted.stdout)).toMatchObject({ decision: 'deny', rule: 'one' });
  rmSync(join(clone.dir, 'policy.yaml'));
  expect(JSON.parse(await explain())).toMatchObject({ decision: 'allow', rule: 'default' });
});
