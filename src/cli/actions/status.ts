import { ConfigError } from '../../agent/config-error.js';
import { askProcesses, type StatusReport } from '../../client/ask-processes.js';
import { noOrchestrator } from '../orchestrator-notice.js';
import { reportMission } from '../../domain/mission-report.js';
import { callsTable } from '../call-text.js';
import { wrongUse } from '../cli-error.js';
import { clientCommand } from '../client-command.js';
import { showMissions, type ListOptions } from '../mission-list-text.js';
import { withClient, type ClientSession } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { columnsOf } from '../host.js';
import { shortDuration } from '../durations.js';
import { count } from '../event-line.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { withContinuedBy } from '../../client/continued-by.js';
import { withWorkspace } from '../../client/submit.js';
import { readRoster } from '../mission-source.js';
import { questionText } from '../answers.js';
import { waitingPlan, waitingPlanText, type WaitingPlan } from '../waiting-plan.js';
import { spendingLines } from '../spending-text.js';
import { reportText } from '../report-text.js';
import { table } from '../table.js';
import { oneLine } from '../text-width.js';

export interface StatusOptions {
  /** As a person names it; null: none. */
  readonly mission: string | null;
  /** Ask the processes, too. */
  readonly live: boolean;
  readonly list: ListOptions;
}

const FIRST_ANSWER_MS = 5_000;
const QUIET_MS = 700;
const BYTES_PER_MB = 1024 * 1024;

/** The missions of the log, one mission's report, or with live the processes that answer. */
export function showStatus(context: CommandContext, { mission, live, list }: StatusOptions): Promise<ExitCode> {
  if (mission !== null || live) refuseListOptions(list);
  return withClient(context, async (session) => {
    if (live) await showProcesses(context, session, mission);
    else if (mission === null) await showMissions(context, session, list);
    else await showMission(context, session, mission);
    return EXIT.done;
  });
}

/** One mission, or the processes, are shown whole. */
function refuseListOptions(list: ListOptions): void {
  const [given] = Object.entries(list).find(([, value]) => value !== null) ?? [];
  if (given === undefined) return;
  const flag = given === 'statuses' ? 'status' : given;
  throw wrongUse(`--${flag} is for the list of missions`, 'Leave it out, or leave out the mission and --live.');
}

async function showMission(context: CommandContext, session: ClientSession, wanted: string): Promise<void> {
  const mission = await withContinuedBy(
    context.client,
    session.log,
    session.missions,
    await session.missions.openMission(wanted),
  );
  const report = reportMission(mission);
  const complete = withWorkspace(context.config.values.WORKSPACE_ROOT, report);
  const waiting = waitingPlan(mission);
  if (context.json) return context.print({ ...complete, waiting_plan: placeOf(waiting) });
  context.host.stdout.write(
    reportText(complete, {
      colors: context.colors,
      columns: columnsOf(context.host.stdout),
      nowMs: context.host.clock.now(),
      command: (words) => clientCommand(context, words),
    }),
  );
  if (report.waiting_calls.length > 0)
    context.host.stdout.write(
      `\nCalls that wait for a person:\n${callsTable(report.waiting_calls, context.host.clock.now())}`,
    );
  if (report.question !== null) context.host.stdout.write(`\n${questionText(context, mission.id, report.question)}`);
  if (waiting !== null) context.host.stdout.write(`\n${waitingPlanText(context, waiting)}`);
}

/** The report has the plan's tasks when it is approved. */
const placeOf = (waiting: WaitingPlan | null) =>
  waiting === null ? null : { revision: waiting.revision, plan_digest: waiting.plan_digest };

async function showProcesses(context: CommandContext, session: ClientSession, wanted: string | null): Promise<void> {
  const missionId = wanted === null ? null : (await session.missions.openMission(wanted)).mission.id;
  const reports = await askProcesses(context.client, session, {
    firstMs: FIRST_ANSWER_MS,
    quietMs: QUIET_MS,
    isEnough: () => false,
  });
  if (!reports.some((report) => report.role === 'orchestrator')) context.host.stderr.write(noOrchestrator(context));
  await sayWithoutWorker(context, reports);
  const concerned =
    missionId === null
      ? reports
      : reports.filter((report) => report.running.some((task) => task.mission_id === missionId));
  if (context.json) {
    context.print(
      concerned.map(({ request_id: _asked, started_at, ...facts }) => ({
        ...facts,
        started_at: new Date(started_at).toISOString(),
      })),
    );
    return;
  }
  if (concerned.length === 0)
    return context.say(missionId === null ? 'no process answered' : `no process runs a task of ${missionId}`);
  const rows = concerned.map((report) => [
    report.worker_id,
    report.role,
    count(report.agents.length, 'agent'),
    count(report.partitions.length, 'partition'),
    `up ${shortDuration(context.host.clock.now() - report.started_at)}`,
    `${Math.round(report.memory_bytes / BYTES_PER_MB)} MB`,
    `loop ${Math.round(report.loop_delay_mean_ms)} ms, at most ${Math.round(report.loop_delay_max_ms)} ms`,
    count(report.steps_done, 'step'),
    report.running.map((task) => `${task.task_id} step ${task.step}`).join(', '),
  ]);
  context.host.stdout.write(table(rows));
  for (const { worker_id, models } of concerned)
    if (models !== null) context.host.stdout.write(`models  ${oneLine(`${worker_id}: ${models}`)}\n`);
  for (const { worker_id, warnings } of concerned)
    for (const warning of warnings) context.host.stdout.write(`WARNING  ${oneLine(`${worker_id}: ${warning}`)}\n`);
  for (const line of spendingLines(concerned, context.host.clock.now())) context.host.stdout.write(`${line}\n`);
  const stopped = concerned.flatMap(({ worker_id, blocked }) =>
    blocked.map(
      ({ topic, partition, offset, reason }) =>
        `BLOCKED  ${worker_id}: ${topic}[${partition}] stops at offset ${offset}: ${reason}`,
    ),
  );
  for (const line of stopped) context.host.stdout.write(`${oneLine(line)}\n`);
}

/** Agents that no answering process serves: their tasks would wait. */
async function sayWithoutWorker(context: CommandContext, reports: readonly StatusReport[]): Promise<void> {
  const withWorker = new Set(reports.flatMap((report) => report.agents));
  const roster = await readRoster(context).catch((error: unknown) => {
    // Those that serve have the old files in force, and say so themselves.
    if (!(error instanceof ConfigError)) throw error;
    context.host.stderr.write(`warning: ${error.message}\n`);
    return null;
  });
  const withoutWorker = (roster?.names ?? []).filter((agent) => !withWorker.has(agent));
  if (withoutWorker.length === 0) return;
  const command = clientCommand(context, `--role worker --agents ${withoutWorker.join(',')}`);
  context.host.stderr.write(`no live worker for ${withoutWorker.join(', ')}; start one: ${command}\n`);
}
