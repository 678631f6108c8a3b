import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHarness, never, removeTemporaryDirectories, type Harness } from './harness.js';

let harness: Harness;
beforeAll(async () => {
  process.env['RAVENHELM_TEST_SECRET'] = 'sk-canary-0123456789';
  harness = await createHarness({ sandbox: 'off', toolboxDir: '/usr' });
});
afterAll(() => {
  delete process.env['RAVENHELM_TEST_SECRET'];
  removeTemporaryDirectories();
});

const sleeping = (mark: string) =>
  readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8') === `sleep\0${mark}\0`;
    } catch {
      return false; // it ended meanwhile
    }
  });

test('commands, writes and checks run in the workspace itself, with an empty environment', async () => {
  const result = await harness.sh('pwd; env; echo x > /dev/stderr; ls "$TOOLBOX/bin" >/dev/null');
  expect(result).toMatchObject({ outcome: 'ok', stderr: 'x\n' });
  expect(result.stdout).toContain(`${harness.workspace()}\n`);
  expect(result.stdout).not.toContain('canary');
  expect(await harness.call('workspace_write', { path: 'a/b', content: 'x' })).toMatchObject({ outcome: 'ok' });
  expect(await harness.call('workspace_write', { path: '../b', content: 'x' })).toMatchObject({ outcome: 'refused' });
  expect(readFileSync(join(harness.workspace(), 'a/b'), 'utf8')).toBe('x');
  const checks = [
    { name: 'there', command: 'test -f a/b' },
    { name: 'not', command: 'exit 6' },
  ];
  expect(
    await harness.executor.runChecks(
      { task: harness.task(), step: 50, claimOffset: 10, timeLimitMs: 5000, checks },
      never,
    ),
  ).toMatchObject({ passed: false, results: [{ exit_code: 0 }, { exit_code: 6 }] });
});

test('long output can be read at the path in the truncation note', async () => {
  const result = await harness.sh('seq 1 50000');
  const place = /\/\S+\.stdout/.exec(result.stdout)?.[0] ?? '';
  expect(readFileSync(place, 'utf8')).toHaveLength('1\n'.length * 9 + 3 * 90 + 4 * 900 + 5 * 9000 + 6 * 40001);
  expect(
    await harness.call('workspace_read', { path: `/outputs/${place.split('/').at(-1)}`, start_line: 50_000 }),
  ).toMatchObject({ outcome: 'ok', observation: expect.stringContaining('50000') });
});

test('background processes end with the command, also those in separate sessions', async () => {
  const mark = `87${process.pid}.1`;
  expect(await harness.sh(`sleep ${mark} & (setsid sleep ${mark} &); echo done`)).toMatchObject({
    outcome: 'ok',
    stdout: 'done\n',
  });
  expect(sleeping(mark)).toEqual([]);
});

test('the time limit and the fence leave no process', async () => {
  const mark = `87${process.pid}.2`;
  expect(await harness.sh(`(setsid sleep ${mark} &); sleep ${mark}`, { timeLimitMs: 300 })).toMatchObject({
    exitCode: 124,
  });
  expect(sleeping(mark)).toEqual([]);
  const lost = expect(harness.sh(`(setsid sleep ${mark} &); touch started; sleep ${mark}`)).rejects.toMatchObject({
    code: 'fence_lost',
  });
  while (!existsSync(join(harness.workspace(), 'started'))) await new Promise((resolve) => setTimeout(resolve, 10));
  await harness.executor.takeFence(harness.task(), 11, never);
  expect(sleeping(mark)).toEqual([]);
  await lost;
});
