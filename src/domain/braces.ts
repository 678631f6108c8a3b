/** Brace expansion, as bash does it; not in quotes. */

/** {a,b} and {1..3}, which a shell reads as several words. */
export const BRACES = /\{(?:[^{}]*,[^{}]*|\d+\.\.\d+)\}/;
const MOST_WORDS = 1_000;

/** The words that a shell makes of one. */
export function expanded(word: string): readonly string[] {
  let words = [word];
  while (words.length <= MOST_WORDS && words.some((one) => BRACES.test(one)))
    words = words.flatMap((one) => {
      const found = BRACES.exec(one);
      if (found === null) return [one];
      const [before, after] = [one.slice(0, found.index), one.slice(found.index + found[0].length)];
      return choicesOf(found[0].slice(1, -1)).map((choice) => `${before}${choice}${after}`);
    });
  return words;
}

function choicesOf(inside: string): readonly string[] {
  const [from, to] = inside.split('..').map(Number);
  if (inside.includes(',') || from === undefined || to === undefined) return inside.split(',');
  const count = Math.min(Math.abs(to - from) + 1, MOST_WORDS);
  return Array.from({ length: count }, (_, at) => String(from < to ? from + at : from - at));
}
