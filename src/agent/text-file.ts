import { types } from 'node:util';
import { systemErrorWords } from '../domain/system-error.js';

/** The problem of a file that is not text. */
export const NO_TEXT = 'this is not a text file (UTF-8)';

/** Decodes a file's bytes; null if they are not UTF-8 or contain a NUL. */
export function decodeText(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null; // the decoder throws only for invalid UTF-8
  }
}

/** Why a file cannot be read. Rethrows errors that do not come from the file system. */
export function unreadableReason(error: unknown): string {
  if (!isFileSystemError(error)) throw error;
  return systemErrorWords(error.code) ?? error.message;
}

/** The same of a file that its directory lists: only the target of a link can be missing. */
export function unreadableEntryReason(error: unknown): string {
  const isMissing = isFileSystemError(error) && error.code === 'ENOENT';
  return isMissing ? 'its link points to a file that does not exist' : unreadableReason(error);
}

export function isFileSystemError(error: unknown): error is Error & { readonly code: string } {
  return types.isNativeError(error) && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}
