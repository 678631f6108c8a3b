import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createRedactor } from '../../src/domain/redaction.js';
import { planRestore, restore } from '../../src/tools/snapshots/restore.js';
import { snapshotFiles } from '../../src/tools/snapshots/snapshot-files.js';
import { takeSnapshot } from '../../src/tools/snapshots/take.js';

const never = new AbortController().signal;
const MISSION = '20261123-141502-417-p05-x7k2';
const SNAPSHOT = {
  ...({ missionId: MISSION, workspaceOf: '', when: 'settled', mostBytes: Infinity } as const),
  redact: createRedactor([]),
};
const run = promisify(execFile);

let repository: string;
beforeEach(async () => {
  repository = await realpath(await mkdtemp(join(tmpdir(), 'ravenhelm-outer-')));
  await git('init', '-q');
});
afterEach(() => rm(repository, { recursive: true, force: true }));

const git = async (...args: readonly string[]) =>
  // A person's own patterns are not those of the repository.
  (await run('git', ['-C', repository, '-c', 'core.excludesFile=/dev/null', ...args])).stdout;
const put = async (path: string, text = `${path}\n`) => {
  await mkdir(dirname(join(repository, path)), { recursive: true });
  await writeFile(join(repository, path), text);
};
const putAll = async (paths: readonly string[]) => {
  for (const path of paths) await put(path);
};
const placeAt = (workspace: string) => ({ base: workspace, workspace, holdsState: true });

/** Files that a snapshot of a directory of the repository has. */
async function heldIn(directory: string, wave = 0): Promise<readonly string[]> {
  const workspace = join(repository, directory);
  await mkdir(join(workspace, '.ravenhelm'), { recursive: true });
  await writeFile(join(workspace, '.ravenhelm/.gitignore'), '*\n');
  await takeSnapshot(placeAt(workspace), { ...SNAPSHOT, wave }, never);
  const manifest = await snapshotFiles(workspace, MISSION).read(wave);
  return (manifest?.entries ?? []).filter(({ type }) => type === 'file').map(({ path }) => path);
}

/** What git sees there, ignored files aside. */
async function seenByGit(directory: string): Promise<readonly string[]> {
  const args = ['-z', '--others', '--cached', '--exclude-standard'];
  const listed = await run('git', [
    ...['-C', join(repository, directory), '-c', 'core.excludesFile=/dev/null'],
    ...['ls-files', ...args],
  ]);
  return [...new Set(listed.stdout.split('\0').filter(Boolean))].sort();
}

test.each([
  ['a name that is too long', 'x'.repeat(300)],
  ['a path that is too long', 'x/'.repeat(4_000)],
  ['a NUL', 'a\0b'],
])('what an agent writes into a .git file ends no snapshot: %s', async (_, named) => {
  await putAll(['work/a.txt', 'work/b.log']);
  await put('work/.gitignore', '*.log\n');
  await put('work/.git', `gitdir: ${named}\n`);
  expect(await heldIn('work')).toEqual(['.gitignore', 'a.txt']);
});

test('a workspace inside a repository: the rules further up and .git/info/exclude hold, as git decides', async () => {
  await put('.gitignore', '*.log\n/packages/app/build/\ncache/\n!/packages/app/keep.log\n/out\nsrc/*.gen.ts\n');
  await put('packages/.gitignore', 'local\n!important.log\n/app/anchored.txt\n/other/x\n');
  await put('packages/app/.gitignore', '!own.log\n*.tmp\n');
  await put('.git/info/exclude', '*.secret\n/packages/app/private\n*.tmp\n!kept.tmp\nshadow.log\n');
  const names = ['a.log', 'keep.log', 'important.log', 'own.log', 'build/x', 'sub/build/x', 'cache/x', 'sub/cache/x'];
  const more = ['local', 'sub/local', 'anchored.txt', 'sub/anchored.txt', 'out', 'out/x', 'src/a.gen.ts', 'src/a.ts'];
  const excluded = ['a.secret', 'private/x', 'sub/private/x', 'kept.tmp', 'x.tmp', 'shadow.log', 'packages/app/p'];
  const paths = [...names, ...more.filter((name) => name !== 'out'), ...excluded].map((name) => `packages/app/${name}`);
  await putAll(paths);
  const held = await heldIn('packages/app');
  expect(held).toEqual(await seenByGit('packages/app'));
  // The same by the command that asks for single paths.
  const asked = paths.map((path) => path.slice('packages/app/'.length));
  const ignored = await run('git', ['-C', join(repository, 'packages/app'), 'check-ignore', ...asked]);
  expect(held).toEqual(expect.arrayContaining(['keep.log', 'important.log', 'own.log', 'src/a.ts', '.gitignore']));
  expect(new Set([...held, ...ignored.stdout.trim().split('\n')])).toEqual(new Set(['.gitignore', ...asked]));
  const status = await git('status', '--porcelain', '-uall', 'packages/app');
  expect(status.trim().split('\n').sort()).toEqual(held.map((path) => `?? packages/app/${path}`).sort());
});

