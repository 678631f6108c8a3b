import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { procFile } from '../support/marked-processes.js';
import { requireSafeIds } from '../../src/tools/places.js';
import { createHarness, removeTemporaryDirectories, temporaryDirectory } from './harness.js';

afterAll(removeTemporaryDirectories);

describe('what is kept from one call to the next', () => {
  test('another marker in the root is noticed at the next call', async () => {
    const harness = await createHarness();
    await harness.sh('true');
    writeFileSync(join(harness.root, '.ravenhelm/workspace-id'), '00000000-0000-4000-8000-000000000000\n');
    await expect(harness.sh('true')).rejects.toMatchObject({
      code: 'workspace',
      message: expect.stringContaining('00000000-0000-4000-8000-000000000000'),
    });
  });

  test.each([
    ['workspace', (root: string) => join(root, 'm1')],
    ['run directory', (root: string) => join(root, '.ravenhelm/runs')],
  ])('a %s that was removed is created again', async (_, pathIn) => {
    const harness = await createHarness();
    await harness.sh('true');
    rmSync(pathIn(harness.root), { recursive: true });
    expect(await harness.sh('touch made')).toMatchObject({ outcome: 'ok' });
    expect(existsSync(join(harness.workspace(), 'made'))).toBe(true);
  });
});

test.each(['missionId', 'continuedBy', 'taskId'])('%s must be able to be a directory name', (name) => {
  const ids = { missionId: 'm1', continuedBy: 'm2', taskId: 't1' };
  const task = { ...ids, attempt: 1, workspace: null, workspaceMarker: 'w', secretsKey: 'none' as const };
  expect(() => requireSafeIds(task)).not.toThrow();
  for (const id of ['..', '../m1', 'a/b', '', '.ravenhelm'])
    expect(() => requireSafeIds({ ...task, [name]: id })).toThrow(/cannot be a directory name/);
});

test('/etc has the user, names, libraries and certificates, and nothing else of this computer', async () => {
  const harness = await createHarness();
  const { stdout } = await harness.sh('ls /etc; whoami; getent hosts localhost >&2; touch /etc/x || :');
  const names = stdout.trim().split('\n');
  expect(names).toEqual(expect.arrayContaining(['passwd', 'group', 'hosts', 'ssl', 'agent']));
  for (const name of ['shadow', 'hostname', 'machine-id', 'ssh']) expect(names).not.toContain(name);
  expect(existsSync(join(harness.root, '.ravenhelm/x'))).toBe(false);
});

test('the launcher that waits for the next call neither holds its worker nor outlives it', async () => {
  const run = temporaryDirectory();
  mkdirSync(run, { recursive: true });
  const script = `
    import { readFileSync } from 'node:fs';
    const { takeFence } = await import(${JSON.stringify(resolve('dist/tools/launcher.js'))});
    await takeFence({ run: ${JSON.stringify(run)} }, 1, new AbortController().signal);
    console.log(readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8'));`;
  const worker = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  worker.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  expect(await once(worker, 'close')).toEqual([0, null]);
  const [spare = ''] = said.trim().split(' ');
  expect(Number(spare)).toBeGreaterThan(1);
  while (procFile(spare, 'cmdline').includes('launcher')) await new Promise((done) => setTimeout(done, 10));
  expect(statSync(join(run, 'lock')).isFile()).toBe(true);
});
