/** What two snapshots differ in, and the patch that git takes. */
import { createTwoFilesPatch } from 'diff';
import { isFileSystemError, unreadableReason } from '../agent/text-file.js';
import { holdsSecret, type Redact } from '../domain/redaction.js';
import { CallRefused } from '../tools/errors.js';
import { ClientError } from './client-error.js';
import type { ListedEntry, ListingDifference } from '../tools/listing.js';
import type { Manifest } from '../tools/snapshots/manifest.js';
import { MOST_TEXT_BYTES } from '../tools/snapshots/now.js';

export interface FileChange {
  readonly path: string;
  /** created, removed, content, mode, or what was replaced by what, such as "file replaced by link". */
  readonly what: string;
  /** What is there afterwards; null: nothing. */
  readonly type: ListedEntry['type'] | null;
}

export function changeOf({ path, what, now }: ListingDifference): FileChange {
  return { path, what, type: now?.type ?? null };
}

/** Rejects with CallRefused, or as the file system does; null: it is too long to be shown. */
export type ReadContent = (path: string, entry: ListedEntry) => Promise<Buffer | null>;

export interface Contents {
  readonly before: ReadContent;
  readonly after: ReadContent;
  readonly redact: Redact;
}

/** Comparing two texts that have little in common may take very long. */
const MOST_MS = 10_000;

/** In the form of git, file by file: git apply takes it, but for what it only names (binary, or too long). */
export async function* patchOf(
  differences: readonly ListingDifference[],
  before: Manifest,
  contents: Contents,
  signal: AbortSignal,
): AsyncIterable<string> {
  const old = new Map(before.entries.map((entry) => [entry.path, entry]));
  for (const { path, now } of differences) {
    signal.throwIfAborted();
    const was = old.get(path) ?? null;
    // What is replaced by something else is removed and created, as in git.
    if (was !== null && now !== null && was.type !== now.type) {
      yield await onePatch(path, was, null, contents);
      yield await onePatch(path, null, now, contents);
    } else yield await onePatch(path, was, now, contents);
  }
}

async function onePatch(
  path: string,
  given: ListedEntry | null,
  wanted: ListedEntry | null,
  { before: old, after: current, redact }: Contents,
): Promise<string> {
  const [was, now] = [asGitSees(given), asGitSees(wanted)];
  if (was === null && now === null) return '';
  const [a, b] = [gitPath(`a/${path}`), gitPath(`b/${path}`)];
  const head = [`diff --git ${a} ${b}`];
  if (was === null && now !== null) head.push(`new file mode ${gitMode(now)}`);
  else if (was !== null && now === null) head.push(`deleted file mode ${gitMode(was)}`);
  else if (was !== null && now !== null && gitMode(was) !== gitMode(now))
    head.push(`old mode ${gitMode(was)}`, `new mode ${gitMode(now)}`);
  if (was?.digest === now?.digest) return head.length === 1 ? '' : `${head.join('\n')}\n`;
  const [before, after] = await Promise.all([textOf(path, was, old, redact), textOf(path, now, current, redact)]);
  const names = [was === null ? '/dev/null' : a, now === null ? '/dev/null' : b] as const;
  if (before === null || after === null) return `${head.join('\n')}\nBinary files ${names[0]} and ${names[1]} differ\n`;
  // Both are empty, or differ in nothing that may be shown.
  if (before === after) return `${head.join('\n')}\n${before === '' ? '' : `Secrets in ${b} differ\n`}`;
  const [from, to] = [was === null ? names[0] : `a/${path}`, now === null ? names[1] : `b/${path}`]; // it quotes them
  const text = createTwoFilesPatch(from, to, before, after, undefined, undefined, { timeout: MOST_MS });
  if (text === undefined) return `${head.join('\n')}\nBinary files ${names[0]} and ${names[1]} differ\n`;
  return `${head.join('\n')}\n${text.slice(text.indexOf('--- '))}`;
}

/** Git has neither directories nor special files. */
const asGitSees = (entry: ListedEntry | null): ListedEntry | null =>
  entry === null || entry.type === 'directory' || entry.type === 'other' || entry.digest === null ? null : entry;

const gitMode = ({ type, mode }: ListedEntry): string =>
  type === 'link' ? '120000' : (mode & 0o100) === 0 ? '100644' : '100755';

/** Quoted where git would not read it otherwise. */
function gitPath(path: string): string {
  const quoted = path.replace(/["\\\u0000-\u001f\u007f]/g, (each) =>
    each === '"' || each === '\\' ? `\\${each}` : `\\${each.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return quoted === path ? path : `"${quoted}"`;
}

/** null: no text. */
async function textOf(
  path: string,
  entry: ListedEntry | null,
  read: ReadContent,
  redact: Redact,
): Promise<string | null> {
  if (entry === null) return '';
  const bytes = await read(path, entry).catch((error: unknown) => {
    if (!(error instanceof CallRefused) && !isFileSystemError(error)) throw error;
    const why =
      error instanceof CallRefused ? error.message : `its content cannot be read (${unreadableReason(error)})`;
    throw new ClientError('snapshot_changed', `${why}: ${path}`, 'Without --patch the paths are shown.');
  });
  if (bytes === null || bytes.length > MOST_TEXT_BYTES || bytes.includes(0)) return null;
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) return null;
  // As a whole: in the lines of a patch a secret of several lines would not be known.
  return holdsSecret(text, redact) ? redact(text) : text;
}
