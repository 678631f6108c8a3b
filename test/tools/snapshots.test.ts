import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createRedactor } from '../../src/domain/redaction.js';
import { differencesOf, entriesOf } from '../../src/tools/snapshots/manifest.js';
import { lookAt, MOST_FILE_BYTES } from '../../src/tools/snapshots/look.js';
import { createObjectStore, digestOnly } from '../../src/tools/snapshots/object-store.js';
import { planRestore, restore } from '../../src/tools/snapshots/restore.js';
import { missionsWithSnapshots, snapshotFiles } from '../../src/tools/snapshots/snapshot-files.js';
import { noteSnapshot, takeSnapshot } from '../../src/tools/snapshots/take.js';
import { asUser, USER } from './as-user.js';
import { workspaceState } from './workspace-state.js';

const run = promisify(execFile);
const never = new AbortController().signal;
const MISSION = '20261123-141502-417-p05-x7k2';
const LATER = '20261123-151502-417-p03-a1b2';
const SECRET = 'correct-horse-battery';
const redact = createRedactor([SECRET]);
const SNAPSHOT = { workspaceOf: '', mostBytes: Infinity };
const asRoot = process.getuid?.() === 0 ? test : test.skip;

describe('snapshots of a workspace', () => {
  let base: string;
  let outside: string;
  beforeEach(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), 'ravenhelm-snapshot-')));
    outside = await mkdtemp(join(tmpdir(), 'ravenhelm-outside-'));
    await mkdir(join(base, '.ravenhelm'));
  });
  afterEach(async () => {
    for (const directory of [base, outside]) await rm(directory, { recursive: true, force: true });
  });

  const at = (path: string) => join(base, path);
  const put = async (path: string, text: string | Buffer) => {
    await mkdir(join(at(path), '..'), { recursive: true });
    await writeFile(at(path), text);
  };
  const place = () => ({ base, workspace: base, holdsState: true });
  const take = (wave: number, when: 'settled' | 'end' = 'settled', missionId = MISSION) =>
    takeSnapshot(place(), { ...SNAPSHOT, missionId, wave, when, redact }, never);
  const files = () => snapshotFiles(base, MISSION);
  const manifest = async (wave: number) => {
    const read = await files().read(wave);
    if (read === null) throw new Error(`there is no snapshot ${wave}`);
    return read;
  };
  const paths = async (wave: number) => (await manifest(wave)).entries.map(({ path }) => path);
  const back = async (wave: number) => {
    const to = await manifest(wave);
    const plan = await planRestore(place(), to, never);
    const failed = await restore(place(), plan, files().objects, never);
    return { changes: plan.changes.map(({ path, what }) => `${path} ${what}`), failed };
  };
  const state = () => workspaceState(base);

  test('bring files, links, modes and empty directories back, and remove what came', async () => {
    await put('src/a.txt', 'one\n');
    await put('run.sh', '#!/bin/sh\n');
    await chmod(at('run.sh'), 0o755);
    await put('gone.txt', 'still here\n');
    await mkdir(at('empty'));
    await mkdir(at('deep/er'), { recursive: true });
    await chmod(at('deep'), 0o750);
    await symlink('src/a.txt', at('now'));
    await put('becomes-directory', 'file\n');
    await put('becomes-file/x', 'x\n');
    const before = await state();
    expect(await take(0)).toMatchObject({ wave: 0, files: 5, leftOut: 0 });

    await put('src/a.txt', 'two\n');
    await chmod(at('run.sh'), 0o644);
    await rm(at('gone.txt'));
    await rm(at('empty'), { recursive: true });
    await rm(at('deep'), { recursive: true });
    await rm(at('now'));
    await symlink(outside, at('now'));
    await rm(at('becomes-directory'));
    await put('becomes-directory/inner/y', 'y\n');
    await rm(at('becomes-file'), { recursive: true });
    await put('becomes-file', 'now a file\n');
    await put('new/deep/file.txt', 'new\n');
    const { changes, failed } = await back(0);
    expect(failed).toEqual([]);
    expect(changes).toEqual(
      expect.arrayContaining(['src/a.txt content', 'run.sh mode', 'new/deep/file.txt removed', 'gone.txt created']),
    );
    expect(await state()).toEqual(before);
    expect(await readdir(outside)).toEqual([]);
    expect((await back(0)).changes).toEqual([]);
  });

  test('leave out what .gitignore says, as git does, and .git itself; restoring does not touch it', async () => {
    await run('git', ['init', '-q', base]);
    await put('.gitignore', '/build/\n*.log\n!keep.log\n/.ravenhelm/\n');
    await put('sub/.gitignore', 'local\n!important.log\n');
    await put('Build/main.c', 'case counts\n');
    for (const path of ['a.log', 'keep.log', 'build/x', 'sub/build/x', 'sub/local', 'local', 'sub/important.log'])
      await put(path, `${path}\n`);
    await take(0);
    const listed = await run('git', ['-C', base, 'ls-files', '--others', '--exclude-standard']);
    const held = (await manifest(0)).entries.filter(({ type }) => type === 'file').map(({ path }) => path);
    expect(held).toEqual(listed.stdout.trim().split('\n').sort());
    await put('a.log', 'changed\n');
    await put('keep.log', 'changed\n');
    expect((await back(0)).changes).toEqual(['keep.log content']);
    expect(await readFile(at('a.log'), 'utf8')).toBe('changed\n');
  });

  test('keep the rules of the first one: a pattern that an agent adds hides nothing', async () => {
    await put('a.txt', 'a\n');
    await take(0);
    await put('.gitignore', '*\n');
    await put('evil.sh', 'x\n');
    await take(1);
    expect(await paths(1)).toEqual(['.gitignore', 'a.txt', 'evil.sh']);
    await back(0);
    expect(Object.keys(await state())).toEqual(['a.txt']);
  });

  test('name what they cannot hold, and leave it alone', async () => {
    await writeFile(at('large.bin'), '');
    await truncate(at('large.bin'), MOST_FILE_BYTES + 1);
    await run('mkfifo', [at('pipe')]);
    await writeFile(Buffer.concat([Buffer.from(`${base}/no`), Buffer.from([0xff]), Buffer.from('text')]), 'x');
    await put('ok.txt', 'ok\n');
    await take(0);
    expect((await manifest(0)).leftOut).toEqual([
      { path: 'large.bin', why: 'too large' },
      { path: 'no\ufffdtext', why: 'name is not UTF-8' },
      { path: 'pipe', why: 'special file' },
    ]);
    await put('ok.txt', 'changed\n');
    await rm(at('pipe'));
    expect(await back(0)).toEqual({ changes: ['ok.txt content'], failed: [] });
    expect((await lstat(at('large.bin'))).size).toBe(MOST_FILE_BYTES + 1);
  });

  test('do not read again what has not changed, and see what was changed with its old time and size', async () => {
    await put('same.txt', 'same content\n');
    await put('sly.txt', 'aaaa\n');
    const read: string[] = [];
    const noting = (text: string) => {
      read.push(text);
      return redact(text);
    };
    const readBy = async (wave: number) => {
      read.length = 0;
      const options = { ...SNAPSHOT, missionId: MISSION, wave, when: 'settled', redact: noting } as const;
      await takeSnapshot(place(), options, never);
      return [...new Set(read)].sort();
    };
    expect(await readBy(0)).toEqual(['aaaa\n', 'same content\n']);
    const old = (await lstat(at('sly.txt'))).mtime;
    // What is so new that it might be written again without a new time is read again.
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    expect(await readBy(1)).toEqual(['aaaa\n', 'same content\n']);
    expect(await readBy(2)).toEqual([]);
    await writeFile(at('sly.txt'), 'bbbb\n');
    await utimes(at('sly.txt'), old, old);
    expect(await readBy(3)).toEqual(['bbbb\n']);
    const digests = async (wave: number) =>
      Object.fromEntries((await manifest(wave)).entries.map(({ path, digest }) => [path, digest]));
    expect((await digests(3))['same.txt']).toBe((await digests(0))['same.txt']);
    expect((await digests(3))['sly.txt']).not.toBe((await digests(2))['sly.txt']);
  });

  test('the first settled one of a wave counts; of those at the end the one that started last', async () => {
    await put('a.txt', '1\n');
    const two = await Promise.all([take(0), take(0)]);
    expect(two[0]).not.toBeNull();
    expect(two[1]).toEqual(two[0]);
    await noteSnapshot(base, MISSION, 0);
    await put('a.txt', '2\n');
    expect(await take(0)).toBeNull();
    await back(0);
    expect(await readFile(at('a.txt'), 'utf8')).toBe('1\n');
    await put('a.txt', 'failed\n');
    await take(1, 'end');
    await put('a.txt', 'done\n');
    await take(1, 'end');
    await put('a.txt', 'later\n');
    await back(1);
    expect(await readFile(at('a.txt'), 'utf8')).toBe('done\n');
    await put('a.txt', 'settled\n');
    await take(1);
    expect(await files().waves()).toEqual([0, 1]);
    await put('a.txt', 'later\n');
    await back(1);
    expect(await readFile(at('a.txt'), 'utf8')).toBe('settled\n');
  });

  test('a settled one whose event is missing is found again, as it was taken, until it is noted', async () => {
    await put('a.txt', '1\n');
    const taken = await take(0);
    await put('a.txt', 'later\n');
    expect(await take(0)).toEqual(taken);
    expect(await take(0)).toEqual(taken);
    await noteSnapshot(base, MISSION, 0);
    expect(await take(0)).toBeNull();
    await writeFile(join(files().directory, 'wave-1.json'), 'damaged');
    expect(await take(1)).toBeNull(); // what reads it says so
  });

  test('of those at the end of a wave the last two stay, and the log can name either', async () => {
    const digests: string[] = [];
    for (const text of ['1', '2', '3', '4']) {
      await put('a.txt', text);
      digests.push((await take(1, 'end'))?.digest ?? '');
    }
    expect(await files().ends(1)).toHaveLength(2);
    const content = async (digest: string | null) => {
      const found = await files().read(1, digest);
      return found === null ? null : String(await files().objects.readWhole(found.entries[0]?.digest ?? ''));
    };
    expect(await content(null)).toBe('4');
    expect(await content(digests[3] ?? '')).toBe('4');
    expect(await content(digests[2] ?? '')).toBe('3');
    expect(await content(digests[1] ?? '')).toBeNull();
  });

  test('what killed workers have left half written is removed when it is old', async () => {
    await put('a.txt', '1\n');
    await take(0);
    const old = [join(files().directory, 'draft-1'), join(files().drafts, '1')];
    const young = [join(files().directory, 'draft-2'), join(files().drafts, '2')];
    for (const path of [...old, ...young]) await writeFile(path, 'half');
    const longAgo = new Date(Date.now() - 2 * 3_600_000);
    for (const path of old) await utimes(path, longAgo, longAgo);
    await take(1);
    const left = [...(await readdir(files().directory)), ...(await readdir(files().drafts))];
    expect(left.filter((name) => /^(draft-)?\d$/.test(name)).sort()).toEqual(['2', 'draft-2']);
  });

  test('all of a workspace together have a limit, and the refusal names it and what to do', async () => {
    const limited = (missionId: string, wave: number) =>
      takeSnapshot(
        place(),
        { ...SNAPSHOT, missionId, wave, when: 'settled', redact, mostBytes: 3 * 1024 * 1024 },
        never,
      );
    await put('a.bin', Buffer.alloc(1024 * 1024, 'a'));
    await limited(MISSION, 0);
    await put('b.bin', Buffer.alloc(1024 * 1024, 'b'));
    await limited(MISSION, 1);
    await limited(LATER, 0); // shares what is there
    await put('c.bin', Buffer.alloc(1024 * 1024 + 1, 'c'));
    await expect(limited(LATER, 1)).rejects.toMatchObject({
      code: 'workspace',
      message: expect.stringMatching(
        /more than 3 MiB \(WORKSPACE_SNAPSHOTS_MB\).*workspace prune --workspace .*, or use snapshots: false/,
      ),
    });
    expect(await snapshotFiles(base, LATER).waves()).toEqual([0]);
    // Without the earlier mission there is room again.
    await rm(files().directory, { recursive: true });
    expect(await limited(LATER, 1)).toMatchObject({ files: 3 });
  });

  test('what would take too much is not kept, and what is kept of the others is counted', async () => {
    const limited = (mostBytes: number, missionId = MISSION) =>
      takeSnapshot(place(), { ...SNAPSHOT, missionId, wave: 0, when: 'settled', redact, mostBytes }, never);
    const kept = async () => {
      const found = await readdir(join(files().directory, 'objects'), { recursive: true, withFileTypes: true });
      const sizes = found
        .filter((entry) => entry.isFile())
        .map(async ({ parentPath, name }) => (await lstat(join(parentPath, name))).size);
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    };
    const counted = async () => JSON.parse(await readFile(join(files().directory, 'store.json'), 'utf8')).bytes;
    await put('large.bin', Buffer.alloc(2 * 1024 * 1024, 'l'));
    await put('small.txt', 'small\n');
    await expect(limited(1024 * 1024)).rejects.toMatchObject({ code: 'workspace' });
    expect([await kept(), await counted()]).toEqual([6, 6]);
    await rm(at('large.bin'));
    for (let file = 0; file < 30; file += 1) await put(`${file}.bin`, Buffer.alloc(200 * 1024 + file, `${file} `));
    await expect(limited(1024 * 1024)).rejects.toMatchObject({ code: 'workspace' });
    expect(await counted()).toBe(await kept());
    expect(await counted()).toBeGreaterThan(0);
    // All of it may be there, and there is no room for more.
    await limited(30 * 201 * 1024);
    expect(await limited(await counted(), LATER)).toMatchObject({ files: 31 });
  });

  test('a mission that continues another one shares its contents, one in another workspace does not', async () => {
    const own = join(base, MISSION);
    await mkdir(own);
    const inRoot = { base, workspace: own, holdsState: false };
    const options = { ...SNAPSHOT, wave: 0, when: 'settled', redact } as const;
    await put(`${MISSION}/a.txt`, 'same\n');
    await takeSnapshot(inRoot, { ...options, missionId: MISSION, workspaceOf: MISSION }, never);
    await takeSnapshot(inRoot, { ...options, missionId: LATER, workspaceOf: MISSION }, never);
    const other = '20261124-151502-417-p03-c3d4';
    await takeSnapshot(inRoot, { ...options, missionId: other, workspaceOf: other }, never);
    const names = async (missionId: string) => {
      const { objects, ...its } = snapshotFiles(base, missionId);
      return (await lstat(objects.pathOf((await its.read(0))?.entries[0]?.digest ?? ''))).nlink;
    };
    expect(await Promise.all([MISSION, LATER, other].map(names))).toEqual([2, 2, 1]);
  });

  test('one that was stopped leaves nothing that counts, and is taken again', async () => {
    await put('a.txt', '1\n');
    const stop = new AbortController();
    const stopped = takeSnapshot(
      place(),
      { ...SNAPSHOT, missionId: MISSION, wave: 0, when: 'settled', redact },
      stop.signal,
    );
    stop.abort(new Error('killed'));
    await expect(stopped).rejects.toThrow('killed');
    expect(await files().waves()).toEqual([]);
    expect(await take(0)).toMatchObject({ files: 1 });
    expect((await readdir(files().directory)).sort()).toEqual(['objects', 'store.json', 'wave-0.json']);
  });

  test('contents are kept once, whatever has them, and hard links come back as separate files', async () => {
    await put('a.txt', 'same\n');
    await put('b.txt', 'same\n');
    await link(at('a.txt'), at('c.txt'));
    expect(await take(0)).toMatchObject({ files: 3 });
    const objects = join(base, '.ravenhelm/snapshots', MISSION, 'objects');
    const kept = (await readdir(objects, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(kept).toHaveLength(1);
    expect((await lstat(objects)).mode & 0o077).toBe(0);
    await writeFile(at('c.txt'), 'other\n');
    await back(0);
    expect(Object.values(await state())).toEqual(Array(3).fill(expect.stringMatching(/same\n$/)));
  });

  test('restoring follows no link out of the workspace', async () => {
    await put('dir/file.txt', 'mine\n');
    await take(0);
    await rename(at('dir'), at('moved'));
    await symlink(outside, at('dir'));
    await writeFile(join(outside, 'file.txt'), 'theirs\n');
    await back(0);
    expect(await readFile(join(outside, 'file.txt'), 'utf8')).toBe('theirs\n');
    expect(await readFile(at('dir/file.txt'), 'utf8')).toBe('mine\n');
    expect((await lstat(at('dir'))).isDirectory()).toBe(true);
  });

  test('a list that was changed is refused', async () => {
    await put('a.txt', '1\n');
    await take(0);
    await writeFile(join(files().directory, 'wave-0.json'), '{"format":1}\n');
    await expect(files().read(0)).rejects.toMatchObject({ code: 'snapshot_unreadable' });
  });

  test('a worker that is killed leaves no list, and the next one takes a whole snapshot', async () => {
    for (const name of ['a.txt', 'b.txt', 'd.txt']) await put(name, `${name}\n`);
    await put('c.txt', 'stop here\n');
    const script = `
      const { takeSnapshot } = await import(${JSON.stringify(resolve('dist/tools/snapshots/take.js'))});
      const { writeSync } = await import('node:fs');
      const redact = (text) => {
        if (text.startsWith('stop')) { writeSync(1, 'half'); for (;;); }
        return text;
      };
      const options = { missionId: ${JSON.stringify(MISSION)}, wave: 0, when: 'settled', redact,
        workspaceOf: '', mostBytes: 1e9 };
      await takeSnapshot(${JSON.stringify(place())}, options, new AbortController().signal);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(String(await once(child.stdout, 'data'))).toBe('half');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await readdir(files().directory)).toEqual(expect.arrayContaining([expect.stringMatching(/^draft-/)]));
    expect(await files().waves()).toEqual([]);
    await put('c.txt', 'after\n');
    expect(await take(0)).toMatchObject({ files: 4 });
    for (const name of ['a.txt', 'b.txt', 'c.txt', 'd.txt']) await put(name, 'lost\n');
    expect((await back(0)).failed).toEqual([]);
    expect(await state()).toEqual({
      ...{ 'a.txt': 'file 644 a.txt\n', 'b.txt': 'file 644 b.txt\n' },
      ...{ 'c.txt': 'file 644 after\n', 'd.txt': 'file 644 d.txt\n' },
    });
  });

  test('keep no file that holds a secret, however large it is, and name it', async () => {
    await put('config.env', `PASSWORD=${SECRET}\n`);
    // The secret lies across the border of two parts.
    await put('large.txt', `${'x'.repeat(256 * 1024 - 5)}${SECRET}${'y'.repeat(300_000)}`);
    await put('ok.txt', 'ok\n');
    expect(await take(0)).toMatchObject({ files: 1, leftOut: 2 });
    expect((await manifest(0)).leftOut).toEqual([
      { path: 'config.env', why: 'holds a secret' },
      { path: 'large.txt', why: 'holds a secret' },
    ]);
    const kept = await run('grep', ['-rlF', SECRET, join(base, '.ravenhelm')]).catch(({ code }) => code);
    expect(kept).toBe(1);
    await put('config.env', 'PASSWORD=\n');
    await put('ok.txt', 'changed\n');
    expect((await back(0)).changes).toEqual(['ok.txt content']);
    expect(await readFile(at('config.env'), 'utf8')).toBe('PASSWORD=\n');
  });

  test('a file that a later snapshot does not hold is not shown as removed', async () => {
    await put('config.env', 'PASSWORD=\n');
    await put('ok.txt', 'ok\n');
    await take(0);
    await put('config.env', `PASSWORD=${SECRET}\n`);
    await take(1);
    expect(differencesOf(await manifest(0), await manifest(1))).toEqual([]);
  });

  test('a later mission in the same directory shares the contents, and outlives the earlier one', async () => {
    await put('same.txt', 'same\n');
    await put('other.txt', 'one\n');
    await take(0);
    await put('other.txt', 'two\n');
    await take(0, 'settled', LATER);
    expect(await missionsWithSnapshots(base)).toEqual([MISSION, LATER]);
    const later = snapshotFiles(base, LATER);
    const first = (await later.read(0))?.entries.find(({ path }) => path === 'same.txt');
    expect((await lstat(later.objects.pathOf(first?.digest ?? ''))).nlink).toBe(2);
    await rm(files().directory, { recursive: true });
    for (const name of ['same.txt', 'other.txt']) await put(name, 'lost\n');
    const to = await later.read(0);
    if (to === null) throw new Error('there is no snapshot');
    expect(await restore(place(), await planRestore(place(), to, never), later.objects, never)).toEqual([]);
    expect(await state()).toEqual({ 'same.txt': 'file 644 same\n', 'other.txt': 'file 644 two\n' });
  });

  test('a content that was cut by a loss of power is written again when a file has it', async () => {
    await put('a.txt', 'mine\n');
    await take(0);
    const digest = (await manifest(0)).entries[0]?.digest ?? '';
    await writeFile(files().objects.pathOf(digest), '');
    await put('b.txt', 'mine\n');
    await take(1);
    expect(String(await files().objects.readWhole(digest))).toBe('mine\n');
  });

  test('a content of an earlier mission that was cut is not shared: the file is read', async () => {
    await put('a.txt', 'mine\n');
    await put('b.txt', 'whole\n');
    await new Promise((resolve) => setTimeout(resolve, 2_100)); // so old that they are not read again
    await take(0);
    const digest = (await manifest(0)).entries[0]?.digest ?? '';
    await writeFile(files().objects.pathOf(digest), '');
    await take(0, 'settled', LATER);
    const { objects } = snapshotFiles(base, LATER);
    expect(String(await objects.readWhole(digest))).toBe('mine\n');
    const whole = (await manifest(0)).entries[1]?.digest ?? '';
    expect((await lstat(objects.pathOf(whole))).nlink).toBe(2);
  });

  test('a damaged content is written again also where an earlier mission has a whole one', async () => {
    const [own, earlier] = [createObjectStore(join(outside, 'own')), createObjectStore(join(outside, 'earlier'))];
    const content = Buffer.from('mine\n');
    const digest = await earlier.put(content, null);
    await own.put(content, null);
    await writeFile(own.pathOf(digest), '');
    expect(own.adoptNow(digest, content.length, earlier)).toBe(false);
    await own.put(content, earlier);
    expect(String(await own.readWhole(digest))).toBe('mine\n');
  });

  test('what is shared by a link is brought to the disk, too', async () => {
    const [own, earlier] = [createObjectStore(join(outside, 'own')), createObjectStore(join(outside, 'earlier'))];
    const digest = await earlier.put(Buffer.from('mine\n'), null);
    expect(own.adoptNow(digest, 5, earlier)).toBe(true);
    await rm(own.pathOf(digest));
    await expect(own.sync()).rejects.toMatchObject({ code: 'ENOENT', path: own.pathOf(digest) });
  });

  test('a content that was damaged is not restored, and is named', async () => {
    await put('a.txt', 'mine\n');
    await take(0);
    const digest = (await manifest(0)).entries.find(({ path }) => path === 'a.txt')?.digest ?? '';
    await writeFile(files().objects.pathOf(digest), '');
    await put('a.txt', 'newer\n');
    expect((await back(0)).failed).toEqual([{ path: 'a.txt', why: 'its content in the snapshot is damaged' }]);
    expect(await state()).toEqual({ 'a.txt': 'file 644 newer\n' });
  });

  test('a directory that has ignored files in it stays, and is named', async () => {
    await put('.gitignore', 'local\n');
    await take(0);
    await put('new/local', 'mine\n');
    await put('new/made.txt', 'made\n');
    expect((await back(0)).failed).toEqual([{ path: 'new', why: 'files that snapshots leave out are in it' }]);
    expect(Object.keys(await state()).sort()).toEqual(['.gitignore', 'new', 'new/local']);
  });

  test('rights that were taken from directories do not keep it from being restored', async () => {
    await put('dir/a.txt', 'mine\n');
    await put('dir/b.txt', 'mine\n');
    await take(0);
    await rm(at('dir/b.txt'));
    await put('dir/a.txt', 'theirs\n');
    await put('new/c.txt', 'theirs\n');
    for (const name of ['dir', 'new']) await chmod(at(name), 0o555);
    expect((await back(0)).failed).toEqual([]);
    expect(await state()).toEqual({
      ...{ dir: 'directory 755', 'dir/a.txt': 'file 644 mine\n', 'dir/b.txt': 'file 644 mine\n' },
    });
  });

  test('what changed after the plan was made: a link that took the place of a directory is not followed', async () => {
    await put('dir/file.txt', 'mine\n');
    await put('other/file.txt', 'other\n');
    await take(0);
    await put('dir/file.txt', 'changed\n');
    const plan = await planRestore(place(), await manifest(0), never);
    await rename(at('dir'), at('moved'));
    await symlink('other', at('dir'));
    expect(await restore(place(), plan, files().objects, never)).toEqual([
      { path: 'dir/file.txt', why: 'a directory on its way is a symbolic link' },
    ]);
    expect(await readFile(at('other/file.txt'), 'utf8')).toBe('other\n');
  });

  test('what took the place of something that the snapshot holds does not hide it', async () => {
    await put('src/a.txt', 'mine\n');
    await put('README.md', 'mine\n');
    await put('lib/b.txt', 'mine\n');
    await take(0);
    const before = await state();
    await rm(at('src'), { recursive: true });
    await run('mkfifo', [at('src')]);
    await truncate(at('README.md'), MOST_FILE_BYTES + 1);
    await rm(at('lib'), { recursive: true });
    await writeFile(at('lib'), '');
    await truncate(at('lib'), MOST_FILE_BYTES + 1);
    await run('mkfifo', [at('new')]);
    const plan = await planRestore(place(), await manifest(0), never);
    expect(plan.leftOut).toEqual([{ path: 'new', why: 'special file' }]);
    expect(plan.changes.map(({ path, what }) => `${path} ${what}`)).toEqual([
      'README.md content',
      'lib file replaced by directory',
      'lib/b.txt created',
      'src other replaced by directory',
      'src/a.txt created',
    ]);
    expect(await restore(place(), plan, files().objects, never)).toEqual([]);
    expect(await state()).toEqual({ ...before, new: 'other' });
  });

  asRoot('what an agent has closed is not in the way, of a snapshot or of the way back', async () => {
    for (const path of ['src/a.txt', 'docs/b.txt', 'docs/sub/c.txt', 'ok.txt']) await put(path, 'mine\n');
    await run('chown', ['-R', String(USER), base]);
    await asUser(() => take(0));
    const before = await state();
    await put('docs/new.txt', 'theirs\n');
    await chmod(at('src'), 0o000);
    await run('chmod', ['-R', '644', at('docs')]);
    await chmod(at('ok.txt'), 0o000);
    await asUser(() => take(1));
    expect((await manifest(1)).leftOut.map(({ path, why }) => `${path}: ${why}`)).toEqual(
      ['docs/b.txt', 'docs/new.txt', 'docs/sub', 'ok.txt', 'src'].map((path) => `${path}: not readable`),
    );
    await asUser(async () => {
      const plan = await planRestore(place(), await manifest(0), never);
      expect(plan.leftOut).toEqual([{ path: 'docs/new.txt', why: 'not readable' }]);
      expect(await restore(place(), plan, files().objects, never)).toEqual([]);
    });
    expect(await state()).toEqual({ ...before, 'docs/new.txt': 'file 644 theirs\n' });
  });

  asRoot('what agents may not read is left out by root too: what is restored becomes theirs', async () => {
    for (const path of ['mine.txt', 'db.key', 'closed/x']) await put(path, 'x\n');
    await run('chown', ['-R', String(USER), base]);
    for (const path of ['db.key', 'closed']) await chown(at(path), 0, 0);
    await chmod(at('db.key'), 0o600);
    await chmod(at('closed'), 0o700);
    await chmod(at('mine.txt'), 0o000);
    await take(0);
    const { entries, leftOut } = await manifest(0);
    expect(leftOut).toEqual(['closed', 'db.key'].map((path) => ({ path, why: 'not readable' })));
    expect(entries.find(({ path }) => path === 'mine.txt')?.digest).toEqual(expect.any(String));
    await rm(at('db.key'));
    expect((await back(0)).failed).toEqual([]);
    expect(Object.keys(await state())).not.toContain('db.key');
  });

  test('a file that cannot be read once it is open is left out, and named', async () => {
    await put('bad.bin', 'x');
    await put('ok.txt', 'x');
    const broken = await open('/proc/self/mem'); // reading its begin fails with EIO
    const look = await lookAt({
      ...{ workspace: base, holdsState: true, before: null, ignores: null, signal: never },
      keep: async (file) =>
        digestOnly((await readlink(`/proc/self/fd/${file.fd}`)).endsWith('bad.bin') ? broken : file, never),
      keepTarget: (target) => digestOnly(target, never),
    });
    await broken.close();
    expect(look.list.leftOut).toEqual([{ path: 'bad.bin', why: 'not readable' }]);
    expect(entriesOf(look.list.lines).map(({ path, digest }) => [path, digest === null])).toEqual([
      ['bad.bin', true],
      ['ok.txt', false],
    ]);
  });

  test('what changed after the plan was made: no rights are set through a link', async () => {
    await put('dir/sub/x', 'x\n');
    await take(0);
    await chmod(at('dir'), 0o700);
    const plan = await planRestore(place(), await manifest(0), never);
    await chmod(outside, 0o711);
    await rename(at('dir'), at('moved'));
    await symlink(outside, at('dir'));
    const failed = await restore(place(), plan, files().objects, never);
    expect(failed.length).toBeGreaterThan(0);
    expect(new Set(failed.map(({ path }) => path))).toEqual(new Set(['dir']));
    expect((await lstat(outside)).mode & 0o777).toBe(0o711);
  });

  asRoot('the snapshots of another user in the same directory do not keep this one from taking its own', async () => {
    await put('a.txt', 'a\n');
    await take(0);
    await run('chown', ['-R', String(USER), base]);
    await run('chown', ['-R', '0', files().directory]);
    await asUser(() => take(0, 'settled', LATER));
    // With a list that can be read, and contents that cannot.
    await rm(snapshotFiles(base, LATER).directory, { recursive: true });
    await chmod(files().directory, 0o755);
    await chmod(join(files().directory, 'wave-0.json'), 0o644);
    await asUser(() => take(0, 'settled', LATER));
    expect((await snapshotFiles(base, LATER).read(0))?.entries.map(({ path }) => path)).toEqual(['a.txt']);
    await run('chown', ['0', join(base, '.ravenhelm/snapshots')]);
    await rm(snapshotFiles(base, LATER).directory, { recursive: true });
    await expect(asUser(() => take(0, 'settled', LATER))).rejects.toMatchObject({
      code: 'workspace',
      message: expect.stringMatching(/Snapshots cannot be kept in .*user of the workers, or use snapshots: false/),
    });
  });

  test('a damaged list of the mission: the rules of another one hold; without any the mission is stopped', async () => {
    await put('.gitignore', 'local\n');
    await put('a.txt', 'a\n');
    await take(0);
    await put('.gitignore', '*.txt\n');
    await put('local', 'mine\n');
    await take(1);
    const damage = (wave: number) => writeFile(join(files().directory, `wave-${wave}.json`), '{"format":2}\n');
    await damage(1);
    await take(2);
    expect(await paths(2)).toEqual(['.gitignore', 'a.txt']);
    await damage(0);
    await take(3);
    expect(await paths(3)).toEqual(['.gitignore', 'a.txt']);
    for (const wave of [2, 3]) await damage(wave);
    await expect(take(4)).rejects.toMatchObject({
      code: 'workspace',
      message: expect.stringMatching(/None of the snapshots of this mission .* snapshots: false/),
    });
  });

  test('patterns with many wildcards say what they say to git, and none takes long', async () => {
    await run('git', ['init', '-q', base]);
    const patterns = [
      ...[
        '*a*b*c*.txt',
        '!keep*a*b*c*',
        '/top*-*-*-*',
        'dir/*x*y*z*/',
        '**/q/**/w/**/e',
        'p/**/**/**/**/r/**',
        '[ab]*[!c-e]*?*1*',
      ],
      ...[
        'a\\*b*c*d*',
        '*.m*in*.*  ',
        '!a?b?c.min.js',
        'n***1',
        '*.log',
        '!*k*e*e*p.log',
        `${'l'.repeat(1_001)}*`,
        '# *a*a*a*a',
      ],
    ];
    await put('.gitignore', `/.ravenhelm/\n${patterns.join('\n')}\n${'*a'.repeat(12)}*Z\n`);
    const names = [
      ...[
        'abc.txt',
        '1a2b3c4.txt',
        'acb.txt',
        'keepabc.txt',
        'sub/xaxbxcx.txt',
        'top-1-2-3',
        'sub/top-1-2-3',
        'top-1-2',
      ],
      ...['dir/xyz/in', 'dir/xyzfile', 'dir/1x2y3z4/in', 'sub/dir/xyz/in', 'q/w/e', '1/q/2/w/3/e/4', 'q/w2', 'q/e/w'],
      ...[
        'p/r/1',
        'p/1/2/3/r/4',
        'p/s',
        'a-zz1',
        'b-c1',
        'c-z1',
        'a*bcd',
        'axbcd',
        'x.min.js',
        'a-b-c.min.js',
        'n1',
        'nn/n21',
      ],
      ...['x.log', 'keep.log', 'k-e-e-p.log', 'Keep.log', 'ABC.txt', 'abc.TXT', 'a'.repeat(250), `${'a'.repeat(249)}Z`],
    ];
    for (const name of names) await put(name, 'x');
    const begunMs = performance.now();
    await take(0);
    expect(performance.now() - begunMs).toBeLessThan(5_000);
    const listed = await run('git', ['-C', base, 'ls-files', '-z', '--others', '--exclude-standard']);
    const held = (await manifest(0)).entries.filter(({ type }) => type === 'file').map(({ path }) => path);
    expect(held).toEqual(listed.stdout.split('\0').filter(Boolean).sort());
  });

  test('of very many rules only the first are used', async () => {
    const large = `${'#'.repeat(999_999)}\nlocal\n`;
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await put(`${name}/.gitignore`, large);
      await put(`${name}/local`, name);
    }
    await take(0);
    expect((await paths(0)).filter((path) => path.endsWith('/local'))).toEqual(['e/local']);
  });
});
