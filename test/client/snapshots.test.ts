import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { diffMission, missionInDirectory, planMissionRestore, planRestoreOf } from '../../src/client/snapshots.js';
import { MOST_FILE_BYTES } from '../../src/tools/snapshots/look.js';
import { digestOfLines } from '../../src/tools/snapshots/manifest.js';
import { createRedactor } from '../../src/domain/redaction.js';
import type { PayloadOf } from '../../src/domain/events.js';
import type { Mission } from '../../src/domain/mission-state.js';
import { SNAPSHOTS } from '../../src/domain/requirements.js';
import { workspaceMarker } from '../../src/tools/places.js';
import { snapshotFiles } from '../../src/tools/snapshots/snapshot-files.js';
import { takeSnapshot } from '../../src/tools/snapshots/take.js';
import { underWay } from '../domain/support/mission-log.js';
import { asUser, USER } from '../tools/as-user.js';

const never = new AbortController().signal;
const redact = createRedactor();
const SNAPSHOT = { workspaceOf: '', mostBytes: Infinity };
const asRoot = process.getuid?.() === 0 ? test : test.skip;

let base: string;
let outside: string;
beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'ravenhelm-client-')));
  outside = await mkdtemp(join(tmpdir(), 'ravenhelm-outside-'));
});
afterEach(async () => {
  for (const directory of [base, outside]) await rm(directory, { recursive: true, force: true });
});

const EARLIER = '20261123-141502-417-p05-x7k2';
const LATER = '20261123-151502-417-p03-a1b2';
const OPEN = underWay().mission();
const ENDED: Mission = { ...OPEN, course: { kind: 'completed', atMs: 1 } };

interface Given {
  readonly id?: string;
  readonly of?: Mission;
  readonly workspace?: string;
  readonly snapshots?: Mission['snapshots'];
}

async function missionIn({ id = EARLIER, of = ENDED, workspace = base, snapshots = new Map() }: Given = {}) {
  const request = {
    ...of.request,
    mission_id: id,
    workspace,
    workspace_marker: await workspaceMarker(workspace),
    requires: [SNAPSHOTS],
  };
  return { ...of, id, request, snapshots };
}

const put = async (path: string, text: string) => {
  await mkdir(join(base, path, '..'), { recursive: true });
  await writeFile(join(base, path), text);
};
const take = async (wave: number, missionId = EARLIER) => {
  await workspaceMarker(base);
  const place = { base, workspace: base, holdsState: true };
  return takeSnapshot(place, { ...SNAPSHOT, missionId, wave, when: 'settled', redact }, never);
};
const twoWaves = async () => {
  await put('kept.txt', 'kept\n');
  await put('changed.txt', 'one\n');
  await put('gone.txt', 'gone\n');
  await take(0);
  await put('changed.txt', 'two\n');
  await take(1);
  await rm(join(base, 'gone.txt'));
  await put('new/made.txt', 'made\n');
  await take(2);
};
const shown = (changes: readonly { readonly path: string; readonly what: string }[]) =>
  changes.map(({ path, what }) => `${path} ${what}`);

test('diff says what the mission has changed, and what one of its waves has', async () => {
  await twoWaves();
  const whole = await diffMission(await missionIn(), '/nowhere', null);
  expect([whole.from, whole.to, shown(whole.changes)]).toEqual([
    0,
    2,
    ['changed.txt content', 'gone.txt removed', 'new/made.txt created'],
  ]);
  const second = await diffMission(await missionIn(), '/nowhere', 2);
  expect(shown(second.changes)).toEqual(['gone.txt removed', 'new/made.txt created']);
});

test('a wave without a snapshot is refused, with those that there are', async () => {
  await twoWaves();
  await expect(diffMission(await missionIn(), '/nowhere', 7)).rejects.toMatchObject({
    code: 'snapshot_unknown',
    nextStep: 'There are some after: 0 (before the mission), 1, 2.',
  });
  await expect(planMissionRestore(await missionIn(), [], '/nowhere', 3, never)).rejects.toMatchObject({
    code: 'snapshot_unknown',
  });
  await expect(diffMission(await missionIn({ id: LATER }), '/nowhere', null)).rejects.toMatchObject({
    code: 'snapshot_unknown',
    message: expect.stringContaining('has no snapshots'),
  });
});

