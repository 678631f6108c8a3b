import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../contract/until.js';
import { EXIT, EXIT_MEANINGS, type ExitCode } from '../../src/cli/exit-codes.js';
import { describeFailure } from '../../src/cli/failure.js';
import { AppendForbidden } from '../../src/ports/log.js';
import { RoleFailed } from '../../src/swarm/role-failed.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { MEMORY, runInPipe, startInPipe, UNREACHABLE } from './support/ravenhelm.js';

/** Each documented exit code, provoked. */
let clone: TestClone;
beforeAll(async () => {
  clone = await createTestClone();
});
afterAll(() => clone.remove());

async function interrupted(): Promise<number | null> {
  const run = startInPipe(clone, ['run', 'missions/slow.yaml', '--workspace', 'interrupted', ...MEMORY]);
  await until('the slow step to run', () => existsSync(join(clone.dir, 'interrupted/first_agent.started')));
  run.child.kill('SIGTERM');
  return (await run.ended()).code;
}

/** An error that nothing handles, while a mission runs. */
async function broken(): Promise<number | null> {
  const [fault, started] = ['fault.mjs', 'broken/first_agent.started'].map((name) => join(clone.dir, name));
  const look = `if (existsSync(${JSON.stringify(started)})) throw new Error('no handler');`;
  writeFileSync(fault ?? '', `import { existsSync } from 'node:fs';\nsetInterval(() => { ${look} }, 20);\n`);
  const args = ['run', 'missions/slow.yaml', '--workspace', 'broken', ...MEMORY];
  return (await runInPipe(clone, args, { NODE_OPTIONS: `--import=${fault}` })).code;
}

/** The compiler names a code that is missing here. */
const PROVOKED: Readonly<Record<ExitCode, () => Promise<number | null>>> = {
  0: async () => (await runInPipe(clone, ['run', 'missions/quick.yaml', ...MEMORY])).code,
  1: async () => (await runInPipe(clone, ['run', 'missions/wrong.yaml', ...MEMORY])).code,
  2: async () => (await runInPipe(clone, ['run', 'missions/broken.yaml', ...MEMORY])).code,
  3: async () => (await runInPipe(clone, ['run', 'missions/quick.yaml'], UNREACHABLE)).code,
  // What gives a role up is shown by test/swarm/supervision.test.ts.
  4: async () => describeFailure(new RoleFailed('worker', 6, new Error('the disk is gone'))).exitCode,
  70: broken,
  130: interrupted,
};

test.each(Object.entries(EXIT_MEANINGS))('%s: %s', async (code) => {
  const [, provoke] = Object.entries(PROVOKED).find(([known]) => known === code) ?? [];
  expect(await provoke?.()).toBe(Number(code));
});

test('--help has each code with its meaning, and no other', async () => {
  const { stdout } = await runInPipe(clone, ['--help']);
  const shown = stdout.slice(stdout.indexOf('Exit codes:')).trim().split('\n').slice(1);
  expect(shown).toEqual(
    Object.entries(EXIT_MEANINGS).map(([code, meaning]) => `  ${code.padEnd(5)} ${meaning.replaceAll('`', '')}`),
  );
  expect(Object.keys(EXIT_MEANINGS).map(Number).sort()).toEqual([...new Set(Object.values(EXIT))].sort());
});

test('a role that lacks a right ends with the code of what a person must change', () => {
  const forbidden = new AppendForbidden('This client may not write to a. Grant this user WRITE on the topic a');
  expect(describeFailure(new RoleFailed('worker', null, forbidden)).exitCode).toBe(EXIT.usage);
});
