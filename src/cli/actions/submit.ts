import { missingOrchestrator, sayIfNoOrchestrator } from '../orchestrator-notice.js';
import { warnOfChecks } from '../check-warnings.js';
import { wrongUse } from '../cli-error.js';
import { clientCommand } from '../client-command.js';
import { withClient, type ClientSession } from '../client-session.js';
import type { CommandContext } from '../context.js';
import type { MissionFile } from '../../agent/mission-file.js';
import type { MissionFeed } from '../../client/mission-feed.js';
import { watchAdmissions } from '../../client/admission.js';
import { createHandledDeferred } from '../../domain/deferred.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import type { InputFlags } from '../input-arguments.js';
import { openJunit, withJunit, type JunitFile } from '../junit-file.js';
import { followMission } from '../mission-follow.js';
import { requestMission, requireFits } from '../request-mission.js';
import { readMission, readRoster } from '../mission-source.js';
import { asOperator } from '../operators-setting.js';
import { printReport, requireCounts } from './run.js';
import { oneLine } from '../text-width.js';
import { checkWorkspace } from '../workspace-check.js';

export interface SubmitOptions {
  readonly file: string;
  /** The mission's inputs, as flags give them. */
  readonly given: InputFlags;
  readonly wait: boolean;
  readonly workspace: string | null;
  /** Where the report goes as JUnit XML, with wait; null: nowhere. */
  readonly junit: string | null;
}

/** Hands a mission to the swarm that serves this log. With wait: exit 0 when it completed, 1 when not. */
export async function submitMission(given: CommandContext, options: SubmitOptions): Promise<ExitCode> {
  const context = await asOperator(given);
  if (options.junit !== null && !options.wait)
    throw wrongUse('--junit needs --wait: the file is written when the mission has ended', 'Add --wait.');
  const roster = await readRoster(context);
  const mission = await readMission(context, options.file, roster, options.given);
  await requireFits(context, mission, options.file);
  warnOfChecks(context, mission, options.file, roster);
  await checkWorkspace(context, options.workspace, false);
  const junit = await openJunit(context, options.junit, roster);
  return withClient(context, async (session) => {
    const feed = options.wait ? await session.missions.fromNow() : null;
    const admissions = feed === null ? await watchAdmissions(context.client, session) : null;
    const { missionId, workspace } = await requestMission(context, session.log, { ...options, mission });
    if (feed === null) {
      if (context.json) context.print({ mission_id: missionId, workspace });
      else {
        context.host.stdout.write(`${missionId}\n`);
        context.host.stderr.write(`submitted; to see how it goes: ${clientCommand(context, `watch ${missionId}`)}\n`);
      }
      const isServed = await sayIfNoOrchestrator(context, session, mission);
      if (isServed) await admissions?.decided(missionId);
      return EXIT.done;
    }
    return followSubmitted(context, session, { mission, missionId, workspace, feed, junit });
  });
}

export interface FollowSubmitted {
  readonly mission: MissionFile;
  readonly missionId: string;
  readonly workspace: string;
  /** It was opened before the mission was submitted. */
  readonly feed: MissionFeed;
  readonly junit: JunitFile | null;
}

/** Shows a mission that was submitted until it has ended, and prints its report. */
export async function followSubmitted(
  context: CommandContext,
  session: ClientSession,
  { mission, missionId, workspace, feed, junit }: FollowSubmitted,
): Promise<ExitCode> {
  context.say(`mission: ${oneLine(mission.name)} ${missionId}\nworkspace: ${workspace}\n`);
  const report = await withJunit(junit, { feed, missionId }, async () => {
    const ended = await followMission(context, {
      missionId,
      feed,
      broken: createHandledDeferred<never>().promise,
      asking: { log: session.log, isShared: true },
      notice: missingOrchestrator(context, session, mission).then(({ notice }) => notice),
      ifNotEnded:
        `the mission continues; ${clientCommand(context, `watch ${missionId}`)} shows it, ` +
        `${clientCommand(context, `cancel ${missionId}`)} stops it`,
    });
    requireCounts(ended);
    printReport(context, ended, true);
    return ended;
  });
  return report.status === 'completed' ? EXIT.done : EXIT.missionFailed;
}