test('restore is refused while this mission, or another one in the same directory, is open', async () => {
  await twoWaves();
  const refused = { code: 'mission_open' };
  await expect(planMissionRestore(await missionIn({ of: OPEN }), [], '/nowhere', 0, never)).rejects.toMatchObject(
    refused,
  );
  const mission = await missionIn();
  const other = await missionIn({ id: LATER, of: OPEN });
  await expect(planMissionRestore(mission, [other], '/nowhere', 0, never)).rejects.toMatchObject(refused);
  // The same directory by another path.
  const path = join(outside, 'link');
  await symlink(base, path);
  const linked = await missionIn({ id: LATER, of: OPEN, workspace: path });
  await expect(planMissionRestore(mission, [linked], '/nowhere', 0, never)).rejects.toMatchObject(refused);
  const elsewhere = await missionIn({ id: LATER, of: OPEN, workspace: outside });
  const plan = await planMissionRestore(mission, [elsewhere], '/nowhere', 1, never);
  expect(shown(plan.changes)).toEqual(['gone.txt created', 'new removed', 'new/made.txt removed']);
});

test('restore changes a file that changed after the snapshot, and lists what it cannot restore', async () => {
  await twoWaves();
  await put('changed.txt', 'three\n');
  const digest = (await snapshotFiles(base, EARLIER).read(0))?.entries.find(({ path }) => path === 'gone.txt')?.digest;
  await writeFile(snapshotFiles(base, EARLIER).objects.pathOf(digest ?? ''), 'damaged');
  const plan = await planMissionRestore(await missionIn(), [], '/nowhere', 0, never);
  const done = await plan.carryOut(never);
  expect(done.failed).toEqual([{ path: 'gone.txt', why: 'its content in the snapshot is damaged' }]);
  expect(await readFile(join(base, 'changed.txt'), 'utf8')).toBe('one\n');
  expect(await readFile(join(base, 'kept.txt'), 'utf8')).toBe('kept\n');
  await expect(readFile(join(base, 'new/made.txt'))).rejects.toThrow('ENOENT');
  const { patch } = await diffMission(await missionIn(), '/nowhere', 2);
  const text = async () => {
    for await (const part of patch(never)) expect(part).toMatch(/./);
  };
  await expect(text()).rejects.toMatchObject({ code: 'snapshot_changed' });
});

test('a snapshot that is not the one of the log is refused', async () => {
  await twoWaves();
  const manifest = await snapshotFiles(base, EARLIER).read(1);
  if (manifest === null) throw new Error('there is no snapshot');
  const recorded = (digest: string): Mission['snapshots'] =>
    new Map([[1, { wave_number: 1, settled: true, digest } as PayloadOf<'snapshot_taken'>]]);
  const good = await missionIn({ snapshots: recorded(digestOfLines(manifest.lines)) });
  expect(shown((await diffMission(good, '/nowhere', 1)).changes)).toEqual(['changed.txt content']);
  const other = await missionIn({ snapshots: recorded('another') });
  await expect(diffMission(other, '/nowhere', 1)).rejects.toMatchObject({ code: 'snapshot_changed' });
  await expect(planMissionRestore(other, [], '/nowhere', 1, never)).rejects.toMatchObject({ code: 'snapshot_changed' });
});

test('where the directory is not, or is another one, the error says where the snapshots are', async () => {
  const mission = await missionIn();
  await rm(base, { recursive: true });
  await expect(diffMission(mission, '/nowhere', null)).rejects.toMatchObject({ code: 'snapshot_elsewhere' });
  await mkdir(base);
  await workspaceMarker(base);
  await expect(diffMission(mission, '/nowhere', null)).rejects.toMatchObject({
    code: 'snapshot_elsewhere',
    message: expect.stringContaining('it is another directory'),
  });
});

test('git apply takes a patch, whatever the names and the lines of its files are', async () => {
  const names = ['my file.txt', 'q"uote.txt', 'back\\slash.txt', 'new\nline\u0001.txt', 'grün.txt', '-- x\t'];
  const tricky = '- x\t\n-- x\t\n--- a/x\t\n+++ b/x\t\nend\n';
  for (const name of names) await put(name, `one\n${tricky}`);
  await put('gone "too".txt', tricky);
  await take(0);
  for (const name of names) await put(name, `${tricky}-- y\t\ntwo\n`);
  await put('made\ttoo.txt', tricky);
  await rm(join(base, 'gone "too".txt'));
  await take(1);
  const contents = async () =>
    Object.fromEntries(
      await Promise.all(
        (await readdir(base))
          .filter((name) => name !== '.ravenhelm')
          .map(async (name) => [name, await readFile(join(base, name), 'utf8')]),
      ),
    );
  const after = await contents();
  const mission = await missionIn();
  let patch = '';
  for await (const part of (await diffMission(mission, '/nowhere', 1)).patch(never)) patch += part;
  await (await planMissionRestore(mission, [], '/nowhere', 0, never)).carryOut(never);
  await writeFile(join(outside, 'patch'), patch);
  await promisify(execFile)('git', ['apply', '--whitespace=nowarn', join(outside, 'patch')], { cwd: base });
  expect(await contents()).toEqual(after);
});

