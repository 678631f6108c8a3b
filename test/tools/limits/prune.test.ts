import { execFileSync } from 'node:child_process';
import { link, mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  pruneSnapshots,
  pruneWorkspaces,
  type MissionState,
  type PruneOptions,
} from '../../../src/client/prune-workspaces.js';
import { listWorkspaces } from '../../../src/tools/workspaces.js';
import { createHarness, removeTemporaryDirectories, temporaryDirectory, type Harness } from '../harness.js';

const DAY_MS = 86_400_000;
const NOW_MS = Date.now();
afterAll(removeTemporaryDirectories);

let root: string;
beforeEach(() => {
  root = temporaryDirectory();
});

/** The files of a mission with one task, last used so many days ago. */
async function mission(missionId: string, daysAgo: number): Promise<void> {
  const run = join(root, '.ravenhelm/runs', missionId, 'task-1');
  await mkdir(join(run, 'outputs'), { recursive: true });
  await mkdir(join(root, missionId), { recursive: true });
  await writeFile(join(root, missionId, 'made'), Buffer.alloc(1 << 20, 1));
  await writeFile(join(run, 'lock'), '');
  await mkdir(join(root, '.ravenhelm/workspace-keys/missions', missionId), { recursive: true });
  const then = new Date(NOW_MS - daysAgo * DAY_MS);
  for (const path of [join(run, 'outputs'), run, join(run, '..'), join(root, missionId)])
    await utimes(path, then, then);
}

/** Snapshots with 1 MiB of contents, which a later mission in the same directory shares. */
async function snapshots(base: string, missionId: string, shares: string | null = null): Promise<void> {
  const own = join(base, '.ravenhelm/snapshots', missionId);
  await mkdir(join(own, 'objects'), { recursive: true });
  await writeFile(join(own, 'wave-0.json'), '{}\n');
  const content = join(own, 'objects/content');
  if (shares === null) await writeFile(content, Buffer.alloc(1 << 20, 1));
  else await link(join(base, '.ravenhelm/snapshots', shares, 'objects/content'), content);
}

const prune = (states: Readonly<Record<string, MissionState>>, change: Partial<PruneOptions> = {}) =>
  pruneWorkspaces({
    workspaceRoot: root,
    olderThanMs: null,
    dryRun: false,
    nowMs: NOW_MS,
    stateOf: (missionId) => states[missionId] ?? 'unknown',
    ...change,
  });
const names = (pruned: Awaited<ReturnType<typeof prune>>) => pruned.workspaces.map(({ missionId }) => missionId);
const left = async () => (await readdir(root)).filter((name) => name !== '.ravenhelm').toSorted();

describe('without an age', () => {
  test('workspaces of ended missions are removed, with their run files; open and unknown ones stay', async () => {
    for (const name of ['ended', 'open', 'unknown']) await mission(name, 30);
    const pruned = await prune({ ended: 'ended', open: 'open' });
    expect(names(pruned)).toEqual(['ended']);
    expect(pruned.workspaces[0]?.bytes).toBeGreaterThanOrEqual(1 << 20);
    expect(pruned.kept).toEqual({ open: 1, in_use: 0, newer: 0, unknown: 1 });
    expect(await left()).toEqual(['open', 'unknown']);
    expect(await readdir(join(root, '.ravenhelm/runs'))).toEqual(expect.arrayContaining(['open', 'unknown']));
    expect((await readdir(join(root, '.ravenhelm'))).toSorted()).toEqual(['runs', 'workspace-keys']);
    expect((await readdir(join(root, '.ravenhelm/workspace-keys/missions'))).toSorted()).toEqual(['open', 'unknown']);
  });

  test('a workspace whose directories are deeper than a path can say is removed, and so is the next', async () => {
    await mission('ended', 0);
    const dig = 'for (1 .. 20) { mkdir "d" x 250 or die; chdir "d" x 250 or die }';
    execFileSync('perl', ['-e', dig], { cwd: join(root, 'ended') });
    expect(names(await prune({ ended: 'ended' }))).toEqual(['ended']);
    expect((await readdir(join(root, '.ravenhelm'))).toSorted()).toEqual(['runs', 'workspace-keys']);
    await mission('later', 0);
    expect(names(await prune({ later: 'ended' }))).toEqual(['later']);
  });

  test('the snapshots go with the workspace, and count; they alone are a workspace too', async () => {
    for (const name of ['ended', 'open']) {
      await mission(name, 1);
      await snapshots(root, name);
    }
    await snapshots(root, 'orphan');
    const pruned = await prune({ ended: 'ended', open: 'open', orphan: 'ended' });
    expect(names(pruned).toSorted()).toEqual(['ended', 'orphan']);
    expect(pruned.workspaces.map(({ bytes }) => bytes >= 1 << 20)).toEqual([true, true]);
    expect(pruned.workspaces.find(({ missionId }) => missionId === 'ended')?.bytes).toBeGreaterThan(2 << 20);
    expect(await readdir(join(root, '.ravenhelm/snapshots'))).toEqual(['open']);
  });

  test('dryRun says the same and removes nothing', async () => {
    await mission('ended', 0);
    const dry = await prune({ ended: 'ended' }, { dryRun: true });
    expect(names(dry)).toEqual(['ended']);
    expect(await left()).toEqual(['ended']);
    expect((await prune({ ended: 'ended' })).workspaces).toEqual(dry.workspaces);
    expect(await left()).toEqual([]);
  });
});

