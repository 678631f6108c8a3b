/** Directories from --workspace in which tasks of this root's workers have run: outputs are looked for there, too. */
import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { linkNew } from './link-new.js';
import { STATE_DIRECTORY } from './places.js';
import { absent } from './system-errors.js';

const listOf = (root: string): string => join(root, STATE_DIRECTORY, 'directories');

/** @param directory absolute, without links */
export async function noteDirectory(root: string, directory: string): Promise<void> {
  await mkdir(listOf(root), { recursive: true, mode: 0o700 });
  const name = createHash('sha256').update(directory).digest('hex').slice(0, 32);
  await linkNew(join(listOf(root), name), directory);
}

export async function notedDirectories(root: string): Promise<readonly string[]> {
  const names = ((await readdir(listOf(root)).catch(absent)) ?? []).filter((name) => /^[0-9a-f]{32}$/.test(name));
  const read = names.map((name) => readFile(join(listOf(root), name), 'utf8').catch(absent));
  return (await Promise.all(read)).filter((directory) => directory !== null);
}

/** Forgets those that are not there any more. */
export async function forgetDirectories(root: string): Promise<void> {
  for (const name of (await readdir(listOf(root)).catch(absent)) ?? []) {
    const directory = await readFile(join(listOf(root), name), 'utf8').catch(absent);
    if (directory === null || (await lstat(directory).catch(() => null)) !== null) continue;
    await rm(join(listOf(root), name), { force: true });
  }
}
