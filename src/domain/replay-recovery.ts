import { createCoordinationState } from './mission-state.js';
import { parseMissionId } from './mission-id.js';
import { coordinationReplayPoint, restoreCoordination } from './mission-replay.js';
import { DataLoss, type ReplayPoint } from './record.js';
import { replayStart, type ReplaySituation } from './replay-start.js';
import { EMPTY_SNAPSHOT } from './task-partition.js';
import { decodeTaskSnapshot, encodeTaskSnapshot } from './task-replay.js';

export type FoldKind = 'coordination' | 'tasks';

/** What was lost, and where a fold can continue behind it. */
export interface Recovery {
  /** In words, as the role that stopped said it. */
  readonly loss: string;
  /** What is left of the log, under the last state that was committed and still means something. */
  readonly point: ReplayPoint;
}

/**
 * How to continue a partition whose replay point cannot be trusted; null when it can: then nothing is to be recovered.
 * The marks of a tasks partition are kept, so that assignments which were taken are not taken again. A coordination
 * recreated log is another log, and gets a new epoch.
 */
export function recoverReplayPoint(kind: FoldKind, situation: ReplaySituation): Recovery | null {
  const loss = lossOf(kind, situation);
  if (loss === null) return null;
  const { committed, logStart, logEnd, partition } = situation;
  const madeAnew = committed !== null && committed.offset > logEnd;
  const kept =
    committed === null || (kind === 'coordination' && madeAnew) || !isFold(kind, partition, committed.metadata)
      ? null
      : committed.metadata;
  return { loss, point: { offset: logStart, metadata: kept ?? emptyFold(kind, partition, logStart) } };
}

function lossOf(kind: FoldKind, situation: ReplaySituation): string | null {
  try {
    const { offset, metadata } = replayStart(situation);
    if (metadata !== null) decodeFold(kind, situation.partition, offset, metadata);
    return null;
  } catch (error) {
    if (error instanceof DataLoss) return error.message;
    throw error;
  }
}

function isFold(kind: FoldKind, partition: number, metadata: string): boolean {
  try {
    decodeFold(kind, partition, 0, metadata);
    return true;
  } catch (error) {
    if (error instanceof DataLoss) return false;
    throw error;
  }
}

/** @throws DataLoss */
function decodeFold(kind: FoldKind, partition: number, offset: number, metadata: string): void {
  if (kind === 'tasks') decodeTaskSnapshot(metadata);
  else restoreCoordination(partition, offset, metadata, (id) => parseMissionId(id)?.timeMs ?? null);
}

function emptyFold(kind: FoldKind, partition: number, offset: number): string {
  if (kind === 'tasks') return encodeTaskSnapshot(EMPTY_SNAPSHOT);
  const point = coordinationReplayPoint(createCoordinationState(partition, offset), () => true);
  if (point === null) throw new RangeError('an empty state does not fit into the metadata');
  return point.metadata;
}
