import type { LogSession } from '../client/context.js';
import type { CommandContext } from './context.js';
import { orAborted } from '../domain/deferred.js';
import { createMissionFeed, type MissionFeed } from '../client/mission-feed.js';
import { openClientLog } from './open-log.js';
import { createCleanup } from '../swarm/cleanup.js';

/** The log of a running swarm, for a command that asks or tells it something. */
export interface ClientSession extends LogSession {
  /** Starts to read the coordination topic. */
  openFeed(): Promise<MissionFeed>;
}

/** How long leaving may take on a broker that answers slowly. */
const RELEASE_MS = 5_000;

/** Opens the log, runs the body and closes everything, whatever happened. */
export async function withClient<T>(context: CommandContext, body: (session: ClientSession) => Promise<T>): Promise<T> {
  const cleanup = createCleanup(context.swarm);
  try {
    const { log } = await openClientLog(context);
    cleanup.add('log', () => log.close());
    return await body({
      log,
      onEnd: cleanup.add,
      async openFeed() {
        const feed = await orAborted(
          createMissionFeed({ log, topic: context.topics.coordination }),
          context.host.interruption,
        );
        cleanup.add('feed', () => feed.stop());
        return feed;
      },
    });
  } finally {
    await cleanup.all(RELEASE_MS);
  }
}

/** Waits until everything that is in the log was read. */
export function caughtUp(context: CommandContext, feed: MissionFeed): Promise<void> {
  return orAborted(feed.caughtUp, context.host.interruption);
}
