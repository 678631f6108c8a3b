/** The files that a command names, where its own words say what it does with them. */
import { posix } from 'node:path';
import { UNKNOWN, type Access, type ActPath } from '../acts.js';
import type { ShellWord } from './word.js';

/** Absolute and without . and ..; what follows an unknown part is left out. null: its beginning is not known. */
export function pathOf(text: string, directory: string): string | null {
  const unknown = text.indexOf(UNKNOWN);
  const known = unknown === -1 ? text : text.slice(0, unknown);
  if (known === '') return unknown === -1 ? directory : null;
  const whole = posix.resolve(directory, known);
  if (unknown === -1) return whole;
  return `${whole}${known.endsWith('/') && whole !== '/' ? '/' : ''}${UNKNOWN}`;
}

/** Which words are files, by program. */
export function pathsOfCommand(name: string, args: readonly ShellWord[], directory: string): readonly ActPath[] {
  const to = (words: readonly ShellWord[], access: Access): readonly ActPath[] =>
    words.flatMap(({ text }) => {
      const path = pathOf(text, directory);
      return path === null ? [] : [{ path, access }];
    });
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
  return args.flatMap((word) => (prefix.test(word.text) ? [{ ...word, text: word.text.replace(prefix, '') }] : []));
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
