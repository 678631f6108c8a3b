/** Takes a snapshot of a mission's workspace. A crash leaves no list, so that the next worker takes it again. */
import { randomUUID } from 'node:crypto';
import { link, lstat, mkdir, open, readdir, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { holdsSecret, type Redact } from '../../domain/redaction.js';
import { asError } from '../../domain/as-error.js';
import { WorkspaceUnusable, type SnapshotFacts } from '../../ports/tools.js';
import type { RunPlace } from '../places.js';
import { secretFreeSize } from '../secret-scan.js';
import { absent, codeOf, reading, reasonOf, UNREADABLE } from '../system-errors.js';
import { lookAt, type Look } from './look.js';
import { digestOfLines, encodeManifest, SnapshotUnreadable, type Manifest, type ManifestLines } from './manifest.js';
import { digestOnly, syncPath, type ObjectStore } from './object-store.js';
import { endName, notedName, settledName, snapshotFiles, snapshotsOf, type SnapshotFiles } from './snapshot-files.js';
import { addToStore, storesOf, type StoreFacts } from './store-facts.js';

/** Read at once; a larger file is copied in parts. */
const SMALL_BYTES = 256n * 1024n;

export interface SnapshotOptions {
  readonly missionId: string;
  /** The mission whose workspace it is; empty: the base is the workspace. */
  readonly workspaceOf: string;
  /** The wave after which it is taken; 0: before the mission. */
  readonly wave: number;
  /**
   * settled: before any task of the next wave begins; the first one counts, and later calls take none. end: a task of
   * the wave has ended; the one that began last counts.
   */
  readonly when: 'settled' | 'end';
  /** What all snapshots of the workspace may take, bytes. */
  readonly mostBytes: number;
  /** Files in which it would hide something are not kept: a snapshot may outlive them. */
  readonly redact: Redact;
}

type Place = Pick<RunPlace, 'base' | 'workspace' | 'holdsState'>;

/**
 * Resolves with what the snapshot has. The settled one of this wave may be there already: then with what that one has,
 * or null where noteSnapshot was called for it.
 */
export async function takeSnapshot(
  place: Place,
  options: SnapshotOptions,
  signal: AbortSignal,
): Promise<SnapshotFacts | null> {
  const { missionId, wave, when } = options;
  const files = snapshotFiles(place.base, missionId);
  const settled = join(files.directory, settledName(wave));
  if (when === 'settled' && (await inDirectoryOf(files, isThere(settled)))) return foundAgain(files, wave);
  await inDirectoryOf(files, mkdir(files.directory, { recursive: true, mode: 0o700 }));
  const draft = join(files.directory, `draft-${randomUUID()}`);
  try {
    const begunNs = await clockOfVolume(draft);
    await removeOldDrafts(files, begunNs);
    const look = await lookAndKeep(place, options, { files, signal });
    const list: ManifestLines = { missionId, wave, begunNs, ...look.list };
    await files.objects.sync();
    signal.throwIfAborted();
    await writeSynced(draft, encodeManifest(list));
    const isFirst = when === 'end' ? await asEnd(files, draft, list) : await linked(draft, settled);
    await syncPath(files.directory);
    return isFirst ? factsOf(list, look) : foundAgain(files, wave);
  } finally {
    await rm(draft, { force: true });
  }
}

/** The log has the settled snapshot of this wave: it is not found again. */
export async function noteSnapshot(base: string, missionId: string, wave: number): Promise<void> {
  await writeFile(join(snapshotFiles(base, missionId).directory, notedName(wave)), '', { mode: 0o600 });
}

/** A worker may have ended between the list and its event. One that cannot be read is named when it is used. */
async function foundAgain(files: SnapshotFiles, wave: number): Promise<SnapshotFacts | null> {
  if (await isThere(join(files.directory, notedName(wave)))) return null;
  try {
    const list = await files.read(wave);
    return list === null ? null : factsOf(list, sizeOf(list.entries));
  } catch (error) {
    if (error instanceof SnapshotUnreadable) return null;
    throw error;
  }
}

function sizeOf(entries: Manifest['entries']): Pick<Look, 'files' | 'bytes'> {
  const files = entries.filter(({ type }) => type === 'file');
  return { files: files.length, bytes: files.reduce((sum, { mark }) => sum + Number(mark.size), 0) };
}

interface Taking {
  readonly files: SnapshotFiles;
  readonly signal: AbortSignal;
}

async function lookAndKeep(
  place: Place,
  { missionId, workspaceOf, mostBytes, redact }: SnapshotOptions,
  { files: { objects, ...files }, signal }: Taking,
): Promise<Look> {
  const { base, workspace, holdsState } = place;
  const stores = await storesOf(base, workspaceOf);
  const { last, beside } = await earlier(base, missionId, stores);
  const usedBytes = stores.reduce((sum, { bytes }) => sum + bytes, 0);
  const hasRoom = (size: number) => usedBytes + objects.addedBytes() + size <= mostBytes;
  const inRoom: Keeping['inRoom'] = async (content, size, work) => {
    const isKept = async () => objects.has(await digestOnly(content, signal), size, keeping.beside);
    if (!hasRoom(size) && !(await isKept())) throw tooMuch(place, mostBytes);
    const digest = await work();
    // Others were kept side by side.
    if (!hasRoom(0)) throw tooMuch(place, mostBytes);
    return digest;
  };
  const keeping = { objects, beside: beside?.objects ?? null, redact, signal, inRoom };
  try {
    return await lookAt({
      workspace,
      holdsState,
      before: last ?? beside?.last ?? null,
      ignores: last?.ignores ?? null,
      ...(last === null && beside !== null
        ? { isKept: (digest, size) => objects.adoptNow(digest, Number(size), beside.objects) }
        : {}),
      keep: (file, size) => keepContent(keeping, file, size),
      keepTarget: (content) => objects.put(content, keeping.beside),
      signal,
    });
  } finally {
    // Also what a snapshot that was stopped has kept: the next one finds it.
    if (objects.addedBytes() > 0 || last === null)
      await addToStore(files.directory, { workspaceOf, bytes: objects.addedBytes() });
  }
}

function tooMuch({ base, holdsState }: Place, mostBytes: number): WorkspaceUnusable {
  const prune = `npx ravenhelm workspace prune${holdsState ? ` --workspace ${base}` : ''}`;
  return new WorkspaceUnusable(
    `The snapshots of this workspace in ${snapshotsOf(base)} would take more than ` +
      `${Math.floor(mostBytes / MIB)} MiB (WORKSPACE_SNAPSHOTS_MB). Remove those of earlier missions (${prune}), ` +
      'name what needs none in .gitignore, or use snapshots: false.',
  );
}

const MIB = 1024 * 1024;

/** Of those the last two stay: the log names one of them, also while the event of the other one is under way. */
const KEPT_ENDS = 2;

async function asEnd(files: SnapshotFiles, draft: string, { wave, begunNs }: ManifestLines): Promise<true> {
  await rename(draft, join(files.directory, endName(wave, begunNs, randomUUID())));
  for (const name of (await files.ends(wave)).slice(KEPT_ENDS)) await rm(join(files.directory, name), { force: true });
  return true;
}

/** Of a worker that was killed. A snapshot may take ten minutes. */
const DRAFT_AGE_NS = 3_600_000_000_000n;

async function removeOldDrafts({ directory, drafts }: SnapshotFiles, nowNs: string): Promise<void> {
  for (const [place, prefix] of [
    [directory, 'draft-'],
    [drafts, ''],
  ] as const)
    for (const name of (await readdir(place).catch(absent)) ?? []) {
      if (!name.startsWith(prefix)) continue;
      const stats = await lstat(join(place, name), { bigint: true }).catch(absent);
      if (stats !== null && stats.mtimeNs < BigInt(nowNs) - DRAFT_AGE_NS) await rm(join(place, name), { force: true });
    }
}

/** The directory may be another user's. */
async function inDirectoryOf<T>({ directory }: SnapshotFiles, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!UNREADABLE.includes(codeOf(error))) throw error;
    const message = `Snapshots cannot be kept in ${directory} (${reasonOf(error)}). `;
    throw new WorkspaceUnusable(`${message}Give it to the user of the workers, or use snapshots: false.`, {
      cause: error,
    });
  }
}

