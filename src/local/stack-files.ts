import { sep } from 'node:path';
import { isOutOfSpace, systemErrorWords } from '../domain/system-error.js';
import { StackError } from './stack-error.js';
import type { StackPlace } from './stack-place.js';

/** Work on the files of a stack. Rejects with StackError directory_unusable where its directory does not let them be made or read. */
export async function usingStackFiles<T>(place: StackPlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isOfStackFiles(error, place.dataDir) ? directoryUnusable(error, place) : error;
  }
}

/** What a directory that cannot hold the stack fails with. */
const OF_DIRECTORIES = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'EEXIST', 'EISDIR'];

interface FileError extends Error {
  readonly code: string;
  readonly syscall: string;
  /** Writing to an open file names none. */
  readonly path?: string;
}

function isOfStackFiles(error: unknown, dataDir: string): error is FileError {
  if (typeof error !== 'object' || error === null || error instanceof StackError) return false;
  const { code, syscall, path } = error as Partial<FileError>;
  if (code === undefined || !OF_DIRECTORIES.includes(code)) return false;
  return path === undefined
    ? syscall === 'write'
    : `${path}${sep}`.startsWith(`${dataDir}${sep}`) || dataDir.startsWith(`${path}${sep}`);
}

const OWN_BROKER = 'Or set KAFKA_BROKERS and SCHEMA_REGISTRY_URL to use a broker and registry of your own.';

function directoryUnusable(error: FileError, { dataDir }: StackPlace): StackError {
  const where = error.path === undefined || error.path === dataDir ? '' : `: ${error.path}`;
  return new StackError(
    'directory_unusable',
    `${dataDir} cannot hold the local stack (${systemErrorWords(error.code) ?? error.code}${where}).`,
    `${isOutOfSpace(error.code) ? 'Make space there.' : `Make ${dataDir} a directory that this user can write.`}\n${OWN_BROKER}`,
    { cause: error },
  );
}
