/** Snapshots of the workspace, of missions that want them: who takes them, and when. */
import { asError } from '../../domain/as-error.js';
import type { LoopEnd } from '../../agent/loop-contract.js';
import type { PayloadOf } from '../../domain/events.js';
import { SNAPSHOT_AT_END, SNAPSHOTS } from '../../domain/requirements.js';
import type { Logger } from '../../ports/logger.js';
import type { ExecutionDeps } from './execution-deps.js';
import { placeOf } from './task-place.js';
import { isAnothers, withinLimit } from './timed-work.js';
import type { WorkerContext } from './worker-context.js';
import { aboutAttempt } from './about-attempt.js';

/** A snapshot was not complete when its time was over. */
export class SnapshotTooSlow extends Error {
  readonly code = 'snapshot_too_slow';
  readonly retriable = true;
}

/** Whether nothing of the attempt has begun, so that the state before it can be kept. */
export const isSnapshotDue = (deps: ExecutionDeps): boolean =>
  deps.attempt.assignment.requires.includes(SNAPSHOTS) && deps.current().steps.length === 0;

/**
 * The state after the wave before, where it is due. Each task of a wave asks for it before it does anything, and the
 * first one takes it: none of them has begun then, and all of the wave before have ended. Rejects as
 * ToolExecutor.takeSnapshot does, and with SnapshotTooSlow: what a person could not undo does not begin.
 */
export async function snapshotBefore(context: WorkerContext, deps: ExecutionDeps, signal: AbortSignal): Promise<void> {
  const { snapshotMs } = context.timings;
  const tooSlow = () =>
    new SnapshotTooSlow(
      `the snapshot before the task was not complete after ${seconds(snapshotMs)}, and nothing has begun: ` +
        'name what needs none in .gitignore, or use snapshots: false',
    );
  await withinLimit(context, snapshotMs, tooSlow, signal, (stop) =>
    take(context, deps, deps.attempt.assignment.wave_number - 1, 'settled', stop),
  );
}

/**
 * The state that a task has left, where no later one is sure to take a snapshot: in the last wave, and after a failure,
 * which may end the mission. Never rejects: the task has its result. Where it cannot be taken, the mission says so.
 * @param remainingMs what the task's deadline has left
 */
export async function snapshotAtEnd(
  context: WorkerContext,
  deps: ExecutionDeps,
  logger: Logger,
  end: LoopEnd,
  limits: { readonly remainingMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { requires, wave_number, kind } = deps.attempt.assignment;
  if (!requires.includes(SNAPSHOTS) || kind === 'verify') return;
  if (!requires.includes(SNAPSHOT_AT_END) && end.kind !== 'failed') return;
  const { clock } = context.deps;
  const limitMs = limits.remainingMs + context.timings.snapshotGraceMs;
  const beganMs = clock.monotonicMs();
  const tooSlow = () =>
    new SnapshotTooSlow(`it was not complete after ${seconds(limitMs)}, when the task's deadline had passed`);
  try {
    await withinLimit(context, limitMs, tooSlow, limits.signal, (stop) =>
      take(context, deps, wave_number, 'end', stop),
    );
  } catch (error) {
    if (isAnothers(limits.signal)) return;
    const { message: reason } = asError(error);
    logger.warn({ err: asError(error), wave: wave_number }, 'snapshot.failed');
    await context.sendToMission(deps.attempt, {
      type: 'snapshot_missed',
      payload: { ...whoseOf(context, deps), wave_number, reason, duration_ms: elapsedMs(context, beganMs) },
    });
  }
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

async function take(
  context: WorkerContext,
  deps: ExecutionDeps,
  wave: number,
  when: 'settled' | 'end',
  signal: AbortSignal,
): Promise<void> {
  const { tools, clock, logger } = context.deps;
  const beganMs = clock.monotonicMs();
  const facts = await tools.takeSnapshot(placeOf(deps), wave, when, signal);
  if (facts === null) return;
  const { digest, files, bytes, leftOut, begunNs } = facts;
  const isInLog = await context.sendToMission(deps.attempt, {
    type: 'snapshot_taken',
    payload: {
      ...{ ...whoseOf(context, deps), wave_number: wave, settled: when === 'settled', digest, files, bytes },
      ...{ left_out: leftOut, duration_ms: elapsedMs(context, beganMs), begun_ns: begunNs },
    },
  });
  if (!isInLog || when === 'end') return;
  // Without the note the next task finds the snapshot again, and the log has it twice, which changes nothing.
  await tools
    .noteSnapshot(placeOf(deps), wave)
    .catch((error: unknown) =>
      logger.warn({ ...aboutAttempt(deps.attempt), err: asError(error), wave }, 'snapshot.not_noted'),
    );
}

const whoseOf = (
  { deps: { processId } }: WorkerContext,
  { attempt: { assignment } }: ExecutionDeps,
): Pick<PayloadOf<'snapshot_taken'>, 'mission_id' | 'task_id' | 'attempt' | 'agent' | 'worker_id'> => {
  const { mission_id, task_id, attempt, agent } = assignment;
  return { mission_id, task_id, attempt, agent, worker_id: processId };
};

const elapsedMs = ({ deps: { clock } }: WorkerContext, sinceMs: number): number =>
  Math.round(clock.monotonicMs() - sinceMs);
