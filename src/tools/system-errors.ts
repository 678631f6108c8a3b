/** What the tools do with errors of the file system. */
import { systemErrorWords } from '../domain/system-error.js';

/** For catch: null if the file does not exist. */
export function absent(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null;
  throw error;
}

/** For catch: ignores that the file already exists. */
export function existing(error: unknown): void {
  if (codeOf(error) !== 'EEXIST') throw error;
}

/** The system's error code, such as ENOENT; empty if there is none. */
export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : '';
}

/** Of one file or directory that cannot be read: others may be. */
export const UNREADABLE: readonly string[] = ['EACCES', 'EPERM', 'EIO', 'ENOTCONN', 'ESTALE'];

/** A file that was opened cannot be read. */
export class ReadFailed extends Error {
  readonly code = 'read_failed';
  readonly retriable = false;
}

/** Rejects as the work does, but with ReadFailed where it is this file that cannot be read. */
export const reading = <T>(work: Promise<T>): Promise<T> => work.catch(refusedRead);

/** The same of a synchronous call. */
export function readingNow<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    return refusedRead(error);
  }
}

function refusedRead(error: unknown): never {
  if (UNREADABLE.includes(codeOf(error))) throw new ReadFailed(reasonOf(error), { cause: error });
  throw error;
}

export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  return systemErrorWords(code) ?? (code || (error instanceof Error ? error.message : String(error)));
}
