import type { MissionFile } from '../agent/mission-file.js';
import { answersOfSwarm, askProcesses, isOrchestrator } from '../client/ask-processes.js';
import type { LogSession } from '../client/context.js';
import { clientCommand, connectionFlags } from './client-command.js';
import type { CommandContext } from './context.js';
import { modelsNotice, otherWorkersNotice, rolesWithModels } from './mission-models.js';

export interface Served {
  /** Whether an orchestrator answers. */
  readonly isServed: boolean;
  /** For the person; null: nothing. */
  readonly notice: string | null;
}

/**
 * What to say to the person when no orchestrator answers, or of the models that the swarm has for this
 * mission.
 */
export async function missingOrchestrator(
  context: CommandContext,
  session: LogSession,
  mission: MissionFile | null = null,
): Promise<Served> {
  const roles = mission === null ? [] : rolesWithModels(mission);
  const reports = await answersOfSwarm(context.client, session, { everyone: roles.includes('worker') });
  const notice = modelsNotice(roles, reports);
  const isServed = reports.some(isOrchestrator);
  return { isServed, notice: (isServed ? notice : `${noOrchestrator(context)}${notice}`) || null };
}

/** This process's own worker answers at once; for so long after an answer others are waited for. */
const OTHERS_MS = 300;

/**
 * Says which workers of other processes may run the mission's tasks, and with which models, where this process has a
 * worker on a log that it shares with them. Rejects only when it was interrupted: it is no more than a notice.
 */
export async function sayOtherWorkers(
  context: CommandContext,
  session: LogSession,
  { agents }: MissionFile,
): Promise<void> {
  try {
    const waits = { firstMs: OTHERS_MS, quietMs: OTHERS_MS, isEnough: () => false };
    const reports = await askProcesses(context.client, session, waits);
    const notice = otherWorkersNotice(context.swarm.processName, agents, reports);
    if (notice !== null) context.say(notice);
  } catch (error) {
    context.host.interruption.throwIfAborted();
    context.logger.debug({ error }, 'notice.failed');
  }
}

/**
 * Says when no orchestrator answers. What was asked of the swarm is in the log already: a person who does not wait for
 * this, or a log that cannot be read any more, changes nothing about that. Resolves with whether one answers. Never
 * rejects.
 */
export async function sayIfNoOrchestrator(
  context: CommandContext,
  session: LogSession,
  mission: MissionFile | null = null,
): Promise<boolean> {
  const { stderr, interruption } = context.host;
  try {
    const { isServed, notice } = await missingOrchestrator(context, session, mission);
    stderr.write(notice ?? '');
    return isServed;
  } catch (error) {
    if (!interruption.aborted)
      stderr.write(
        `could not check for a running orchestrator: ${error instanceof Error ? error.message : String(error)}\n`,
      );
    return false;
  }
}

export function noOrchestrator(context: CommandContext): string {
  // npm start knows nothing of this command's flags.
  const orStart = connectionFlags(context).length === 0 ? ' (or npm start)' : '';
  return `no orchestrator is serving; start one: ${clientCommand(context, '--role orchestrator')}${orStart}\n`;
}
