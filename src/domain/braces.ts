/** Brace expansion, as bash does it; not in quotes. */

const RANGE = /^\d+\.\.\d+$/;
/** A word that makes more words than this is left as it is. */
const MOST_WORDS = 200;

/** Whether a shell reads the word as several: {a,b} and {1..3}. */
export const hasBraces = (word: string): boolean => innermost(word) !== null;

/** The words that a shell makes of one; the word itself where they are too many. */
export function expanded(word: string): readonly string[] {
  if (mostWordsOf(word) > MOST_WORDS) return [word];
  let words = [word];
  while (words.some(hasBraces))
    words = words.flatMap((one) => {
      const found = innermost(one);
      if (found === null) return [one];
      const [before, after] = [one.slice(0, found.start), one.slice(found.end)];
      return choicesOf(found.inside).map((choice) => `${before}${choice}${after}`);
    });
  return words;
}

interface Braces {
  readonly start: number;
  readonly end: number;
  readonly inside: string;
}

/** The first braces with none in them whose inside means several words; null: there are none. */
export function firstBraces(word: string, isSeveral: (inside: string) => boolean): Braces | null {
  for (const { index, 0: found } of word.matchAll(/\{[^{}]*\}/g)) {
    const inside = found.slice(1, -1);
    if (isSeveral(inside)) return { start: index, end: index + found.length, inside };
  }
  return null;
}

const innermost = (word: string): Braces | null =>
  firstBraces(word, (inside) => inside.includes(',') || RANGE.test(inside));

/** At least as many words as the word makes: each pair of braces counts as if it were outside of the others. */
function mostWordsOf(word: string): number {
  let most = 1;
  const open: { readonly at: number; choices: number }[] = [];
  for (let at = 0; at < word.length && most <= MOST_WORDS; at += 1) {
    const innerOpen = open.at(-1);
    if (word[at] === '{') open.push({ at, choices: 1 });
    else if (word[at] === ',' && innerOpen !== undefined) innerOpen.choices += 1;
    else if (word[at] === '}' && innerOpen !== undefined) {
      open.pop();
      const inside = word.slice(innerOpen.at + 1, at);
      most *= RANGE.test(inside) ? lengthOf(inside) : innerOpen.choices;
    }
  }
  return most;
}

const rangeOf = (inside: string): readonly [number, number] => {
  const [from = 0, to = 0] = inside.split('..').map(Number);
  return [from, to];
};

function lengthOf(inside: string): number {
  const [from, to] = rangeOf(inside);
  return Math.abs(to - from) + 1;
}

function choicesOf(inside: string): readonly string[] {
  if (inside.includes(',')) return inside.split(',');
  const [from, to] = rangeOf(inside);
  return Array.from({ length: lengthOf(inside) }, (_, at) => String(from < to ? from + at : from - at));
}
