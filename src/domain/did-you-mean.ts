/** 'did you mean "x"?' for the other candidate that is nearest to the word, else the whole choice. */
export function didYouMean(word: string, all: readonly string[]): string {
  const candidates = all.filter((candidate) => candidate !== word);
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  const nearest = ranked[0];
  if (nearest && nearest.distance <= Math.max(2, Math.floor(word.length / 3)))
    return `did you mean "${nearest.candidate}"?`;
  return candidates.length > 0 ? `use one of: ${candidates.join(', ')}` : 'leave it out';
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, charOfA] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, charOfB] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (charOfA === charOfB ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
