/** The list of what a snapshot holds, as a file: a head, then one line for each entry. */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { z } from 'zod';
import type { IgnoreFile } from './ignore-rules.js';
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

/** A list without its entries. */
export interface ManifestHead {
  readonly missionId: string;
  /** The wave after which it was taken; 0: before the mission. */
  readonly wave: number;
  /** The time of its begin on the clock of the volume, ns since the epoch. */
  readonly begunNs: string;
  /** The rules of .gitignore by which it leaves files out. */
  readonly ignores: readonly IgnoreFile[];
  readonly leftOut: readonly LeftOut[];
  /** Files that changed while they were read: what is kept may be neither their old nor their new content. */
  readonly unsettled: readonly string[];
}

/** Its entries as they are in the file: a snapshot of 50,000 files makes no object of what has not changed. */
export interface ManifestLines extends ManifestHead {
  /** In the order of their paths, so that parents come first. */
  readonly lines: readonly string[];
}

export interface Manifest extends ManifestLines {
  readonly entries: readonly SnapshotEntry[];
}

const head = z.object({
  format: z.literal(1),
  missionId: z.string(),
  wave: z.int().min(0),
  begunNs: z.string().regex(/^\d+$/),
  ignores: z.array(z.object({ directory: z.string(), prefix: z.string().optional(), text: z.string() })),
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

const TYPES: readonly SnapshotEntry['type'][] = ['file', 'directory', 'link', 'other'];
const isDigits = (value: unknown): boolean => typeof value === 'string' && /^\d+$/.test(value);

const SHA256_DIGITS = 64;

/** By hand: for a list of 50,000 entries zod takes 0.3 s, of the two seconds that a snapshot may take. */
function isLine(value: unknown): value is Line {
  if (!Array.isArray(value) || value.length !== 8) return false;
  const [path, type, mode, digest, ...mark]: readonly unknown[] = value;
  return (
    typeof path === 'string' &&
    TYPES.some((each) => each === type) &&
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

/** The line of an entry. */
export const lineOf = (
  { path, type, mode, digest }: ListedEntry,
  { size, mtimeNs, ctimeNs, ino }: Pick<BigIntStats, 'size' | 'mtimeNs' | 'ctimeNs' | 'ino'>,
): string => {
  const content = digest === null ? 'null' : `"${digest}"`;
  return `${headOf(path, type, mode)}${content},"${size}","${mtimeNs}","${ctimeNs}","${ino}"]`;
};

const headOf = (path: string, type: SnapshotEntry['type'], mode: number): string =>
  `[${JSON.stringify(path)},"${type}",${mode},`;

/** Whether it is the line of a file in the same state as these stats. */
export const isSameFile = (line: string, path: string, mode: number, stats: BigIntStats): boolean =>
  line === lineOf({ path, type: 'file', mode, digest: digestIn(line) }, stats);

/** The digest in the line of a file that could be read. */
export function digestIn(line: string): string {
  const end = markAt(line) - 1;
  return line.slice(end - SHA256_DIGITS, end);
}

/** Where the mark of a line begins: the last four of its fields, which are digits in quotes. */
function markAt(line: string): number {
  let at = line.length;
  for (let fields = 0; fields < 4; fields += 1) at = line.lastIndexOf(',"', at - 1);
  return at;
}

/** Takes the lines as they are. */
export function encodeManifest({ lines, ...rest }: ManifestLines): string {
  return `${[JSON.stringify({ format: 1, ...rest }), ...lines].join('\n')}\n`;
}

const unreadable = (file: string, cause?: unknown) =>
  new SnapshotUnreadable(`${file} is not a list of a snapshot`, { cause });

function json(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Throws SnapshotUnreadable; a damaged entry is not noticed. @param file its name in errors */
export function linesOfManifest(text: string, file: string): ManifestLines {
  const [first = '', ...lines] = text.split('\n');
  if (lines.pop() !== '') throw new SnapshotUnreadable(`${file} ends in the middle of a line`);
  const facts = head.safeParse(json(first, file));
  if (!facts.success) throw unreadable(file, facts.error);
  const { format: _, ...rest } = facts.data;
  return { ...rest, lines };
}

/** Throws SnapshotUnreadable. @param file its name in errors */
export const decodeManifest = (list: ManifestLines, file: string): Manifest => ({
  ...list,
  entries: entriesOf(list.lines, file),
});

/** The same of lines that were never in a file. */
export const entriesOf = (lines: readonly string[], file = 'this list'): readonly SnapshotEntry[] =>
  lines.map((each): SnapshotEntry => {
    const line = json(each, file);
    if (!isLine(line)) throw unreadable(file);
    const [path, type, mode, digest, size, mtimeNs, ctimeNs, inode] = line;
    return { path, type, mode, digest, mark: { size, mtimeNs, ctimeNs, inode } };
  });

/** Of a line that lineOf has made. */
export function pathOf(line: string): string {
  const end = line.indexOf('","');
  const text = line.slice(2, end);
  return text.includes('\\') ? pathOfQuoted(line) : text;
}

/** Whether it is the line of something of this type at this path. */
export const isLineOf = (line: string, path: string, type: SnapshotEntry['type']): boolean =>
  line.startsWith(`[${JSON.stringify(path)},"${type}",`);

function pathOfQuoted(line: string): string {
  const [, quoted] = /^\[("(?:[^"\\]|\\.)*"),/.exec(line) ?? [];
  const path: unknown = quoted === undefined ? '' : JSON.parse(quoted);
  return String(path);
}

const HASHED_AT_ONCE = 1_000;

/** sha256 of what the snapshot holds, hex: two workspaces with the same files have the same one. */
export function digestOfLines(lines: readonly string[]): string {
  const hash = createHash('sha256');
  for (let at = 0; at < lines.length; at += HASHED_AT_ONCE) {
    const held = lines.slice(at, at + HASHED_AT_ONCE).map((line) => `${line.slice(0, markAt(line))}]\n`);
    hash.update(held.join(''));
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
