/** The whole output of a step, of which the journal has head and tail, and a digest of both streams. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Redact } from '../../domain/redaction.js';
import { notedDirectories } from '../given-directories.js';
import { isGone } from '../listing.js';
import { wholeOutputs } from '../places.js';
import { secretFreeSize } from '../secret-scan.js';
import { codeOf, UNREADABLE } from '../system-errors.js';
import type { OpenedArtifact } from './kept.js';

export interface OutputWanted {
  /** The mission whose workspace it is. */
  readonly missionId: string;
  readonly taskId: string;
  readonly attempt: number;
  readonly step: number;
  /** The journal's digest of both streams, hex. */
  readonly digest: string;
  readonly isError: boolean;
}

export type OutputFault = 'gone' | 'changed' | 'secret';

/**
 * Opens one of the two streams if both are what the journal's digest says, and it holds no secret. It lies below the
 * root, or in a directory from --workspace in which workers of this root have run.
 */
export async function openOutput(
  root: string,
  wanted: OutputWanted,
  redact: Redact,
  signal: AbortSignal,
): Promise<OpenedArtifact | OutputFault> {
  let fault: OutputFault = 'gone';
  for (const base of [root, ...(await notedDirectories(root))]) {
    const opened = await openBelow(base, wanted, redact, signal);
    if (typeof opened !== 'string') return opened;
    if (opened !== 'gone') fault = opened;
  }
  return fault;
}

async function openBelow(
  base: string,
  { digest, isError, step, ...task }: OutputWanted,
  redact: Redact,
  signal: AbortSignal,
): Promise<OpenedArtifact | OutputFault> {
  const opened: FileHandle[] = [];
  try {
    for (const path of wholeOutputs(base, task, step))
      opened.push(await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
    const hash = createHash('sha256');
    for (const file of opened)
      for await (const chunk of file.createReadStream({ start: 0, autoClose: false })) {
        signal.throwIfAborted();
        hash.update(chunk);
      }
    if (hash.digest('hex') !== digest) return 'changed';
    const [wanted] = opened.splice(isError ? 1 : 0, 1);
    if (wanted === undefined) return 'gone';
    const bytes = await secretFreeSize(wanted, redact, signal);
    if (bytes !== null) return { file: wanted, bytes };
    await wanted.close();
    return 'secret';
  } catch (error) {
    if (isGone(error) || UNREADABLE.includes(codeOf(error))) return 'gone';
    throw error;
  } finally {
    for (const file of opened) await file.close();
  }
}
