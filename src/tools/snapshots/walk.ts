/**
 * Calls back for everything in a workspace. Names are looked at by synchronous calls, of which 50,000 take 0.3 s of
 * processor time (by promises 1.2 s); after each slice of them the process does what else it has to do.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { hasRights, RIGHTS, type Account } from '../account.js';
import { openInside } from '../jail.js';
import { isGone, MOST_DEPTH, openReadable, type ListedEntry } from '../listing.js';
import { codeOf, ReadFailed, reading, readingNow, UNREADABLE } from '../system-errors.js';

export interface WalkOptions {
  /** The workspace, absolute. */
  readonly root: string;
  /** A name in the root that is left out. */
  readonly hidden: string | null;
  readonly signal: AbortSignal;
  /** Hears of each entry but those of onSame, in no order. The stats are those of its digest. */
  onEntry(entry: ListedEntry, stats: BigIntStats): void;
  /** Before what is in a directory is looked at; '' is the workspace. @param place where it can be opened */
  onDirectory(path: string, place: string): void;
  /** Whether it is left out, with what is below it. */
  isSkipped(path: string, isDirectory: boolean, size: bigint): boolean;
  /** Whether a file has not changed since it was read: then it is not opened, and onEntry does not hear of it. */
  isSame(path: string, mode: number, stats: BigIntStats): boolean;
  /** Reads a file; resolves with the digest of what it has read, or null where it is left out. */
  read(path: string, file: FileHandle): Promise<{ readonly digest: string; readonly stats: BigIntStats } | null>;
  /** The target of a link; resolves with its digest. */
  readTarget(path: string, target: Buffer): Promise<string>;
  /** A file or directory that cannot be read, or not even looked at: then there is no entry of it. */
  onUnreadable(path: string): void;
  /** A name that is no UTF-8: what it names is not looked at. */
  onNoText(path: string): void;
  /** A directory that is not looked into. */
  onTooDeep(path: string): void;
}

interface Walk extends WalkOptions {
  /** Of names that were looked at. */
  count: number;
  /**
   * As root, the owner of the workspace: what agents may not read is not kept either, because files that are restored
   * become theirs. null: what this process may not read cannot be opened.
   */
  readonly owner: Account | null;
}

interface Seen {
  readonly place: string;
  readonly path: string;
  readonly type: ListedEntry['type'];
  /** Permission bits. */
  readonly mode: number;
  readonly stats: BigIntStats;
}

/** So many files are read side by side: Node's pool has a few threads for them. */
const SIDE_BY_SIDE = 32;
/** Names that are looked at in one slice: some 3 ms. */
const SLICE = 256;

/** Rejects with the file system's errors, and the signal's reason. */
export async function walkWorkspace(options: WalkOptions): Promise<void> {
  const root = await openInside(options.root, [], options.hidden);
  try {
    const owner = process.getuid?.() === 0 ? await root.stat() : null;
    await walkDirectory({ ...options, count: 0, owner }, `/proc/self/fd/${root.fd}`, '', 0);
  } finally {
    await root.close();
  }
}

async function walkDirectory(walk: Walk, place: string, path: string, depth: number): Promise<void> {
  walk.onDirectory(path, place);
  const directories: Seen[] = [];
  const files: Seen[] = [];
  // All have ended when one fails: what was kept of the others is counted.
  const read = async () => {
    const reads = files.splice(0).map((file) => walkFile(walk, file, depth).catch(unlessGone(walk, file)));
    for (const end of await Promise.allSettled(reads)) if (end.status === 'rejected') throw end.reason;
  };
  for (const name of namesIn(walk, place, path)) {
    walk.count += 1;
    if (walk.count % SLICE === 0) await nextSlice(walk);
    const seen = look(walk, place, path, name);
    if (seen === null) continue;
    if (seen.type === 'directory') directories.push(seen);
    else if (seen.type !== 'file' || !walk.isSame(seen.path, seen.mode, seen.stats)) files.push(seen);
    if (files.length === SIDE_BY_SIDE) await read();
  }
  await read();
  // One after the other, so that few are open.
  for (const directory of directories) await enter(walk, directory, depth);
}

async function nextSlice({ signal }: Walk): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}

/** Names in order. Node makes text of the others that names no file. */
function namesIn(walk: Walk, place: string, path: string): readonly string[] {
  try {
    const names = readdirSync(place);
    return (names.some((name) => name.includes('\ufffd')) ? textNames(walk, place, path) : names).sort();
  } catch (error) {
    if (path === '' || !UNREADABLE.includes(codeOf(error))) throw error;
    walk.onUnreadable(path);
    return [];
  }
}

function textNames(walk: Walk, place: string, path: string): string[] {
  return readdirSync(place, { encoding: 'buffer' }).flatMap((name) => {
    const text = name.toString('utf8');
    if (Buffer.from(text, 'utf8').equals(name)) return [text];
    walk.onNoText(below(path, text));
    return [];
  });
}

