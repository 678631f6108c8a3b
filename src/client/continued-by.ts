/** Missions that continue one that has ended: their requests lie behind its end, where reading it stops. */
import { orAborted } from '../domain/deferred.js';
import { parseMissionId } from '../domain/mission-id.js';
import { isOpen, type Mission } from '../domain/mission-state.js';
import type { Log } from '../ports/log.js';
import type { ClientContext } from './context.js';
import type { MissionReader, OpenMission } from './mission-reader.js';

/** So many records behind the end of a mission are read for those that continue it: some 50 ms. */
const READ_ON = 2_000;

/**
 * The mission, with the missions that continue it: all of them where little was written since its end, else those that
 * are open. So the cost does not grow with the log.
 */
export async function withContinuedBy(
  { signal, topics }: Pick<ClientContext, 'signal' | 'topics'>,
  { admin }: Pick<Log, 'admin'>,
  reader: Pick<MissionReader, 'window'>,
  { feed, mission }: OpenMission,
): Promise<Mission> {
  if (isOpen(mission)) return mission;
  const { id } = mission;
  const partition = parseMissionId(id)?.partition;
  const high = (await admin.offsets(topics.coordination)).find((each) => each.partition === partition)?.high ?? 0;
  if (high - feed.view.position(id) <= READ_ON) {
    await orAborted(feed.caughtUp, signal);
    return feed.view.mission(id) ?? mission;
  }
  const { view } = await reader.window({ sinceMs: null, withOpen: true });
  const continuing = view.missions().filter((other) => view.mission(other)?.request.continues?.mission_id === id);
  return { ...mission, continuedBy: [...new Set([...mission.continuedBy, ...continuing])] };
}