test('with an age, those that were not used for so long are removed, unknown ones too, open ones never', async () => {
  for (const [name, days] of [
    ['a', 8],
    ['b', 6],
    ['open', 30],
    ['ended', 6],
  ] as const)
    await mission(name, days);
  const pruned = await prune({ open: 'open', ended: 'ended' }, { olderThanMs: 7 * DAY_MS });
  expect(names(pruned)).toEqual(['a']);
  expect(pruned.kept).toEqual({ open: 1, in_use: 0, newer: 2, unknown: 0 });
});

test('a directory in which no step of a mission has run is no workspace', async () => {
  await mkdir(join(root, 'mine'));
  expect(await listWorkspaces(root)).toEqual([]);
  expect(names(await prune({ mine: 'ended' }, { olderThanMs: 0 }))).toEqual([]);
  expect(await left()).toEqual(['mine']);
  expect(await listWorkspaces(join(root, 'nowhere'))).toEqual([]);
});

test('what a prune that was interrupted has set aside is removed by the next', async () => {
  const aside = join(root, '.ravenhelm/pruned-0a0a0a0a-1111-2222-3333-444444444444');
  await mkdir(join(aside, 'workspace'), { recursive: true });
  await prune({}, { dryRun: true });
  expect(existsSync(aside)).toBe(true);
  await prune({});
  expect(existsSync(aside)).toBe(false);
});

describe('snapshots in a directory from --workspace', () => {
  const pruneHere = (states: Readonly<Record<string, MissionState>>, dryRun = false) =>
    pruneSnapshots(root, {
      ...{ olderThanMs: null, dryRun, nowMs: NOW_MS },
      stateOf: (missionId) => states[missionId] ?? 'unknown',
    });

  test('those of ended missions are removed; the files of the directory and its state stay', async () => {
    await writeFile(join(root, 'mine'), 'mine');
    for (const name of ['a', 'open', 'unknown']) await snapshots(root, name);
    expect(names(await pruneHere({ a: 'ended', open: 'open' }, true))).toEqual(['a']);
    const pruned = await pruneHere({ a: 'ended', open: 'open' });
    expect(names(pruned)).toEqual(['a']);
    expect(pruned.kept).toEqual({ open: 1, in_use: 0, newer: 0, unknown: 1 });
    expect((await readdir(join(root, '.ravenhelm/snapshots'))).toSorted()).toEqual(['open', 'unknown']);
    expect(await readdir(join(root, '.ravenhelm'))).toEqual(['snapshots']);
    expect(await left()).toEqual(['mine']);
  });

  test('what missions share is freed with the last of them', async () => {
    await snapshots(root, 'a');
    await snapshots(root, 'b', 'a');
    const freed = async (states: Readonly<Record<string, MissionState>>, dryRun = false) =>
      (await pruneHere(states, dryRun)).workspaces.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(await freed({ a: 'ended', b: 'open' }, true)).toBeLessThan(1 << 19);
    const all = await freed({ a: 'ended', b: 'ended' }, true);
    expect(all).toBeGreaterThanOrEqual(1 << 20);
    expect(all).toBeLessThan(2 << 20);
    expect(await freed({ a: 'ended', b: 'ended' })).toBe(all);
    expect(await readdir(join(root, '.ravenhelm/snapshots'))).toEqual([]);
  });

  test('a directory that has none is left as it is', async () => {
    expect(await pruneHere({})).toEqual({ workspaces: [], kept: { open: 0, in_use: 0, newer: 0, unknown: 0 } });
    expect(await readdir(root)).toEqual([]);
  });
});

describe('a workspace in which a step runs', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await createHarness();
    ({ root } = harness);
  });

  test('stays, whatever is said of its mission; it goes when the step has ended', async () => {
    const running = harness.sh('touch started; while [ ! -e go ]; do sleep 0.05; done; echo done');
    while (!existsSync(join(harness.workspace(), 'started'))) await new Promise((resolve) => setTimeout(resolve, 10));
    const pruned = await prune({ m1: 'ended' }, { olderThanMs: 0, nowMs: NOW_MS + DAY_MS });
    expect(pruned).toMatchObject({ workspaces: [], kept: { in_use: 1 } });
    await writeFile(join(harness.workspace(), 'go'), '');
    expect(await running).toMatchObject({ stdout: 'done\n' });
    expect(names(await prune({ m1: 'ended' }))).toEqual(['m1']);
  });

  test('that takes the rights from its directories can be removed, and a later step gets a new one', async () => {
    await harness.sh('mkdir -p a/b; echo x > a/b/c; chmod 000 a/b a');
    expect(names(await prune({ m1: 'ended' }))).toEqual(['m1']);
    expect(await left()).toEqual([]);
    expect(await harness.sh('ls', { step: 2 })).toMatchObject({ outcome: 'ok', stdout: '' });
  });
});
