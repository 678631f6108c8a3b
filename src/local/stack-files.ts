import { sep } from 'node:path';
import { isOutOfSpace, systemErrorWords } from '../domain/system-error.js';
import { StackError } from './stack-error.js';
import type { StackPlace } from './stack-place.js';

/**
 * Runs work on the files of a stack. Rejects with StackError of code directory_unusable if the stack's directory does
 * not allow to create or read them.
 */
export async function usingStackFiles<T>(place: StackPlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isOfStackFiles(error, place.dataDir) ? directoryUnusable(error, place) : error;
  }
}

/** The error codes that mean that the stack's directory cannot be used. */
const OF_DIRECTORIES = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'EEXIST', 'EISDIR'];

interface FileError extends Error {
  readonly code: string;
  readonly syscall: string;
  /** Absent for a write to an open file. */
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

const OWN_BROKER = 'Or set KAFKA_BROKERS and SCHEMA_REGISTRY_URL to use another broker and registry.';

function directoryUnusable(error: FileError, { dataDir }: StackPlace): StackError {
  const where = error.path === undefined || error.path === dataDir ? '' : `: ${error.path}`;
  const reason = `${systemErrorWords(error.code) ?? error.code}${where}`;
  const remedy = isOutOfSpace(error.code)
    ? 'Free some space there.'
    : `Make ${dataDir} a directory that this user can write to.`;
  return new StackError(
    'directory_unusable',
    `${dataDir} cannot be used for the local stack (${reason}).`,
    `${remedy}\n${OWN_BROKER}`,
    { cause: error },
  );
}
