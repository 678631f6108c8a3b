/** The files of a workspace that a task must not change: which they are, and which of them have changed. */
import type { ProtectionRules } from '../ports/tools.js';
import { digestOfListing, listingDifferences, listTree, type ListedEntry, type ListOptions } from './listing.js';
import { matchesOf } from './path-patterns.js';
import { STATE_DIRECTORY, type RunPlace } from './places.js';

/** One protected path with all that is below it. */
export interface ProtectedListing {
  readonly path: string;
  /** digestOfListing of the entries; null: nothing was there. */
  readonly digest: string | null;
  readonly entries: readonly ListedEntry[];
}

const isAtOrBelow = (path: string, above: string): boolean =>
  above === '' || path === above || path.startsWith(`${above}/`);

/** What is protected, as it is now: what the task lists, and what its checks name and exists. */
export async function listProtected(
  place: RunPlace,
  rules: ProtectionRules,
  signal: AbortSignal,
): Promise<readonly ProtectedListing[]> {
  const options = searchOptions(place, signal);
  const found = new Map<string, ProtectedListing>();
  for (const path of rules.listed) found.set(path, await listOne(place, path, rules.changes, signal));
  for (const { path: named, isPattern, isFileOnly } of rules.named) {
    for (const path of isPattern ? await matchesOf(named, options) : [named]) {
      if (found.has(path) || rules.changes.some((change) => isAtOrBelow(path, change))) continue;
      const listing = await listOne(place, path, rules.changes, signal);
      const isThere = listing.entries.length > 0 && !(isFileOnly && listing.entries[0]?.type === 'directory');
      if (isThere) found.set(path, listing);
    }
  }
  return [...found.values()];
}

/** The path without what the task may change below it. */
async function listOne(
  place: RunPlace,
  path: string,
  changes: readonly string[],
  signal: AbortSignal,
): Promise<ProtectedListing> {
  const allowed = changes.filter((change) => change !== path && isAtOrBelow(change, path));
  const entries = await listTree(path, {
    ...searchOptions(place, signal),
    isLeftOut: (entry) => allowed.some((change) => isAtOrBelow(entry, change)),
  });
  return { path, digest: digestOfListing(entries), entries };
}

const searchOptions = ({ workspace, holdsState }: RunPlace, signal: AbortSignal): Omit<ListOptions, 'isLeftOut'> => ({
  root: workspace,
  hidden: holdsState ? STATE_DIRECTORY : null,
  signal,
});

/**
 * What differs now from the digests of a baseline, such as "test/a.mjs (content)".
 * @param kept the listings of that baseline, which say more than its digests; what does not fit them is not used
 */
export async function differencesFrom(
  place: RunPlace,
  before: readonly { readonly path: string; readonly digest: string | null }[],
  kept: readonly ProtectedListing[],
  changes: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const differences = new Set<string>();
  for (const { path, digest } of before) {
    const now = await listOne(place, path, changes, signal);
    if (now.digest === digest) continue;
    const old = kept.find((listing) => listing.path === path);
    const known = old !== undefined && digestOfListing(old.entries) === digest;
    for (const difference of known ? listingDifferences(old.entries, now.entries) : [`${path} (changed)`])
      differences.add(difference);
  }
  return [...differences];
}
