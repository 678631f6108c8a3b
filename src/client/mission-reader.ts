/**
 * Reads missions without reading the whole log. What is read is checked: where it may show less than the whole log
 * would, more is read, in the end all of it.
 */
import { orAborted } from '../domain/deferred.js';
import { missionsOf } from '../domain/coordination-view.js';
import { parseMissionId } from '../domain/mission-id.js';
import { isOpen, type Mission } from '../domain/mission-state.js';
import type { Log, WatchOptions } from '../ports/log.js';
import { ClientError } from './client-error.js';
import type { ClientContext } from './context.js';
import { createMissionFeed, type FeedChange, type MissionFeed } from './mission-feed.js';
import { contradicts, placesOf, placesOfMission, replayPoints, type Window } from './mission-places.js';
import { LAST } from './mission-name.js';
import { requireMission } from './require-mission.js';

/** A feed that has read all of a mission, and follows it. */
export interface OpenMission {
  readonly feed: MissionFeed;
  readonly mission: Mission;
}

/** One that was opened for its caller: once it has caught up, the feed has all that was in the log at a time. */
export interface ReadMission extends OpenMission {
  /** ms since the epoch */
  readonly readAtMs: number;
}

export interface MissionReader {
  /** Has read everything. */
  whole(): Promise<MissionFeed>;
  /**
   * Has read what is written from now on, of every partition: a mission that is submitted later is known whole.
   */
  fromNow(): Promise<MissionFeed>;
  /** Has read the missions of the window, and some others. */
  window(window: Window): Promise<MissionFeed>;
  /**
   * The mission that a person names (see requireMission). onChange hears what counted of it, from its request on.
   * Rejects with ClientError: mission_unknown, mission_ambiguous.
   */
  openMission(wanted: string, onChange?: (change: FeedChange) => void): Promise<ReadMission>;
  /**
   * What find finds in a feed that has every mission that the words may mean and that was submitted since sinceMs.
   * Where find throws ClientError, because it knows nothing of that name, it is asked again with a feed of the whole
   * log.
   */
  findNamed<T>(
    wanted: string,
    find: (feed: MissionFeed, sinceMs: number) => T,
  ): Promise<{ readonly feed: MissionFeed; readonly found: T }>;
}

type Context = Pick<ClientContext, 'clock' | 'signal' | 'topics' | 'logger'>;

/** What a list shows without further words. */
export const RECENT_MS = 24 * 3_600_000;

/** Ids that begin alike are looked for from so long before the first time that they can have. */
const PREFIX_SKEW_MS = 3_600_000;

/** @param onOpen takes each feed that is opened, to stop it at the end */
export function createMissionReader(
  context: Context,
  log: Log,
  onOpen: (feed: MissionFeed) => unknown = () => undefined,
): MissionReader {
  const { signal, clock, topics } = context;
  const topic = topics.coordination;

  async function open(from: WatchOptions['from']): Promise<MissionFeed> {
    const feed = await orAborted(createMissionFeed({ log, topic, from }), signal);
    onOpen(feed);
    return feed;
  }
  async function caughtUp(feed: MissionFeed): Promise<MissionFeed> {
    await orAborted(feed.caughtUp, signal);
    return feed;
  }
  const whole = async () => caughtUp(await open('beginning'));

  async function window(wanted: Window): Promise<MissionFeed> {
    // First what is committed: whatever was requested before that has ended by now.
    const points = await replayPoints(context, log.admin);
    const feed = await caughtUp(await open(await placesOf(topic, log, wanted, points)));
    const { view } = feed;
    const isWhole = (id: string) => view.isCertain(id) && !contradicts(points, view.mission(id));
    if (view.missions().every(isWhole)) return feed;
    await feed.stop();
    return whole();
  }

  async function findNamed<T>(wanted: string, find: (feed: MissionFeed, sinceMs: number) => T) {
    const sinceMs = firstTimeOf(wanted, clock.now());
    if (sinceMs !== null) {
      const feed = await window({ sinceMs, withOpen: true });
      try {
        return { feed, found: find(feed, sinceMs) };
      } catch (error) {
        if (!(error instanceof ClientError) || !UNKNOWN.has(error.code)) throw error;
        await feed.stop(); // It may be older.
      }
    }
    const feed = await whole();
    return { feed, found: find(feed, 0) };
  }

  return {
    whole,
    fromNow: async () => caughtUp(await open('end')),
    window,
    findNamed,
    async openMission(wanted, onChange) {
      if (parseMissionId(wanted) !== null) return openById(context, log, open, { id: wanted, onChange });
      const readAtMs = clock.now();
      const { feed, found } = await findNamed(wanted, (read, sinceMs) => requireMission(read, wanted, sinceMs));
      if (onChange === undefined) return { feed, mission: found, readAtMs };
      await feed.stop();
      return openById(context, log, open, { id: found.id, onChange });
    },
  };
}

