import { orAborted } from '../domain/deferred.js';
import type { Log } from '../ports/log.js';
import type { ClientContext } from './context.js';
import { createMissionFeed, type MissionFeed } from './mission-feed.js';

/** The coordination topic, read once for everything that a client does. */
export interface SharedFeed {
  /** The feed, which may still read the past. A feed that failed is replaced by a new one. */
  open(): Promise<MissionFeed>;
  /** Whether it was opened: then it costs nothing to ask it. */
  isOpen(): boolean;
  /** The feed, once it has read what was in the log when it was opened. */
  current(): Promise<MissionFeed>;
}

/** onOpen takes each feed that is opened, to stop it at the end. Opens nothing before it is asked. */
export function createSharedFeed(
  { topics, signal }: Pick<ClientContext, 'topics' | 'signal'>,
  log: Log,
  onOpen: (feed: MissionFeed) => void,
): SharedFeed {
  let shared: Promise<MissionFeed> | null = null;

  async function start(): Promise<MissionFeed> {
    const feed = await createMissionFeed({ log, topic: topics.coordination });
    onOpen(feed);
    feed.failure.catch(forget);
    return feed;
  }
  /** A topic that is missing may be there later, and a broker may come back. */
  function forget(): void {
    shared = null;
  }
  function open(): Promise<MissionFeed> {
    if (shared === null) {
      shared = start();
      shared.catch(forget);
    }
    return orAborted(shared, signal);
  }
  return {
    open,
    isOpen: () => shared !== null,
    async current() {
      const feed = await open();
      await orAborted(feed.caughtUp, signal);
      return feed;
    },
  };
}
