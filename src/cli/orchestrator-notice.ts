import type { MissionFile } from '../agent/mission-file.js';
import { answersOfSwarm, isOrchestrator } from '../client/ask-processes.js';
import type { LogSession } from '../client/context.js';
import { clientCommand, connectionFlags } from './client-command.js';
import type { CommandContext } from './context.js';
import { modelsNotice, rolesWithModels } from './mission-models.js';

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