const factsOf = (
  { wave, begunNs, lines, leftOut }: ManifestLines,
  { files, bytes }: Pick<Look, 'files' | 'bytes'>,
): SnapshotFacts => ({
  wave,
  begunNs,
  digest: digestOfLines(lines),
  files,
  bytes,
  leftOut: leftOut.length,
});

async function isThere(path: string): Promise<boolean> {
  try {
    await (await open(path, 'r')).close();
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Times of files are compared with it, so it is not this computer's clock: the volume may be another one's. */
async function clockOfVolume(draft: string): Promise<string> {
  const file = await open(draft, 'wx', 0o600);
  try {
    return String((await file.stat({ bigint: true })).mtimeNs);
  } finally {
    await file.close();
  }
}

interface Earlier {
  /** The mission's own. Each has the same rules of .gitignore. */
  readonly last: ManifestLines | null;
  /** Of the mission before in the same workspace; null: there is none that can be read. */
  readonly beside: { readonly last: ManifestLines; readonly objects: ObjectStore } | null;
}

/** Rejects with WorkspaceUnusable where the mission has lists, and none can be read. */
async function earlier(base: string, missionId: string, stores: readonly StoreFacts[]): Promise<Earlier> {
  const own = snapshotFiles(base, missionId);
  const last = await lastReadable(own);
  if (last instanceof Error)
    throw new WorkspaceUnusable(
      `None of the snapshots of this mission in ${own.directory} can be read (${last.message}), ` +
        'so that it is not known what they leave out. Submit a new mission, or use snapshots: false.',
      { cause: last },
    );
  if (last !== null) return { last, beside: null };
  const id = stores.map((each) => each.missionId).findLast((each) => each < missionId);
  if (id === undefined) return { last, beside: null };
  const other = snapshotFiles(base, id);
  const found = await lastReadable(other);
  // Without one of another mission, such as another user's, all is read.
  return { last, beside: found === null || found instanceof Error ? null : { last: found, objects: other.objects } };
}

/** Null: there is none. An error: none can be read. */
async function lastReadable(files: SnapshotFiles): Promise<ManifestLines | Error | null> {
  let found: Error | null = null;
  const unreadable = (error: unknown): Error => {
    if (error instanceof SnapshotUnreadable || UNREADABLE.includes(codeOf(error))) return asError(error);
    throw error;
  };
  const waves = await files.waves().catch(unreadable);
  if (waves instanceof Error) return waves;
  for (const wave of waves.toReversed()) {
    const read = await files.readLines(wave).catch(unreadable);
    if (read !== null && !(read instanceof Error)) return read;
    found ??= read;
  }
  return found;
}

interface Keeping {
  /** Does the work, which keeps a content, unless it would take too much; what is kept already takes no more. */
  inRoom(content: FileHandle | Buffer, size: number, work: () => Promise<string>): Promise<string>;
  readonly objects: ObjectStore;
  readonly beside: ObjectStore | null;
  readonly redact: Redact;
  readonly signal: AbortSignal;
}

/** Null: it holds a secret. */
async function keepContent(keeping: Keeping, file: FileHandle, size: bigint): Promise<string | null> {
  const { objects, beside, redact, signal } = keeping;
  if (size > SMALL_BYTES) return keepLarge(keeping, file);
  const content = Buffer.alloc(Number(size) + 1);
  let length = 0;
  while (length < content.length) {
    const { bytesRead } = await reading(file.read(content, length, content.length - length, length));
    if (bytesRead === 0) {
      const whole = content.subarray(0, length);
      if (holdsSecret(whole.toString('utf8'), redact)) return null;
      return keeping.inRoom(whole, length, () => objects.put(whole, beside));
    }
    length += bytesRead;
  }
  signal.throwIfAborted();
  return keepLarge(keeping, file); // it has grown
}

async function keepLarge(
  { inRoom, objects, beside, redact, signal }: Keeping,
  file: FileHandle,
): Promise<string | null> {
  const size = await secretFreeSize(file, redact, signal);
  return size === null ? null : inRoom(file, size, () => objects.putFile(file, beside, signal));
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** False: another worker was first, and its list counts; no task of the next wave had begun then. */
async function linked(draft: string, target: string): Promise<boolean> {
  try {
    await link(draft, target);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}
