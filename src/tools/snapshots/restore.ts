/** Makes a workspace what a snapshot says. What the snapshot does not have, such as ignored files, stays as it is. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, lchown, lstat, mkdir, open, rename, rmdir, symlink, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { CallRefused } from '../errors.js';
import { openInside } from '../jail.js';
import type { ListingDifference } from '../listing.js';
import { STATE_DIRECTORY } from '../places.js';
import { codeOf, reasonOf } from '../system-errors.js';
import { differencesOf, distinctLeftOut, selfAndParents } from './manifest.js';
import type { LeftOut, Manifest, SnapshotEntry } from './manifest.js';
import { lookNow, type WorkspacePlace } from './now.js';
import type { ObjectStore } from './object-store.js';

export interface RestorePlan {
  /** What is to be written or removed; in order of the paths. */
  readonly changes: readonly ListingDifference[];
  /** What the snapshot does not hold: it stays as it is. */
  readonly leftOut: readonly LeftOut[];
  /** What cannot be read now, and is written back: what else is in a directory among them is not known yet. */
  readonly unseen: readonly string[];
}

export interface NotRestored {
  readonly path: string;
  readonly why: string;
}

/** Compares the workspace with the snapshot; changes nothing. */
export async function planRestore(place: WorkspacePlace, to: Manifest, signal: AbortSignal): Promise<RestorePlan> {
  const now = await lookNow(place, to, signal);
  // What the snapshot holds is written back, whatever has taken its place.
  const held = new Set(to.entries.flatMap(({ path }) => selfAndParents(path)));
  const inTheWay = now.leftOut.filter(({ path }) => held.has(path));
  const tooLarge = inTheWay.filter(({ why }) => why === 'too large');
  const entries = [...now.entries, ...tooLarge.map(({ path }) => ({ ...UNREAD_FILE, path }))];
  const leftOut = now.leftOut.filter(({ path }) => !held.has(path));
  return {
    changes: differencesOf({ entries, leftOut }, to),
    leftOut: distinctLeftOut([...to.leftOut, ...leftOut]),
    unseen: inTheWay.flatMap(({ path, why }) => (why === 'not readable' ? [path] : [])),
  };
}

const NO_MARK = { size: '0', mtimeNs: '0', ctimeNs: '0', inode: '0' };
const UNREAD_FILE = { type: 'file', mode: 0, digest: null, mark: NO_MARK } as const;

/**
 * Carries a plan out. Resolves with what could not be restored. May be called again after a failure, with a new plan.
 * No mission may run in the workspace.
 */
export async function restore(
  place: WorkspacePlace,
  { changes }: RestorePlan,
  objects: ObjectStore,
  signal: AbortSignal,
): Promise<readonly NotRestored[]> {
  const failed: NotRestored[] = [];
  const owner = await ownerOf(place.workspace);
  const attempt = async (path: string, work: (parent: string, name: string) => Promise<void>): Promise<void> => {
    if (signal.aborted) return void failed.push({ path, why: STOPPED });
    try {
      await inParent(place, path, work);
    } catch (error) {
      failed.push({ path, why: whyNot(error) });
    }
  };
  // What is in the way goes first, the deepest before what it lies in.
  for (const { path, what, now: wanted } of changes.toReversed())
    if (wanted === null || what.includes(' replaced by ')) await attempt(path, removeEntry);
  for (const { path, now: wanted } of changes)
    if (wanted !== null) await attempt(path, (parent, name) => write(parent, name, wanted, objects, owner));
  // Rights of directories last: without them nothing could be written into them.
  for (const { path, now: wanted } of changes.toReversed())
    if (wanted?.type === 'directory')
      await attempt(path, (parent, name) => setRights(`${parent}/${name}`, () => wanted.mode));
  return firstReasons(failed);
}

const STOPPED = 'the restore was stopped before it';

/** A path may have failed in several steps. */
const firstReasons = (failed: readonly NotRestored[]): readonly NotRestored[] =>
  [...new Map(failed.toReversed().map((each) => [each.path, each])).values()].reverse();

/**
 * Those of a plan whose contents are not what was kept: a computer that lost power may have lost them, or something has
 * changed them. Reads all that would be written.
 */
export async function damagedIn(
  { changes }: Pick<RestorePlan, 'changes'>,
  objects: ObjectStore,
  signal: AbortSignal,
): Promise<readonly NotRestored[]> {
  const damaged: NotRestored[] = [];
  for (const { path, now } of changes) {
    if (now === null || (now.type !== 'file' && now.type !== 'link')) continue;
    signal.throwIfAborted();
    try {
      for await (const _ of objects.read(now.digest ?? '')) signal.throwIfAborted();
    } catch (error) {
      if (signal.aborted) throw error;
      damaged.push({ path, why: whyNot(error) });
    }
  }
  return damaged;
}

