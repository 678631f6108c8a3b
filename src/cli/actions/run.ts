import type { MissionFile } from '../../agent/mission-file.js';
import type { Roster } from '../../agent/roster.js';
import type { MissionReport } from '../../domain/report.js';
import { readAttempts } from '../../client/attempts.js';
import type { MissionFeed } from '../../client/mission-feed.js';
import { attemptParts } from '../attempt-text.js';
import { warnOfChecks } from '../check-warnings.js';
import { wrongUse } from '../cli-error.js';
import { clientCommand } from '../client-command.js';
import { missionsOf } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { columnsOf } from '../host.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { openJunit, withJunit } from '../junit-file.js';
import type { InputFlags } from '../input-arguments.js';
import { followMission } from '../mission-follow.js';
import { withWorkspace } from '../../client/submit.js';
import { requestVoid } from '../../client/verdict.js';
import type { SwarmSession } from '../../swarm/session.js';
import { requireModels } from '../mission-models.js';
import { requestMission, requireFits } from '../request-mission.js';
import { readMission, readRoster } from '../mission-source.js';
import { sayOtherWorkers } from '../orchestrator-notice.js';
import { howToGetBroker } from '../open-log.js';
import { goingOnLine, leftOpenLine } from '../open-missions.js';
import { reportText } from '../report-text.js';
import { asOperator } from '../operators-setting.js';
import { withSwarm, type OnAsk } from '../swarm-session.js';
import { oneLine } from '../text-width.js';
import { checkWorkspace } from '../workspace-check.js';

export interface RunOptions {
  readonly file: string;
  /** The mission's inputs, as flags give them. */
  readonly given: InputFlags;
  readonly workspace: string | null;
  /** What happens to a call that the policy asks about; null: it waits in a terminal, and is refused elsewhere. */
  readonly onAsk: OnAsk | null;
  /** Where the report goes as JUnit XML; null: nowhere. */
  readonly junit?: string | null;
  /** Called when the report was printed and the roles still run; the process ends when it resolves. */
  afterwards?(session: SwarmSession): Promise<void>;
}

/** Starts what is missing, carries the mission out and prints its report. Exit 0 when it completed, 1 when not. */
export async function runMission(given: CommandContext, options: RunOptions): Promise<ExitCode> {
  const context = markingEvents(await asOperator(given));
  const canAnswer = context.host.ask !== null && !context.json;
  const onAsk = options.onAsk ?? (canAnswer ? 'wait' : 'reject');
  const roster = await readRoster(context);
  const mission = await readMission(context, options.file, roster, options.given);
  await requireFits(context, mission, options.file);
  await requireModels(context, mission, roster, options.file);
  warnOfChecks(context, mission, options.file, roster);
  await checkWorkspace(context, options.workspace, true);
  const junit = await openJunit(context, options.junit, roster);
  return withSwarm(
    context,
    { ...wholeSwarm(roster), rereadsAgents: options.afterwards !== undefined, allowMemory: true, onAsk },
    async (session) => {
      if (!session.log.capabilities.shared) requireOneProcess(context, mission, options, canAnswer);
      const reading = missionsOf(context, session).window({ sinceMs: null, withOpen: true });
      const others = session.log.capabilities.shared ? sayOtherWorkers(context, session, mission) : null;
      const [feed] = await Promise.race([Promise.all([reading, others]), session.broken]);
      sayIfAny(context, goingOnLine(context, feed));
      const { missionId, workspace } = await requestMission(context, session.log, { ...options, mission });
      context.say(`mission: ${oneLine(mission.name)} ${missionId}\nworkspace: ${workspace}\n`);
      const report = await withJunit(junit, { feed, missionId }, async () => {
        const ended = await followMission(context, {
          missionId,
          feed,
          broken: session.broken,
          asking: { log: session.log, isShared: session.log.capabilities.shared },
          ifNotEnded: session.log.capabilities.durable
            ? `mission ${missionId} has not ended; the next swarm on this log continues it. ` +
              `To stop it: ${clientCommand(context, `cancel ${missionId}`)}`
            : null,
        });
        requireCounts(ended);
        printReport(context, ended, session.log.capabilities.shared);
        return ended;
      });
      if (!context.json && !session.log.capabilities.shared) await showFailure(context, session, feed, report);
      if (!context.json) context.say(story(context, session, missionId));
      if (options.afterwards === undefined) sayIfAny(context, leftOpenLine(context, feed));
      else await options.afterwards(session);
      return report.status === 'completed' ? EXIT.done : EXIT.missionFailed;
    },
  );
}

