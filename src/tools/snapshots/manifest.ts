/** The list of what a snapshot holds, as a file: a head, then one line for each entry. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { listingDifferences, type ListedEntry, type ListingDifference } from '../listing.js';

/** What tells that a file has not changed; numbers of nanoseconds are too large for a number of JavaScript. */
export interface FileMark {
  readonly size: string;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  readonly inode: string;
}

export interface SnapshotEntry extends ListedEntry {
  readonly mark: FileMark;
}

/** Why a path is not in a snapshot, or only by its name. */
export type LeftOutReason =
  | 'holds a secret'
  | 'too large'
  | 'not readable'
  | 'special file'
  | 'name is not UTF-8'
  | 'too deep';

export interface LeftOut {
  readonly path: string;
  readonly why: LeftOutReason;
}

export interface Manifest {
  readonly missionId: string;
  /** The wave after which it was taken; 0: before the mission. */
  readonly wave: number;
  /** The time of its begin on the clock of the volume, ns since the epoch. */
  readonly begunNs: string;
  /** The rules of .gitignore by which it leaves files out. */
  readonly ignores: readonly { readonly directory: string; readonly text: string }[];
  readonly entries: readonly SnapshotEntry[];
  readonly leftOut: readonly LeftOut[];
  /** Files that changed while they were read: what is kept may be neither their old nor their new content. */
  readonly unsettled: readonly string[];
}

const head = z.object({
  format: z.literal(1),
  missionId: z.string(),
  wave: z.int().min(0),
  begunNs: z.string().regex(/^\d+$/),
  ignores: z.array(z.object({ directory: z.string(), text: z.string() })),
  leftOut: z.array(
    z.object({
      path: z.string(),
      why: z.enum(['holds a secret', 'too large', 'not readable', 'special file', 'name is not UTF-8', 'too deep']),
    }),
  ),
  unsettled: z.array(z.string()),
});
type Line = readonly [
  path: string,
  type: SnapshotEntry['type'],
  mode: number,
  digest: string | null,
  size: string,
  mtimeNs: string,
  ctimeNs: string,
  inode: string,
];

const TYPES: readonly unknown[] = ['file', 'directory', 'link', 'other'] satisfies readonly SnapshotEntry['type'][];
const isDigits = (value: unknown): boolean => typeof value === 'string' && /^\d+$/.test(value);

const SHA256_DIGITS = 64;

/** By hand: for a list of 50,000 entries zod takes 0.3 s, of the two seconds that a snapshot may take. */
function isLine(value: unknown): value is Line {
  if (!Array.isArray(value) || value.length !== 8) return false;
  const [path, type, mode, digest, ...mark]: readonly unknown[] = value;
  return (
    typeof path === 'string' &&
    TYPES.includes(type) &&
    Number.isInteger(mode) &&
    (digest === null || (typeof digest === 'string' && digest.length === SHA256_DIGITS)) &&
    mark.every(isDigits)
  );
}

/** A snapshot's file is damaged, or another program's. */
export class SnapshotUnreadable extends Error {
  readonly code = 'snapshot_unreadable';
  readonly retriable = false;
  readonly nextStep = 'Restore the state directory of the workspace from a backup, or use another snapshot.';
}

/** Entries are in the order of their paths, so that parents come first. */
export function encodeManifest({ entries, ...rest }: Manifest): string {
  const lines = entries.map(({ path, type, mode, digest, mark: { size, mtimeNs, ctimeNs, inode } }) =>
    JSON.stringify([path, type, mode, digest, size, mtimeNs, ctimeNs, inode]),
  );
  return `${[JSON.stringify({ format: 1, ...rest }), ...lines].join('\n')}\n`;
}

/** @param file its name in errors */
export function decodeManifest(text: string, file: string): Manifest {
  const [first = '', ...lines] = text.split('\n');
  if (lines.pop() !== '') throw new SnapshotUnreadable(`${file} ends in the middle of a line`);
  const unreadable = (cause?: unknown) => new SnapshotUnreadable(`${file} is not a list of a snapshot`, { cause });
  const json = (each: string): unknown => {
    try {
      return JSON.parse(each);
    } catch (error) {
      throw unreadable(error);
    }
  };
  const facts = head.safeParse(json(first));
  if (!facts.success) throw unreadable(facts.error);
  const { format: _, ...rest } = facts.data;
  const entries = lines.map((each): SnapshotEntry => {
    const line = json(each);
    if (!isLine(line)) throw unreadable();
    const [path, type, mode, digest, size, mtimeNs, ctimeNs, inode] = line;
    return { path, type, mode, digest, mark: { size, mtimeNs, ctimeNs, inode } };
  });
  return { ...rest, entries };
}

const HASHED_AT_ONCE = 1_000;

/** sha256 of what the snapshot holds, hex: two workspaces with the same files have the same one. */
export function digestOfManifest({ entries }: Pick<Manifest, 'entries'>): string {
  const hash = createHash('sha256');
  for (let at = 0; at < entries.length; at += HASHED_AT_ONCE) {
    const lines = entries
      .slice(at, at + HASHED_AT_ONCE)
      .map(({ path, type, mode, digest }) => `${JSON.stringify([path, type, mode, digest])}\n`);
    hash.update(lines.join(''));
  }
  return hash.digest('hex');
}

/** In order of the paths; the first reason of each counts. */
export function distinctLeftOut(all: readonly LeftOut[]): readonly LeftOut[] {
  const byPath = new Map(all.toReversed().map((each) => [each.path, each]));
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What the later one has otherwise. Of what one of them could not hold nothing is known. */
export function differencesOf(
  before: Pick<Manifest, 'entries' | 'leftOut'>,
  after: Pick<Manifest, 'entries' | 'leftOut'>,
): readonly ListingDifference[] {
  const unknown = new Set([...before.leftOut, ...after.leftOut].map(({ path }) => path));
  const isKnown = ({ path }: ListingDifference) => !selfAndParents(path).some((each) => unknown.has(each));
  return listingDifferences(before.entries, after.entries).filter(isKnown);
}

export function selfAndParents(path: string): readonly string[] {
  const parts = path.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
