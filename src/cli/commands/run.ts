import type { MissionReport } from '../../domain/report.js';
import { wrongUse } from '../cli-error.js';
import { clientCommand } from '../client-command.js';
import { caughtUp } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import type { MissionFeed } from '../../client/mission-feed.js';
import { followMission } from '../mission-follow.js';
import { withWorkspace } from '../../client/submit.js';
import type { SwarmSession } from '../../swarm/session.js';
import { requestMission } from '../request-mission.js';
import { readMission, readRoster } from '../mission-source.js';
import { goingOnLine, leftOpenLine } from '../open-missions.js';
import { reportText } from '../report-text.js';
import { openFeed, withSwarm } from '../swarm-session.js';
import { oneLine } from '../text-width.js';

export interface RunOptions {
  readonly file: string;
  readonly workspace: string | null;
  /** Called when the report was printed and the roles still run; the process ends when it resolves. */
  afterwards?(session: SwarmSession): Promise<void>;
}

/** Starts what is missing, carries the mission out and prints its report. Exit 0 when it completed, 1 when not. */
export async function runMission(context: CommandContext, options: RunOptions): Promise<ExitCode> {
  const roster = await readRoster(context);
  const mission = await readMission(context, options.file, roster);
  return withSwarm(
    context,
    { roster, orchestrator: true, agents: roster.agents, allowMemory: true },
    async (session) => {
      if (session.kind === 'memory' && mission.approval === 'approval') {
        throw wrongUse(
          'the mission waits for approval, and on the in-memory log nobody else can give it',
          'Use a broker (npm run setup says how), or set approval: monitoring.',
        );
      }
      if (session.kind === 'memory' && mission.onFailure === 'ask') {
        throw wrongUse(
          'the mission asks a person when it fails, and on the in-memory log nobody else can answer',
          'Use a broker (npm run setup says how), or leave on_failure out.',
        );
      }
      const feed = await openFeed(context, session);
      await Promise.race([caughtUp(context, feed), session.broken]);
      sayIfAny(context, goingOnLine(context, feed));
      const { missionId, workspace } = await requestMission(context, session.log, mission, options.workspace);
      context.say(`mission: ${oneLine(mission.name)} ${missionId}\nworkspace: ${workspace}\n`);
      const report = await followOrExplain(context, session, feed, missionId);
      printReport(context, report);
      if (!context.json) context.say(story(context, session, missionId));
      if (options.afterwards === undefined) sayIfAny(context, leftOpenLine(context, feed));
      else await options.afterwards(session);
      return report.status === 'completed' ? EXIT.done : EXIT.missionFailed;
    },
  );
}

export function printReport(context: CommandContext, report: MissionReport): void {
  const complete = withWorkspace(context.config.values.WORKSPACE_ROOT, report);
  if (context.json) context.print(complete);
  else context.host.stdout.write(reportText(complete, context.colors, context.host.clock.now()));
}

async function followOrExplain(
  context: CommandContext,
  session: SwarmSession,
  feed: MissionFeed,
  missionId: string,
): Promise<MissionReport> {
  try {
    return await followMission(context, { missionId, feed, broken: session.broken });
  } catch (error) {
    if (session.kind === 'kafka') {
      context.host.stderr.write(
        `mission ${missionId} has not ended; the next swarm on this log goes on with it. To stop it: ${clientCommand(context, `cancel ${missionId}`)}\n`,
      );
    }
    throw error;
  }
}

function sayIfAny(context: CommandContext, line: string | null): void {
  if (line !== null) context.say(line);
}

/** How to see what happened on the topic. */
function story(context: CommandContext, session: SwarmSession, missionId: string): string {
  if (session.kind === 'memory')
    return 'The story was in memory and goes with this process; a broker keeps it (npm run setup).';
  return (
    `\nThe story on the topic: ${clientCommand(context, `watch ${missionId}`)}\n` +
    `With plain kcat:        kcat -b ${session.brokers[0] ?? ''} -C -e -t ${context.topics.coordination} -f '%T %k %h\\n'`
  );
}
