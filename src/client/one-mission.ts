/** What a client does for one mission: on its shared feed if that is open, else on a part of the log, read for it. */
import type { Mission } from '../domain/mission-state.js';
import type { Cleanup } from '../ports/cleanup.js';
import type { Log } from '../ports/log.js';
import { ClientError } from './client-error.js';
import type { ClientContext } from './context.js';
import type { MissionFeed } from './mission-feed.js';
import { createMissionReader, type MissionReader, type OpenMission, type ReadMission } from './mission-reader.js';
import { requireMission } from './require-mission.js';
import type { SharedFeed } from './shared-feed.js';

export interface OneMission {
  /** @param wanted as requireMission takes it */
  with<T>(wanted: string, body: (opened: OpenMission, reader: Pick<MissionReader, 'window'>) => Promise<T>): Promise<T>;
  /** The same, always on a part that is read now. */
  withRead<T>(
    wanted: string,
    body: (opened: ReadMission, reader: Pick<MissionReader, 'window'>) => Promise<T>,
  ): Promise<T>;
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
    return reading(ofPart);
  }
  async function reading<T>(body: (reader: MissionReader) => Promise<T>): Promise<T> {
    const own: MissionFeed[] = [];
    const reader = createMissionReader(context, log, (feed) => {
      own.push(feed);
      open.add(feed);
    });
    try {
      return await body(reader);
    } finally {
      await Promise.all(own.map((feed) => feed.stop()));
      for (const feed of own) open.delete(feed);
    }
  }
  return {
    with(wanted, body) {
      const ofPart = async (reader: MissionReader) => body(await reader.openMission(wanted), reader);
      return onFeed(ofPart, (feed) => {
        const mission = knownMission(feed, wanted);
        // The shared feed may not have read yet what was submitted a moment ago.
        return mission === null ? reading(ofPart) : body({ feed, mission }, { window: async () => feed });
      });
    },
    withRead: (wanted, body) => reading(async (reader) => body(await reader.openMission(wanted), reader)),
    withNamed: (wanted, find, body) =>
      onFeed(
        async (reader) => body(await reader.findNamed(wanted, find)),
        (feed) => body({ feed, found: find(feed) }),
      ),
    withOpen: (body) => onFeed(async (reader) => body(await reader.window({ sinceMs: null, withOpen: true })), body),
  };
}

/** null: the feed knows none. Throws ClientError (mission_ambiguous). */
function knownMission(feed: MissionFeed, wanted: string): Mission | null {
  try {
    return requireMission(feed, wanted);
  } catch (error) {
    if (error instanceof ClientError && error.code === 'mission_unknown') return null;
    throw error;
  }
}
