/** Whether a file holds a secret, without keeping it in memory. */
import type { FileHandle } from 'node:fs/promises';
import { holdsSecret, type Redact } from '../domain/redaction.js';
import { reading } from './system-errors.js';

const PART_BYTES = 256 * 1024;
/** Longer than a secret, so that one that is cut at the end of a part is whole in the next. */
const OVERLAP_BYTES = 16 * 1024;

/** Resolves with the file's size, or null: it holds a secret. Rejects with ReadFailed, and the signal's reason. */
export async function secretFreeSize(file: FileHandle, redact: Redact, signal: AbortSignal): Promise<number | null> {
  const part = Buffer.alloc(PART_BYTES + OVERLAP_BYTES);
  for (let at = 0; ; at += PART_BYTES) {
    signal.throwIfAborted();
    const { bytesRead } = await reading(file.read(part, 0, part.length, at));
    if (holdsSecret(part.subarray(0, bytesRead).toString('utf8'), redact)) return null;
    if (bytesRead < part.length) return at + bytesRead;
  }
}
