import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { readRoster } from '../mission-source.js';
import { ROLES, type RoleName } from '../role-list.js';
import type { SwarmSession } from '../../swarm/session.js';
import { withSwarm, type OnAsk } from '../swarm-session.js';

export interface ServeRolesOptions {
  /** At least one. */
  readonly roles: readonly RoleName[];
  /** Agents that the worker serves; null: all. */
  readonly agents: readonly string[] | null;
  readonly onAsk: OnAsk | null;
}

/** Roles without a mission serve those of the whole swarm until they are stopped; that is a good end. */
export async function serveRoles(
  context: CommandContext,
  { roles, agents: names, onAsk }: ServeRolesOptions,
): Promise<ExitCode> {
  const roster = await readRoster(context);
  const served = names === null ? roster : roster.subset(names, '--agents');
  const agents = roles.includes('worker') ? served.agents : [];
  await withSwarm(
    context,
    {
      roster,
      orchestrator: roles.includes('orchestrator'),
      agents,
      servesAll: names === null,
      rereadsAgents: true,
      allowMemory: false,
      onAsk: onAsk ?? 'wait',
    },
    async (session) => {
      for (const role of roles) {
        const own = role === 'worker' ? agents.map(({ name }) => name) : [];
        context.logger.info({ role, agents: own, brokers: session.brokers }, 'role.serving');
      }
      if (roles.length === ROLES.length)
        context.say('The swarm serves; npx ravenhelm submit MISSION.yaml gives it a mission. Ctrl-C ends it.');
      await untilStopped(context, session);
    },
  );
  return EXIT.done;
}

/** The whole swarm stays in this process once what it was started for is done. */
export async function keepServing(context: CommandContext, session: SwarmSession): Promise<void> {
  context.say(
    session.log.capabilities.shared
      ? 'The swarm keeps serving; npx ravenhelm submit MISSION.yaml gives it another mission. Ctrl-C ends it.'
      : 'The swarm keeps serving. Ctrl-C ends it.',
  );
  await untilStopped(context, session);
}

/** Resolves when the person stops it; rejects when a role gives up. */
async function untilStopped({ host }: CommandContext, session: SwarmSession): Promise<void> {
  try {
    await session.broken;
  } catch (error) {
    if (!host.interruption.aborted) throw error;
  }
}
