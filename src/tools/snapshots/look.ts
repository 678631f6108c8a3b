/** Looks at everything in a workspace that a snapshot holds: its entries, and what is left out. */
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { ListedEntry } from '../listing.js';
import { STATE_DIRECTORY } from '../places.js';
import { reading } from '../system-errors.js';
import { createIgnoreRules, type IgnoreFile } from './ignore-rules.js';
import { digestIn, isLineOf, isSameFile, lineOf, pathOf, type LeftOut, type ManifestLines } from './manifest.js';
import { outerRules } from './outer-rules.js';
import { walkWorkspace } from './walk.js';

/** A larger file is left out, and named. */
export const MOST_FILE_BYTES = 64 * 1024 * 1024;
const MOST_SIZE = BigInt(MOST_FILE_BYTES);
/** A file that was written so shortly before it was read may be written again without a new time. */
const SETTLED_NS = 2_000_000_000n;
/** A file that changes while it is read is read so many times. */
const MOST_READS = 3;

export interface LookOptions {
  /** Absolute. */
  readonly workspace: string;
  /** Whether the workspace contains the state directory. */
  readonly holdsState: boolean;
  /** An earlier look at it: what has not changed since is not read again; null: all is read. */
  readonly before: Pick<ManifestLines, 'lines' | 'begunNs'> | null;
  /** Those of the mission's first snapshot; null: they are read now. */
  readonly ignores: readonly IgnoreFile[] | null;
  /** Whether what an earlier look has read is kept here, or can be; absent: it is. */
  isKept?(digest: string, size: bigint): boolean;
  /** Takes the content; resolves with its sha256, hex, or null: it holds a secret, and is not kept. */
  keep(file: FileHandle, size: bigint, signal: AbortSignal): Promise<string | null>;
  keepTarget(target: Buffer): Promise<string>;
  readonly signal: AbortSignal;
}

export interface Look {
  readonly list: Pick<ManifestLines, 'lines' | 'leftOut' | 'unsettled' | 'ignores'>;
  /** Files among them, and their size. */
  readonly files: number;
  readonly bytes: number;
}

/** Rejects with the file system's errors, and the signal's reason. */
export async function lookAt(options: LookOptions): Promise<Look> {
  const { ignores, isKept } = options;
  const rules = createIgnoreRules(ignores, ignores === null ? outerRules(options.workspace, options.holdsState) : []);
  const found: Found[] = [];
  const leftOut: LeftOut[] = [];
  const unsettled: string[] = [];
  const known = createKnown(options.before);
  let [files, bytes] = [0, 0n];
  const countFile = (size: bigint) => {
    files += 1;
    bytes += size;
  };
  await walkWorkspace({
    root: options.workspace,
    hidden: options.holdsState ? STATE_DIRECTORY : null,
    signal: options.signal,
    onDirectory: (path, place) => rules.read(path, place),
    isSkipped(path, isDirectory, size) {
      // By the same rules, what was not ignored before is not now; patterns take longer than all else.
      const wasHeld = ignores !== null && known.has(path, isDirectory ? 'directory' : 'file');
      if (!wasHeld && rules.isIgnored(path, isDirectory)) return true;
      if (size <= MOST_SIZE) return false;
      leftOut.push({ path, why: 'too large' });
      return true;
    },
    isSame(path, mode, stats) {
      const line = known.same(path, mode, stats);
      if (line === null || isKept?.(digestIn(line), stats.size) === false) return false;
      countFile(stats.size);
      found.push({ path, line });
      return true;
    },
    async read(path, file) {
      const content = await readSettled(options, file, () => void unsettled.push(path));
      if (content === null) leftOut.push({ path, why: 'holds a secret' });
      return content;
    },
    readTarget: (_path, target) => options.keepTarget(target),
    onUnreadable: (path) => void leftOut.push({ path, why: 'not readable' }),
    onNoText: (path) => void leftOut.push({ path, why: 'name is not UTF-8' }),
    onTooDeep: (path) => void leftOut.push({ path, why: 'too deep' }),
    onEntry(entry, stats) {
      if (entry.type === 'other') leftOut.push({ path: entry.path, why: 'special file' });
      if (entry.type === 'file') countFile(stats.size);
      found.push({ path: entry.path, line: lineOf(entry, stats) });
    },
  });
  const lines = found.sort(byPath).map(({ line }) => line);
  const list = { lines, leftOut: leftOut.sort(byPath), unsettled: unsettled.sort(), ignores: rules.files };
  return { list, files, bytes: Number(bytes) };
}

interface Found {
  readonly path: string;
  readonly line: string;
}

const byPath = (a: { readonly path: string }, b: { readonly path: string }): number =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;

interface Known {
  /** Whether there was something of this type. */
  has(path: string, type: ListedEntry['type']): boolean;
  /**
   * The line of a file that has not changed. Not only by size and time of change: a program can set that one, but not
   * the time of the inode's last change.
   */
  same(path: string, mode: number, stats: BigIntStats): string | null;
}

function createKnown(before: LookOptions['before']): Known {
  const lines = new Map((before?.lines ?? []).map((line) => [pathOf(line), line]));
  const trustedNs = before === null ? 0n : BigInt(before.begunNs) - SETTLED_NS;
  return {
    has(path, type) {
      const line = lines.get(path);
      return line !== undefined && isLineOf(line, path, type);
    },
    same(path, mode, stats) {
      const line = lines.get(path);
      if (line === undefined || stats.ctimeNs >= trustedNs) return null;
      return isSameFile(line, path, mode, stats) ? line : null;
    },
  };
}

/** The content as it is between two equal looks at the file's times, or as it was read last. */
async function readSettled(
  { keep, signal }: LookOptions,
  file: FileHandle,
  onUnsettled: () => void,
): Promise<{ readonly digest: string; readonly stats: BigIntStats } | null> {
  for (let reads = 1; ; reads += 1) {
    const before = await reading(file.stat({ bigint: true }));
    const digest = await keep(file, before.size, signal);
    if (digest === null) return null;
    const after = await reading(file.stat({ bigint: true }));
    if (after.mtimeNs === before.mtimeNs && after.size === before.size) return { digest, stats: after };
    if (reads < MOST_READS) continue;
    onUnsettled();
    return { digest, stats: after };
  }
}
