/** Where the content of an artifact is read: the volume where this computer sees it, else the workers that serve it. */
import { openArtifact, type ArtifactPlace } from '../tools/artifacts/kept.js';
import type { StatusReport } from './ask-processes.js';
import { fetchFrom, servingWorkers, type NotServed, type Served, type WorkerAccess } from './serving-workers.js';

export interface WantedArtifact {
  readonly missionId: string;
  readonly taskId: string;
  readonly path: string;
  readonly digest: string;
}

/** A place that may have the content, whose digest is to be verified. */
export interface Source {
  /** The volume, or a process. */
  readonly name: string;
  read(wanted: WantedArtifact, signal: AbortSignal): Promise<Served | NotServed>;
}

const VOLUME = 'the volume';

export const isWorker = (name: string): boolean => name !== VOLUME;

export const volumeSource = (place: ArtifactPlace): Source => ({
  name: VOLUME,
  async read({ path, digest }, signal) {
    const opened = await openArtifact(place, { path, digest }, signal);
    if (opened === 'changed') return { kind: 'changed', why: 'the file has changed' };
    if (opened === 'gone') return { kind: 'unreachable', why: 'the file is not there' };
    return { kind: 'found', content: opened.file.createReadStream({ start: 0 }) };
  },
});

/** @param firstId the process that has listed the artifacts */
export const workerSources = (
  reports: readonly StatusReport[],
  firstId: string,
  access: Omit<WorkerAccess, 'signal'>,
): readonly Source[] =>
  servingWorkers(reports, firstId).map((worker) => ({
    name: worker.workerId,
    read: ({ missionId, taskId, digest }, signal) =>
      fetchFrom(worker, ['artifacts', missionId, taskId, digest], { ...access, signal }),
  }));
