import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  diffMission,
  missionInDirectory,
  planMissionRestore,
  planRestoreOf,
  type SnapshotOwner,
} from '../../src/client/snapshots.js';
import { MOST_FILE_BYTES } from '../../src/tools/snapshots/look.js';
import { digestOfLines } from '../../src/tools/snapshots/manifest.js';
import { createRedactor } from '../../src/domain/redaction.js';
import type { PayloadOf } from '../../src/domain/events.js';
import type { Mission } from '../../src/domain/mission-state.js';
import type { MissionTask } from '../../src/domain/mission-task-state.js';
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
const diffOf = (mission: SnapshotOwner, wave: number | null, hide = redact) =>
  diffMission(mission, '/nowhere', { wave, redact: hide, signal: never });
const planOf = (mission: Mission, others: readonly Mission[], wave: number) =>
  planMissionRestore(mission, async () => others, '/nowhere', wave, never);
const patchText = async ({ patch }: Awaited<ReturnType<typeof diffMission>>) => {
  let text = '';
  for await (const part of patch(never)) text += part;
  return text;
};
const shown = (changes: readonly { readonly path: string; readonly what: string }[]) =>
  changes.map(({ path, what }) => `${path} ${what}`);

test('diff says what the mission has changed, and what one of its waves has', async () => {
  await twoWaves();
  const whole = await diffOf(await missionIn(), null);
  expect([whole.from, whole.to, shown(whole.changes)]).toEqual([
    0,
    2,
    ['changed.txt content', 'gone.txt removed', 'new/made.txt created'],
  ]);
  const second = await diffOf(await missionIn(), 2);
  expect(shown(second.changes)).toEqual(['gone.txt removed', 'new/made.txt created']);
});

test('a wave without a snapshot is refused, with those that there are', async () => {
  await twoWaves();
  await expect(diffOf(await missionIn(), 7)).rejects.toMatchObject({
    code: 'snapshot_unknown',
    nextStep: expect.stringContaining('There are some after: 0 (before the mission), 1, 2. What the whole mission'),
  });
  await expect(planOf(await missionIn(), [], 3)).rejects.toMatchObject({
    code: 'snapshot_unknown',
  });
  await expect(diffOf(await missionIn({ id: LATER }), null)).rejects.toMatchObject({
    code: 'snapshot_unknown',
    message: expect.stringContaining('has no snapshots'),
  });
});

test('restore is refused while this mission, or another one in the same directory, is open', async () => {
  await twoWaves();
  const refused = { code: 'mission_open' };
  await expect(planOf(await missionIn({ of: OPEN }), [], 0)).rejects.toMatchObject(refused);
  const mission = await missionIn();
  const other = await missionIn({ id: LATER, of: OPEN });
  await expect(planOf(mission, [other], 0)).rejects.toMatchObject(refused);
  // The same directory by another path.
  const path = join(outside, 'link');
  await symlink(base, path);
  const linked = await missionIn({ id: LATER, of: OPEN, workspace: path });
  await expect(planOf(mission, [linked], 0)).rejects.toMatchObject(refused);
  const elsewhere = await missionIn({ id: LATER, of: OPEN, workspace: outside });
  const plan = await planOf(mission, [elsewhere], 1);
  expect(shown(plan.changes)).toEqual(['gone.txt created', 'new removed', 'new/made.txt removed']);
});

test('restore changes a file that changed after the snapshot, and lists what it cannot restore', async () => {
  await twoWaves();
  await put('changed.txt', 'three\n');
  const digest = (await snapshotFiles(base, EARLIER).read(0))?.entries.find(({ path }) => path === 'gone.txt')?.digest;
  await writeFile(snapshotFiles(base, EARLIER).objects.pathOf(digest ?? ''), 'damaged');
  const plan = await planOf(await missionIn(), [], 0);
  expect(plan.failed).toEqual([{ path: 'gone.txt', why: 'its content in the snapshot is damaged' }]);
  const done = await plan.carryOut(never);
  expect(done.failed).toEqual([{ path: 'gone.txt', why: 'its content in the snapshot is damaged' }]);
  expect(await readFile(join(base, 'changed.txt'), 'utf8')).toBe('one\n');
  expect(await readFile(join(base, 'kept.txt'), 'utf8')).toBe('kept\n');
  await expect(readFile(join(base, 'new/made.txt'))).rejects.toThrow('ENOENT');
  const { patch } = await diffOf(await missionIn(), 2);
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
  expect(shown((await diffOf(good, 1)).changes)).toEqual(['changed.txt content']);
  const other = await missionIn({ snapshots: recorded('another') });
  await expect(diffOf(other, 1)).rejects.toMatchObject({ code: 'snapshot_changed' });
  await expect(planOf(other, [], 1)).rejects.toMatchObject({ code: 'snapshot_changed' });
});

