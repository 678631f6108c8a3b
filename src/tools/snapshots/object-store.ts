/**
 * Contents by their digest, each once: the files of a mission's snapshots. An object is complete when it has its
 * name, so that a crash leaves drafts only, and two writers of the same content do no harm.
 */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { accessSync, constants, createReadStream, linkSync, mkdirSync, statSync } from 'node:fs';
import { access, link, mkdir, open, rename, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CallRefused } from '../errors.js';
import { LAUNCHER_PATH } from '../launcher-process.js';
import { codeOf, reading, UNREADABLE } from '../system-errors.js';

export interface ObjectStore {
  /**
   * Makes an object of another store one of this store, without a copy; by synchronous calls, of which very many are
   * made. Returns whether it is one now, of this size: another one is damaged.
   */
  adoptNow(digest: string, size: number, from: ObjectStore): boolean;
  /** Whether it has a content of this size, or has it now from the store beside it. */
  has(digest: string, size: number, beside: ObjectStore | null): Promise<boolean>;
  /** @param beside a store that may have it already; null: there is none */
  put(content: Buffer, beside: ObjectStore | null): Promise<string>;
  /** Copies a file from its begin to its end; resolves with the digest of the copy. */
  putFile(file: FileHandle, beside: ObjectStore | null, signal: AbortSignal): Promise<string>;
  /** Absolute. */
  pathOf(digest: string): string;
  /** Rejects with CallRefused at its end where it is not what was kept: a computer that lost power may have lost it. */
  read(digest: string): AsyncIterable<Buffer>;
  readWhole(digest: string): Promise<Buffer>;
  /**
   * Brings what was put to the disk, also what another process has written: a list must not name what a computer that
   * loses power has not kept.
   */
  sync(): Promise<void>;
  /** Bytes that the contents take which were put here and were not there before. */
  addedBytes(): number;
}

const CHUNK_BYTES = 256 * 1024;

export const draftsOf = (directory: string): string => join(directory, 'drafts');

/** @param directory absolute; made when something is put */
export function createObjectStore(directory: string): ObjectStore {
  const pathOf = (digest: string) => join(directory, digest.slice(0, 2), digest);
  const { note, sync } = createSyncing(directory, pathOf);
  const { make, makeNow, hasOrAdopts } = createSharing(pathOf);
  let added = 0;
  const inDraft = async <T>(work: (draft: string) => Promise<T>): Promise<T> => {
    await make(draftsOf(directory));
    const draft = join(draftsOf(directory), randomUUID());
    return withoutDraft(draft, () => work(draft));
  };
  async function keep(draft: string, digest: string, size: number): Promise<void> {
    await make(dirname(pathOf(digest)));
    await rename(draft, pathOf(digest)); // the same content may be there: then it takes its place
    added += size;
  }
  return {
    adoptNow(digest, size, from) {
      if (!isWholeNow(from.pathOf(digest), size)) return false;
      makeNow(dirname(pathOf(digest)));
      if (!linkedNow(from.pathOf(digest), pathOf(digest), size)) return false;
      note(digest);
      return true;
    },
    pathOf,
    async has(digest, size, beside) {
      if (!(await hasOrAdopts(digest, size, beside))) return false;
      note(digest);
      return true;
    },
    read: (digest) => readChecked(pathOf(digest), digest),
    readWhole: (digest) => wholeOf(readChecked(pathOf(digest), digest)),
    async put(content, beside) {
      const digest = createHash('sha256').update(content).digest('hex');
      note(digest);
      if (await hasOrAdopts(digest, content.length, beside)) return digest;
      return inDraft(async (draft) => {
        await writeFile(draft, content, { mode: 0o600, flag: 'wx' });
        await keep(draft, digest, content.length);
        return digest;
      });
    },
    putFile: (file, beside, signal) =>
      inDraft(async (draft) => {
        const { digest, size } = await copy(file, draft, signal);
        note(digest);
        if (await hasOrAdopts(digest, size, beside)) await rm(draft);
        else await keep(draft, digest, size);
        return digest;
      }),
    sync,
    addedBytes: () => added,
  };
}

