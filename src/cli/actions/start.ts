import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { defaultMission, readRoster } from '../mission-source.js';
import type { SwarmSession } from '../../swarm/session.js';
import { withSwarm, type OnAsk } from '../swarm-session.js';
import { runMission } from './run.js';

export interface StartOptions {
  /** null: every role, and the default mission. */
  readonly role: 'orchestrator' | 'worker' | null;
  /** Agents of a worker process; null: all. */
  readonly agents: readonly string[] | null;
  readonly exit: boolean;
  readonly workspace: string | null;
  /** null: as the situation says (run.ts). */
  readonly onAsk: OnAsk | null;
}

/** Starts the swarm, or one role of it. */
export function startSwarm(context: CommandContext, options: StartOptions): Promise<ExitCode> {
  if (options.role !== null) return serveRole(context, options.role, options);
  const keepsServing = !options.exit && context.host.stdout.isTerminal;
  return runMission(context, {
    file: defaultMission(context),
    workspace: options.workspace,
    onAsk: options.onAsk,
    ...(keepsServing ? { afterwards: (session: SwarmSession) => serveUntilStopped(context, session) } : {}),
  });
}

/** A role by itself serves missions of the whole swarm until it is stopped; that is its good end. */
async function serveRole(
  context: CommandContext,
  role: 'orchestrator' | 'worker',
  { agents: names, onAsk }: Pick<StartOptions, 'agents' | 'onAsk'>,
): Promise<ExitCode> {
  const roster = await readRoster(context);
  const served = names === null ? roster : roster.subset(names, '--agents');
  const agents = role === 'worker' ? served.agents : [];
  await withSwarm(
    context,
    { roster, orchestrator: role === 'orchestrator', agents, allowMemory: false, onAsk: onAsk ?? 'wait' },
    async (session) => {
      context.logger.info(
        { role, agents: agents.map((agent) => agent.name), brokers: session.brokers },
        'role.serving',
      );
      await untilStopped(context, session);
    },
  );
  return EXIT.done;
}

async function serveUntilStopped(context: CommandContext, session: SwarmSession): Promise<void> {
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
