import { resolve } from 'node:path';
import type { MissionFile } from '../agent/mission-file.js';
import { submitMission, type SubmittedMission } from '../client/submit.js';
import type { Log } from '../ports/log.js';
import { clientCommand } from './client-command.js';
import type { CommandContext } from './context.js';

/** Submits a mission; a relative workspace is looked up in the working directory. */
export function requestMission(
  context: CommandContext,
  log: Log,
  mission: MissionFile,
  givenWorkspace: string | null,
): Promise<SubmittedMission> {
  const { host, config } = context;
  return submitMission(context.client, log, {
    mission,
    workspaceRoot: config.values.WORKSPACE_ROOT,
    workspace: givenWorkspace === null ? null : resolve(host.cwd, givenWorkspace),
    onUnknown: (missionId) =>
      host.stderr.write(
        `it is not known whether mission ${missionId} was submitted; ${clientCommand(context, `status ${missionId}`)} shows it\n`,
      ),
  });
}
