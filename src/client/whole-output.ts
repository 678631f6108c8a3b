/** The whole output of a step: the journal has its head and tail; all of it is in the worker's workspace. */
import { isFileSystemError } from '../agent/text-file.js';
import { wholeOutputs } from '../tools/places.js';
import { readOutputs } from '../tools/truncate.js';

export interface WholeOutput {
  /** Paths of files. */
  readonly stdout: string;
  readonly stderr: string;
}

export interface OutputOf {
  /** WORKSPACE_ROOT, or the mission's own directory; absolute. */
  readonly base: string;
  readonly missionId: string;
  readonly taskId: string;
  readonly attempt: number;
  readonly step: number;
  /** The journal's digest of the output. */
  readonly digest: string;
}

/** Where they are, or would be. */
export function placesOfOutput({ base, step, ...task }: OutputOf): WholeOutput {
  const [stdout, stderr] = wholeOutputs(base, task, step);
  return { stdout, stderr };
}

/** Whether the journal has only head and tail of an output (truncate.ts). */
export const isCut = (output: string): boolean => output.includes('[... cut: ');

/** The files of a step's output when they lie here and are what the journal's digest says; null otherwise. */
export async function findWholeOutput({ base, digest, step, ...task }: OutputOf): Promise<WholeOutput | null> {
  const [stdout, stderr] = wholeOutputs(base, task, step);
  try {
    return (await readOutputs([stdout, stderr], (text) => text)).digest === digest ? { stdout, stderr } : null;
  } catch (error) {
    if (isFileSystemError(error)) return null;
    throw error;
  }
}
