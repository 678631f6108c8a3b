/** The files that a task leaves for people: listed when its attempt has come to its end, however it ends. */
import { asError } from '../../domain/as-error.js';
import { ARTIFACT_LIMITS, type TaskArtifacts } from '../../domain/artifacts.js';
import { cutToBytes } from '../../domain/sizes.js';
import type { Logger } from '../../ports/logger.js';
import type { ArtifactFacts } from '../../ports/tools.js';
import type { ExecutionDeps } from './execution-deps.js';
import { placeOf } from './task-place.js';
import { isAnothers, withinLimit } from './timed-work.js';
import type { WorkerContext } from './worker-context.js';

/** They could not be listed in time. */
class ArtifactsTooSlow extends Error {
  readonly code = 'artifacts_too_slow';
  readonly retriable = true;
}

/** Of the time, so that what was read by then can be kept. */
const READING_SHARE = 0.9;

/** A reason has at most so many bytes. */
const MOST_REASON = 300;

/**
 * Null: the task has none, or another process writes its result. Never rejects: the task has its result, which says why
 * they could not be listed.
 * @param limitMs what the task's deadline has left, and the grace behind it
 */
export async function artifactsAtEnd(
  context: WorkerContext,
  deps: ExecutionDeps,
  logger: Logger,
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal },
): Promise<TaskArtifacts | null> {
  const { artifacts: patterns } = deps.attempt.assignment;
  if (patterns.length === 0) return null;
  const tooSlow = () => new ArtifactsTooSlow('they were not listed in time, before or shortly after the deadline');
  try {
    const facts = await withinLimit(context, limitMs, tooSlow, signal, (stop) =>
      context.deps.tools.listArtifacts(placeOf(deps), patterns, limitMs * READING_SHARE, stop),
    );
    return artifactsOf(context, facts);
  } catch (error) {
    if (isAnothers(signal)) return null;
    logger.warn({ err: asError(error) }, 'artifacts.failed');
    const why = cutToBytes(asError(error).message, MOST_REASON);
    const leftOut = patterns.map((path) => ({ path, why }));
    const none = { files: [], unmatched: [], leftOut };
    return artifactsOf(context, { host: '', directory: '', ...none, leftOutCount: leftOut.length });
  }
}

/** The first of them, so that the result fits into its record. */
const leftOutOf = (all: ArtifactFacts['leftOut']): TaskArtifacts['left_out'] =>
  all
    .slice(0, ARTIFACT_LIMITS.leftOut)
    .map(({ path, why }) => ({ path: cutToBytes(path, ARTIFACT_LIMITS.leftOutPathBytes), why }));

/** A record that has no room for the list is no failure of the task. */
export const withoutFiles = (artifacts: TaskArtifacts, { message }: Error): TaskArtifacts => ({
  ...artifacts,
  files: [],
  left_out: leftOutOf(artifacts.files.map(({ path }) => ({ path, why: cutToBytes(message, MOST_REASON) }))),
  left_out_count: artifacts.left_out_count + artifacts.files.length,
});

const artifactsOf = (
  { deps: { processId } }: WorkerContext,
  { host, directory, files, unmatched, leftOut, leftOutCount }: ArtifactFacts,
): TaskArtifacts => ({
  ...{ worker_id: processId, host, directory, files: [...files], unmatched: [...unmatched] },
  ...{ left_out: leftOutOf(leftOut), left_out_count: leftOutCount },
});
