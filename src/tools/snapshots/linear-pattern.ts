/**
 * Patterns of .gitignore with many wildcards. As regular expressions they could take hours for one name; here each part
 * takes the product of its length and the name's.
 */

export interface LinearPattern {
  /** Whether it takes back what others ignore. */
  readonly isNegative: boolean;
  /** @param parts names on the way from the directory of the file that has the pattern */
  matches(parts: readonly string[], isDirectory: boolean): boolean;
}

const MOST_WILDCARDS = 2;
const MOST_CHARACTERS = 1_000;

/** Whether a regular expression may take too long for it. */
export function isHeavy(line: string): boolean {
  const parts = line.split('/');
  return (
    line.length > MOST_CHARACTERS ||
    parts.filter((part) => part === '**').length > MOST_WILDCARDS ||
    parts.some((part) => part !== '**' && part.split('*').length - 1 > MOST_WILDCARDS)
  );
}

/** @param line neither empty nor a comment */
export function linearPattern(line: string): LinearPattern {
  const isNegative = line.startsWith('!');
  const text = line.slice(isNegative ? 1 : 0).replace(/(?<!\\) +$/, '');
  const forDirectories = text.endsWith('/');
  const inner = forDirectories ? text.slice(0, -1) : text;
  const isAnchored = inner.includes('/');
  const wanted = inner.replace(/^\//, '').split('/').map(partOf);
  return {
    isNegative,
    matches(parts, isDirectory) {
      if (forDirectories && !isDirectory) return false;
      return matchesParts(wanted, isAnchored ? parts : parts.slice(-1));
    },
  };
}

type Token = '*' | ((character: string) => boolean);
type Part = '**' | readonly Token[];

function partOf(text: string): Part {
  if (text === '**') return '**';
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? '';
    const end = character === '[' ? text.indexOf(']', at + (/^\[[!^]/.test(text.slice(at)) ? 3 : 2)) : -1;
    if (character === '*') {
      if (tokens.at(-1) !== '*') tokens.push('*');
    } else if (character === '?') tokens.push(() => true);
    else if (end > 0) {
      tokens.push(rangeOf(text.slice(at + 1, end)));
      at = end;
    } else {
      if (character === '\\') at += 1;
      const literal = text[at] ?? '';
      tokens.push((each) => each === literal);
    }
  }
  return tokens;
}

/** The inner text of a range, such as a-z or !0-9. */
function rangeOf(text: string): (character: string) => boolean {
  const isNegative = /^[!^]/.test(text);
  const inner = text.slice(isNegative ? 1 : 0);
  const spans: (readonly [from: string, to: string])[] = [];
  for (let at = 0; at < inner.length; at += 1) {
    if (inner[at] === '\\') at += 1;
    const from = inner[at] ?? '';
    const isSpan = inner[at + 1] === '-' && at + 2 < inner.length;
    spans.push([from, isSpan ? (inner[at + 2] ?? '') : from]);
    if (isSpan) at += 2;
  }
  return (each) => spans.some(([from, to]) => from <= each && each <= to) !== isNegative;
}

/** Row by row: which numbers of names the parts so far can take. */
function matchesParts(wanted: readonly Part[], names: readonly string[]): boolean {
  let reached = names.map(() => false);
  reached.push(false);
  reached[0] = true;
  wanted.forEach((part, index) => {
    const next = reached.map(() => false);
    for (let at = 0; at <= names.length; at += 1) {
      const before = at > 0 && (reached[at - 1] ?? false);
      if (part !== '**') next[at] = before && matchesName(part, names[at - 1] ?? '');
      // At the end it takes one name at least.
      else if (index === wanted.length - 1) next[at] = before || (at > 0 && (next[at - 1] ?? false));
      else next[at] = (reached[at] ?? false) || (at > 0 && (next[at - 1] ?? false));
    }
    reached = next;
  });
  return reached[names.length] ?? false;
}

/** After a mismatch only the last * takes one more character: those before it have taken the least that they can. */
function matchesName(tokens: readonly Token[], name: string): boolean {
  let [at, token, star, from] = [0, 0, -1, 0];
  while (at < name.length) {
    const wanted = tokens[token];
    if (wanted === '*') [star, from, token] = [token, at, token + 1];
    else if (wanted?.(name[at] ?? '') === true) [at, token] = [at + 1, token + 1];
    else if (star < 0) return false;
    else [from, at, token] = [from + 1, from + 1, star + 1];
  }
  return tokens.slice(token).every((each) => each === '*');
}
