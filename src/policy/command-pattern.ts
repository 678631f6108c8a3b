/** Patterns of commands, such as git push, chmod ** u+s or node [options] -e. */
import { alternativesOf, PatternError, wordMatcher, type Matcher } from './glob.js';
import { matchesSequence } from './sequence.js';

type Part = { readonly kind: 'gap' } | { readonly kind: 'word'; readonly matches: Matcher };

const OPTIONS = '[options]';

/**
 * Matches the words of a command. The first word is the program: its name without directories, or the whole path if the
 * pattern has a /, or NAME=VALUE of a changed variable. The others follow one another anywhere in the arguments;
 * ** is any number of words, {a,b c} any one of its alternatives, and ? also a blank in a word. After [options] they
 * come directly after the program's options and their values. Throws PatternError.
 */
export function commandMatcher(pattern: string): CommandTest {
  // Most programs are named without * and ?: they are looked up, because there are many.
  const byName = new Map<string, CommandTest[]>();
  const others: CommandTest[] = [];
  for (const one of alternativesOf(pattern).map(oneCommand)) {
    if (one.name === null) others.push(one.test);
    else byName.set(one.name, [...(byName.get(one.name) ?? []), one.test]);
  }
  return (words) =>
    (byName.get(programOf(words)) ?? []).some((test) => test(words)) || others.some((test) => test(words));
}

type CommandTest = (words: readonly string[]) => boolean;

/** The name without directories; of a changed variable NAME=VALUE. */
function programOf([name = '']: readonly string[]): string {
  return /^\w+=/.test(name) ? name : name.slice(name.lastIndexOf('/') + 1);
}

function oneCommand(pattern: string): { readonly name: string | null; readonly test: CommandTest } {
  const [first, ...rest] = pattern.trim().split(/\s+/);
  if (first === undefined || first === '') throw new PatternError('it is empty');
  const afterOptions = rest[0] === OPTIONS;
  const written = afterOptions ? rest.slice(1) : rest;
  if (written.includes(OPTIONS)) throw new PatternError(`${OPTIONS} comes directly after the program`);
  const parts = written.map(
    (word): Part => (word === '**' ? { kind: 'gap' } : { kind: 'word', matches: wordMatcher(word) }),
  );
  const fits = afterOptions
    ? (words: readonly string[]) => followsOptions(parts, words)
    : (words: readonly string[]) => isIn([{ kind: 'gap' }, ...parts], words.slice(1));
  if (/^[\w.+-]+$/.test(first)) return { name: first, test: fits };
  const program = wordMatcher(first);
  const named = first.includes('/') ? ([name = '']: readonly string[]) => name : programOf;
  return { name: null, test: (words) => program(named(words)) && fits(words) };
}

/** Whether the words begin with what the pattern says. */
function isIn(parts: readonly Part[], words: readonly string[]): boolean {
  return matchesSequence<Part, string>(
    [...parts, { kind: 'gap' }],
    words,
    ({ kind }) => kind === 'gap',
    (part, word) => part.kind === 'word' && part.matches(word),
  );
}

/** Whether they come directly after the options, or after some of them. */
function followsOptions(parts: readonly Part[], words: readonly string[]): boolean {
  const gap = parts.findIndex(({ kind }) => kind === 'gap');
  const first = gap === -1 ? parts : parts.slice(0, gap);
  const end = optionsEnd(words);
  for (let start = 1; start <= end; start += 1) {
    if (!first.every((part, at) => isAt(part, words[start + at]))) continue;
    // What follows a gap may be anywhere behind it: where the first place does not do, no later one does.
    return gap === -1 || isIn(parts.slice(gap), words.slice(start + gap));
  }
  return false;
}

const isAt = (part: Part, word: string | undefined): boolean =>
  part.kind === 'word' && word !== undefined && part.matches(word);

const SCRIPT = /\.(?:[cm]?[jt]sx?|py|rb|pl|php|lua|r)$/i;

/** By the words of a command: a policy has hundreds of patterns that ask. */
const endsOfOptions = new WeakMap<readonly string[], number>();

/**
 * The last place where the words after the options may begin; each place from 1 on is one, where only some are options
 * of the program. An option may take the next word as its value; a script ends them.
 */
function optionsEnd(words: readonly string[]): number {
  const known = endsOfOptions.get(words);
  if (known !== undefined) return known;
  let end = 1;
  while (end < words.length && isOptionOrValue(words[end] ?? '', end === 1 ? '' : (words[end - 1] ?? ''))) end += 1;
  endsOfOptions.set(words, end);
  return end;
}

function isOptionOrValue(word: string, before: string): boolean {
  return /^-./.test(word) || (/^-./.test(before) && !(before.startsWith('--') && SCRIPT.test(word)));
}
