/** Looks at everything in a workspace that a snapshot holds: its entries, and what is left out. */
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { walkWorkspace } from '../listing.js';
import { STATE_DIRECTORY } from '../places.js';
import { reading } from '../system-errors.js';
import { createIgnoreRules, type IgnoreFile } from './ignore-rules.js';
import type { FileMark, LeftOut, Manifest, SnapshotEntry } from './manifest.js';

/** A larger file is left out, and named. */
export const MOST_FILE_BYTES = 64 * 1024 * 1024;
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
  readonly before: Pick<Manifest, 'entries' | 'begunNs'> | null;
  /** Those of the mission's first snapshot; null: they are read now. */
  readonly ignores: readonly IgnoreFile[] | null;
  /** Whether what an earlier look has read is kept here, or can be; absent: it is. */
  isKept?(digest: string): Promise<boolean>;
  /** Takes the content; resolves with its sha256, hex, or null: it holds a secret, and is not kept. */
  keep(file: FileHandle, size: bigint, signal: AbortSignal): Promise<string | null>;
  keepTarget(target: Buffer): Promise<string>;
  readonly signal: AbortSignal;
}

export type Look = Pick<Manifest, 'entries' | 'leftOut' | 'unsettled' | 'ignores'>;

/** Rejects with the file system's errors, and the signal's reason. */
export async function lookAt(options: LookOptions): Promise<Look> {
  const rules = createIgnoreRules(options.ignores);
  const entries: SnapshotEntry[] = [];
  const leftOut: LeftOut[] = [];
  const unsettled: string[] = [];
  const known = knownDigests(options.before);
  await walkWorkspace({
    root: options.workspace,
    hidden: options.holdsState ? STATE_DIRECTORY : null,
    signal: options.signal,
    onDirectory: (path, directory) => rules.read(path, directory),
    isSkipped(path, stats) {
      if (rules.isIgnored(path, stats.isDirectory())) return true;
      if (!stats.isFile() || stats.size <= MOST_FILE_BYTES) return false;
      leftOut.push({ path, why: 'too large' });
      return true;
    },
    knownDigest: (path, stats) => (options.isKept === undefined ? known(path, stats) : null),
    async adoptedDigest(path, stats) {
      const digest = options.isKept === undefined ? null : known(path, stats);
      return digest !== null && (await options.isKept?.(digest)) === true ? digest : null;
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
      entries.push({ ...entry, mark: markOf(stats) });
    },
  });
  return {
    entries: entries.sort(byPath),
    leftOut: leftOut.sort(byPath),
    unsettled: unsettled.sort(),
    ignores: rules.files,
  };
}

const byPath = (a: { readonly path: string }, b: { readonly path: string }): number =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;

function markOf({ size, mtimeNs, ctimeNs, ino }: BigIntStats): FileMark {
  return { size: `${size}`, mtimeNs: `${mtimeNs}`, ctimeNs: `${ctimeNs}`, inode: `${ino}` };
}

/** Not only by size and time of change: a program can set that one, but not the time of the inode's last change. */
function knownDigests(before: LookOptions['before']): (path: string, stats: BigIntStats) => string | null {
  const known = new Map((before?.entries ?? []).map((entry) => [entry.path, entry]));
  const trustedNs = before === null ? 0n : BigInt(before.begunNs) - SETTLED_NS;
  return (path, stats) => {
    const entry = known.get(path);
    if (entry === undefined || entry.type !== 'file' || stats.ctimeNs >= trustedNs) return null;
    const { size, mtimeNs, ctimeNs, inode } = entry.mark;
    const isSame =
      `${stats.ctimeNs}` === ctimeNs &&
      `${stats.mtimeNs}` === mtimeNs &&
      `${stats.size}` === size &&
      `${stats.ino}` === inode;
    return isSame ? entry.digest : null;
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
