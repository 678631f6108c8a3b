/** Matching with gaps, in time that grows with pattern × items: the items come from a model. */

/**
 * Whether the items are the pattern's parts in order. A gap means any number of items, none included.
 * @param fits whether one item fits one part that is no gap
 */
export function matchesSequence<P, I>(
  pattern: readonly P[],
  items: readonly I[],
  isGap: (part: P) => boolean,
  fits: (part: P, item: I) => boolean,
): boolean {
  let at = 0;
  let from = 0;
  let gap = -1;
  let gapEnd = 0;
  while (from < items.length) {
    const part = pattern[at];
    const item = items[from];
    if (part !== undefined && isGap(part)) {
      gap = at;
      at += 1;
      // Where the gap may still grow: the item after those that it has taken.
      gapEnd = from;
      continue;
    }
    if (part !== undefined && item !== undefined && fits(part, item)) {
      at += 1;
      from += 1;
      continue;
    }
    if (gap === -1) return false;
    gapEnd += 1;
    from = gapEnd;
    at = gap + 1;
  }
  return pattern.slice(at).every(isGap);
}
