/**
 * What is below a path of the workspace, with a digest of each file: the one place that tells whether files have
 * changed. Nothing is followed out of the workspace (jail.ts), memory does not grow with the size of a file, and two
 * listings of the same files are equal.
 */
import { createHash } from 'node:crypto';
import { constants, lstat as lstatWithCallback, type BigIntStats } from 'node:fs';
import { lstat, open, readdir, readlink, type FileHandle } from 'node:fs/promises';
import { CallRefused } from './errors.js';
import { openInside } from './jail.js';
import { codeOf, ReadFailed, reading, UNREADABLE } from './system-errors.js';

export interface ListedEntry {
  /** Relative to the workspace. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'link' | 'other';
  /** Permission bits; 0 for a link. */
  readonly mode: number;
  /** sha256 in hex of a file's content or a link's target; null: none, or it cannot be read. */
  readonly digest: string | null;
}

/** What a walk of the whole workspace needs beyond a listing (snapshots/). */
export interface WalkOptions extends Omit<ListOptions, 'isLeftOut'> {
  /** Hears of each entry, in no order. The stats are those of its digest. */
  onEntry(entry: ListedEntry, stats: BigIntStats): void;
  /** Before what is in a directory is looked at; '' is the workspace. */
  onDirectory(path: string, directory: FileHandle): Promise<void>;
  /** Whether it is left out, with what is below it. */
  isSkipped(path: string, stats: BigIntStats): boolean;
  /** The digest of a file that has not changed since it was read, so that it is not opened; null: it is read. */
  knownDigest(path: string, stats: BigIntStats): string | null;
  /** The same where that takes some work; null: it is read. */
  adoptedDigest(path: string, stats: BigIntStats): Promise<string | null>;
  /** Reads a file; resolves with the digest of what it has read, or null where it is left out. */
  read(path: string, file: FileHandle): Promise<{ readonly digest: string; readonly stats: BigIntStats } | null>;
  /** The target of a link; resolves with its digest. */
  readTarget(path: string, target: Buffer): Promise<string>;
  /** A file or directory that cannot be read, or not even looked at: then there is no entry of it. */
  onUnreadable(path: string): void;
  /** A name that is no UTF-8: what it names is not looked at. */
  onNoText(path: string): void;
}

export interface ListOptions {
  /** The workspace, absolute. */
  readonly root: string;
  /** A name in the root that is left out. */
  readonly hidden: string | null;
  /** Paths that are left out, with what is below them. */
  isLeftOut(path: string): boolean;
  /** A directory that is not looked into. */
  onTooDeep?(path: string): void;
  readonly signal: AbortSignal;
}

/** What is listed of one path; what a directory has beyond is compared by one digest of all of it. */
const MOST_ENTRIES = 50_000;
/** Of directories, each of which keeps a file open; what is deeper is not looked at, and onTooDeep is called. */
const MOST_DEPTH = 64;
const CHUNK_BYTES = 64 * 1024;

/**
 * Everything at and below a path, parents first, names in order; empty if nothing is there. A link is listed, and so is
 * what the path itself links to; links further down are not followed.
 */
export async function listTree(
  path: string,
  options: ListOptions,
  mostEntries = MOST_ENTRIES,
): Promise<readonly ListedEntry[]> {
  const parts = path.split('/');
  const name = parts.at(-1) ?? '';
  const parent = await openOrNull(options, parts.slice(0, -1));
  if (parent === null || name === '' || (parts.length === 1 && name === options.hidden)) return [];
  const entries: ListedEntry[] = [];
  const listing: Listing = {
    ...options,
    add: (entry) => void entries.push(entry),
    hasRoomFor: (names) => entries.length + names < mostEntries,
    buffer: Buffer.alloc(CHUNK_BYTES),
  };
  try {
    await visit(listing, parent, name, path, 0);
  } finally {
    await parent.close();
  }
  if (entries[0]?.type === 'link') await visitTarget(listing, parts, path);
  return entries;
}