test('the root of a repository has its .git/info/exclude, under its .gitignore', async () => {
  await put('.git/info/exclude', 'mine/\n*.bak\n!x.log\n');
  await put('.gitignore', '!keep.bak\nx.log\n');
  await putAll(['mine/x', 'a.bak', 'keep.bak', 'x.log', 'sub/mine/x', 'sub/b.bak', 'a.txt']);
  expect(await heldIn('')).toEqual(await seenByGit(''));
  expect(await heldIn('', 1)).toEqual(['.gitignore', 'a.txt', 'keep.bak']);
});

test('the rules are those of the first snapshot, and restore has them too', async () => {
  await put('.gitignore', '/app/local\n');
  await putAll(['app/a.txt', 'app/local']);
  expect(await heldIn('app')).toEqual(['a.txt']);
  await put('.gitignore', '*\n');
  await put('.git/info/exclude', '*\n');
  await put('app/new.txt');
  expect(await heldIn('app', 1)).toEqual(['a.txt', 'new.txt']);
  const workspace = join(repository, 'app');
  const files = snapshotFiles(workspace, MISSION);
  const to = await files.read(0);
  if (to === null) throw new Error('there is no snapshot');
  const plan = await planRestore(placeAt(workspace), to, never);
  expect(plan.changes.map(({ path, what }) => `${path} ${what}`)).toEqual(['new.txt removed']);
  expect(await restore(placeAt(workspace), plan, files.objects, never)).toEqual([]);
  expect(await readFile(join(workspace, 'local'), 'utf8')).toBe('app/local\n');
});

test('a repository that ignores the workspace itself has no say in it', async () => {
  await put('.gitignore', '/work*/\n*.log\n');
  await put('.git/info/exclude', '*.txt\n');
  await putAll(['workspaces/one/a.txt', 'workspaces/one/a.log', 'workspaces/one/b.tmp']);
  await put('workspaces/one/.gitignore', '*.tmp\n');
  expect(await heldIn('workspaces/one')).toEqual(['.gitignore', 'a.log', 'a.txt']);
});

test('a repository in a repository ends the way up', async () => {
  await put('.gitignore', '*.log\n');
  await run('git', ['init', '-q', join(repository, 'inner')]);
  await putAll(['inner/a.log', 'inner/deep/b.log']);
  expect(await heldIn('inner/deep')).toEqual(['b.log']);
  expect(await heldIn('inner')).toEqual(await seenByGit('inner'));
});

test('in a work tree, what the repository excludes is excluded', async () => {
  await put('a.txt');
  await git('add', '.');
  await git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'first');
  await put('.git/info/exclude', '*.secret\n');
  await git('worktree', 'add', '-q', join(repository, '../', `${repository.split('/').at(-1)}-tree`));
  const tree = `${repository}-tree`;
  try {
    const main = repository;
    repository = tree;
    await putAll(['b.secret', 'b.txt']);
    expect(await heldIn('')).toEqual(await seenByGit(''));
    expect(await heldIn('', 1)).toEqual(['a.txt', 'b.txt']);
    repository = main;
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
});

test('a workspace below WORKSPACE_ROOT has nothing of the repository around it', async () => {
  await put('.gitignore', 'dist/\n');
  await putAll(['workspaces/m/dist/x', 'workspaces/m/a.txt']);
  const place = {
    base: join(repository, 'workspaces'),
    workspace: join(repository, 'workspaces/m'),
    holdsState: false,
  };
  await takeSnapshot(place, { ...SNAPSHOT, wave: 0 }, never);
  const manifest = await snapshotFiles(place.base, MISSION).read(0);
  expect(manifest?.entries.map(({ path }) => path)).toEqual(['a.txt', 'dist', 'dist/x']);
});

test('what is no file of patterns is none: a link, a pipe, a directory', async () => {
  await put('patterns', '*\n');
  await symlink('../patterns', join(repository, '.git/linked'));
  await symlink('patterns', join(repository, '.gitignore'));
  await mkdir(join(repository, 'app'));
  await run('mkfifo', [join(repository, 'app/.gitignore')]);
  await put('app/sub/a.txt');
  expect(await heldIn('app/sub')).toEqual(['a.txt']);
});
