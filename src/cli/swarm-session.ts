import type { AgentSpec } from '../domain/agent-spec.js';
import type { Role } from '../roles/shared/role.js';
import type { Roster } from '../agent/roster.js';
import type { CommandContext } from './context.js';
import { createHandledDeferred, orAborted } from '../domain/deferred.js';
import { createMissionFeed, type MissionFeed } from './mission-feed.js';
import { openSwarmLog, type OpenLog } from './open-log.js';
import { openProcessHealth } from './process-health.js';
import { prepareCluster } from './prepare-cluster.js';
import { createReleases } from './releases.js';
import { RoleFailed } from './role-failed.js';
import { createSupervisedRole } from './supervised-role.js';
import { prepareSwarm } from './swarm.js';

/** Running roles and the log that they work on. */
export interface SwarmSession extends OpenLog {
  /** Starts to read the coordination topic from its beginning. Who only serves does without: the feed holds every mission there ever was. */
  openFeed(): Promise<MissionFeed>;
  /** Rejects when a role has given up or the person has asked to stop. */
  readonly broken: Promise<never>;
}

export interface SessionOptions {
  readonly roster: Roster;
  readonly orchestrator: boolean;
  /** Agents that this process's worker serves; empty: no worker. */
  readonly agents: readonly AgentSpec[];
  readonly allowMemory: boolean;
}

/** How long running steps may go on after the first Ctrl-C. */
const DRAIN_MS = 10_000;
/** Beyond that: offsets, leaving the groups, connections. */
const RELEASE_MS = 2_000;

/**
 * Opens the log, starts the roles, runs the body, and takes everything down again in reverse order, whatever happened:
 * first the roles drain, then the connections close.
 */
export async function withSwarm<T>(
  context: CommandContext,
  options: SessionOptions,
  body: (session: SwarmSession) => Promise<T>,
): Promise<T> {
  const { host, logger } = context;
  const releases = createReleases({ logger, clock: host.clock });
  let rolesRun = false;
  let failure: RoleFailed | null = null;
  try {
    const health = await openProcessHealth(context);
    releases.add('health', () => health.close());
    const opened = await openSwarmLog(context, options);
    releases.add('log', () => opened.log.close());
    for (const line of opened.banner) context.say(line);
    const { retention } = await orAborted(prepareCluster(context, opened.log, options.roster), host.interruption);
    const swarm = await orAborted(
      prepareSwarm(context, opened.log, { ...options, retention, health }),
      host.interruption,
    );
    for (const line of swarm.banner) context.say(line);
    const broken = createHandledDeferred<never>();
    const roles = swarm.roles.map(({ name, create }) =>
      createSupervisedRole({
        name,
        create,
        clock: host.clock,
        random: host.random,
        logger,
        onRestart: () => health.metrics.roleRestarted(name),
      }),
    );
    health.watch(roles);
    releases.add('roles', () => stopAll(roles));
    releases.add('readiness', async () => health.drain());
    rolesRun = roles.length > 0;
    for (const role of roles) role.failed.then(broken.reject, broken.reject);
    await orAborted(Promise.race([Promise.all(roles.map((role) => role.start())), broken.promise]), host.interruption);
    const ended = orAborted(broken.promise, host.interruption);
    ended.catch(() => undefined); // it reaches the body, whenever that looks
    const openFeed = async () => {
      const feed = await orAborted(
        createMissionFeed({ log: opened.log, topic: context.topics.coordination }),
        host.interruption,
      );
      releases.add('feed', () => feed.stop());
      return feed;
    };
    return await body({ ...opened, openFeed, broken: ended });
  } catch (error) {
    if (error instanceof RoleFailed) failure = error;
    throw error;
  } finally {
    if (host.interruption.aborted && rolesRun)
      host.stderr.write('stopping: running steps have 10 s to end; Ctrl-C again ends at once\n');
    await releases.all(DRAIN_MS + RELEASE_MS);
    // The last line of the log, for whoever looks why a supervisor started the process again.
    if (failure !== null)
      logger.error(
        { role: failure.role, failures: failure.failures, error: failure, exit_code: failure.exitCode },
        'role.failed',
      );
  }
}

/** Side by side, because each may take the whole time to drain. Rejects with the first failure when all have ended. */
async function stopAll(roles: readonly Role[]): Promise<void> {
  const ended = await Promise.allSettled(roles.map((role) => role.stop(DRAIN_MS)));
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
}
