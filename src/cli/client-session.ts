import { createClientOn } from '../client/client-on.js';
import type { Client } from '../client/client.js';
import type { LogSession } from '../client/context.js';
import { createMissionFeed, type MissionFeed } from '../client/mission-feed.js';
import { requireMission } from '../client/require-mission.js';
import { withSession } from '../client/session.js';
import { orAborted } from '../domain/deferred.js';
import type { Mission } from '../domain/mission-state.js';
import type { CommandContext } from './context.js';
import { readRoster } from './mission-source.js';
import { openClientLog } from './open-log.js';

/** The log of a running swarm, for a command that asks or tells it something. */
export interface ClientSession extends LogSession {
  readonly client: Client;
  /** Starts to read the coordination topic. */
  openFeed(): Promise<MissionFeed>;
  /**
   * The one mission that a person names (see requireMission), with a feed that has read all of it and follows it.
   * Throws ClientError: mission_unknown, mission_ambiguous.
   */
  openMission(wanted: string): Promise<OpenMission>;
}

export interface OpenMission {
  readonly feed: MissionFeed;
  readonly mission: Mission;
}

/** Opens the log, runs the body and closes everything, whatever happened. */
export async function withClient<T>(context: CommandContext, body: (session: ClientSession) => Promise<T>): Promise<T> {
  const { log } = await openClientLog(context);
  return withSession(context.client, log, (session) => {
    session.onEnd('log', () => log.close());
    const client = createClientOn(context.client, {
      log,
      roster: () => readRoster(context),
      workspaceRoot: context.config.values.WORKSPACE_ROOT,
    });
    session.onEnd('client', () => client.close());
    return body({
      ...session,
      client,
      openFeed: () => openFeed(context, session),
      openMission: (wanted) => openMission(context, session, wanted),
    });
  });
}

/** Reads the coordination topic from its beginning. Not for a process that only serves: a feed holds every mission. */
export async function openFeed(context: CommandContext, { log, onEnd }: LogSession): Promise<MissionFeed> {
  const feed = await orAborted(
    createMissionFeed({ log, topic: context.topics.coordination }),
    context.host.interruption,
  );
  onEnd('feed', () => feed.stop());
  return feed;
}

async function openMission(context: CommandContext, session: LogSession, wanted: string): Promise<OpenMission> {
  const feed = await openFeed(context, session);
  await caughtUp(context, feed);
  return { feed, mission: requireMission(feed, wanted) };
}

/** Waits until everything that is in the log was read. */
export function caughtUp(context: CommandContext, feed: MissionFeed): Promise<void> {
  return orAborted(feed.caughtUp, context.host.interruption);
}