/** Throws what is no answer of the file system. */
function whyNot(error: unknown): string {
  if (error instanceof CallRefused) return error.message;
  if (codeOf(error) === '') throw error;
  return codeOf(error) === 'ENOTEMPTY' ? 'files that snapshots leave out are in it' : reasonOf(error);
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** As root, files are the workspace owner's, as those that agents make; others cannot give files away. */
async function ownerOf(workspace: string): Promise<Owner | null> {
  if (process.getuid?.() !== 0) return null;
  const { uid, gid } = await lstat(workspace);
  return { uid, gid };
}

/** The parent is opened name by name: no link is followed, neither out of the workspace nor to another place in it. */
async function inParent(
  { workspace, holdsState }: WorkspacePlace,
  path: string,
  work: (parent: string, name: string) => Promise<void>,
): Promise<void> {
  const parts = path.split('/');
  const parent = await openInside(workspace, parts.slice(0, -1), holdsState ? STATE_DIRECTORY : null, 0);
  const name = parts.at(-1) ?? '';
  try {
    await work(`/proc/self/fd/${parent.fd}`, name).catch(async (error: unknown) => {
      if (codeOf(error) !== 'EACCES') throw error;
      await whileWritable(parent, () => work(`/proc/self/fd/${parent.fd}`, name));
    });
  } finally {
    await parent.close();
  }
}

/** Agents may take rights from their own directories; this user may own them. */
async function whileWritable(directory: FileHandle, work: () => Promise<void>): Promise<void> {
  const { mode } = await directory.stat();
  await directory.chmod((mode & 0o7777) | 0o700);
  try {
    await work();
  } finally {
    await directory.chmod(mode & 0o7777);
  }
}

async function removeEntry(parent: string, name: string): Promise<void> {
  const place = `${parent}/${name}`;
  const stats = await lstat(place);
  if (stats.isDirectory()) await rmdir(place);
  else await unlink(place);
}

async function write(
  parent: string,
  name: string,
  wanted: ListingDifference['now'] & object,
  objects: ObjectStore,
  owner: Owner | null,
): Promise<void> {
  const place = `${parent}/${name}`;
  switch (wanted.type) {
    case 'directory':
      return makeDirectory(place, owner);
    case 'file':
      return writeFile(parent, name, wanted, objects, owner);
    case 'link': {
      const target = await objects.readWhole(wanted.digest ?? '');
      await unlink(place).catch(ignoreMissing);
      await symlink(target, place);
      if (owner !== null) await lchown(place, owner.uid, owner.gid);
      return;
    }
    case 'other':
      return; // it has been left out
  }
}

function ignoreMissing(error: unknown): void {
  if (codeOf(error) !== 'ENOENT') throw error;
}

/** It may be there, with other rights: with too few nothing could be written into it. */
async function makeDirectory(place: string, owner: Owner | null): Promise<void> {
  try {
    await mkdir(place, { mode: 0o700 });
    if (owner !== null) await lchown(place, owner.uid, owner.gid);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    await setRights(place, (mode) => mode | 0o700);
  }
}

/** Names a file without opening it, so that no rights are needed; Node has no name for the flag. */
const O_PATH = 0o10000000;

/** Of a directory, and not of what a link in its place leads to. */
async function setRights(place: string, rightsFrom: (mode: number) => number): Promise<void> {
  const directory = await open(place, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const { mode } = await directory.stat();
    const [old, wanted] = [mode & 0o7777, rightsFrom(mode & 0o7777)];
    if (wanted !== old) await chmod(`/proc/self/fd/${directory.fd}`, wanted);
  } finally {
    await directory.close();
  }
}

/** It appears whole: a crash leaves the old file, or the new one. */
async function writeFile(
  parent: string,
  name: string,
  { digest, mode }: Pick<SnapshotEntry, 'digest' | 'mode'>,
  objects: ObjectStore,
  owner: Owner | null,
): Promise<void> {
  const draft = `${parent}/.restore-${randomUUID()}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    for await (const part of objects.read(digest ?? '')) await file.writeFile(part);
    if (owner !== null) await file.chown(owner.uid, owner.gid);
    await file.chmod(mode);
    await rename(draft, `${parent}/${name}`);
  } catch (error) {
    await unlink(draft).catch(ignoreMissing);
    throw error;
  } finally {
    await file.close();
  }
}