test('where the directory is not, or is another one, the error says where the snapshots are', async () => {
  const mission = await missionIn();
  await rm(base, { recursive: true });
  await expect(diffOf(mission, null)).rejects.toMatchObject({ code: 'snapshot_elsewhere' });
  await mkdir(base);
  await workspaceMarker(base);
  await expect(diffOf(mission, null)).rejects.toMatchObject({
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
  for await (const part of (await diffOf(mission, 1)).patch(never)) patch += part;
  await (await planOf(mission, [], 0)).carryOut(never);
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
  const { left_out } = await diffOf(await missionIn(), 1);
  expect(left_out.map(({ path, why }) => `${path}: ${why}`)).toEqual(['new: too large', 'old: too large']);
});

asRoot('what restore could not see before it had opened a directory is named, and restored the next time', async () => {
  await put('src/a.txt', 'mine\n');
  await take(0);
  const mission = await missionIn();
  await promisify(execFile)('chown', ['-R', String(USER), base]);
  await put('src/new.txt', 'theirs\n');
  await chmod(join(base, 'src'), 0o000);
  const restored = () => asUser(async () => (await planOf(mission, [], 0)).carryOut(never));
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
  const diff = () => asUser(() => diffOf(mission, null));
  const plan = () => asUser(() => planOf(mission, [], 0));
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

/** An ended mission whose tasks have begun up to this wave, and ended so. One more did not: it is of a retry. */
async function begun(
  status: 'cancelled' | 'verified' | 'failed',
  lastWave = 1,
  changed: Partial<MissionTask> = {},
): Promise<Mission> {
  const [first] = OPEN.tasks.values();
  if (first === undefined) throw new TypeError('the mission has tasks');
  const ended = { attempt: 1, assignedAt: 7, mayRun: false, status, ...changed };
  const task = (wave: number): MissionTask => ({ ...first, id: `task-${wave}`, wave, ...ended });
  const waves = Array.from({ length: lastWave }, (_, index) => index + 1);
  const notBegun = { ...task(lastWave + 1), assignedAt: null, status: 'waiting' as const };
  return { ...ENDED, tasks: new Map([...waves.map(task), notBegun].map((each) => [each.id, each])) };
}

test('of a cancelled mission without a later snapshot, what is there now is shown', async () => {
  await put('kept.txt', 'kept\n');
  await put('changed.txt', 'one\n');
  await take(0);
  await put('changed.txt', 'half done\n');
  await put('made.txt', 'made\n');
  await symlink('changed.txt', join(base, 'link'));
  const mission = { ...(await missionIn({ of: await begun('cancelled') })) };
  const diff = await diffOf(mission, null);
  expect([diff.from, diff.to]).toEqual([0, null]);
  expect(shown(diff.changes)).toEqual(['changed.txt content', 'link created', 'made.txt created']);
  const patch = await patchText(diff);
  expect(patch).toContain('-one\n+half done\n');
  expect(patch).toContain('+++ b/link');
  await writeFile(join(outside, 'patch'), patch);
  await (await planOf(mission, [], 0)).carryOut(never);
  expect(await readFile(join(base, 'changed.txt'), 'utf8')).toBe('one\n');
  await promisify(execFile)('git', ['apply', join(outside, 'patch')], { cwd: base });
  expect(await readFile(join(base, 'changed.txt'), 'utf8')).toBe('half done\n');
  await expect(diffOf(mission, 1)).rejects.toMatchObject({ nextStep: expect.stringContaining('ravenhelm diff') });
});

test('where a task of the last wave was cancelled, or a snapshot is missing, the last one is not the end', async () => {
  await twoWaves();
  await put('later.txt', 'later\n');
  const to = async (mission: Mission) => (await diffOf(mission, null)).to;
  expect(await to(await missionIn({ of: await begun('verified', 2) }))).toBe(2);
  expect(await to(await missionIn({ of: await begun('cancelled', 2) }))).toBeNull();
  expect(await to(await missionIn({ of: await begun('verified', 3) }))).toBeNull();
  // Its deadline has passed, and its worker did not end it.
  expect(await to(await missionIn({ of: await begun('failed', 2) }))).toBe(2);
  expect(await to(await missionIn({ of: await begun('failed', 2, { mayRun: true }) }))).toBeNull();
  const missed = await begun('verified', 2);
  const missedSnapshots = new Map([[2, {} as PayloadOf<'snapshot_missed'>]]);
  expect(await to(await missionIn({ of: { ...missed, missedSnapshots } }))).toBeNull();
});

test('what is there now and cannot be shown is named, or left out', async () => {
  await put('a.txt', 'one\n');
  await take(0);
  await put('a.txt', `${'x'.repeat(4 * 1024 * 1024)}x`);
  await put('gone.txt', 'x\n');
  const diff = await diffOf(await missionIn({ of: await begun('cancelled') }), null);
  await rm(join(base, 'gone.txt'));
  await mkdir(join(base, 'gone.txt'));
  await expect(patchText(diff)).rejects.toMatchObject({ code: 'snapshot_changed' });
  await rm(join(base, 'gone.txt'), { recursive: true });
  await expect(patchText(diff)).rejects.toMatchObject({ code: 'snapshot_changed' });
  await put('gone.txt', 'x\n');
  expect(await patchText(diff)).toContain('Binary files a/a.txt and b/a.txt differ');
});

test('a patch has no secret, also one of several lines that was not known when the snapshot was taken', async () => {
  const lines = ['first-line-of-the-key', 'second-line-of-the-key'];
  await put('key.txt', `${lines.join('\n')}\n`);
  await put('other.txt', 'one\n');
  await take(0);
  await put('other.txt', `two\n${lines.join('\n')}\n`);
  await put('key.txt', `${lines.toReversed().join('\n')}\n`);
  await take(1);
  const hide = createRedactor([lines.join('\n')]);
  const patch = await patchText(await diffOf(await missionIn(), 1, hide));
  for (const line of lines) expect(patch).not.toContain(line);
  expect(patch).toContain('+two\n');
  await put('key.txt', `${lines[0]} changed\n`);
  await take(2);
  await put('key.txt', `${lines[1]} changed\n`);
  await take(3);
  expect(await patchText(await diffOf(await missionIn(), 3, hide))).toContain('Secrets in b/key.txt differ');
});

test('what the log names of a wave is shown, also where a later list has no event yet', async () => {
  await put('a.txt', 'one\n');
  await take(0);
  const place = { base, workspace: base, holdsState: true };
  const end = () => takeSnapshot(place, { ...SNAPSHOT, missionId: EARLIER, wave: 1, when: 'end', redact }, never);
  await put('a.txt', 'two\n');
  const named = await end();
  await put('b.txt', 'new\n');
  await end();
  const recorded = (digest: string): Mission['snapshots'] =>
    new Map([[1, { wave_number: 1, settled: false, digest } as PayloadOf<'snapshot_taken'>]]);
  const diff = async (digest: string) =>
    shown((await diffOf(await missionIn({ snapshots: recorded(digest) }), 1)).changes);
  expect(await diff(named?.digest ?? '')).toEqual(['a.txt content']);
  await expect(diff('another')).rejects.toMatchObject({ code: 'snapshot_changed' });
});

test('restore looks again when it begins, and holds the locks of the tasks meanwhile', async () => {
  await twoWaves();
  const mission = await missionIn();
  const opened = await missionIn({ id: LATER, of: OPEN });
  let missions: readonly Mission[] = [];
  const run = join(base, '.ravenhelm/runs/m/t');
  await mkdir(run, { recursive: true });
  await writeFile(join(run, 'lock'), '');
  await mkdir(join(base, '.ravenhelm/runs/m/without-lock'));
  const isFree = () =>
    promisify(execFile)('flock', ['-n', join(run, 'lock'), 'true']).then(
      () => true,
      () => false,
    );
  const whether: boolean[] = [];
  const plan = await planMissionRestore(
    mission,
    async () => {
      whether.push(await isFree());
      return missions;
    },
    ...(['/nowhere', 0, never] as const),
  );
  missions = [opened];
  await expect(plan.carryOut(never)).rejects.toMatchObject({ code: 'mission_open' });
  expect(await readFile(join(base, 'changed.txt'), 'utf8')).toBe('two\n');
  const step = spawn('flock', [join(run, 'lock'), 'sh', '-c', 'echo; cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(step.stdout, 'data');
  missions = [];
  await expect(plan.carryOut(never)).rejects.toMatchObject({
    code: 'mission_open',
    message: expect.stringContaining('a step of a task runs there'),
  });
  step.stdin.end();
  await once(step, 'exit');
  expect(await readFile(join(base, 'changed.txt'), 'utf8')).toBe('two\n');
  whether.length = 0;
  expect(await plan.carryOut(never)).toMatchObject({ failed: [], opened_meanwhile: null });
  expect(whether).toEqual([false, false]);
  expect(await isFree()).toBe(true);
});

test('locks that cannot be taken are no internal error', async () => {
  await twoWaves();
  const plan = await planOf(await missionIn(), [], 0);
  await mkdir(join(base, '.ravenhelm/runs/m/t'), { recursive: true });
  await symlink('lock', join(base, '.ravenhelm/runs/m/t/lock'));
  await expect(plan.carryOut(never)).rejects.toMatchObject({
    name: 'ClientError',
    code: 'locks_unavailable',
    nextStep: expect.stringMatching(/./),
  });
  expect(await readFile(join(base, 'changed.txt'), 'utf8')).toBe('two\n');
});

test('what was not shown is not taken back', async () => {
  await twoWaves();
  const plan = await planOf(await missionIn(), [], 0);
  await put('mine.txt', 'made while the question was open\n');
  await expect(plan.carryOut(never)).rejects.toMatchObject({
    code: 'workspace_changed',
    nextStep: expect.stringContaining('restore again'),
  });
  expect(await readFile(join(base, 'mine.txt'), 'utf8')).toMatch(/question/);
  expect(await readFile(join(base, 'changed.txt'), 'utf8')).toBe('two\n');
  await rm(join(base, 'mine.txt'));
  expect((await plan.carryOut(never)).failed).toEqual([]);
});

test('a mission that began while files were restored is named', async () => {
  await twoWaves();
  const opened = await missionIn({ id: LATER, of: OPEN });
  let asked = 0;
  const later = async () => ((asked += 1) > 2 ? [opened] : []);
  const plan = await planMissionRestore(await missionIn(), later, '/nowhere', 0, never);
  expect(await plan.carryOut(never)).toMatchObject({ failed: [], opened_meanwhile: LATER });
});

test('a restore that is stopped says what it has not restored, whether or not it reads a log', async () => {
  await twoWaves();
  const mission = await missionIn();
  const stop = new AbortController();
  // As one that reads the log does.
  const missions = async () => {
    stop.signal.throwIfAborted();
    return [];
  };
  const withLog = await planMissionRestore(mission, missions, '/nowhere', 0, stop.signal);
  const without = await planRestoreOf(mission, '/nowhere', 0, stop.signal);
  stop.abort(new Error('Ctrl-C'));
  for (const [plan, why] of [
    [withLog, 'the restore was stopped'],
    [without, null],
  ] as const) {
    const { failed, opened_unknown } = await plan.carryOut(stop.signal);
    expect(failed.map(({ path }) => path).sort()).toEqual(['changed.txt', 'gone.txt', 'new', 'new/made.txt']);
    expect(new Set(failed.map((each) => each.why))).toEqual(new Set(['the restore was stopped before it']));
    expect(opened_unknown).toBe(why);
  }
});

test('where the log cannot be read once files are restored, the result says what is not known', async () => {
  await twoWaves();
  let asked = 0;
  const missions = async () => {
    if ((asked += 1) > 2) throw new Error('the broker is away');
    return [];
  };
  const plan = await planMissionRestore(await missionIn(), missions, '/nowhere', 0, never);
  expect(plan.opened_unknown).toBeNull();
  expect(await plan.carryOut(never)).toMatchObject({
    failed: [],
    opened_meanwhile: null,
    opened_unknown: 'the broker is away',
  });
  expect(await readFile(join(base, 'changed.txt'), 'utf8')).toBe('one\n');
});

test('a restore that is stopped while it asks for missions the last time keeps its result', async () => {
  await twoWaves();
  const stop = new AbortController();
  let asked = 0;
  const missions = async () => {
    if ((asked += 1) > 2) stop.abort(new Error('Ctrl-C'));
    stop.signal.throwIfAborted();
    return [];
  };
  const plan = await planMissionRestore(await missionIn(), missions, '/nowhere', 0, never);
  expect(await plan.carryOut(stop.signal)).toMatchObject({ failed: [], opened_unknown: 'the restore was stopped' });
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
    expect(shown((await diffOf(mission, 1)).changes)).toEqual(['changed.txt content']);
    const done = await (await planRestoreOf(mission, '/nowhere', 0, never)).carryOut(never);
    expect(done.failed).toEqual([]);
    expect(await readFile(join(base, 'changed.txt'), 'utf8')).toBe('one\n');
  });
});
