import type { CommandContext } from '../context.js';
import { clientCommand } from '../client-command.js';
import { createDeferred } from '../deferred.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { followMission } from '../mission-follow.js';
import { requestMission } from '../mission-request.js';
import { readMission, readRoster } from '../mission-source.js';
import { withClient } from '../client-session.js';
import { printReport } from './run.js';

export interface SubmitOptions {
  readonly file: string;
  readonly wait: boolean;
  readonly workspace: string | null;
}

/** Hands a mission to the swarm that serves this log. With wait: exit 0 when it completed, 1 when not. */
export async function submitMission(context: CommandContext, options: SubmitOptions): Promise<ExitCode> {
  const mission = await readMission(context, options.file, await readRoster(context));
  return withClient(context, async ({ log, openFeed }) => {
    const feed = options.wait ? await openFeed() : null;
    const { missionId, workspace } = await requestMission(context, log, mission, options.workspace);
    if (feed === null) {
      if (context.json) context.print({ mission_id: missionId, workspace });
      else {
        context.host.stdout.write(`${missionId}\n`);
        context.host.stderr.write(`submitted; to see how it goes: ${clientCommand(context, `watch ${missionId}`)}\n`);
      }
      return EXIT.done;
    }
    context.say(`mission: ${mission.name} ${missionId}\nworkspace: ${workspace}\n`);
    const report = await followMission(context, { missionId, feed, broken: createDeferred<never>().promise });
    printReport(context, report);
    return report.status === 'completed' ? EXIT.done : EXIT.missionFailed;
  });
}
