/** The files that a command names, where its own words say what it does with them. */
import { posix } from 'node:path';
import { UNKNOWN, type Access, type ActPath } from '../acts.js';
import { alternativesOf, PatternError } from '../glob.js';
import { plainWord, type ShellWord } from './word.js';

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
function pathOf(text: string, directory: string): string | null {
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
    case 'sponge':
      return to(operandsOf(args), 'write');
    case 'cp':
    case 'mv':
    case 'ln':
    case 'install':
      return to(destinationsOf(name, args), 'write');
    case 'link':
      return to(args.slice(-1), 'write');
    case 'uniq':
      return to(operandsOf(args).slice(1), 'write');
    case 'curl':
      return to(valuesOf(args, 'o', 'output'), 'write');
    case 'wget':
      return to(valuesOf(args, 'OP', 'output-document', 'directory-prefix'), 'write');
    case 'dd':
      return to(namedOf(args), 'write');
    case 'sed':
      return to(editedBySed(args), 'write');
    case 'perl':
      return args.some(({ text }) => /^-[a-zA-Z0]*i/.test(text)) ? to(operandsOf(args), 'write') : [];
    case 'sort':
    case 'shuf':
      return to(valuesOf(args, 'o', 'output'), 'write');
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

/** Letters of options whose value may be the next word, and the long ones. */
const VALUES: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  cp: ['tS', ['target-directory', 'suffix', 'sparse', 'no-preserve']],
  mv: ['tS', ['target-directory', 'suffix']],
  ln: ['tS', ['target-directory', 'suffix']],
  install: ['tSmogZ', ['target-directory', 'suffix', 'mode', 'owner', 'group', 'strip-program']],
};

const MOST_TARGETS = 4;

/** Of cp SOURCE… DESTINATION and its like: the destination, and what each source is there if it is a directory. */
function destinationsOf(name: string, args: readonly ShellWord[]): readonly ShellWord[] {
  const [letters, long] = VALUES[name] ?? ['', []];
  const named = valuesOf(args, 't', 'target-directory');
  const operands = withoutValues(args, letters, long);
  const makesDirectories = name === 'install' && args.some(({ text }) => /^(?:-[a-zA-Z]*d|--d)/.test(text));
  if (makesDirectories) return operands;
  const targets = named.length > 0 ? named : operands.slice(-1);
  const sources = named.length > 0 ? operands : operands.slice(0, -1);
  if (sources.length === 0) return name === 'ln' ? operands.map(lastName) : [];
  // GNU's programs take one; with many, what each source is in each of them would be too much to look at.
  if (targets.length > MOST_TARGETS) return [...targets, plainWord(UNKNOWN)];
  return [...targets, ...targets.flatMap((target) => sources.map((source) => inside(target, source)))];
}

/** The last name of a path; of one that ends with an unknown part, any. */
function lastName(word: ShellWord): ShellWord {
  const unknown = word.text.lastIndexOf(UNKNOWN);
  let end = word.text.length;
  while (word.text.charAt(end - 1) === '/') end -= 1;
  const name = word.text.slice(word.text.lastIndexOf('/', end - 1) + 1, end);
  return { ...word, text: name, isInside: unknown !== -1 };
}

function inside(target: ShellWord, source: ShellWord): ShellWord {
  const { text, isPattern } = lastName(source);
  return {
    ...target,
    text: `${target.text}/${text}`,
    isKnown: target.isKnown && source.isKnown,
    isPattern: target.isPattern || isPattern,
  };
}

/** The words that are neither options nor their values. */
function withoutValues(args: readonly ShellWord[], letters: string, long: readonly string[]): readonly ShellWord[] {
  const end = args.findIndex(({ text }) => text === '--');
  const options = end === -1 ? args : args.slice(0, end);
  const operands = options.filter(
    ({ text }, at) => !/^-./.test(text) && !takesNext(options[at - 1]?.text ?? '', letters, long),
  );
  return end === -1 ? operands : [...operands, ...args.slice(end + 1)];
}

const takesNext = (option: string, letters: string, long: readonly string[]): boolean =>
  bundled(option, letters) === '' || (!option.includes('=') && long.some((name) => abbreviates(option, name)));

/** What follows the letter in its word, as in -vtDIR; null: it has none of the letters. */
function bundled(option: string, letters: string): string | null {
  if (letters === '') return null;
  return new RegExp(`^-[A-Za-z0-9]*?[${letters}](.*)$`, 's').exec(option)?.[1] ?? null;
}

/** --target, of --target-directory; one letter may be another option, which makes no difference here. */
const abbreviates = (option: string, name: string): boolean =>
  /^--[a-z]/.test(option) && `--${name}`.startsWith(option.split('=')[0] ?? '');

/** The values of an option in all its spellings: -t x, -tx, -vtx, --target-directory x, --target=x. */
function valuesOf(args: readonly ShellWord[], letters: string, ...long: readonly string[]): readonly ShellWord[] {
  return args.flatMap((word, at) => {
    const attached = bundled(word.text, letters);
    if (attached !== null && attached !== '') return [{ ...word, text: attached }];
    const [, written] = /^--[a-z][^=]*=(.*)$/s.exec(word.text) ?? [];
    if (written !== undefined && long.some((name) => abbreviates(word.text, name))) return [{ ...word, text: written }];
    return at > 0 && takesNext(args[at - 1]?.text ?? '', letters, long) ? [word] : [];
  });
}

/** Of dd. Bash also expands ~ behind =. */
function namedOf(args: readonly ShellWord[]): readonly ShellWord[] {
  return args.flatMap((word) => {
    if (!word.text.startsWith('of=')) return [];
    const text = word.text.slice('of='.length);
    return [text.startsWith('~') ? { ...word, text: UNKNOWN, isKnown: false } : { ...word, text }];
  });
}

/** The files that sed changes in place; without -e and -f its first operand is the script. */
function editedBySed(args: readonly ShellWord[]): readonly ShellWord[] {
  if (!args.some(({ text }) => /^(?:-[nErsuz]*i|--i)/.test(text))) return [];
  const operands = withoutValues(args, 'efl', ['expression', 'file', 'line-length']);
  const hasScript = args.some(({ text }) => /^(?:-[nErsuz]*[ef]|--(?:e|fi))/.test(text));
  return hasScript ? operands : operands.slice(1);
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