const below = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`);

/** Null: it was removed meanwhile, or is left out. */
function look(walk: Walk, directory: string, path: string, name: string): Seen | null {
  if (path === '' && name === walk.hidden) return null;
  const seen = seenAt(walk, `${directory}/${name}`, below(path, name));
  return seen === null || walk.isSkipped(seen.path, seen.type === 'directory', sizeOf(seen)) ? null : seen;
}

const sizeOf = ({ type, stats }: Seen): bigint => (type === 'file' ? stats.size : 0n);

function seenAt(walk: Walk, place: string, path: string): Seen | null {
  try {
    const stats = lstatSync(place, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? null : { place, path, ...kindOf(stats), stats };
  } catch (error) {
    if (isGone(error)) return null;
    if (!UNREADABLE.includes(codeOf(error))) throw error;
    walk.onUnreadable(path);
    return null;
  }
}

const TYPES: ReadonlyMap<number, ListedEntry['type']> = new Map([
  [constants.S_IFREG, 'file'],
  [constants.S_IFDIR, 'directory'],
  [constants.S_IFLNK, 'link'],
]);

/** One conversion of the mode: isFile() and the like of such stats count with large numbers. */
function kindOf({ mode }: BigIntStats): Pick<Seen, 'type' | 'mode'> {
  const bits = Number(mode);
  const type = TYPES.get(bits & constants.S_IFMT) ?? 'other';
  return { type, mode: type === 'link' ? 0 : bits & 0o7777 };
}

/** Removed meanwhile: then it is not there. Opened, but not readable: as what cannot be opened. */
const unlessGone =
  (walk: Walk, seen: Seen) =>
  (error: unknown): void => {
    if (isGone(error)) return;
    if (!(error instanceof ReadFailed)) throw error;
    addUnreadable(walk, seen);
  };

/** Its mode is all that is known. */
function addUnreadable(walk: Walk, { path, type, mode, stats }: Seen): void {
  walk.onUnreadable(path);
  walk.onEntry({ path, type, mode, digest: null }, stats);
}

/** Agents can open again what they own. Root owns the workspace: then no agent has used it. */
const mayOpen = ({ owner }: Walk, stats: BigIntStats, rights: number): boolean =>
  owner === null || owner.uid === 0 || Number(stats.uid) === owner.uid || hasRights(stats, owner, rights);

async function walkFile(walk: Walk, seen: Seen, depth: number): Promise<void> {
  const { place, path, type, mode, stats } = seen;
  if (type === 'link') {
    const digest = await walk.readTarget(
      path,
      readingNow(() => readlinkSync(place, { encoding: 'buffer' })),
    );
    return walk.onEntry({ path, type, mode, digest }, stats);
  }
  if (type === 'other') return walk.onEntry({ path, type, mode, digest: null }, stats);
  const opened = await openReadable(place, UNREADABLE);
  if (opened === null) return addUnreadable(walk, seen);
  try {
    // It may be another one than the one that was looked at.
    const now = await reading(opened.stat({ bigint: true }));
    const kind = kindOf(now);
    if (kind.type === 'directory') return await enter(walk, { ...seen, ...kind, stats: now }, depth);
    if (kind.type !== 'file') return walk.onEntry({ path, ...kind, digest: null }, now);
    if (!mayOpen(walk, now, RIGHTS.read)) return addUnreadable(walk, { ...seen, ...kind, stats: now });
    const content = await walk.read(path, opened);
    if (content !== null)
      walk.onEntry({ path, type: 'file', mode: kindOf(content.stats).mode, digest: content.digest }, content.stats);
  } finally {
    await opened.close();
  }
}

async function enter(walk: Walk, seen: Seen, depth: number): Promise<void> {
  const directory = openDirectory(seen);
  if (directory === 'unreadable') return addUnreadable(walk, seen);
  if (directory === 'gone') {
    const now = seenAt(walk, seen.place, seen.path);
    if (now !== null && now.type !== 'directory') await walkFile(walk, now, depth).catch(unlessGone(walk, now));
    return;
  }
  try {
    const stats = fstatSync(directory, { bigint: true });
    if (!mayOpen(walk, stats, RIGHTS.list)) return addUnreadable(walk, { ...seen, ...kindOf(stats), stats });
    walk.onEntry({ path: seen.path, ...kindOf(stats), digest: null }, stats);
    if (depth === MOST_DEPTH) walk.onTooDeep(seen.path);
    else await walkDirectory(walk, `/proc/self/fd/${directory}`, seen.path, depth + 1);
  } finally {
    closeSync(directory);
  }
}

/** Gone: something else may be in its place. */
function openDirectory({ place }: Seen): number | 'unreadable' | 'gone' {
  try {
    return openSync(place, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (UNREADABLE.includes(codeOf(error))) return 'unreadable';
    if (isGone(error)) return 'gone';
    throw error;
  }
}