test('diff names what either of the two snapshots does not hold', async () => {
  await put('old', 'x');
  await truncate(join(base, 'old'), MOST_FILE_BYTES + 1);
  await take(0);
  await rm(join(base, 'old'));
  await put('new', 'x');
  await truncate(join(base, 'new'), MOST_FILE_BYTES + 1);
  await take(1);
  const { left_out } = await diffMission(await missionIn(), '/nowhere', 1);
  expect(left_out.map(({ path, why }) => `${path}: ${why}`)).toEqual(['new: too large', 'old: too large']);
});

asRoot('what restore could not see before it had opened a directory is named, and restored the next time', async () => {
  await put('src/a.txt', 'mine\n');
  await take(0);
  const mission = await missionIn();
  await promisify(execFile)('chown', ['-R', String(USER), base]);
  await put('src/new.txt', 'theirs\n');
  await chmod(join(base, 'src'), 0o000);
  const restored = () =>
    asUser(async () => (await planMissionRestore(mission, [], '/nowhere', 0, never)).carryOut(never));
  expect((await restored()).failed).toEqual([
    { path: 'src/new.txt', why: 'it is in what could not be read before: restore again' },
  ]);
  expect(await readFile(join(base, 'src/a.txt'), 'utf8')).toBe('mine\n');
  expect(await restored()).toMatchObject({ changes: [{ path: 'src/new.txt', what: 'removed' }], failed: [] });
});

asRoot('snapshots of another user are not to be read, and the error says whose they are', async () => {
  await twoWaves();
  const mission = await missionIn();
  await promisify(execFile)('chown', ['-R', String(USER), base]);
  const refused = { code: 'snapshot_elsewhere', nextStep: expect.stringContaining('as the user of the workers') };
  const diff = () => asUser(() => diffMission(mission, '/nowhere', null));
  const plan = () => asUser(() => planMissionRestore(mission, [], '/nowhere', 0, never));
  const { patch } = await diff();
  await promisify(execFile)('chown', ['-R', '0', join(base, '.ravenhelm/snapshots', EARLIER)]);
  const text = async () => {
    for await (const part of patch(never)) expect(part).toMatch(/./);
  };
  await expect(asUser(text)).rejects.toMatchObject({ message: expect.stringContaining('cannot be read') });
  await expect(diff()).rejects.toMatchObject(refused);
  await expect(plan()).rejects.toMatchObject(refused);
  await chmod(join(base, '.ravenhelm/snapshots', EARLIER), 0o755);
  await expect(diff()).rejects.toMatchObject(refused); // its lists
  await expect(plan()).rejects.toMatchObject(refused);
  await chmod(join(base, '.ravenhelm/snapshots'), 0o700);
  await promisify(execFile)('chown', ['0', join(base, '.ravenhelm/snapshots')]);
  await expect(asUser(() => missionInDirectory(base, 'last'))).rejects.toMatchObject(refused);
});

describe('without a log, by what lies in the directory', () => {
  test('a mission is named by its id, a beginning, or last', async () => {
    await twoWaves();
    await put('changed.txt', 'later\n');
    await take(0, LATER);
    expect((await missionInDirectory(base, 'last')).id).toBe(LATER);
    expect((await missionInDirectory(base, EARLIER.slice(0, 12))).id).toBe(EARLIER);
    await expect(missionInDirectory(base, '20261123')).rejects.toMatchObject({
      message: expect.stringContaining('more than one mission 20261123'),
      nextStep: expect.stringContaining(`${EARLIER}, ${LATER}`),
    });
    await expect(missionInDirectory(base, 'x')).rejects.toMatchObject({ code: 'snapshot_unknown' });
    await expect(missionInDirectory(outside, 'last')).rejects.toMatchObject({ code: 'snapshot_elsewhere' });
    await expect(missionInDirectory(join(base, 'changed.txt'), 'last')).rejects.toMatchObject({
      code: 'snapshot_elsewhere',
    });
  });

  test('it is shown and taken back as with one', async () => {
    await twoWaves();
    const mission = await missionInDirectory(base, 'last');
    expect(shown((await diffMission(mission, '/nowhere', 1)).changes)).toEqual(['changed.txt content']);
    const done = await (await planRestoreOf(mission, '/nowhere', 0, never)).carryOut(never);
    expect(done.failed).toEqual([]);
    expect(await readFile(join(base, 'changed.txt'), 'utf8')).toBe('one\n');
  });
});
