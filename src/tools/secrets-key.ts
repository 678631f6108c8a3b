/** The key that a workspace's secrets are encrypted with: its directory, which is /keys in the sandbox. */
import { createHash, randomBytes } from 'node:crypto';
import { chown, lstat, mkdir, mkdtemp, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isOutOfSpace } from '../domain/system-error.js';
import { WorkspaceUnusable } from '../ports/tools.js';
import type { Account } from './account.js';
import { linkNew } from './link-new.js';
import { absent, codeOf, reasonOf } from './system-errors.js';

const KEY_FILE = 'secrets.key';
const KEY_BYTES = 48;
const KEY = /^[A-Za-z0-9+/]{64}\n$/;
const ID = /^[0-9a-f]{32}$/;

export interface KeyPlace {
  /** The key's directory; absolute, outside the workspace. */
  readonly directory: string;
  /**
   * File that keeps the key's id with the workspace, so that a worker with another WORKSPACE_ROOT does not make a
   * second key; null: the key lies on the same volume as the workspace.
   */
  readonly idFile: string | null;
  /** Who reads the key; null: the worker's user. */
  readonly account: Account | null;
}

/**
 * Resolves with the key's directory, or null if there is no key and none is to be made. Any number of processes may do
 * this at once: they get one key. Rejects with WorkspaceUnusable for a key that cannot be used or was lost.
 */
export async function secretsKey(place: KeyPlace, isMade: boolean): Promise<string | null> {
  const { directory, idFile, account } = place;
  try {
    const expected = idFile === null ? null : await readId(idFile);
    if (isMade && expected === null) await makeKey(place);
    const key = await readFile(join(directory, KEY_FILE), 'utf8').catch(absent);
    if (key === null && expected === null && !isMade) return null;
    if (key === null ? expected === null : !KEY.test(key))
      throw new WorkspaceUnusable(`${join(directory, KEY_FILE)} is damaged. ${RESTORE}`);
    if (idFile !== null && idOf(key) !== (expected ?? (await keepId(idFile, key)))) throw lost(directory, idFile);
    if (account !== null) await giveTo(account, directory);
    return directory;
  } catch (error) {
    if (error instanceof WorkspaceUnusable || isOutOfSpace(codeOf(error))) throw error;
    throw new WorkspaceUnusable(
      `The key of the workspace cannot be used (${directory}: ${reasonOf(error)}). Give it to this worker's user.`,
      { cause: error },
    );
  }
}

const RESTORE = 'Restore it from a backup, or remove its directory: what was encrypted with it is lost then.';

const lost = (directory: string, idFile: string): WorkspaceUnusable =>
  new WorkspaceUnusable(
    `The key of this workspace is not in ${directory}. ` +
      'It was made by a worker with another WORKSPACE_ROOT, or removed. ' +
      'Give all workers the same WORKSPACE_ROOT, or restore the key. ' +
      `To encrypt with a new key from now on, remove ${idFile}.`,
  );

/**
 * The directory appears by rename, with its key in it and on the disk: no process reads part of a key. A directory with
 * a key is never replaced.
 */
async function makeKey({ directory, account }: KeyPlace): Promise<void> {
  if ((await lstat(join(directory, KEY_FILE)).catch(absent)) !== null) return;
  const all = dirname(directory);
  await mkdir(all, { recursive: true, mode: 0o700 });
  const draft = await mkdtemp(join(all, '.draft-'));
  try {
    const file = await open(join(draft, KEY_FILE), 'wx', 0o600);
    try {
      await file.writeFile(`${randomBytes(KEY_BYTES).toString('base64')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    if (account !== null) await giveTo(account, draft);
    await syncDirectory(draft);
    await rename(draft, directory).catch((error: unknown) => {
      if (!['EEXIST', 'ENOTEMPTY'].includes(codeOf(error))) throw error; // another process was first
    });
    await syncDirectory(all);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The owner of a given workspace may have changed since the key was made. */
async function giveTo({ uid, gid }: Account, directory: string): Promise<void> {
  for (const path of [directory, join(directory, KEY_FILE)])
    if ((await lstat(path)).uid !== uid) await chown(path, uid, gid);
}

/** Says which key it is and nothing about it: secrets are encrypted with the plain digest of the file. */
function idOf(key: string | null): string | null {
  return key === null ? null : createHash('sha256').update(`id of ${key}`).digest('hex').slice(0, 32);
}

async function readId(file: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch(absent);
  if (text === null) return null;
  if (ID.test(text.trim())) return text.trim();
  throw new WorkspaceUnusable(`${file} does not contain the id of a key. Remove it: the key's id is kept again.`);
}

/** Resolves with the id that counts: another process may have kept another one before. */
async function keepId(idFile: string, key: string | null): Promise<string | null> {
  const id = idOf(key);
  if (id !== null) await linkNew(idFile, `${id}\n`);
  return readId(idFile);
}
