/** Snapshots of the workspace, of missions that want them: who takes them, and when. */
import { asError } from '../../domain/as-error.js';
import type { LoopEnd } from '../../agent/loop-contract.js';
import { SNAPSHOT_AT_END, SNAPSHOTS } from '../../domain/requirements.js';
import type { Logger } from '../../ports/logger.js';
import type { ExecutionDeps } from './execution-deps.js';
import { placeOf } from './task-place.js';
import type { WorkerContext } from './worker-context.js';

/**
 * The state after the wave before. Each task of a wave asks for it before it does anything, and the first one takes it:
 * none of them has begun then, and all of the wave before have ended. Rejects as ToolExecutor.takeSnapshot does: what a
 * person could not undo does not begin.
 */
export async function snapshotBefore(context: WorkerContext, deps: ExecutionDeps, signal: AbortSignal): Promise<void> {
  const { requires, wave_number } = deps.attempt.assignment;
  if (!requires.includes(SNAPSHOTS) || deps.current().steps.length > 0) return;
  await take(context, deps, wave_number - 1, 'settled', signal);
}

/**
 * The state that a task has left, where no later one is sure to take a snapshot: in the last wave, and after a failure,
 * which may end the mission. Never rejects: the task has its result.
 */
export async function snapshotAtEnd(
  context: WorkerContext,
  deps: ExecutionDeps,
  logger: Logger,
  end: LoopEnd,
  signal: AbortSignal,
): Promise<void> {
  const { requires, wave_number, kind } = deps.attempt.assignment;
  if (!requires.includes(SNAPSHOTS) || kind === 'verify') return;
  if (!requires.includes(SNAPSHOT_AT_END) && end.kind !== 'failed') return;
  try {
    await take(context, deps, wave_number, 'end', signal);
  } catch (error) {
    if (!signal.aborted) logger.warn({ err: asError(error), wave: wave_number }, 'snapshot.failed');
  }
}

async function take(
  context: WorkerContext,
  deps: ExecutionDeps,
  wave: number,
  when: 'settled' | 'end',
  signal: AbortSignal,
): Promise<void> {
  const { tools, clock, processId } = context.deps;
  const { mission_id, task_id, attempt, agent } = deps.attempt.assignment;
  const beganMs = clock.monotonicMs();
  const facts = await tools.takeSnapshot(placeOf(deps), wave, when, signal);
  if (facts === null) return;
  const { digest, files, bytes, leftOut } = facts;
  const duration_ms = Math.round(clock.monotonicMs() - beganMs);
  await context.sendToMission(deps.attempt, {
    type: 'snapshot_taken',
    payload: {
      ...{ mission_id, task_id, attempt, agent, worker_id: processId, wave_number: wave },
      ...{ settled: when === 'settled', digest, files, bytes, left_out: leftOut, duration_ms },
    },
  });
}
