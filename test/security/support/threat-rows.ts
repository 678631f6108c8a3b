const SHORTEST_PART_WORDS = 3;

/**
 * The lines of the tables of threats (those that begin with `| threat |`, and that of what can be forged, which begins
 * with `| it writes |`) whose last column names no test.
 * A name is a whole title, or words that are in one title only, so that it is plain which test is meant.
 */
export function threatsWithoutTest(page: string, titles: readonly string[]): readonly string[] {
  const plain = titles.map((title) => title.replaceAll('`', ''));
  return threatLines(page)
    .filter(({ line, columns }) => {
      const cells = line.split(/(?<!\\)\|/).slice(1, -1);
      const name = cells[columns - 1]?.trim().replaceAll('`', '') ?? '';
      return cells.length !== columns || !namesTest(name, plain);
    })
    .map(({ line }) => line);
}

const COLUMNS = { '| threat |': 3, '| it writes |': 4 } as const;

function threatLines(page: string): readonly { readonly line: string; readonly columns: number }[] {
  const lines = page.split('\n');
  return lines.flatMap((line, index) => {
    if (!line.startsWith('|') || /^\|[-|]+$/.test(line)) return [];
    const start = lines.findLastIndex((each, at) => at < index && !each.startsWith('|'));
    const head = start + 1 === index ? '' : (lines[start + 1] ?? '');
    return Object.entries(COLUMNS).flatMap(([first, columns]) => (head.startsWith(first) ? [{ line, columns }] : []));
  });
}

function namesTest(name: string, titles: readonly string[]): boolean {
  if (titles.includes(name)) return true;
  if (name.split(' ').length < SHORTEST_PART_WORDS) return false;
  return new Set(titles.filter((title) => hasWords(title, name))).size === 1;
}

/** Whole words: a part of one is a mistake. */
function hasWords(title: string, words: string): boolean {
  const at = title.indexOf(words);
  const beside = [title.charAt(at - 1), title.charAt(at + words.length)];
  return at >= 0 && beside.every((letter) => !/\w/.test(letter));
}
