/** What agents that are added name, looked up on a real disk while the process runs. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openProvisions } from '../../src/swarm/provisions.js';
import { agentSpec } from '../support/role-swarm.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ravenhelm-provisions-'));
  for (const name of ['shared', 'workspaces']) await mkdir(join(dir, name));
});
afterEach(() => rm(dir, { recursive: true }));

test('secrets of agents that are added are read then, and are to be hidden', async () => {
  const environment: Record<string, string> = { A: 'value of a' };
  const workspaceRoot = join(dir, 'workspaces');
  const a = agentSpec('a_agent', { secrets: ['A'] });
  const opened = await openProvisions({
    agents: [a],
    environment,
    workspaceRoot,
    privateFiles: [],
    dockerHost: undefined,
  });
  expect(opened.hidden).toEqual(['value of a']);
  const b = agentSpec('b_agent', { secrets: ['A', 'B'] });
  expect(await opened.add([b])).toEqual([]);
  expect(opened.provisions.secrets.get('B')?.ok).toBe(false);
  environment['B'] = 'value of b';
  expect(await opened.add([b])).toEqual(['value of b']);
  expect(opened.provisions.secrets.get('B')).toEqual({ ok: true, value: 'value of b' });
});

test('a mount in which the file of a new secret lies is withheld from then on', async () => {
  const shared = join(dir, 'shared');
  await writeFile(join(shared, 'key'), 'value of the key');
  const a = agentSpec('a_agent', { mounts: [{ path: shared, mode: 'ro' }] });
  const opened = await openProvisions({
    agents: [a],
    environment: { KEY_FILE: join(shared, 'key') },
    workspaceRoot: join(dir, 'workspaces'),
    privateFiles: [],
    dockerHost: undefined,
  });
  expect(opened.provisions.mounts.get(shared)?.ok).toBe(true);
  expect(await opened.add([agentSpec('b_agent', { secrets: ['KEY'] })])).toEqual(['value of the key']);
  expect(opened.provisions.mounts.get(shared)).toMatchObject({
    ok: false,
    problem: expect.stringContaining('the private file'),
  });
});