/** Calls back for everything in the workspace. Rejects with the file system's errors, and the signal's reason. */
export async function walkWorkspace(options: WalkOptions): Promise<void> {
  const root = await openInside(options.root, [], options.hidden);
  const walk: Walk = { ...options, depth: 0 };
  try {
    await walkDirectory(walk, root, '');
  } finally {
    await root.close();
  }
}

interface Walk extends WalkOptions {
  readonly depth: number;
}

/** So many names are looked at, and files read, side by side: Node's pool has a few threads for them. */
const SIDE_BY_SIDE = 32;

async function walkDirectory(walk: Walk, directory: FileHandle, path: string): Promise<void> {
  await walk.onDirectory(path, directory);
  const names = await textNames(walk, directory, path);
  for (let at = 0; at < names.length; at += SIDE_BY_SIDE) {
    walk.signal.throwIfAborted();
    const part = names.slice(at, at + SIDE_BY_SIDE);
    const places = part.map((name) => `/proc/self/fd/${directory.fd}/${name}`);
    const found = await Promise.all(places.map(statsOf));
    const wanted = part.flatMap((name, index) => {
      const stats = found[index] ?? null;
      const below = path === '' ? name : `${path}/${name}`;
      if (stats === 'unreadable') walk.onUnreadable(below);
      if (
        stats === null ||
        stats === 'unreadable' ||
        (path === '' && name === walk.hidden) ||
        walk.isSkipped(below, stats)
      )
        return [];
      return [{ place: places[index] ?? '', path: below, stats }];
    });
    const [directories, others] = [true, false].map((is) => wanted.filter(({ stats }) => stats.isDirectory() === is));
    const unknown = (others ?? []).filter((one) => !isKnownFile(walk, one));
    await Promise.all(unknown.map((one) => walkOne(walk, one).catch(goneOrUnreadable(walk, one))));
    // One after the other, so that few are open.
    for (const one of directories ?? []) await walkOne(walk, one).catch(goneOrUnreadable(walk, one));
  }
}

/** Names in order. Node makes text of the others that names no file. */
async function textNames(walk: Walk, directory: FileHandle, path: string): Promise<readonly string[]> {
  const names = await readdir(`/proc/self/fd/${directory.fd}`, { encoding: 'buffer' }).catch((error: unknown) => {
    if (path === '' || !UNREADABLE.includes(codeOf(error))) throw error;
    walk.onUnreadable(path);
    return [];
  });
  const isText = (name: Buffer) => Buffer.from(name.toString('utf8'), 'utf8').equals(name);
  for (const name of names)
    if (!isText(name)) walk.onNoText(`${path === '' ? '' : `${path}/`}${name.toString('utf8')}`);
  return names
    .filter(isText)
    .map((name) => name.toString('utf8'))
    .sort();
}

/** By callback: for 50,000 files the promises of node:fs take half a second more. Null: it was removed meanwhile. */
const statsOf = (place: string): Promise<BigIntStats | 'unreadable' | null> =>
  new Promise((resolve, reject) => {
    lstatWithCallback(place, { bigint: true }, (error, stats) => {
      if (error === null) resolve(stats);
      else if (isGone(error)) resolve(null);
      else if (UNREADABLE.includes(codeOf(error))) resolve('unreadable');
      else reject(error);
    });
  });

/** Removed meanwhile: then it is not there. Opened, but not readable: as what cannot be opened. */
const goneOrUnreadable =
  (walk: Walk, { path, stats }: Seen) =>
  (error: unknown): void => {
    if (isGone(error)) return;
    if (!(error instanceof ReadFailed)) throw error;
    addUnreadable(walk, path, stats);
  };

/** Its mode is all that is known. */
function addUnreadable(walk: Walk, path: string, stats: BigIntStats): void {
  walk.onUnreadable(path);
  const type = stats.isSymbolicLink() ? 'link' : stats.isFile() ? 'file' : 'directory';
  walk.onEntry({ path, type, mode: type === 'link' ? 0 : modeOf(stats), digest: null }, stats);
}

