/** The files of a workspace that a task must not change: which they are, and which of them have changed. */
import { quoted } from '../domain/quoted.js';
import { ProtectionTooLarge, type ProtectionRules } from '../ports/tools.js';
import {
  digestOfListing,
  listingDifferences,
  listTree,
  type ListedEntry,
  type ListingDifference,
  type ListOptions,
} from './listing.js';
import { leadsTo, matchesOf, PatternTooWide } from './path-patterns.js';
import { STATE_DIRECTORY, type RunPlace } from './places.js';

/** One protected path with all that is below it. */
export interface ProtectedListing {
  readonly path: string;
  /** digestOfListing of the entries; null: nothing was there. */
  readonly digest: string | null;
  readonly entries: readonly ListedEntry[];
}

/** A path with a variable in it protects at most so many. A check may read few of what it matches. */
const MOST_GUESSED = 200;

const isAtOrBelow = (path: string, above: string): boolean =>
  above === '' || path === above || path.startsWith(`${above}/`);

/**
 * What is protected, as it is now: what the task lists, and what its checks name and exists. Rejects with
 * ProtectionTooLarge where some of it could not be watched: then the task does not begin.
 */
export async function listProtected(
  place: RunPlace,
  taskId: string,
  rules: ProtectionRules,
  signal: AbortSignal,
): Promise<readonly ProtectedListing[]> {
  const changes = allChanges(rules);
  const mayChange = (path: string) => changes.some((change) => isAtOrBelow(path, change));
  const options = { ...searchOptions(place, signal), isLeftOut: mayChange };
  const onTooDeep = (path: string) => {
    throw tooLarge(taskId, `${quoted(path)} is deeper in a protected directory than can be looked into`);
  };
  const listNow = (path: string) => listOne(place, path, changes, signal, onTooDeep);
  const found = new Map<string, ProtectedListing>();
  for (const path of rules.listed) found.set(path, await listNow(path));
  for (const { path: named, isPattern, isFileOnly, isGuess } of rules.named) {
    const matches = isPattern ? await matchesIn(taskId, named, options, isGuess === true) : [named];
    for (const path of isGuess === true && matches.length > MOST_GUESSED ? [] : matches) {
      if (found.has(path) || mayChange(path)) continue;
      const listing = await listNow(path);
      const isThere = listing.entries.length > 0 && !(isFileOnly && listing.entries[0]?.type === 'directory');
      if (isThere) found.set(path, listing);
    }
  }
  return [...found.values()];
}

const allChanges = ({ changes, beside }: ProtectionRules): readonly string[] => [...changes, ...beside.changes];

/** Why the task cannot begin, and what to do about it. */
export function tooLarge(taskId: string, what: string): ProtectionTooLarge {
  return new ProtectionTooLarge(
    `what ${taskId} must not change cannot be watched: ${what}; ` +
      'let its checks and `protected` name fewer files, or list what it may change in `changes`',
  );
}

async function matchesIn(
  taskId: string,
  pattern: string,
  options: Parameters<typeof matchesOf>[1],
  isGuess: boolean,
): Promise<readonly string[]> {
  try {
    return await matchesOf(pattern, options);
  } catch (error) {
    if (error instanceof PatternTooWide && isGuess) return [];
    throw error instanceof PatternTooWide ? tooLarge(taskId, `${quoted(pattern)} ${error.message}`) : error;
  }
}

/** The path without what the task may change below it. */
async function listOne(
  place: RunPlace,
  path: string,
  changes: readonly string[],
  signal: AbortSignal,
  onTooDeep?: (path: string) => void,
): Promise<ProtectedListing> {
  const entries = await listTree(path, {
    ...searchOptions(place, signal),
    isLeftOut: (entry) => isLeftOut(entry, path, changes),
    ...(onTooDeep === undefined ? {} : { onTooDeep }),
  });
  return { path, digest: digestOfListing(entries), entries };
}

/** Of two paths the longer one decides: what may be changed below the protected path. */
const isLeftOut = (entry: string, protectedPath: string, changes: readonly string[]): boolean =>
  changes.some(
    (change) => change !== protectedPath && isAtOrBelow(change, protectedPath) && isAtOrBelow(entry, change),
  );

const searchOptions = ({ workspace, holdsState }: RunPlace, signal: AbortSignal): Omit<ListOptions, 'isLeftOut'> => ({
  root: workspace,
  hidden: holdsState ? STATE_DIRECTORY : null,
  signal,
});

/**
 * What differs now from the digests of a baseline, such as "test/a.mjs (content)". In a directory that only a check
 * names, what it and the tasks beside it are to create is no difference.
 * @param kept the listings of that baseline, which say more than its digests; what does not fit them is not used
 */
export async function differencesFrom(
  place: RunPlace,
  before: readonly { readonly path: string; readonly digest: string | null }[],
  kept: readonly ProtectedListing[],
  rules: ProtectionRules,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const changes = allChanges(rules);
  const differences = new Set<string>();
  for (const { path, digest } of before) {
    const now = await listOne(place, path, changes, signal);
    if (now.digest === digest) continue;
    const old = kept.find((listing) => listing.path === path);
    if (old === undefined || digestOfListing(old.entries) !== digest) {
      differences.add(`${path} (changed)`);
      continue;
    }
    const isExpected = rules.listed.includes(path) ? () => false : outputsOf(rules, old.entries);
    // Another attempt may have other rules than the one that took the baseline.
    const entries = old.entries.filter((entry) => !isLeftOut(entry.path, path, changes));
    for (const difference of listingDifferences(entries, now.entries))
      if (!isExpected(difference)) differences.add(`${difference.path} (${difference.what})`);
  }
  return [...differences];
}

/**
 * Whether a difference is an output: a path that a check names and that was not there before, what is below it, and the
 * directories that lead to it.
 */
function outputsOf(
  { named, beside }: ProtectionRules,
  before: readonly ListedEntry[],
): (difference: ListingDifference) => boolean {
  const isDirectory = ({ type }: ListedEntry): boolean => type === 'directory';
  const wasThere = (output: string) => before.some((entry) => leadsTo(output, entry.path, false));
  const outputs = [...named.map(({ path }) => path), ...beside.creates.filter((path) => !path.endsWith('/'))].filter(
    (output) => !wasThere(output),
  );
  const filled = beside.creates.filter((path) => path.endsWith('/')).map((path) => path.slice(0, -1));
  return ({ path, what, now }) =>
    what === 'created' &&
    now !== null &&
    (filled.some((directory) => path !== directory && isAtOrBelow(path, directory)) ||
      outputs.some((output) => leadsTo(output, path, isDirectory(now))));
}
