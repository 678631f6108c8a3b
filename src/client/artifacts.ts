/** The files that the tasks of a mission have left for people: which they are, and copies of them. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { artifactWarnings } from '../domain/artifacts.js';
import { asError } from '../domain/as-error.js';
import { workspaceOf } from '../domain/continuation.js';
import type { Mission } from '../domain/mission-state.js';
import type { MissionTask } from '../domain/mission-task-state.js';
import { isFileSystemError, unreadableReason } from '../agent/text-file.js';
import type { ArtifactPlace } from '../tools/artifacts/kept.js';
import { createTarget, type Expected, type Target } from '../tools/artifacts/write.js';
import { CallRefused } from '../tools/errors.js';
import { outcomeOf, type CopyResult, type Fault } from './artifact-outcome.js';
import { volumeSource, workerSources, type Source } from './artifact-source.js';
import { askProcesses, type StatusReport } from './ask-processes.js';
import type { ClientContext, LogSession } from './context.js';
import type { NotServed } from './serving-workers.js';

/** A file that a task has left, as it was when the task's last attempt ended. */
export interface MissionArtifact {
  readonly task_id: string;
  /** Relative to the workspace. */
  readonly path: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
  /** Where it was then: the name of the computer, and the absolute path there. */
  readonly host: string;
  readonly place: string;
}

export interface MissionArtifacts {
  /** By task, in the order of the plan, then by path. */
  readonly artifacts: readonly MissionArtifact[];
  /** Patterns that matched nothing, and files that are not listed although one matches. */
  readonly warnings: readonly string[];
}

export interface CopiedArtifact extends MissionArtifact, CopyResult {
  /** Where it is, or would be; absolute. */
  readonly to: string;
}

export function artifactsOf({ tasks }: Pick<Mission, 'tasks'>): MissionArtifacts {
  const all = [...tasks.values()].flatMap(({ id, artifacts }) => (artifacts === null ? [] : [{ id, artifacts }]));
  return {
    artifacts: all.flatMap(({ id, artifacts: { host, directory, files } }) =>
      files.map(({ path, bytes, digest: sha256 }) => {
        return { task_id: id, path, bytes, sha256, host, place: `${directory}/${path}` };
      }),
    ),
    warnings: [
      ...artifactWarnings(all.map(({ id, artifacts }) => ({ task_id: id, artifacts }))),
      ...[...tasks.values()]
        .filter(isUnlisted)
        .map(({ id }) => `${id}: its result has no list: an older worker ran it`),
    ],
  };
}

/** Whether its worker did not know that it was to list files. */
const isUnlisted = ({ plan, status, artifacts }: MissionTask): boolean =>
  plan.artifacts.length > 0 && artifacts === null && (status === 'verified' || status === 'unverified');

export interface CopyOptions {
  /** Absolute; files come below it in a directory for each task. */
  readonly to: string;
  /** Whether other files that are there are replaced. */
  readonly force: boolean;
  /** WORKSPACE_ROOT, as it is here. */
  readonly workspaceRoot: string;
  /** With what requests to workers are signed; null: they are not. */
  readonly token: string | null;
}

/** Rejects with the log's errors, and with the signal's reason. */
export async function* copyArtifacts(
  context: ClientContext,
  session: LogSession,
  mission: Mission,
  options: CopyOptions,
): AsyncGenerator<CopiedArtifact> {
  const target = createTarget(options.to);
  const workers = createWorkers(context, session, mission);
  const volume = volumeSource(placeOf(mission, options.workspaceRoot));
  /** Workers at whose address nothing has answered. */
  const absent = new Set<string>();
  for (const artifact of artifactsOf(mission).artifacts) {
    const workerId = mission.tasks.get(artifact.task_id)?.artifacts?.worker_id ?? '';
    async function* sources(): AsyncGenerator<Source> {
      yield volume;
      const all = workerSources(await workers(), workerId, { clock: context.clock, token: options.token });
      yield* all.filter(({ name }) => !absent.has(name));
    }
    const to = join(options.to, artifact.task_id, artifact.path);
    const copy = { artifact, mission, target, force: options.force, onAbsent: (name: string) => void absent.add(name) };
    const done = await copyOne(context.signal, copy, sources());
    yield { ...artifact, to, ...done };
  }
}

function placeOf({ request }: Mission, workspaceRoot: string): ArtifactPlace {
  const holdsState = request.workspace !== null;
  return { workspace: request.workspace ?? join(workspaceRoot, workspaceOf(request)), holdsState };
}

const FIRST_ANSWER_MS = 3_000;
const QUIET_MS = 700;

/** Asked once, and only when the volume does not have a file. */
function createWorkers(
  context: ClientContext,
  session: LogSession,
  mission: Mission,
): () => Promise<readonly StatusReport[]> {
  const awaited = new Set([...mission.tasks.values()].flatMap(({ artifacts }) => artifacts?.worker_id ?? []));
  let asked: Promise<readonly StatusReport[]> | null = null;
  return () =>
    (asked ??= askProcesses(context, session, {
      firstMs: FIRST_ANSWER_MS,
      quietMs: QUIET_MS,
      isEnough({ worker_id, http_address }) {
        if (http_address !== null) awaited.delete(worker_id);
        return awaited.size === 0;
      },
    }));
}

interface OneCopy {
  readonly artifact: MissionArtifact;
  readonly mission: Mission;
  readonly target: Target;
  readonly force: boolean;
  onAbsent(worker: string): void;
}

async function copyOne(
  signal: AbortSignal,
  { artifact, mission, target, force, onAbsent }: OneCopy,
  sources: AsyncIterable<Source>,
): Promise<CopyResult> {
  const { task_id: taskId, path, bytes, sha256: digest } = artifact;
  const parts = [taskId, ...path.split('/')];
  try {
    const present = await target.present(parts, digest, signal);
    if (present === 'same') return { outcome: 'same', from: null, why: null };
    if (present === 'other' && !force)
      return { outcome: 'other', from: null, why: 'another file is there; --force replaces it' };
    const faults: Fault[] = [];
    for await (const { name, read } of sources) {
      const found = await read({ missionId: mission.id, taskId, path, digest }, signal);
      const fault = found.kind === 'found' ? await written(target, parts, found.content, { bytes, digest }) : found;
      if (fault === null) return { outcome: 'copied', from: name, why: null };
      signal.throwIfAborted();
      if (fault.isAbsent === true) onAbsent(name);
      faults.push({ ...fault, from: name });
    }
    return outcomeOf(artifact, faults, hostname());
  } catch (error) {
    if (signal.aborted) throw error;
    if (error instanceof CallRefused) return { outcome: 'refused', from: null, why: error.message };
    if (!isFileSystemError(error)) throw error;
    return { outcome: 'refused', from: null, why: `it cannot be written: ${unreadableReason(error)}` };
  }
}

/** null: it was written. What breaks off on its way may come whole from another source. */
async function written(
  target: Target,
  parts: readonly string[],
  content: Readable,
  expected: Expected,
): Promise<NotServed | null> {
  try {
    return (await target.write(parts, content, expected)) ? null : { kind: 'changed', why: 'the file has changed' };
  } catch (error) {
    if (!isBroken(error)) throw error;
    return { kind: 'unreachable', why: `the connection broke: ${asError(error).message}` };
  } finally {
    content.destroy();
  }
}

const isBroken = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && BROKEN.has(String(error.code));
const BROKEN: ReadonlySet<string> = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT']);
