/** Where reading missions begins, so that what is asked for is read whole, and no more than that needs. */
import { REQUEST_WINDOW_MS } from '../domain/requests.js';
import { parseMissionId } from '../domain/mission-id.js';
import { restoreCoordination } from '../domain/mission-replay.js';
import { isOpen, type CoordinationState, type Mission } from '../domain/mission-state.js';
import { DataLoss } from '../domain/record.js';
import { replayStart, situationOf, type ReplaySituation } from '../domain/replay-start.js';
import type { Log, WatchPlace } from '../ports/log.js';
import type { ClientContext } from './context.js';

export interface Window {
  /** Missions that were submitted since then (ms since the epoch, of the log); null: none because of their time. */
  readonly sinceMs: number | null;
  /** Missions that have not ended, however old. */
  readonly withOpen: boolean;
}

/**
 * An id has the time of the computer that made it, and the log that of its brokers. Reading one mission begins so long
 * before its id's time; where its request is not found, first with more time, then without one.
 */
const NEAR_SKEW_MS = 2_000;
const FAR_SKEW_MS = REQUEST_WINDOW_MS;

/**
 * A mission for which no holder has acted yet may be the copy of a request that lies farther back than the clocks
 * differ: so many records before are read, too.
 */
const RECORDS_BEFORE = 500;

export interface PlaceOfMission {
  readonly place: WatchPlace;
  /** Only a mission for which a holder has acted is known whole from here. */
  readonly isNear: boolean;
}

/** Where reading a mission may begin, latest first: near the time of its id, and at the beginning of its partition. */
export async function placesOfMission(
  { admin }: Pick<Log, 'admin'>,
  topic: string,
  id: string,
): Promise<readonly PlaceOfMission[]> {
  const parts = parseMissionId(id);
  if (parts === null) return [];
  const { partition, timeMs } = parts;
  const low = (await admin.offsets(topic)).find((each) => each.partition === partition)?.low;
  if (low === undefined) return [];
  const offsetAt = async (atMs: number) =>
    (await admin.offsetAtTime(topic, atMs)).find((each) => each.partition === partition)?.offset ?? low;
  const near = await offsetAt(timeMs - NEAR_SKEW_MS);
  const far = await offsetAt(timeMs - FAR_SKEW_MS);
  const offsets = [near, Math.max(far, near - RECORDS_BEFORE), far, low];
  return offsets.flatMap((offset, at) =>
    offset === offsets[at + 1] ? [] : [{ place: { topic, partition, offset }, isNear: at === 0 }],
  );
}

/** Where each partition is read from, so that the window's missions are read whole. */
export async function placesOf(
  topic: string,
  { admin }: Pick<Log, 'admin'>,
  { sinceMs, withOpen }: Window,
  points: ReadonlyMap<number, CoordinationState>,
): Promise<readonly WatchPlace[]> {
  const times = sinceMs === null ? null : await admin.offsetAtTime(topic, sinceMs);
  return (await admin.offsets(topic)).map(({ partition, low, high }) => {
    const open = withOpen ? (points.get(partition)?.position ?? low) : high;
    const recent = times === null ? high : (times.find((each) => each.partition === partition)?.offset ?? low);
    return { topic, partition, offset: Math.min(open, recent) };
  });
}

/** Whether it looks open, and its orchestrator knows better: then a copy of its request was taken for the first. */
export function contradicts(points: ReadonlyMap<number, CoordinationState>, mission: Mission | null): boolean {
  if (mission === null || !isOpen(mission)) return false;
  const point = points.get(parseMissionId(mission.id)?.partition ?? -1);
  return point !== undefined && (mission.firstOffset < point.position || point.requestedIds.has(mission.id));
}

/**
 * The fold at the replay point of each partition, where the group of the orchestrators has a sound one: missions that
 * were requested before it have ended, with all that was sent because of them.
 */
export async function replayPoints(
  { topics, logger }: Pick<ClientContext, 'topics' | 'logger'>,
  admin: Log['admin'],
): Promise<ReadonlyMap<number, CoordinationState>> {
  const topic = topics.coordination;
  const points = new Map<number, CoordinationState>();
  try {
    const commits = await admin.committed(topics.orchestratorGroup, topic);
    for (const bounds of await admin.offsets(topic)) {
      const point = replayPointIn(situationOf(topic, bounds, commits));
      if (point !== null) points.set(bounds.partition, point);
    }
  } catch (error) {
    // The right DESCRIBE on the group; without it more is read.
    if (!(error instanceof Error && 'code' in error && error.code === 'not_authorized')) throw error;
    logger.warn({ error: error.message }, 'missions.all_read');
  }
  return points;
}

function replayPointIn(situation: ReplaySituation): CoordinationState | null {
  try {
    const { offset, metadata } = replayStart(situation);
    if (metadata === null) return null;
    return restoreCoordination(situation.partition, offset, metadata, (id) => parseMissionId(id)?.timeMs ?? null);
  } catch (error) {
    if (!(error instanceof DataLoss)) throw error;
    return null; // Its orchestrator has set it apart: what was open before it may be open still.
  }
}
