/** The missions of the log, as `status` lists them. */
import type { MissionFeed } from '../client/mission-feed.js';
import { pageOf, type MissionFilter, type MissionPage } from '../client/mission-list.js';
import { RECENT_MS, type MissionReader } from '../client/mission-reader.js';
import { withWorkspace } from '../client/submit.js';
import type { MissionReport, MissionStatus } from '../domain/report.js';
import { shortCall } from './call-text.js';
import { clientCommand } from './client-command.js';
import type { ClientSession } from './client-session.js';
import type { CommandContext } from './context.js';
import { shortDuration } from './durations.js';
import type { Since } from './list-arguments.js';
import { plannerWaitText } from './planner-wait-text.js';
import { pauseText, waitsText } from './pause-text.js';
import { table } from './table.js';
import { cutToWidth } from './text-width.js';
import { withoutWorkerLine } from './without-worker-text.js';

/** As they were typed; null: not given. */
export interface ListOptions {
  readonly statuses: readonly MissionStatus[] | null;
  readonly name: string | null;
  readonly since: Since | null;
  readonly limit: number | null;
  readonly before: string | null;
}

export async function showMissions(
  context: CommandContext,
  session: ClientSession,
  options: ListOptions,
): Promise<void> {
  const filter = filterOf(context, options);
  const feed = await readFor(session.missions, filter);
  const page = pageOf(feed.reports(), filter);
  if (context.json)
    context.print(page.missions.map((report) => withWorkspace(context.config.values.WORKSPACE_ROOT, report)));
  else if (page.missions.length === 0)
    context.say(Object.values(options).every((value) => value === null) ? 'no missions' : 'no mission fits');
  else writeTable(context, [HEADINGS, ...page.missions.map((report) => rowOf(context, feed, report))]);
  if (page.next !== null) context.say(nextPageLine(context, options, page));
  if (options.since === null) context.say(windowLine(context, filter));
}

const readFor = (missions: MissionReader, { sinceMs, keepOpen }: MissionFilter): Promise<MissionFeed> =>
  sinceMs === null ? missions.whole() : missions.window({ sinceMs, withOpen: keepOpen });

/** What the list leaves out when nothing was said about it. */
function windowLine(context: CommandContext, { sinceMs }: MissionFilter): string {
  const since = `${new Date(sinceMs ?? 0).toISOString().slice(0, 19)}Z`;
  const command = clientCommand(context, 'status --since 7d');
  return `listed: open missions, and those submitted since ${since} (24 hours); older ones: ${command}, or --since all`;
}

function filterOf({ host }: CommandContext, { statuses, since, ...options }: ListOptions): MissionFilter {
  return {
    ...options,
    statuses: statuses === null ? null : new Set(statuses),
    sinceMs: since === null ? host.clock.now() - RECENT_MS : startOf(since, host.clock.now()),
    keepOpen: since === null,
  };
}

function startOf(since: Since, nowMs: number): number | null {
  if (since.kind === 'all') return null;
  return since.kind === 'age' ? nowMs - since.ageMs : since.timeMs;
}

function nextPageLine(context: CommandContext, options: ListOptions, { missions, fitting, next }: MissionPage): string {
  const command = clientCommand(context, `status ${flagsOf(options, context.host.clock.now(), next)}`);
  return `the newest ${missions.length} of ${fitting}; the next page: ${command}`;
}

/** The flags that give the page before an id of the same list. An age becomes the time that it means now. */
function flagsOf({ statuses, name, since, limit }: ListOptions, nowMs: number, before: string | null): string {
  const start = since === null ? null : startOf(since, nowMs);
  const flags = [
    statuses === null ? null : `--status ${[...new Set(statuses)].join(',')}`,
    name === null ? null : `--name '${name.replaceAll("'", "'\\''")}'`,
    since === null ? null : `--since ${start === null ? 'all' : new Date(start).toISOString()}`,
    `--limit ${limit} --before ${before}`,
  ];
  return flags.filter((flag) => flag !== null).join(' ');
}

const HEADINGS = ['MISSION', 'NAME', 'STATUS', 'TASKS', 'TIME', ''];

function rowOf({ host }: CommandContext, feed: MissionFeed, report: MissionReport): readonly string[] {
  const done = report.tasks.filter((task) => task.status === 'verified' || task.status === 'unverified').length;
  const endMs = report.ended_at === null ? host.clock.now() : Date.parse(report.ended_at);
  return [
    report.mission_id,
    report.name,
    report.status.replaceAll('_', ' '),
    `${done}/${report.tasks.length || plannedTasks(feed, report.mission_id)}`,
    shortDuration(endMs - Date.parse(report.started_at)),
    standText(report, host.clock.now()),
  ];
}

/** Why it ended, or what it waits for; empty: it works. */
function standText(report: MissionReport, nowMs: number): string {
  const { reason, pause, waits_for: cap, question } = report;
  if (reason !== null) return reason;
  if (pause !== null) return pauseText(pause);
  if (cap !== null) return waitsText(cap);
  return question?.reason ?? (waitingLine(report) || missingLine(report, nowMs));
}

/** A pipe gets the reason uncut; status MISSION shows it on a terminal. */
function writeTable({ host: { stdout } }: CommandContext, rows: readonly (readonly string[])[]): void {
  const lines = table(rows);
  const cut = (line: string) => cutToWidth(line, stdout.size().columns);
  stdout.write(stdout.isTerminal ? lines.split('\n').map(cut).join('\n') : lines);
}

/** Planners, agents and workers that are waited for, in one line; empty when none is. */
const missingLine = (report: MissionReport, nowMs: number): string =>
  report.planner_wait === null ? withoutWorkerLine(report, nowMs) : plannerWaitText(report.planner_wait);

/** The calls that wait for a person, in one line; empty when none does. */
function waitingLine({ waiting_calls: calls }: MissionReport): string {
  const [first] = calls;
  if (first === undefined) return '';
  const more = calls.length > 1 ? ` and ${calls.length - 1} more` : '';
  return `waits for a person: ${shortCall(first)} of ${first.agent}${more} (ravenhelm approvals list)`;
}

/** Tasks of the plan that has been proposed; before it is approved they are not yet the mission's. */
function plannedTasks(feed: MissionFeed, missionId: string): number {
  return feed.view.plan(missionId)?.plan.waves.reduce((count, wave) => count + wave.tasks.length, 0) ?? 0;
}
