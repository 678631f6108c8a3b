/** The files that a command names, where its own words say what it does with them. */
import { posix } from 'node:path';
import { UNKNOWN, type Access, type ActPath } from '../acts.js';
import { alternativesOf, PatternError } from '../glob.js';
import type { ShellWord } from './word.js';

/** Where a command runs. */
export interface Directories {
  /** Absolute; it may have UNKNOWN in it. */
  readonly directory: string;
  /** Others, where a cd before it fails, is left out or comes later. */
  readonly elsewhere: ReadonlySet<string>;
}

/** What a command does with a file that it names. */
export interface NamedFile {
  readonly word: ShellWord;
  readonly access: Access;
}

/** Absolute and without . and ..; what follows an unknown part is left out. null: its beginning is not known. */
export function pathOf(text: string, directory: string): string | null {
  const joined = text.startsWith('/') ? text : text === '' ? directory : `${directory}/${text}`;
  const unknown = text.startsWith(UNKNOWN) ? 0 : joined.indexOf(UNKNOWN);
  if (unknown === 0) return null;
  if (unknown === -1) return posix.resolve(joined);
  const known = joined.slice(0, unknown);
  const whole = posix.resolve(known);
  return `${whole}${known.endsWith('/') && whole !== '/' ? '/' : ''}${UNKNOWN}`;
}

/** The files that a word means; null: it may be any. */
export function filesOf({ word, access }: NamedFile, { directory, elsewhere }: Directories): readonly ActPath[] | null {
  const texts = textsOf(word);
  const paths = texts.map((text) => pathOf(text, directory));
  const surely = paths.flatMap((path) => (path === null ? [] : [{ path, access }]));
  if (surely.length < paths.length) return null;
  const maybe = [...elsewhere].flatMap((other) =>
    texts.map((text): ActPath => ({ path: pathOf(text, other) ?? UNKNOWN, access, maybe: true })),
  );
  return [...surely, ...maybe];
}

/** Its text and, of a{b,c}, what Bash makes of it. Other shells leave it as it is. */
function textsOf({ text, isPattern, isInside }: ShellWord): readonly string[] {
  const inside = isInside && text.startsWith(UNKNOWN) ? `./${text}` : text;
  if (!isPattern) return [inside];
  try {
    return [...new Set([inside, ...alternativesOf(inside)])];
  } catch (error) {
    if (error instanceof PatternError) return [UNKNOWN];
    throw error;
  }
}

/** Of what is removed: whether it is everything, where the unknown part is empty. */
export const mayBeEverything = ({ text, isKnown, isPattern, isInside }: ShellWord): boolean =>
  isPattern && !isKnown && !isInside && /^(?:\/workspace)?[*?.[\]!{},/-]*$/.test(text.replaceAll(UNKNOWN, ''));

/** Which words are files, by program. */
export function filesOfCommand(name: string, args: readonly ShellWord[]): readonly NamedFile[] {
  const to = (words: readonly ShellWord[], access: Access): readonly NamedFile[] =>
    words.map((word) => ({ word, access }));
  switch (name) {
    case 'rm':
    case 'rmdir':
    case 'unlink':
    case 'shred':
      return to(operandsOf(args), 'remove');
    case 'tee':
    case 'touch':
    case 'truncate':
    case 'mkdir':
    case 'mkfifo':
      return to(operandsOf(args), 'write');
    case 'cp':
    case 'mv':
    case 'ln':
    case 'install':
      return to(destinationOf(args), 'write');
    case 'dd':
      return to(valuesOf(args, /^of=/), 'write');
    case 'sed':
      return args.some(({ text }) => /^(?:-[nErsuz]*i|--in-place)/.test(text)) ? to(operandsOf(args), 'write') : [];
    case 'sort':
      return to([...valuesOf(args, /^(?:-o(?=.)|--output=)/), ...afterOption(args, /^(?:-o|--output)$/)], 'write');
    case 'find':
      return [...to(afterOption(args, /^-(?:fprintf?|fprint0|fls)$/), 'write'), ...to(deletedByFind(args), 'remove')];
    default:
      return [];
  }
}

function operandsOf(args: readonly ShellWord[]): readonly ShellWord[] {
  const end = args.findIndex(({ text }) => text === '--');
  if (end === -1) return args.filter(({ text }) => !/^-./.test(text));
  return [...args.slice(0, end).filter(({ text }) => !/^-./.test(text)), ...args.slice(end + 1)];
}

/** Of cp SOURCE… DIRECTORY and its like. */
function destinationOf(args: readonly ShellWord[]): readonly ShellWord[] {
  const named = [
    ...valuesOf(args, /^(?:-t(?=.)|--target-directory=)/),
    ...afterOption(args, /^(?:-t|--target-directory)$/),
  ];
  if (named.length > 0) return named;
  const operands = operandsOf(args);
  return operands.length > 1 ? operands.slice(-1) : [];
}

function valuesOf(args: readonly ShellWord[], prefix: RegExp): readonly ShellWord[] {
  return args.flatMap((word) => {
    if (!prefix.test(word.text)) return [];
    const text = word.text.replace(prefix, '');
    // Bash also expands ~ behind =.
    return [text.startsWith('~') ? { ...word, text: UNKNOWN, isKnown: false } : { ...word, text }];
  });
}

function afterOption(args: readonly ShellWord[], option: RegExp): readonly ShellWord[] {
  return args.filter((_, at) => at > 0 && option.test(args[at - 1]?.text ?? ''));
}

/** The directories that find empties, where nothing selects what it deletes. */
function deletedByFind(args: readonly ShellWord[]): readonly ShellWord[] {
  const first = args.findIndex(({ text }) => /^[-(!]/.test(text));
  const tests = args.slice(first).filter(({ text }) => !/^(?:-delete|-depth|-mindepth|\d+|-xdev|-mount)$/.test(text));
  return first !== -1 && tests.length === 0 && args.some(({ text }) => text === '-delete') ? args.slice(0, first) : [];
}
