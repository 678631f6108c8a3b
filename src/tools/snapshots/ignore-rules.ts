/** What a snapshot leaves out because the workspace's own .gitignore files say so. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import createIgnore, { type Ignore } from 'ignore';
import { codeOf, UNREADABLE } from '../system-errors.js';
import { isHeavy, linearPattern, type LinearPattern } from './linear-pattern.js';

/** A .gitignore by the path of its directory; '' is the workspace. */
export interface IgnoreFile {
  readonly directory: string;
  readonly text: string;
}

export interface IgnoreRules {
  readonly files: readonly IgnoreFile[];
  /** Adds the .gitignore of a directory, if it has one. */
  read(path: string, directory: FileHandle): Promise<void>;
  isIgnored(path: string, isDirectory: boolean): boolean;
}

const NAME = '.gitignore';
/** A longer one is no list of patterns that a person keeps. */
const MOST_BYTES = 1024 * 1024;
/** Characters of all of them; further ones are not used. */
const MOST_TOTAL = 4 * 1024 * 1024;
/** Git's own data, whose files belong together and are git's to restore. */
const GIT_DIRECTORY = '.git';

/**
 * The rules of a mission are those that its first snapshot found: an agent that adds a pattern hides nothing.
 * @param given those of the first snapshot; null: they are read now
 */
export function createIgnoreRules(given: readonly IgnoreFile[] | null): IgnoreRules {
  const files: IgnoreFile[] = [];
  const matchers = new Map<string, readonly (Ignore | LinearPattern)[]>();
  let length = 0;
  const add = (file: IgnoreFile) => {
    length += file.text.length;
    if (length > MOST_TOTAL) return;
    files.push(file);
    matchers.set(file.directory, matchersOf(file.text));
  };
  for (const file of given ?? []) add(file);
  return {
    files,
    async read(path, directory) {
      const text = given === null ? await textOf(directory) : null;
      if (text !== null) add({ directory: path, text });
    },
    isIgnored(path, isDirectory) {
      const parts = path.split('/');
      if (parts.at(-1) === GIT_DIRECTORY) return true;
      let ignored = false;
      // As in git, the deepest file that says something decides. What is below an ignored directory is never asked.
      for (let depth = 0; depth < parts.length; depth += 1) {
        for (const matcher of matchers.get(parts.slice(0, depth).join('/')) ?? [])
          ignored = said(matcher, parts.slice(depth), isDirectory) ?? ignored;
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

async function textOf(directory: FileHandle): Promise<string | null> {
  try {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await open(`/proc/self/fd/${directory.fd}/${NAME}`, flags);
    try {
      const stats = await file.stat();
      return stats.isFile() && stats.size <= MOST_BYTES ? await file.readFile('utf8') : null;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENXIO', ...UNREADABLE].includes(codeOf(error))) return null;
    throw error;
  }
}
