/**
 * The lists of artifacts that workers have made, below WORKSPACE_ROOT and outside every workspace, so that no agent can
 * change them. A worker serves what such a list has, and nothing else: a request names a mission, a task and a digest.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { jsonObject } from '../../domain/json-object.js';
import type { ArtifactFacts } from '../../ports/tools.js';
import { CallRefused } from '../errors.js';
import { openInside } from '../jail.js';
import { linkNew } from '../link-new.js';
import { isGone } from '../listing.js';
import { STATE_DIRECTORY } from '../places.js';
import { digestOnly } from '../snapshots/object-store.js';
import { absent, codeOf, ReadFailed, UNREADABLE } from '../system-errors.js';

export interface ArtifactsOf {
  readonly missionId: string;
  readonly taskId: string;
  /** Whether the workspace contains the state directory. */
  readonly holdsState: boolean;
}

const listSchema = z.strictObject({
  directory: z.string(),
  holdsState: z.boolean(),
  files: z.array(z.strictObject({ path: z.string(), bytes: z.number(), digest: z.string() })),
});
type KeptList = z.output<typeof listSchema>;

const listsOf = (root: string): string => join(root, STATE_DIRECTORY, 'artifacts');

/** Keeps what was found. Two lists of the same files are one. */
export async function keepArtifacts(
  root: string,
  { missionId, taskId, holdsState }: ArtifactsOf,
  { directory, files }: Pick<ArtifactFacts, 'directory' | 'files'>,
): Promise<void> {
  const list: KeptList = { directory, holdsState, files: [...files] };
  const text = JSON.stringify(list);
  const id = createHash('sha256').update(text).digest('hex').slice(0, 32);
  const own = join(listsOf(root), missionId, taskId);
  await mkdir(own, { recursive: true, mode: 0o700 });
  await linkNew(join(own, `${id}.json`), text);
}

export interface ArtifactWanted {
  readonly missionId: string;
  readonly taskId: string;
  /** sha256 of its content, hex. */
  readonly digest: string;
}

/** An artifact whose content is what the list says. Its reader closes the file. */
export interface OpenedArtifact {
  readonly file: FileHandle;
  readonly bytes: number;
}

/** unknown: no list has it. changed: what is there now is another content. gone: nothing is, or it cannot be read. */
export type ArtifactFault = 'unknown' | 'changed' | 'gone';

/** Opens a file that a list below the root has. */
export async function openKeptArtifact(
  root: string,
  wanted: ArtifactWanted,
  signal: AbortSignal,
): Promise<OpenedArtifact | ArtifactFault> {
  let fault: ArtifactFault = 'unknown';
  for (const { directory, holdsState, files } of await readLists(root, wanted))
    for (const { path, digest } of files) {
      if (digest !== wanted.digest) continue;
      const opened = await openArtifact({ workspace: directory, holdsState }, { path, digest }, signal);
      if (typeof opened !== 'string') return opened;
      if (fault !== 'changed') fault = opened;
    }
  return fault;
}

async function readLists(root: string, { missionId, taskId }: ArtifactWanted): Promise<readonly KeptList[]> {
  const own = join(listsOf(root), missionId, taskId);
  const names = ((await readdir(own).catch(noDirectory)) ?? []).filter((name) => name.endsWith('.json'));
  const texts = await Promise.all(names.map((name) => readFile(join(own, name), 'utf8').catch(absent)));
  // What is no list has no files.
  return texts.flatMap((text) => {
    const read = listSchema.safeParse(text === null ? null : jsonObject(text));
    return read.success ? [read.data] : [];
  });
}

function noDirectory(error: unknown): null {
  if (isGone(error)) return null;
  throw error;
}

export interface ArtifactPlace {
  /** Absolute. */
  readonly workspace: string;
  readonly holdsState: boolean;
}

/**
 * Opens a file of a workspace if its content has this digest. No link is followed, neither on the way nor at its end:
 * an agent may have replaced what was listed.
 */
export async function openArtifact(
  { workspace, holdsState }: ArtifactPlace,
  { path, digest }: { readonly path: string; readonly digest: string },
  signal: AbortSignal,
): Promise<OpenedArtifact | Exclude<ArtifactFault, 'unknown'>> {
  const file = await openFile(workspace, path.split('/'), holdsState);
  if (typeof file === 'string') return file;
  try {
    const stats = await file.stat();
    const isSame = stats.isFile() && (await digestOnly(file, signal)) === digest;
    if (isSame) return { file, bytes: stats.size };
  } catch (error) {
    await file.close();
    if (error instanceof ReadFailed) return 'gone';
    throw error;
  }
  await file.close();
  return 'changed';
}

async function openFile(
  root: string,
  parts: readonly string[],
  holdsState: boolean,
): Promise<FileHandle | 'changed' | 'gone'> {
  if (parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'))) return 'gone';
  try {
    const parent = await openInside(root, parts.slice(0, -1), holdsState ? STATE_DIRECTORY : null, 0);
    try {
      if (parts.length === 1 && holdsState && parts[0] === STATE_DIRECTORY) return 'gone';
      const name = `/proc/self/fd/${parent.fd}/${parts.at(-1) ?? ''}`;
      return await open(name, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } finally {
      await parent.close();
    }
  } catch (error) {
    if (error instanceof CallRefused || codeOf(error) === 'ELOOP') return 'changed';
    if (isGone(error) || UNREADABLE.includes(codeOf(error))) return 'gone';
    throw error;
  }
}

/** Removes lists of workspaces that are not there any more. */
export async function removeLeftLists(root: string): Promise<void> {
  for (const missionId of (await readdir(listsOf(root)).catch(absent)) ?? []) {
    const tasks = (await readdir(join(listsOf(root), missionId)).catch(noDirectory)) ?? [];
    const lists = await Promise.all(tasks.map((taskId) => readLists(root, { missionId, taskId, digest: '' })));
    const directories = [...new Set(lists.flat().map(({ directory }) => directory))];
    const left = await Promise.all(
      directories.map(async (directory) => (await lstat(directory).catch(noDirectory)) !== null),
    );
    if (!left.includes(true)) await rm(join(listsOf(root), missionId), { recursive: true, force: true });
  }
}
