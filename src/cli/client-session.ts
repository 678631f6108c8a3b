import { createClientOn } from '../client/client-on.js';
import type { Client } from '../client/client.js';
import type { LogSession } from '../client/context.js';
import { createMissionReader, type MissionReader } from '../client/mission-reader.js';
import { withSession } from '../client/session.js';
import type { CommandContext } from './context.js';
import { readRoster } from './mission-source.js';
import { openClientLog } from './open-log.js';

/** The log of a running swarm, for a command that asks or tells it something. */
export interface ClientSession extends LogSession {
  readonly client: Client;
  /** Reads the coordination topic. */
  readonly missions: MissionReader;
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
    return body({ ...session, client, missions: missionsOf(context, session) });
  });
}

/** Not for a process that only serves: a feed holds every mission that it has read. */
export const missionsOf = (context: CommandContext, { log, onEnd }: LogSession): MissionReader =>
  createMissionReader(context.client, log, (feed) => onEnd('feed', () => feed.stop()));
