/** What a client does for one mission: on its shared feed if that is open, else on a part of the log, read for it. */
import type { Cleanup } from '../ports/cleanup.js';
import type { Log } from '../ports/log.js';
import type { ClientContext } from './context.js';
import type { MissionFeed } from './mission-feed.js';
import { createMissionReader, type MissionReader, type OpenMission } from './mission-reader.js';
import { requireMission } from './require-mission.js';
import type { SharedFeed } from './shared-feed.js';

export interface OneMission {
  /** @param wanted as requireMission takes it */
  with<T>(wanted: string, body: (opened: OpenMission, reader: Pick<MissionReader, 'window'>) => Promise<T>): Promise<T>;
  /** @param find throws ClientError where the feed does not have it */
  withNamed<T, R>(
    wanted: string,
    find: (feed: MissionFeed) => T,
    body: (found: { readonly feed: MissionFeed; readonly found: T }) => Promise<R>,
  ): Promise<R>;
  /** A feed that has every mission that has not ended. */
  withOpen<T>(body: (feed: MissionFeed) => Promise<T>): Promise<T>;
}

/**
 * The first call reads only what it needs. From the second on the shared feed is opened: a program that asks again and
 * again reads the log once.
 */
export function createOneMission(
  context: ClientContext,
  log: Log,
  shared: SharedFeed,
  cleanup: Pick<Cleanup, 'add'>,
): OneMission {
  const open = new Set<MissionFeed>();
  const stopAll = async () => void (await Promise.all([...open].map((feed) => feed.stop())));
  cleanup.add('feeds', stopAll);
  let isFirst = true;
  async function onFeed<T>(
    ofPart: (reader: MissionReader) => Promise<T>,
    ofWhole: (feed: MissionFeed) => Promise<T>,
  ): Promise<T> {
    if (!isFirst || shared.isOpen()) return ofWhole(await shared.current());
    isFirst = false;
    try {
      return await ofPart(createMissionReader(context, log, (feed) => open.add(feed)));
    } finally {
      await stopAll();
      open.clear();
    }
  }
  return {
    with: (wanted, body) =>
      onFeed(
        async (reader) => body(await reader.openMission(wanted), reader),
        (feed) => body({ feed, mission: requireMission(feed, wanted) }, { window: async () => feed }),
      ),
    withNamed: (wanted, find, body) =>
      onFeed(
        async (reader) => body(await reader.findNamed(wanted, find)),
        (feed) => body({ feed, found: find(feed) }),
      ),
    withOpen: (body) => onFeed(async (reader) => body(await reader.window({ sinceMs: null, withOpen: true })), body),
  };
}
