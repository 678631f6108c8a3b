/** The whole output of a step, fetched from a worker that serves it. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { asError } from '../domain/as-error.js';
import type { StatusReport } from './ask-processes.js';
import { fetchFrom, servingWorkers, type ServingWorker, type WorkerAccess } from './serving-workers.js';
import type { OutputOf, WholeOutput } from './whole-output.js';

export interface FetchOutput extends Omit<OutputOf, 'base'> {
  /** The process that has journaled the step. */
  readonly workerId: string;
  /** Where the two files are written; absolute. They are the caller's to remove. */
  readonly directory: string;
}

/** The output, or why no worker has it, for people. Rejects with the signal's reason. */
export async function fetchWholeOutput(
  reports: readonly StatusReport[],
  wanted: FetchOutput,
  access: WorkerAccess,
): Promise<WholeOutput | string> {
  const faults: string[] = [];
  for (const worker of servingWorkers(reports, wanted.workerId)) {
    const fetched = await fetchBoth(worker, wanted, access);
    if (typeof fetched !== 'string') return fetched;
    faults.push(`${worker.workerId}: ${fetched}`);
  }
  return faults.length === 0 ? 'no worker that answers serves it' : faults.join('; ');
}

/** Of one stream. A call's limit of output may be higher; more is not fetched. */
const MOST_BYTES = 2 ** 30;

async function fetchBoth(
  worker: ServingWorker,
  { missionId, taskId, attempt, step, digest, directory }: FetchOutput,
  access: WorkerAccess,
): Promise<WholeOutput | string> {
  const path = ['outputs', missionId, taskId, String(attempt), String(step)];
  const hash = createHash('sha256');
  const fetchOne = async (stream: 'stdout' | 'stderr'): Promise<string | null> => {
    const served = await fetchFrom(worker, [...path, stream, digest], access);
    if (served.kind !== 'found') return served.why;
    const file = await open(join(directory, stream), 'w', 0o600);
    let left = MOST_BYTES;
    try {
      for await (const part of served.content) {
        left -= part.byteLength;
        if (left < 0) return 'it has more than 1 GiB, which is not fetched';
        hash.update(part);
        await file.writeFile(part);
      }
      return null;
    } catch (error) {
      access.signal.throwIfAborted();
      return asError(error).message;
    } finally {
      served.content.destroy();
      await file.close();
    }
  };
  const fault = (await fetchOne('stdout')) ?? (await fetchOne('stderr'));
  if (fault !== null) return fault;
  if (hash.digest('hex') !== digest) return 'what it sends is not what the journal names';
  return { stdout: join(directory, 'stdout'), stderr: join(directory, 'stderr') };
}
