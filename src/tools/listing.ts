/**
 * What is below a path of the workspace, with a digest of each file: the one place that tells whether files have
 * changed. Nothing is followed out of the workspace (jail.ts), memory does not grow with the size of a file, and two
 * listings of the same files are equal.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, readdir, readlink, type FileHandle } from 'node:fs/promises';
import { CallRefused } from './errors.js';
import { openInside } from './jail.js';
import { codeOf } from './system-errors.js';

export interface ListedEntry {
  /** Relative to the workspace. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'link' | 'other';
  /** Permission bits; 0 for a link. */
  readonly mode: number;
  /** sha256 in hex of a file's content or a link's target; null: none, or it cannot be read. */
  readonly digest: string | null;
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
export const MOST_DEPTH = 64;
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
export const isGone = (error: unknown): boolean =>
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
export async function openReadable(place: string, unreadable: readonly string[]): Promise<FileHandle | null> {
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
