/**
 * Writes files below a directory of a person. No link in it is followed, nothing is written outside of it, and a file
 * appears whole.
 */
import { createHash, randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { CallRefused } from '../errors.js';
import { digestOnly } from '../snapshots/object-store.js';
import { absent, codeOf, existing } from '../system-errors.js';

/** same: a file with this digest. other: a file with another content. */
export type Present = 'nothing' | 'same' | 'other';

/** What a content is expected to be. */
export interface Expected {
  readonly bytes: number;
  /** sha256, hex. */
  readonly digest: string;
}

export interface Target {
  /** What is where the file is to be. Rejects with CallRefused where no file can be. */
  present(parts: readonly string[], digest: string, signal: AbortSignal): Promise<Present>;
  /**
   * Writes a content in the place of what is there. Resolves with false, and has changed nothing, where it has another
   * digest; of one that is longer no more is read. Rejects with CallRefused, with the file system's errors, and with
   * those of the content.
   */
  write(parts: readonly string[], content: AsyncIterable<Uint8Array>, expected: Expected): Promise<boolean>;
}

/** @param directory absolute; it is made when it is not there */
export function createTarget(directory: string): Target {
  async function inParent<T>(parts: readonly string[], work: (place: string) => Promise<T>): Promise<T> {
    requireNames(parts);
    await mkdir(directory, { recursive: true });
    const parent = await openDirectory(directory, parts.slice(0, -1));
    try {
      return await work(`/proc/self/fd/${parent.fd}`);
    } finally {
      await parent.close();
    }
  }
  return {
    present: (parts, digest, signal) =>
      inParent(parts, async (parent) => {
        const place = `${parent}/${parts.at(-1) ?? ''}`;
        const stats = await lstat(place).catch(absent);
        if (stats === null) return 'nothing';
        requireFile(stats, parts);
        const file = await open(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        try {
          requireFile(await file.stat(), parts);
          return (await digestOnly(file, signal)) === digest ? 'same' : 'other';
        } finally {
          await file.close();
        }
      }),
    write: (parts, content, { bytes, digest }) =>
      inParent(parts, async (parent) => {
        const draft = `${parent}/.ravenhelm-${randomUUID()}`;
        try {
          if ((await writeDraft(draft, content, bytes)) !== digest) {
            await unlink(draft);
            return false;
          }
          await rename(draft, `${parent}/${parts.at(-1) ?? ''}`);
          return true;
        } catch (error) {
          await unlink(draft).catch(absent);
          throw error;
        }
      }),
  };
}

/** Resolves with its digest; null: it has more bytes. */
async function writeDraft(draft: string, content: AsyncIterable<Uint8Array>, bytes: number): Promise<string | null> {
  let left = bytes;
  const hash = createHash('sha256');
  const file = await open(draft, 'wx', 0o644);
  try {
    for await (const part of content) {
      left -= part.byteLength;
      if (left < 0) return null;
      hash.update(part);
      await file.writeFile(part);
    }
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}

function requireNames(parts: readonly string[]): void {
  const isName = (part: string) => part !== '' && part !== '.' && part !== '..' && !/[/\0]/.test(part);
  if (parts.length === 0 || !parts.every(isName)) throw new CallRefused('its path leads out of the directory');
}

function requireFile(stats: Stats, parts: readonly string[]): void {
  if (!stats.isFile()) throw new CallRefused(`${parts.join('/')} is there, and is no file`);
}

/** Makes what is missing on the way. */
async function openDirectory(root: string, parts: readonly string[]): Promise<FileHandle> {
  let directory = await open(root, constants.O_RDONLY | constants.O_DIRECTORY);
  for (const [at, name] of parts.entries()) {
    const place = `/proc/self/fd/${directory.fd}/${name}`;
    const parent = directory;
    try {
      await mkdir(place).catch(existing);
      directory = await open(place, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    } catch (error) {
      if (codeOf(error) === 'ELOOP' || codeOf(error) === 'ENOTDIR')
        throw new CallRefused(`${parts.slice(0, at + 1).join('/')} is there, and is no directory`);
      throw error;
    } finally {
      await parent.close();
    }
  }
  return directory;
}
