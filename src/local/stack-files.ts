import { sep } from 'node:path';

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

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EROFS: 'its file system is read-only',
  EACCES: 'this user has no permission',
  EPERM: 'this user has no permission',
  ENOENT: 'it cannot be created',
  ENOTDIR: 'there is a file in place of a directory',
  EEXIST: 'there is a file in place of a directory',
  EISDIR: 'there is a directory in place of a file',
};

interface FileError extends Error {
  readonly code: string;
  readonly syscall: string;
  /** Writing to an open file names none. */
  readonly path?: string;
}

function isOfStackFiles(error: unknown, dataDir: string): error is FileError {
  if (typeof error !== 'object' || error === null || error instanceof StackError) return false;
  const { code, syscall, path } = error as Partial<FileError>;
  if (code === undefined || REASONS[code] === undefined) return false;
  return path === undefined
    ? syscall === 'write'
    : `${path}${sep}`.startsWith(`${dataDir}${sep}`) || dataDir.startsWith(`${path}${sep}`);
}

const OWN_BROKER = 'Or set KAFKA_BROKERS and SCHEMA_REGISTRY_URL to use a broker and registry of your own.';

function directoryUnusable(error: FileError, { dataDir }: StackPlace): StackError {
  const where = error.path === undefined || error.path === dataDir ? '' : `: ${error.path}`;
  const full = error.code === 'ENOSPC' || error.code === 'EDQUOT';
  return new StackError(
    'directory_unusable',
    `${dataDir} cannot hold the local stack (${REASONS[error.code]}${where}).`,
    `${full ? 'Make space there.' : `Make ${dataDir} a directory that this user can write.`}\n${OWN_BROKER}`,
    { cause: error },
  );
}
