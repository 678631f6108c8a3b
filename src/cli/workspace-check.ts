/** Before a mission starts: whether its directory is one that agents can work in. */
import { resolve } from 'node:path';
import { foreignFiles, workspaceProblem } from '../client/workspace-owner.js';
import { wrongUse } from './cli-error.js';
import type { CommandContext } from './context.js';
import { oneLine } from './text-width.js';

const MOST_NAMED = 5;

/**
 * Throws CliError (exit 2) where this process's own worker could not use it; says on stderr what agents cannot change.
 * @param ownWorker whether the mission's tasks run in this process, and not in others, whose users are not known here
 */
export async function checkWorkspace(
  { host, config }: CommandContext,
  given: string | null,
  ownWorker: boolean,
): Promise<void> {
  if (given === null) return;
  const directory = resolve(host.cwd, given);
  const asOwner = host.isRoot && (config.values.RAVENHELM_SANDBOX || !ownWorker);
  const problem = await workspaceProblem(directory, asOwner);
  if (problem !== null && ownWorker) throw wrongUse(problem, 'Nothing was started.');
  if (problem !== null) host.stderr.write(`warning: ${problem}\n`);
  const foreign = await foreignFiles(directory, asOwner || !ownWorker);
  if (foreign.length === 0) return;
  const named = foreign.slice(0, MOST_NAMED).map(oneLine).join(', ');
  const more = foreign.length > MOST_NAMED ? ` and ${foreign.length - MOST_NAMED} more` : '';
  host.stderr.write(`warning: agents cannot change what others own in ${directory}: ${named}${more}\n`);
}
