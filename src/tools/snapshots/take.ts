/** Takes a snapshot of a mission's workspace. A crash leaves no list, so that the next worker takes it again. */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { holdsSecret, type Redact } from '../../domain/redaction.js';
import { asError } from '../../domain/as-error.js';
import { WorkspaceUnusable, type SnapshotFacts } from '../../ports/tools.js';
import type { RunPlace } from '../places.js';
import { codeOf, reading, reasonOf, UNREADABLE } from '../system-errors.js';
import { lookAt, type Look } from './look.js';
import { digestOfLines, encodeManifest, SnapshotUnreadable, type ManifestLines } from './manifest.js';
import type { ObjectStore } from './object-store.js';
import { endName, missionsWithSnapshots, settledName, snapshotFiles, type SnapshotFiles } from './snapshot-files.js';

/** Read at once; a larger file is copied in parts. */
const SMALL_BYTES = 256n * 1024n;

export interface SnapshotOptions {
  readonly missionId: string;
  /** The wave after which it is taken; 0: before the mission. */
  readonly wave: number;
  /**
   * settled: before any task of the next wave begins; the first one counts, and later calls take none. end: a task of
   * the wave has ended; the one that started last counts.
   */
  readonly when: 'settled' | 'end';
  /** Files in which it would hide something are not kept: a snapshot may outlive them. */
  readonly redact: Redact;
}

/** Resolves with what the snapshot has, or null when the settled one of this wave is there already. */
export async function takeSnapshot(
  { base, workspace, holdsState }: Pick<RunPlace, 'base' | 'workspace' | 'holdsState'>,
  { missionId, wave, when, redact }: SnapshotOptions,
  signal: AbortSignal,
): Promise<SnapshotFacts | null> {
  const files = snapshotFiles(base, missionId);
  const target = join(files.directory, when === 'settled' ? settledName(wave) : endName(wave, randomUUID()));
  if (when === 'settled' && (await inDirectoryOf(files, isThere(target)))) return null;
  await inDirectoryOf(files, mkdir(files.directory, { recursive: true, mode: 0o700 }));
  const draft = join(files.directory, `draft-${randomUUID()}`);
  try {
    const begunNs = await clockOfVolume(draft);
    const { last, beside } = await earlier({ base, holdsState }, missionId);
    const keeping = { objects: files.objects, beside: beside?.objects ?? null, redact, signal };
    const look = await lookAt({
      workspace,
      holdsState,
      before: last ?? beside?.last ?? null,
      ignores: last?.ignores ?? null,
      ...(last === null && beside !== null ? { isKept: (digest) => files.objects.adopt(digest, beside.objects) } : {}),
      keep: (file, size) => keepContent(keeping, file, size),
      keepTarget: (content) => files.objects.put(content, keeping.beside),
      signal,
    });
    const manifest: ManifestLines = { missionId, wave, begunNs, ...look.list };
    signal.throwIfAborted();
    await writeSynced(draft, encodeManifest(manifest));
    const isFirst = when === 'end' ? await renamed(draft, target) : await linked(draft, target);
    return isFirst ? factsOf(manifest, look) : null;
  } finally {
    await rm(draft, { force: true });
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

const factsOf = ({ wave, lines, leftOut }: ManifestLines, { files, bytes }: Pick<Look, 'files' | 'bytes'>) => ({
  wave,
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
  /** Of the mission before, in a directory that several have used; null: there is none that can be read. */
  readonly beside: { readonly last: ManifestLines; readonly objects: ObjectStore } | null;
}

/** Rejects with WorkspaceUnusable where the mission has lists, and none can be read. */
async function earlier(
  { base, holdsState }: Pick<RunPlace, 'base' | 'holdsState'>,
  missionId: string,
): Promise<Earlier> {
  const own = snapshotFiles(base, missionId);
  const last = await lastReadable(own);
  if (last instanceof Error)
    throw new WorkspaceUnusable(
      `None of the snapshots of this mission in ${own.directory} can be read (${last.message}), ` +
        'so that it is not known what they leave out. Submit a new mission, or use snapshots: false.',
      { cause: last },
    );
  if (last !== null || !holdsState) return { last, beside: null };
  const id = (await missionsWithSnapshots(base)).filter((each) => each < missionId).at(-1);
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
      return holdsSecret(whole.toString('utf8'), redact) ? null : objects.put(whole, beside);
    }
    length += bytesRead;
  }
  signal.throwIfAborted();
  return keepLarge(keeping, file); // it has grown
}

/** Longer than a secret, so that one that is cut at the end of a part is whole in the next. */
const OVERLAP_BYTES = 16 * 1024;

async function keepLarge({ objects, beside, redact, signal }: Keeping, file: FileHandle): Promise<string | null> {
  const part = Buffer.alloc(Number(SMALL_BYTES) + OVERLAP_BYTES);
  for (let at = 0; ; at += Number(SMALL_BYTES)) {
    signal.throwIfAborted();
    const { bytesRead } = await reading(file.read(part, 0, part.length, at));
    if (holdsSecret(part.subarray(0, bytesRead).toString('utf8'), redact)) return null;
    if (bytesRead < part.length) return objects.putFile(file, beside, signal);
  }
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

async function renamed(draft: string, target: string): Promise<true> {
  await rename(draft, target);
  return true;
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
