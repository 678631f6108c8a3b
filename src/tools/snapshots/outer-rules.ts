/** The patterns of the repository that a workspace lies in: those further up, and its .git/info/exclude. */
import { lstatSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { absent } from '../system-errors.js';
import { createIgnoreRules, textOf, type IgnoreFile } from './ignore-rules.js';

/**
 * Those that count least come first. None of them counts where the repository ignores the workspace itself: then it is
 * none of its directories.
 * @param workspace absolute, without links
 * @param isGiven whether it is a directory from --workspace; those below WORKSPACE_ROOT belong to no repository above
 */
export function outerRules(workspace: string, isGiven: boolean): readonly IgnoreFile[] {
  const root = isGiven ? repositoryOf(workspace) : isRepository(workspace) ? workspace : null;
  if (root === null) return [];
  const way = workspace === root ? [] : workspace.slice(root === '/' ? 1 : root.length + 1).split('/');
  const rulesOf = (path: string, prefix: readonly string[], follows: boolean): readonly IgnoreFile[] => {
    const text = textOf(path, follows);
    return text === null ? [] : [{ directory: '', ...(prefix.length === 0 ? {} : { prefix: prefix.join('/') }), text }];
  };
  const files = [...rulesOf(join(commonDirectory(root), 'info', 'exclude'), way, true)];
  for (let depth = 0; depth < way.length; depth += 1) {
    files.push(...rulesOf(join(root, ...way.slice(0, depth), '.gitignore'), way.slice(depth), false));
    // Each directory on the way is asked with the rules that lie above it.
    if (isIgnoredOnTheWay(files, way, depth)) return [];
  }
  return files;
}

/** Whether the rules so far ignore the directory with this depth on the way, or one above it. */
function isIgnoredOnTheWay(files: readonly IgnoreFile[], way: readonly string[], depth: number): boolean {
  const fromRoot = files.map(({ prefix = '', text }) => {
    const directory = way.slice(0, way.length - prefix.split('/').filter(Boolean).length).join('/');
    return { directory, text };
  });
  return createIgnoreRules(fromRoot).isIgnored(way.slice(0, depth + 1).join('/'), true);
}

function repositoryOf(directory: string): string | null {
  if (isRepository(directory)) return directory;
  const parent = dirname(directory);
  return parent === directory ? null : repositoryOf(parent);
}

const kindAt = (path: string): 'file' | 'directory' | null => {
  const stats = lookAtOrNull(path);
  return stats === null ? null : stats.isDirectory() ? 'directory' : 'file';
};

function lookAtOrNull(path: string) {
  try {
    return lstatSync(path);
  } catch (error) {
    return absent(error);
  }
}

const isRepository = (directory: string): boolean => kindAt(join(directory, '.git')) !== null;

/** Of a work tree, .git is a file that names its directory, and that one names the common one. */
function commonDirectory(root: string): string {
  const git = join(root, '.git');
  if (kindAt(git) === 'directory') return git;
  const [, named] = /^gitdir: (.+)$/m.exec(textOf(git) ?? '') ?? [];
  if (named === undefined) return git;
  const own = resolve(root, named);
  return resolve(own, textOf(join(own, 'commondir'), true)?.trim() ?? '.');
}
