import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTarget } from '../../src/tools/artifacts/write.js';

const never = new AbortController().signal;
const digest = createHash('sha256').update('content').digest('hex');
async function* content(...parts: string[]) {
  for (const part of parts) yield Buffer.from(part);
}

let base: string;
let outside: string;
beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'ravenhelm-copies-')));
  outside = await realpath(await mkdtemp(join(tmpdir(), 'ravenhelm-outside-')));
});
afterEach(async () => {
  for (const directory of [base, outside]) await rm(directory, { recursive: true, force: true });
});
const target = () => createTarget(join(base, 'out'));

test('a file appears whole, in directories that are made for it, and is found again', async () => {
  const parts = ['task', 'a', 'b.txt'];
  expect(await target().present(parts, digest, never)).toBe('nothing');
  expect(await target().write(parts, content('con', 'tent'), { bytes: 7, digest })).toBe(true);
  expect(await readFile(join(base, 'out/task/a/b.txt'), 'utf8')).toBe('content');
  expect(await readdir(join(base, 'out/task/a'))).toEqual(['b.txt']);
  expect(await target().present(parts, digest, never)).toBe('same');
  await writeFile(join(base, 'out/task/a/b.txt'), 'other');
  expect(await target().present(parts, digest, never)).toBe('other');
});

test('a content with another digest, or one that breaks off, changes nothing', async () => {
  await target().write(['a'], content('content'), { bytes: 7, digest });
  expect(await target().write(['a'], content('wrong'), { bytes: 7, digest })).toBe(false);
  async function* broken() {
    yield Buffer.from('con');
    throw new Error('broken');
  }
  await expect(target().write(['a'], broken(), { bytes: 7, digest })).rejects.toThrow('broken');
  expect(await readFile(join(base, 'out/a'), 'utf8')).toBe('content');
  expect(await readdir(join(base, 'out'))).toEqual(['a']);
});

test('nothing is written outside of the directory, and no link in it is followed', async () => {
  for (const parts of [['..', 'x'], ['a', '..', '..', 'x'], ['/x'], [''], ['.'], ['a', 'b/c'], ['a\0'], []]) {
    await expect(target().write(parts, content('content'), { bytes: 7, digest })).rejects.toThrow(
      'leads out of the directory',
    );
    await expect(target().present(parts, digest, never)).rejects.toThrow('leads out of the directory');
  }
  await mkdir(join(base, 'out'));
  await symlink(outside, join(base, 'out/linked'));
  await expect(target().write(['linked', 'x'], content('content'), { bytes: 7, digest })).rejects.toThrow(
    'linked is there, and is no directory',
  );
  await writeFile(join(outside, 'victim'), 'mine');
  await symlink(join(outside, 'victim'), join(base, 'out/file'));
  await expect(target().present(['file'], digest, never)).rejects.toThrow('file is there, and is no file');
  // Where a link comes between the look and the write, it is replaced, not followed.
  expect(await target().write(['file'], content('content'), { bytes: 7, digest })).toBe(true);
  expect(await readFile(join(outside, 'victim'), 'utf8')).toBe('mine');
  expect((await lstat(join(base, 'out/file'))).isFile()).toBe(true);
  expect(await readdir(outside)).toEqual(['victim']);
});

test('a directory in the place of the file, and a file in the place of a directory, are named', async () => {
  await mkdir(join(base, 'out/a'), { recursive: true });
  await expect(target().present(['a'], digest, never)).rejects.toThrow('a is there, and is no file');
  await writeFile(join(base, 'out/b'), '');
  await expect(target().present(['b', 'c'], digest, never)).rejects.toThrow('b is there, and is no directory');
});

test('of a content that is longer than it may be no more is read, and nothing is written', async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(1_000);
  }
  expect(await target().write(['endless'], endless(), { bytes: 7, digest })).toBe(false);
  expect(await readdir(join(base, 'out'))).toEqual([]);
});
