import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { STATE_DIRECTORY } from '../tools/places.js';
import { codeOf } from '../tools/system-errors.js';

const KEY_BYTES = 48;

/**
 * The directory with the key that missions encrypt secrets with, /keys in the sandbox. It lies on the workspaces'
 * volume, so that every worker has the same one, but outside every workspace. Made when it is not there.
 */
export async function keysDirectory(workspaceRoot: string): Promise<string> {
  // The state directory is closed to other users. Below it the sandbox's account must be able to read.
  await mkdir(join(workspaceRoot, STATE_DIRECTORY), { recursive: true, mode: 0o700 });
  const directory = join(workspaceRoot, STATE_DIRECTORY, 'keys');
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o755);
  const path = join(directory, 'secrets.key');
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  const file = await open(draft, 'wx', 0o644);
  try {
    await file.writeFile(`${randomBytes(KEY_BYTES).toString('base64')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  // link() fails when the key is there already; an existing key is never replaced, it would make secrets unreadable.
  await link(draft, path).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  await rm(draft);
  await chmod(path, 0o444);
  return directory;
}
