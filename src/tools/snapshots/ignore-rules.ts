/** What a snapshot leaves out because .gitignore files, or .git/info/exclude, say so. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import createIgnore, { type Ignore } from 'ignore';
import { isGone } from '../listing.js';
import { codeOf, UNREADABLE } from '../system-errors.js';
import { isHeavy, linearPattern, type LinearPattern } from './linear-pattern.js';

/** A file of patterns; later ones count more. */
export interface IgnoreFile {
  /** The directory that it is for, relative to the workspace; '' is the workspace. */
  readonly directory: string;
  /** Of one further up, such as the root of the repository: the way from there to the workspace. */
  readonly prefix?: string | undefined;
  readonly text: string;
}

export interface IgnoreRules {
  readonly files: readonly IgnoreFile[];
  /** Adds the .gitignore of a directory, if it has one. @param place where it can be opened */
  read(path: string, place: string): void;
  /** What is below an ignored directory is never asked. */
  isIgnored(path: string, isDirectory: boolean): boolean;
}

const NAME = '.gitignore';
/** A longer one is no list of patterns that a person keeps. */
const MOST_BYTES = 1024 * 1024;
/** Characters of all of them; further ones are not used. */
const MOST_TOTAL = 4 * 1024 * 1024;
/** Git's own data, whose files belong together and are git's to restore. */
const GIT_DIRECTORY = '.git';

interface Rules {
  /** Names on the way to the workspace. */
  readonly prefix: readonly string[];
  readonly matchers: readonly (Ignore | LinearPattern)[];
}

/**
 * The rules of a mission are those that its first snapshot found: an agent that adds a pattern hides nothing.
 * @param given those of the first snapshot; null: they are read now
 * @param outer what the repository around the workspace has; not used where others are given
 */
export function createIgnoreRules(given: readonly IgnoreFile[] | null, outer: readonly IgnoreFile[] = []): IgnoreRules {
  const files: IgnoreFile[] = [];
  const rules = new Map<string, Rules[]>();
  let length = 0;
  const add = (file: IgnoreFile) => {
    length += file.text.length;
    if (length > MOST_TOTAL) return;
    files.push(file);
    const prefix = file.prefix === undefined || file.prefix === '' ? [] : file.prefix.split('/');
    const all = rules.get(file.directory) ?? [];
    rules.set(file.directory, [...all, { prefix, matchers: matchersOf(file.text) }]);
  };
  for (const file of given ?? outer) add(file);
  return {
    files,
    read(path, place) {
      const text = given === null ? textOf(`${place}/${NAME}`) : null;
      if (text !== null) add({ directory: path, text });
    },
    isIgnored(path, isDirectory) {
      const parts = path.split('/');
      if (parts.at(-1) === GIT_DIRECTORY) return true;
      let ignored = false;
      // As in git, the deepest file that says something decides.
      for (let depth = 0; depth < parts.length; depth += 1) {
        for (const { prefix, matchers } of rules.get(parts.slice(0, depth).join('/')) ?? [])
          for (const matcher of matchers)
            ignored = said(matcher, [...prefix, ...parts.slice(depth)], isDirectory) ?? ignored;
      }
      return ignored;
    },
  };
}

/** The later one that says something decides. */
function matchersOf(text: string): readonly (Ignore | LinearPattern)[] {
  const matchers: (Ignore | LinearPattern)[] = [];
  let light: string[] = [];
  const addLight = () => {
    if (light.length > 0) matchers.push(createIgnore({ ignoreCase: false }).add(light));
    light = [];
  };
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#') || !isHeavy(line)) {
      light.push(line);
      continue;
    }
    addLight();
    matchers.push(linearPattern(line));
  }
  addLight();
  return matchers;
}

/** Null: nothing. */
function said(matcher: Ignore | LinearPattern, parts: readonly string[], isDirectory: boolean): boolean | null {
  if ('isNegative' in matcher) return matcher.matches(parts, isDirectory) ? !matcher.isNegative : null;
  const { ignored, unignored } = matcher.test(`${parts.join('/')}${isDirectory ? '/' : ''}`);
  return ignored ? true : unignored ? false : null;
}

/** Of a path that an agent has written and that is no path: it names nothing. */
const NO_PATH = 'ERR_INVALID_ARG_VALUE';

/** Null: there is no such file, or none that is read. */
export function textOf(path: string, follows = false): string | null {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | (follows ? 0 : constants.O_NOFOLLOW));
    try {
      const stats = fstatSync(file);
      return stats.isFile() && stats.size <= MOST_BYTES ? readFileSync(file, 'utf8') : null;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (isGone(error) || [NO_PATH, ...UNREADABLE].includes(codeOf(error))) return null;
    throw error;
  }
}
