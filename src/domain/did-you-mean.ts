/** The candidate that was most likely meant, whatever its capitals; null when none is near. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** "Did you mean X?" for another word than this one; null when none is near. */
export function didYouMean(word: string, candidates: readonly string[]): string | null {
  const candidate = nearestOther(word, candidates);
  return candidate === null ? null : `Did you mean ${candidate}?`;
}

/** What to do about a wrong word in a file or in a model's reply: the nearest other word, else the whole choice. */
export function chooseInstead(word: string, candidates: readonly string[]): string {
  const candidate = nearestOther(word, candidates);
  if (candidate !== null) return `did you mean "${candidate}"?`;
  const others = candidates.filter((other) => other !== word);
  return others.length > 0 ? `use one of: ${others.join(', ')}` : 'leave it out';
}

const nearestOther = (word: string, candidates: readonly string[]): string | null =>
  nearest(
    word,
    candidates.filter((other) => other !== word),
  );

/**
 * Damerau and Levenshtein's distance (optimal string alignment): insertions, deletions, replacements and swaps of
 * neighbours. One row at a time, with the two rows before it.
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replace, at(last, j) + 1, at(row, j - 1) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, at(beforeLast, j - 2) + 1);
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