interface OpenById {
  readonly id: string;
  readonly onChange: ((change: FeedChange) => void) | undefined;
}

/** Reads from near the time of the id on; where that does not do, from farther and farther back. */
async function openById(
  { topics, signal, clock }: Context,
  log: Log,
  open: (from: WatchOptions['from']) => Promise<MissionFeed>,
  { id, onChange }: OpenById,
): Promise<ReadMission> {
  const readAtMs = clock.now();
  for (const { place, isNear } of await placesOfMission(log, topics.coordination, id)) {
    const feed = await open([place]);
    const opened = await readOne(feed, { id, isNear, signal, onChange });
    if (opened !== null) return { ...opened, readAtMs };
    await feed.stop();
  }
  // Where its partition does not have it, none does; the others are read for what may be meant instead.
  const feed = await open('beginning');
  const opened = await readOne(feed, { id, isNear: false, signal, onChange });
  return { ...(opened ?? { feed, mission: requireMission(feed, id) }), readAtMs };
}

const UNKNOWN: ReadonlySet<string> = new Set(['mission_unknown', 'approval_unknown']);

interface ReadOne extends OpenById {
  /** See PlaceOfMission. */
  readonly isNear: boolean;
  readonly signal: AbortSignal;
}

/** Reads a mission up to its end, or to that of the log; null where that may not be all of it. */
async function readOne(feed: MissionFeed, { id, isNear, signal, onChange }: ReadOne): Promise<OpenMission | null> {
  const { view } = feed;
  const story: FeedChange[] = [];
  let tell = (change: FeedChange): void => void (onChange !== undefined && story.push(change));
  feed.subscribe((change) => void (change.missionId === id && tell(change)));
  const ended = feed.ended(id, signal);
  ended.catch(() => undefined); // What it rejects with, caughtUp does, too.
  await orAborted(Promise.race([feed.caughtUp, ended]), signal);
  const mission = view.mission(id);
  if (mission === null || !view.isCertain(id)) return null;
  if (isNear && isOpen(mission) && mission.admission === 'none') return null;
  if (onChange !== undefined) {
    tell = onChange;
    story.forEach(onChange);
  }
  return { feed, mission };
}

/**
 * The first time (ms since the epoch) of a mission that the words can mean, so that all of them are read: `last` and a
 * name mean the newest, which is found among the recent ones or not at all. null: of any time.
 */
function firstTimeOf(wanted: string, nowMs: number): number | null {
  const recentMs = nowMs - RECENT_MS;
  if (wanted === LAST || !/^\d/.test(wanted)) return recentMs;
  const [earliest] = parseTimes(wanted);
  return earliest === undefined ? null : Math.min(recentMs, earliest - PREFIX_SKEW_MS);
}

/** The earliest time of ids that begin so; none where the beginning has no whole day. */
function parseTimes(prefix: string): readonly number[] {
  const FIRST = '00000101-000000-000-p00-2222';
  if (prefix.length < 8) return [];
  const parts = parseMissionId(`${prefix}${FIRST.slice(prefix.length)}`.slice(0, FIRST.length));
  return parts === null ? [] : [parts.timeMs];
}

/** The missions that have not ended, read now; others may be among them. */
export async function readOpenMissions(reader: Pick<MissionReader, 'window'>): Promise<readonly Mission[]> {
  return missionsOf((await reader.window({ sinceMs: null, withOpen: true })).view);
}
