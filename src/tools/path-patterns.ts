/** The paths of the workspace that match a pattern of the shell; ** matches any number of directories. */
import { lstat, readdir } from 'node:fs/promises';
import { CallRefused } from './errors.js';
import { openInside } from './jail.js';
import { codeOf } from './places.js';

export interface PatternOptions {
  readonly root: string;
  readonly hidden: string | null;
  readonly signal: AbortSignal;
}

/** The most paths that one pattern gives, and the most directories that are searched for them. */
const MOST_MATCHES = 1_000;
const MOST_DIRECTORIES = 5_000;

/** At most 1,000 paths, in order. Links are not followed below the pattern's first star. */
export async function matchesOf(pattern: string, options: PatternOptions): Promise<readonly string[]> {
  const search: Search = { ...options, matches: [], directories: 0 };
  await descend(search, [], pattern.split('/'));
  return [...new Set(search.matches)].sort();
}

interface Search extends PatternOptions {
  readonly matches: string[];
  directories: number;
}

async function descend(search: Search, parents: readonly string[], [part, ...rest]: readonly string[]): Promise<void> {
  search.signal.throwIfAborted();
  if (search.matches.length >= MOST_MATCHES) return;
  if (part === undefined) {
    search.matches.push(parents.join('/'));
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
  if (search.directories > MOST_DIRECTORIES) return [];
  try {
    const handle = await openInside(search.root, parts, search.hidden);
    try {
      const place = `/proc/self/fd/${handle.fd}`;
      const names = (await readdir(place)).filter((name) => parts.length > 0 || name !== search.hidden);
      return await Promise.all(
        names.sort().map(async (name) => ({ name, isDirectory: (await lstat(`${place}/${name}`)).isDirectory() })),
      );
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
