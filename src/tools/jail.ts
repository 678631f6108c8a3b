import { constants } from 'node:fs';
import { open, readlink, type FileHandle } from 'node:fs/promises';
import { CallRefused } from './errors.js';
import { hasRights, RIGHTS, type Account } from './account.js';
import { codeOf } from './system-errors.js';
import { INSIDE } from './sandbox.js';

/** A parsed path of a tool call. Its parts never contain `..`. */
export interface ToolPath {
  readonly area: 'workspace' | 'outputs';
  readonly parts: readonly string[];
}

const MAX_LINKS = 40;

/** Parses a path of a tool call. Throws CallRefused for a path outside the workspace and /outputs. */
export function parsePath(path: string): ToolPath {
  if (path === '') throw new CallRefused('the path is empty; name a file of the workspace, such as src/app.js');
  if (path.includes('\0')) throw new CallRefused('the path contains a NUL byte');
  if (path.startsWith('~'))
    throw new CallRefused(`${path}: agents have no home directory; use a path relative to the workspace`);
  const area = path === INSIDE.outputs || path.startsWith(`${INSIDE.outputs}/`) ? 'outputs' : 'workspace';
  const inside = area === 'outputs' ? path.slice(INSIDE.outputs.length) : withoutWorkspace(path);
  const parts: string[] = [];
  for (const part of inside.split('/')) {
    if (part === '' || part === '.') continue;
    if (Buffer.byteLength(part) > 255) throw new CallRefused(`${path}: a name in it is longer than 255 bytes`);
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw new CallRefused(`${path} leaves the ${area}`);
  }
  return { area, parts };
}

function withoutWorkspace(path: string): string {
  if (!path.startsWith('/')) return path;
  if (path === INSIDE.workspace || path.startsWith(`${INSIDE.workspace}/`)) return path.slice(INSIDE.workspace.length);
  throw new CallRefused(`${path} is outside the workspace; use paths relative to it`);
}

/**
 * Opens a file or directory below root for reading; the caller closes the handle. Rejects with CallRefused, or with the
 * error of the file system.
 *
 * Each name is opened from its parent's descriptor without following links (Node has no openat; /proc/self/fd/N/name
 * is equivalent), so that a link created in between is not followed. (With realpath and open, such a race leaked
 * 1,954 of 40,000 reads.) Links are resolved here, within root. Opening a pipe does not block.
 * @param hidden a name in root that is refused
 * @param mostLinks that are followed; 0: none is, because who writes there wants no other place
 * @param account whose rights count, where they are not this process's; rejects with EACCES as for the account
 */
export async function openInside(
  root: string,
  parts: readonly string[],
  hidden: string | null,
  mostLinks = MAX_LINKS,
  account: Account | null = null,
): Promise<FileHandle> {
  const opened: FileHandle[] = [await open(root, constants.O_RDONLY | constants.O_DIRECTORY)];
  const pending = [...parts];
  let links = 0;
  try {
    for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
      if (part === '..') {
        if (opened.length === 1) throw new CallRefused('a symbolic link leads out of the workspace');
        await opened.pop()?.close();
        continue;
      }
      if (opened.length === 1 && part === hidden) throw new CallRefused(`${part} belongs to the system`);
      // The first is what the sandbox mounts.
      if (opened.length > 1) await requireRights(lastOf(opened), account, RIGHTS.search);
      const name = `/proc/self/fd/${lastOf(opened).fd}/${part}`;
      const next = await openWithoutLinks(name);
      if (next !== 'link') {
        opened.push(next);
        continue;
      }
      if (++links > mostLinks) throw new CallRefused(tooManyLinks(mostLinks));
      const target = await linkTarget(name);
      if (target.fromRoot) await closeAll(opened.splice(1));
      pending.unshift(...target.parts);
    }
    const handle = lastOf(opened);
    if (opened.length > 1) await requireRights(handle, account, null);
    opened.pop();
    return handle;
  } finally {
    await closeAll(opened);
  }
}

/** @param rights null: to read a file, or to list a directory */
async function requireRights(handle: FileHandle, account: Account | null, rights: number | null): Promise<void> {
  if (account === null) return;
  const stats = await handle.stat();
  if (!hasRights(stats, account, rights ?? (stats.isDirectory() ? RIGHTS.list : RIGHTS.read)))
    throw Object.assign(new Error('EACCES: the account of the sandbox may not read it'), { code: 'EACCES' });
}

const tooManyLinks = (most: number): string =>
  most === 0 ? 'a directory on its way is a symbolic link' : 'too many symbolic links';

async function openWithoutLinks(name: string): Promise<FileHandle | 'link'> {
  try {
    return await open(name, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ELOOP') return 'link';
    throw error;
  }
}

async function linkTarget(name: string): Promise<{ fromRoot: boolean; parts: string[] }> {
  const target = await readlink(name);
  const fromRoot = target.startsWith('/');
  const inside = fromRoot ? workspaceLink(target) : target;
  return { fromRoot, parts: inside.split('/').filter((part) => part !== '' && part !== '.') };
}

function workspaceLink(target: string): string {
  if (target === INSIDE.workspace || target.startsWith(`${INSIDE.workspace}/`))
    return target.slice(INSIDE.workspace.length);
  throw new CallRefused('a symbolic link leads out of the workspace');
}

async function closeAll(handles: readonly FileHandle[]): Promise<void> {
  for (const handle of handles) await handle.close();
}

function lastOf(handles: readonly FileHandle[]): FileHandle {
  const handle = handles.at(-1);
  if (handle === undefined) throw new Error('no directory is open');
  return handle;
}

/** Names of files and directories that change, at any depth, what other programs run or trust. */
export const RESERVED_NAMES: readonly string[] = [
  '.git',
  '.gitmodules',
  '.npmrc',
  '.yarnrc',
  '.yarnrc.yml',
  '.pnpmfile.cjs',
  '.husky',
  '.envrc',
  '.vscode',
  '.ravenhelm',
];

/** Whether a path has such a name, in whatever case: some file systems do not tell `.GIT` from `.git`. */
export function isReserved(parts: readonly string[]): boolean {
  return parts.some((part) => RESERVED_NAMES.includes(part.toLowerCase()));
}
