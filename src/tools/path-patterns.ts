/** The paths of the workspace that match a pattern of the shell; ** matches any number of directories. */
import { readdir } from 'node:fs/promises';
import { CallRefused } from './errors.js';
import { openInside } from './jail.js';
import { codeOf } from './system-errors.js';

export interface PatternOptions {
  readonly root: string;
  readonly hidden: string | null;
  /** Paths that are left out, with what is below them. */
  isLeftOut(path: string): boolean;
  readonly signal: AbortSignal;
}

/** The most paths that one pattern may match, and the most directories that are searched for them. */
const LIMITS = { matches: 1_000, directories: 20_000 };

/** A pattern matches more than can be watched; the message says how much. */
export class PatternTooWide extends Error {
  readonly code = 'pattern_too_wide';
  readonly retriable = false;
}

/**
 * The paths, in order; links are not followed below the pattern's first star. Rejects with PatternTooWide for more than
 * 1,000 of them, and where more than 20,000 directories would have to be searched.
 */
export async function matchesOf(pattern: string, options: PatternOptions, limits = LIMITS): Promise<readonly string[]> {
  const search: Search = { ...options, limits, matches: new Set(), directories: 0 };
  await descend(search, [], pattern.split('/'));
  return [...search.matches].sort();
}

interface Search extends PatternOptions {
  readonly limits: typeof LIMITS;
  readonly matches: Set<string>;
  directories: number;
}

async function descend(search: Search, parents: readonly string[], [part, ...rest]: readonly string[]): Promise<void> {
  search.signal.throwIfAborted();
  if (parents.length > 0 && search.isLeftOut(parents.join('/'))) return;
  if (part === undefined) {
    search.matches.add(parents.join('/'));
    if (search.matches.size > search.limits.matches)
      throw new PatternTooWide(`matches more than ${search.limits.matches} paths`);
    return;
  }
  if (part === '**') {
    await descend(search, parents, rest);
    for (const { name, isDirectory } of await entriesOf(search, parents))
      if (isDirectory && !name.startsWith('.')) await descend(search, [...parents, name], [part, ...rest]);
    return;
  }
  if (!/[*?[]/.test(part)) return descend(search, [...parents, part], rest);
  const expression = expressionOf(part);
  for (const { name, isDirectory } of await entriesOf(search, parents)) {
    const isHidden = name.startsWith('.') && !part.startsWith('.');
    if (!isHidden && expression.test(name) && (rest.length === 0 || isDirectory))
      await descend(search, [...parents, name], rest);
  }
}

/** Of a directory that cannot be opened: none. */
async function entriesOf(
  search: Search,
  parts: readonly string[],
): Promise<readonly { readonly name: string; readonly isDirectory: boolean }[]> {
  search.directories += 1;
  if (search.directories > search.limits.directories)
    throw new PatternTooWide(`would have to be searched for in more than ${search.limits.directories} directories`);
  try {
    const handle = await openInside(search.root, parts, search.hidden);
    try {
      const entries = await readdir(`/proc/self/fd/${handle.fd}`, { withFileTypes: true });
      return entries
        .filter(({ name }) => parts.length > 0 || name !== search.hidden)
        .map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (
      error instanceof CallRefused ||
      ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG'].includes(codeOf(error))
    )
      return [];
    throw error;
  }
}

/** A name's pattern as a regular expression; a set that is not closed matches itself. */
function expressionOf(part: string): RegExp {
  const source = part.replaceAll(
    /\[(!?)([^\]/]+)\]|[\s\S]/g,
    (char, negated: string | undefined, set: string | undefined) => {
      if (set !== undefined) return `[${negated === '!' ? '^' : ''}${set.replaceAll(/[\\^[\]]/g, '\\$&')}]`;
      if (char === '*') return '[^/]*';
      if (char === '?') return '[^/]';
      return char.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
    },
  );
  try {
    return new RegExp(`^${source}$`);
  } catch {
    return /^$/; // A set such as [z-a] matches nothing, as in the shell.
  }
}

/** Whether the pattern matches the path, a directory above it, or (for a directory) one that leads to a match. */
export function leadsTo(pattern: string, path: string, isDirectory: boolean): boolean {
  const wanted = pattern.split('/');
  const parts = path.split('/');
  const compared = Math.min(wanted.length, parts.length);
  for (let at = 0; at < compared; at += 1) {
    const part = wanted[at] ?? '';
    if (part === '**') return true;
    if (part !== parts[at] && !(/[*?[]/.test(part) && expressionOf(part).test(parts[at] ?? ''))) return false;
  }
  return parts.length >= wanted.length || isDirectory;
}