/** Directories of contents, and what another store has. */
function createSharing(pathOf: (digest: string) => string) {
  const made = new Set<string>();
  const make = async (path: string) => {
    if (made.has(path)) return;
    await mkdir(path, { recursive: true, mode: 0o700 });
    made.add(path);
  };
  const adopt = async (digest: string, size: number, from: ObjectStore): Promise<boolean> => {
    await make(dirname(pathOf(digest)));
    try {
      await link(from.pathOf(digest), pathOf(digest));
      return true;
    } catch (error) {
      // What is here already may be a damaged one.
      return existsOrNot(error) && (await isWhole(pathOf(digest), size));
    }
  };
  // One of another size is damaged, and written again.
  const hasOrAdopts = async (digest: string, size: number, beside: ObjectStore | null) =>
    (await isWhole(pathOf(digest), size)) ||
    (beside !== null && (await isWhole(beside.pathOf(digest), size)) && adopt(digest, size, beside));
  const makeNow = (path: string) => {
    if (!made.has(path)) mkdirSync(path, { recursive: true, mode: 0o700 });
    made.add(path);
  };
  return { make, makeNow, hasOrAdopts };
}

/** Of more, one call for the whole file system takes less time. */
const MOST_SYNCED_SINGLY = 128;
const SYNCED_SIDE_BY_SIDE = 16;

/** Whether there is a content of this size that can be read. */
async function isWhole(path: string, size: number): Promise<boolean> {
  try {
    await access(path, constants.R_OK);
    return (await stat(path)).size === size;
  } catch (error) {
    return wholeOrNot(error);
  }
}

function isWholeNow(path: string, size: number): boolean {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).size === size;
  } catch (error) {
    return wholeOrNot(error);
  }
}

function wholeOrNot(error: unknown): false {
  if (codeOf(error) === 'ENOENT' || UNREADABLE.includes(codeOf(error))) return false;
  throw error;
}

function linkedNow(from: string, path: string, size: number): boolean {
  try {
    linkSync(from, path);
    return true;
  } catch (error) {
    return existsOrNot(error) && isWholeNow(path, size);
  }
}

function createSyncing(directory: string, pathOf: (digest: string) => string) {
  const unsynced = new Set<string>();
  return {
    note: (digest: string) => void unsynced.add(digest),
    async sync(): Promise<void> {
      const digests = [...unsynced];
      const isDone = digests.length > MOST_SYNCED_SINGLY && (await syncFileSystem(directory));
      if (!isDone) await syncSingly(directory, digests.map(pathOf));
      unsynced.clear();
    },
  };
}

/** Node has no call for it. Resolves with whether this computer has the program, and it could. */
const syncFileSystem = (directory: string): Promise<boolean> =>
  new Promise((resolve) => {
    execFile('sync', ['-f', directory], { env: { PATH: LAUNCHER_PATH } }, (error) => resolve(error === null));
  });

/** With the directories that have their names. */
async function syncSingly(directory: string, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const all = [...paths, ...new Set(paths.map((path) => dirname(path))), directory];
  for (let at = 0; at < all.length; at += SYNCED_SIDE_BY_SIDE)
    await Promise.all(all.slice(at, at + SYNCED_SIDE_BY_SIDE).map(syncPath));
}

/** Also a directory. */
export async function syncPath(path: string): Promise<void> {
  const file = await open(path, constants.O_RDONLY);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The work takes its draft away; a failure leaves none. */
async function withoutDraft<T>(draft: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Another process may have put it here, or removed it there, or be another user's; a file has a most of links. */
function existsOrNot(error: unknown): boolean {
  if (codeOf(error) === 'EEXIST') return true;
  if (['ENOENT', 'EMLINK', 'EXDEV', 'EPERM', 'EACCES'].includes(codeOf(error))) return false;
  throw error;
}

async function wholeOf(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}

async function* readChecked(path: string, digest: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  const content: AsyncIterable<Buffer> = createReadStream(path);
  for await (const part of content) {
    hash.update(part);
    yield part;
  }
  if (hash.digest('hex') !== digest) throw new CallRefused('its content in the snapshot is damaged');
}

async function copy(
  file: FileHandle,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly digest: string; readonly size: number }> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const target = await open(path, 'wx', 0o600);
  try {
    for (let at = 0; ; ) {
      signal.throwIfAborted();
      const { bytesRead } = await reading(file.read(buffer, 0, buffer.length, at));
      if (bytesRead === 0) return { digest: hash.digest('hex'), size: at };
      const part = buffer.subarray(0, bytesRead);
      hash.update(part);
      await target.writeFile(part);
      at += bytesRead;
    }
  } finally {
    await target.close();
  }
}

/** The digest of what is not kept. */
export async function digestOnly(content: FileHandle | Buffer, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  if (Buffer.isBuffer(content)) return hash.update(content).digest('hex');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = 0; ; ) {
    signal.throwIfAborted();
    const { bytesRead } = await reading(content.read(buffer, 0, buffer.length, at));
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}