interface Seen {
  readonly place: string;
  readonly path: string;
  readonly stats: BigIntStats;
}

/** Most files of most walks. Without a promise for each: of 50,000 files they take half a second. */
function isKnownFile(walk: Walk, { path, stats }: Seen): boolean {
  const digest = stats.isFile() ? walk.knownDigest(path, stats) : null;
  if (digest === null) return false;
  walk.onEntry({ path, type: 'file', mode: modeOf(stats), digest }, stats);
  return true;
}

const modeOf = ({ mode }: BigIntStats): number => Number(mode) & 0o7777;

async function walkOne(walk: Walk, { place, path, stats }: Seen): Promise<void> {
  const mode = modeOf(stats);
  if (stats.isSymbolicLink()) {
    const digest = await walk.readTarget(path, await reading(readlink(place, { encoding: 'buffer' })));
    return walk.onEntry({ path, type: 'link', mode: 0, digest }, stats);
  }
  if (!stats.isFile() && !stats.isDirectory()) return walk.onEntry({ path, type: 'other', mode, digest: null }, stats);
  const kept = stats.isFile() ? await walk.adoptedDigest(path, stats) : null;
  if (kept !== null) return walk.onEntry({ path, type: 'file', mode, digest: kept }, stats);
  const opened = await openReadable(place, UNREADABLE);
  if (opened === null) return addUnreadable(walk, path, stats);
  try {
    await walkOpened(walk, opened, path);
  } finally {
    await opened.close();
  }
}

/** What was opened may be another file than the one that was looked at. */
async function walkOpened(walk: Walk, opened: FileHandle, path: string): Promise<void> {
  const stats = await reading(opened.stat({ bigint: true }));
  const mode = modeOf(stats);
  if (stats.isFile()) {
    const content = await walk.read(path, opened);
    if (content === null) return;
    return walk.onEntry({ path, type: 'file', mode, digest: content.digest }, content.stats);
  }
  if (!stats.isDirectory()) return walk.onEntry({ path, type: 'other', mode, digest: null }, stats);
  walk.onEntry({ path, type: 'directory', mode, digest: null }, stats);
  if (walk.depth === MOST_DEPTH) walk.onTooDeep?.(path);
  else await walkDirectory({ ...walk, depth: walk.depth + 1 }, opened, path);
}

interface Listing extends ListOptions {
  add(entry: ListedEntry): void;
  /** Whether so many further entries may be kept. */
  hasRoomFor(names: number): boolean;
  readonly buffer: Buffer;
}

/** null for a path that does not exist, or that a link leads out of the workspace. */
async function openOrNull({ root, hidden }: ListOptions, parts: readonly string[]): Promise<FileHandle | null> {
  try {
    return await openInside(root, parts, hidden);
  } catch (error) {
    if (error instanceof CallRefused || isGone(error) || codeOf(error) === 'EACCES') return null;
    throw error;
  }
}

/** Also a name that no file can have: what a check names need not be a path. */
const isGone = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'ENAMETOOLONG'].includes(codeOf(error));

async function visitTarget(listing: Listing, parts: readonly string[], path: string): Promise<void> {
  const target = await openOrNull(listing, parts);
  if (target === null) return;
  try {
    await visitOpened(listing, target, `${path} (target)`, 0);
  } finally {
    await target.close();
  }
}

