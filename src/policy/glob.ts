/** Patterns of words and paths: * ? [abc] [!abc] {a,b}, and !(a|b) for a whole word. */
import { firstBraces } from '../domain/braces.js';
import { matchesSequence } from './sequence.js';

export type Matcher = (text: string) => boolean;

type Part =
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'set'; readonly matches: Matcher };

/** More alternatives than a person writes. */
const MOST_ALTERNATIVES = 1000;

/** A pattern cannot be used; the message says why. */
export class PatternError extends Error {
  readonly code = 'policy_pattern';
  readonly retriable = false;
}

/** Characters of all texts that are made on the way: a command of a model may have thousands of braces. */
const MOST_CHARACTERS = 4_000_000;

/** The words that {a,b} means; a brace without a comma is itself. Throws PatternError for too many. */
export function alternativesOf(pattern: string): readonly string[] {
  const done = new Set<string>();
  let open: readonly string[] = [pattern];
  let characters = 0;
  while (open.length > 0) {
    const next = new Set<string>();
    for (const text of open) {
      const pair = firstBraces(text, (inside) => inside.includes(','));
      if (pair === null) {
        done.add(text);
        continue;
      }
      const [before, after] = [text.slice(0, pair.start), text.slice(pair.end)];
      for (const choice of pair.inside.split(',')) {
        characters += text.length;
        if (next.add(`${before}${choice}${after}`).size + done.size > MOST_ALTERNATIVES)
          throw new PatternError(`it has more than ${MOST_ALTERNATIVES} alternatives`);
        if (characters > MOST_CHARACTERS) throw new PatternError('it is too long for so many alternatives');
      }
    }
    open = [...next];
  }
  return [...done];
}

/** Matches a whole word; * means any characters, / included. Throws PatternError. */
export function wordMatcher(pattern: string): Matcher {
  const negated = /^!\((.*)\)$/s.exec(pattern);
  if (negated !== null) {
    const matchers = (negated[1] ?? '').split('|').map(wordMatcher);
    return (text) => !matchers.some((matches) => matches(text));
  }
  const all = alternativesOf(pattern).map(oneMatcher);
  return (text) => all.some((matches) => matches(text));
}

function oneMatcher(pattern: string): Matcher {
  const parts = partsOf(pattern);
  const gap = parts.findIndex(({ kind }) => kind !== 'char');
  const prefix = charsOf(gap === -1 ? parts : parts.slice(0, gap));
  if (gap === -1) return (text) => text === prefix;
  const suffix = charsOf(parts.slice(parts.findLastIndex(({ kind }) => kind !== 'char') + 1));
  // Most words differ in their first or last characters.
  return (text) =>
    text.startsWith(prefix) &&
    text.endsWith(suffix) &&
    matchesSequence(parts, [...text], ({ kind }) => kind === 'any', fits);
}

const charsOf = (parts: readonly Part[]): string =>
  parts.map((part) => (part.kind === 'char' ? part.char : '')).join('');

function fits(part: Part, char: string): boolean {
  if (part.kind === 'char') return part.char === char;
  return part.kind === 'set' ? part.matches(char) : part.kind === 'one';
}

function partsOf(pattern: string): readonly Part[] {
  const parts: Part[] = [];
  const chars = [...pattern];
  const lastEnd = chars.lastIndexOf(']');
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at] ?? '';
    const end = char === '[' && at + 2 <= lastEnd ? chars.indexOf(']', at + 2) : -1;
    if (char === '*') parts.push({ kind: 'any' });
    else if (char === '?') parts.push({ kind: 'one' });
    else if (char === '\\' && at + 1 < chars.length) parts.push({ kind: 'char', char: chars[(at += 1)] ?? '' });
    else if (end !== -1) {
      parts.push({ kind: 'set', matches: setOf(chars.slice(at + 1, end)) });
      at = end;
    } else parts.push({ kind: 'char', char });
  }
  return parts;
}

/** What [ ] has: characters and ranges such as a-z; ! in front negates. */
function setOf(chars: readonly string[]): Matcher {
  const negated = chars[0] === '!';
  const listed = negated ? chars.slice(1) : chars;
  const has = (char: string) =>
    listed.some((one, at) => {
      if (one !== '-' || at === 0 || at === listed.length - 1) return one === char;
      const [from = '', to = ''] = [listed[at - 1], listed[at + 1]];
      return from <= char && char <= to;
    });
  return (char) => has(char) !== negated;
}

/** Matches a whole absolute path; * stays within a name, ** means any number of names. Throws PatternError. */
export const pathMatcher = (pattern: string): Matcher => namesMatcher(pattern, wordMatcher);

/** The same for a path that may have * ? [ ] of the shell in it: whether some file has both. Throws PatternError. */
export const pathOverlap = (pattern: string): Matcher => namesMatcher(pattern, nameOverlap);

function namesMatcher(pattern: string, compile: (name: string) => Matcher): Matcher {
  const all = alternativesOf(pattern).map((one) =>
    one.split('/').map((name) => (name === '**' ? null : compile(name))),
  );
  return (path) => {
    const names = path.split('/');
    return all.some((parts) =>
      matchesSequence(
        parts,
        names,
        (part) => part === null,
        (part, name) => part !== null && part(name),
      ),
    );
  };
}

const WILD = /[*?[{]/;

/** Of two patterns of a name it is not found out: they count as matching. */
function nameOverlap(pattern: string): Matcher {
  const matches = wordMatcher(pattern);
  return (name) => {
    if (!WILD.test(name)) return matches(name);
    if (WILD.test(pattern) || hasRange(name)) return true;
    // The shell's * and ? do not match a dot in front.
    return (!pattern.startsWith('.') || /^[.[]/.test(name)) && mayMatch(name, pattern);
  };
}

/** {1..9} and {a..z}. */
function hasRange(name: string): boolean {
  const open = name.indexOf('{');
  const dots = open === -1 ? -1 : name.indexOf('..', open + 1);
  return dots !== -1 && name.lastIndexOf('}') >= dots + 2;
}

/** The name comes from a model: one that is no pattern may be any file. */
function mayMatch(name: string, text: string): boolean {
  try {
    return wordMatcher(name)(text);
  } catch (error) {
    if (error instanceof PatternError) return true;
    throw error;
  }
}
