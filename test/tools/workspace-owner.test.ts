import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreignFiles, workspaceProblem } from '../../src/tools/workspace-owner.js';
import { placeForUser, runAsUser, USER } from './as-user.js';
import { removeTemporaryDirectories } from './harness.js';

const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? test : test.skip;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ravenhelm-owner-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));
afterAll(removeTemporaryDirectories);

test('a directory that is there, or can be made, has no problem', async () => {
  expect(await workspaceProblem(directory, false)).toBeNull();
  expect(await workspaceProblem(join(directory, 'new/deep'), false)).toBeNull();
  expect(await workspaceProblem(join(directory, 'new'), true)).toBeNull();
});

test('a file, and a path below one, are none', async () => {
  await writeFile(join(directory, 'file'), '');
  expect(await workspaceProblem(join(directory, 'file'), false)).toMatch(/is not a directory\. Give another one/);
  expect(await workspaceProblem(join(directory, 'file/x'), false)).toMatch(/cannot be used .*Give another one/);
});

test('a read-only file system is named as one', async () => {
  // Linux has one everywhere that no user can write.
  expect(await workspaceProblem('/proc/sys/kernel', false)).toMatch(/\/proc\/sys\/kernel cannot be used .*\. \S/);
});

asRoot(
  'a directory of root with files in it is refused where commands run as its owner, with the command',
  async () => {
    await writeFile(join(directory, 'mine'), '');
    expect(await workspaceProblem(directory, true)).toMatch(/belongs to root and is not empty; .*chown -R 61337:61337/);
    await chown(directory, USER, USER);
    expect(await workspaceProblem(directory, true)).toBeNull();
  },
);

test('files that others own are named, links and what all may write are not', async () => {
  await writeFile(join(directory, 'own'), '');
  expect(await foreignFiles(directory, true)).toEqual([]);
  if (!isRoot) return;
  for (const name of ['theirs', 'open']) {
    await writeFile(join(directory, name), '');
    await chown(join(directory, name), USER, USER);
  }
  await chmod(join(directory, 'open'), 0o666);
  await symlink('/etc/passwd', join(directory, 'link'));
  await mkdir(join(directory, '.ravenhelm'));
  expect(await foreignFiles(directory, true)).toEqual(['theirs']);
  await chown(directory, USER, USER);
  expect(await foreignFiles(directory, true)).toEqual(['own']);
  expect(await foreignFiles(directory, false)).toEqual(['theirs']);
});

asRoot('another user learns whose the directory is, whose its state is, and what to do', async () => {
  const place = placeForUser();
  const theirs = join(place.root, 'theirs');
  const state = join(place.root, 'state');
  await mkdir(theirs, { mode: 0o755 });
  await mkdir(join(state, '.ravenhelm'), { recursive: true, mode: 0o700 });
  for (const name of ['runs', 'snapshots']) {
    await mkdir(join(place.root, name, '.ravenhelm', name), { recursive: true });
    for (const path of ['', '.ravenhelm']) await chown(join(place.root, name, path), USER, USER);
  }
  await mkdir(join(place.root, 'locked'), { mode: 0o500 });
  await chown(state, USER, USER);
  await chown(join(place.root, 'locked'), USER, USER);
  const script = `
    const { workspaceProblem } = await import(${JSON.stringify(join(place.directory, 'src/tools/workspace-owner.js'))});
    const problems = [];
    for (const path of ['theirs', 'theirs/new', 'state', 'runs', 'snapshots', 'locked', 'fine'])
      problems.push(await workspaceProblem(${JSON.stringify(place.root)} + '/' + path, false));
    console.log(JSON.stringify(problems));`;
  const [own, made, ofState, runs, snapshots, locked, fine] = JSON.parse(await runAsUser(place, script));
  expect(own).toContain(`${theirs} cannot be used (`);
  expect(own).toContain(
    `It belongs to the user 0, and this process is user ${USER}: start it as that user, or chown -R`,
  );
  expect(made).toContain(`cannot be made in ${theirs} (`);
  expect(ofState).toContain(`state of earlier missions, ${state}/.ravenhelm, cannot be used (`);
  expect(runs).toContain(`state of earlier missions, ${place.root}/runs/.ravenhelm/runs, cannot be used (`);
  expect(snapshots).toContain(`chown -R ${USER} ${place.root}/snapshots/.ravenhelm/snapshots`);
  expect(locked).toContain(`Give yourself the rights: chmod u+rwx ${place.root}/locked`);
  expect(fine).toBeNull();
});