async function visit(listing: Listing, parent: FileHandle, name: string, path: string, depth: number): Promise<void> {
  listing.signal.throwIfAborted();
  if (listing.isLeftOut(path)) return;
  const place = `/proc/self/fd/${parent.fd}/${name}`;
  try {
    const stats = await lstat(place);
    if (stats.isSymbolicLink()) {
      const target = await readlink(place, { encoding: 'buffer' });
      listing.add({ path, type: 'link', mode: 0, digest: createHash('sha256').update(target).digest('hex') });
      return;
    }
    if (!stats.isFile() && !stats.isDirectory()) {
      listing.add({ path, type: 'other', mode: stats.mode & 0o7777, digest: null });
      return;
    }
    const opened = await openReadable(place, ['EACCES']);
    if (opened === null) {
      // A file that this user may not read: its mode and size are all that is known.
      const type = stats.isFile() ? 'file' : 'directory';
      listing.add({ path, type, mode: stats.mode & 0o7777, digest: null });
      return;
    }
    try {
      await visitOpened(listing, opened, path, depth);
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (!isGone(error)) throw error; // Removed meanwhile: then it is not there.
  }
}

/** @param unreadable codes of errors for which it resolves with null */
async function openReadable(place: string, unreadable: readonly string[]): Promise<FileHandle | null> {
  try {
    return await open(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (unreadable.includes(codeOf(error))) return null;
    throw error;
  }
}

async function visitOpened(listing: Listing, handle: FileHandle, path: string, depth: number): Promise<void> {
  const stats = await handle.stat();
  const mode = stats.mode & 0o7777;
  if (stats.isFile()) {
    listing.add({ path, type: 'file', mode, digest: await digestOfFile(listing, handle) });
    return;
  }
  if (!stats.isDirectory()) {
    listing.add({ path, type: 'other', mode, digest: null });
    return;
  }
  const names = (await readdir(`/proc/self/fd/${handle.fd}`)).sort();
  const visitAll = async (into: Listing) => {
    for (const name of names) await visit(into, handle, name, `${path}/${name}`, depth + 1);
  };
  if (depth === MOST_DEPTH) {
    listing.onTooDeep?.(path);
    listing.add({ path, type: 'directory', mode, digest: `${names.length} names` });
  } else if (listing.hasRoomFor(names.length)) {
    listing.add({ path, type: 'directory', mode, digest: null });
    await visitAll(listing);
  } else {
    const hash = createHash('sha256');
    await visitAll({ ...listing, add: (entry) => void hash.update(lineOf(entry)), hasRoomFor: () => true });
    listing.add({ path, type: 'directory', mode, digest: hash.digest('hex') });
  }
}

async function digestOfFile({ buffer, signal }: Listing, file: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; ; ) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/** One digest of a whole listing, hex; null if nothing is there. */
export function digestOfListing(entries: readonly ListedEntry[]): string | null {
  if (entries.length === 0) return null;
  const hash = createHash('sha256');
  for (const entry of entries) hash.update(lineOf(entry));
  return hash.digest('hex');
}

const lineOf = ({ path, type, mode, digest }: ListedEntry): string => `${JSON.stringify([path, type, mode, digest])}\n`;

export interface ListingDifference {
  readonly path: string;
  /** Such as content, mode, created or removed. */
  readonly what: string;
  /** null: nothing is there now. */
  readonly now: ListedEntry | null;
}

/** What differs between two listings; in order of the paths. */
export function listingDifferences(
  before: readonly ListedEntry[],
  after: readonly ListedEntry[],
): readonly ListingDifference[] {
  const [old, now] = [before, after].map((entries) => new Map(entries.map((entry) => [entry.path, entry])));
  const paths = [...new Set([...before, ...after].map((entry) => entry.path))].sort();
  return paths.flatMap((path) => {
    const what = differenceOf(old?.get(path), now?.get(path));
    return what === null ? [] : [{ path, what, now: now?.get(path) ?? null }];
  });
}

function differenceOf(before: ListedEntry | undefined, after: ListedEntry | undefined): string | null {
  if (before === undefined) return after === undefined ? null : 'created';
  if (after === undefined) return 'removed';
  if (before.type !== after.type) return `${before.type} replaced by ${after.type}`;
  if (before.digest !== after.digest) return 'content';
  return before.mode === after.mode ? null : 'mode';
}
