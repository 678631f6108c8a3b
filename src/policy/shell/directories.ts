/** Where a shell is: what cd and its like change. */
import { PATH_MAX } from '../../domain/workspace-path.js';
import { UNKNOWN } from '../acts.js';
import { filesOf } from './paths.js';
import { plainWord, type ShellWord, type Variables } from './word.js';

/** Absolute; before: where cd - leads. */
export interface At {
  directory: string;
  before: string;
}

interface Shell {
  readonly at: At;
  readonly variables: Variables;
  /** Where the shells of the call may be, at any time. */
  readonly directories: Set<string>;
}

/** More directories than any honest command changes to. */
const MOST_DIRECTORIES = 60;

/** @param name cd, pushd or popd */
export function changeDirectory(name: string, args: readonly ShellWord[], { at, variables, directories }: Shell): void {
  const [target] = args.filter(({ text }) => !/^-./.test(text));
  const { directory, before } = at;
  at.before = directory;
  const home = plainWord(variables.known.get('HOME') ?? UNKNOWN);
  at.directory = name === 'popd' || target?.text === '-' ? before : directoryOf(target ?? home, directory);
  directories.add(at.directory);
  if (target === undefined || target.text === '-') return;
  for (const one of [...directories])
    directories.add(directories.size < MOST_DIRECTORIES ? directoryOf(target, one) : UNKNOWN);
}

export const movedTo = (target: ShellWord, { directory }: At): At => ({
  directory: directoryOf(target, directory),
  before: directory,
});

/** Where cd leads; UNKNOWN: anywhere. */
function directoryOf(target: ShellWord, directory: string): string {
  const paths = filesOf({ word: target, access: 'read' }, { directory, elsewhere: new Set() }) ?? [];
  const path = paths[0]?.path ?? UNKNOWN;
  return path.length > PATH_MAX ? UNKNOWN : path;
}
