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
  const fits = ([, ...args]: readonly string[]) =>
    afterOptions
      ? optionEnds(args).some((start) => isIn(parts, args.slice(start)))
      : isIn([{ kind: 'gap' }, ...parts], args);
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

const SCRIPT = /\.(?:[cm]?[jt]sx?|py|rb|pl|php|lua|r)$/i;

/** Where the words after some options may begin. An option may take the next word as its value; a script ends them. */
function optionEnds(args: readonly string[]): readonly number[] {
  const ends = [0];
  for (let at = 0; at < args.length; at += 1) {
    const [word = '', before = ''] = [args[at], args[at - 1]];
    const isValue = /^-./.test(before) && !(before.startsWith('--') && SCRIPT.test(word));
    if (!/^-./.test(word) && !isValue) break;
    ends.push(at + 1);
  }
  return ends;
}