/** Throws CliError for what another process would have to say, on a log that no other one can reach. */
function requireOneProcess(
  context: CommandContext,
  { approval, onFailure }: MissionFile,
  { onAsk }: RunOptions,
  canAnswer: boolean,
): void {
  if (onAsk === 'wait' && !canAnswer)
    throw wrongUse(
      '--on-ask wait lets a call wait for a person, and no other process can answer on the in-memory log',
      'Use a broker (npm run setup says how), --on-ask reject, or a terminal.',
    );
  if (approval === 'approval')
    throw wrongUse(
      'the mission waits for approval, which no other process can give on the in-memory log',
      `Use a broker (${howToGetBroker(context)}), or set approval: monitoring.`,
    );
  if (onFailure === 'ask')
    throw wrongUse(
      'the mission asks a person when it fails, and no other process can answer on the in-memory log',
      `Use a broker (${howToGetBroker(context)}), or leave on_failure out.`,
    );
}

/** This process runs commands too, so what it asks for says so if they have no sandbox. */
function markingEvents(context: CommandContext): CommandContext {
  if (context.config.values.RAVENHELM_SANDBOX) return context;
  return { ...context, client: { ...context.client, sandbox: 'off' } };
}

const wholeSwarm = (roster: Roster) => ({ roster, orchestrator: true, agents: roster.agents, servesAll: true });

/** Throws ClientError (request_void) for a mission whose request the swarm did not take. */
export function requireCounts({ code, reason, void_requests }: MissionReport): void {
  if (code === 'request_void')
    throw requestVoid(void_requests.at(-1)?.code ?? '', reason ?? 'the request does not count');
}

/** @param isShared whether another process can read the mission's log */
export function printReport(context: CommandContext, report: MissionReport, isShared: boolean): void {
  const complete = withWorkspace(context.config.values.WORKSPACE_ROOT, report);
  if (context.json) return context.print(complete);
  const command = isShared ? (words: string) => clientCommand(context, words) : null;
  const { colors, host } = context;
  const columns = columnsOf(host.stdout);
  host.stdout.write(reportText(complete, { colors, columns, nowMs: host.clock.now(), command }));
}

/** Steps of a failed attempt that are shown at the end of a run. */
const LAST_STEPS = 3;

/** The last attempt of the task that failed, with its last steps, while its log is still there. */
async function showFailure(
  context: CommandContext,
  { log }: SwarmSession,
  feed: MissionFeed,
  report: MissionReport,
): Promise<void> {
  const failed = report.tasks.findLast((task) => task.status === 'failed' && task.attempts > 0);
  const mission = feed.view.mission(report.mission_id);
  if (report.status !== 'failed' || failed === undefined || mission === null) return;
  context.say('');
  const filter = { task: failed.task_id, attempt: failed.attempts };
  await readAttempts(context.client, log, mission, filter, (attempt) => {
    const last = { ...attempt, steps: attempt.steps.slice(-LAST_STEPS) };
    for (const part of attemptParts(last, { colors: context.colors, whole: false, outputs: new Map() }))
      if (part.kind === 'text') context.people.write(part.text);
  });
}

function sayIfAny(context: CommandContext, line: string | null): void {
  if (line !== null) context.say(line);
}

/** How to see what happened on the topic. */
function story(context: CommandContext, session: SwarmSession, missionId: string): string {
  if (!session.log.capabilities.durable)
    return `Events were kept in memory and are now lost; a broker keeps them (${howToGetBroker(context)}).`;
  return (
    `\nEvents of the mission: ${clientCommand(context, `watch ${missionId}`)}\n` +
    `With plain kcat:       kcat -b ${session.brokers[0] ?? ''} -C -e ` +
    `-t ${context.topics.coordination} -f '%T %k %h\\n'`
  );
}
