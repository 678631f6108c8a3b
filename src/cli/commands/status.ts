import type { EventOf } from '../../domain/events.js';
import { partitionForKey } from '../../domain/partitioning.js';
import { createEventFactory } from '../../roles/event.js';
import { caughtUp, requireMission, withClient, type ClientSession } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { createDeferred, orAborted } from '../deferred.js';
import { shortDuration } from '../durations.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { requester } from '../host.js';
import { withWorkspace } from '../mission-request.js';
import { reportText } from '../report-text.js';
import { table } from '../table.js';

export interface StatusOptions {
  readonly missionId: string | null;
  /** Ask the processes, too. */
  readonly live: boolean;
}

type StatusReport = EventOf<'status_report'>['payload'];

/** After this long without a further answer nobody else is expected. */
const QUIET_MS = 700;
const LONGEST_MS = 5_000;

/** The missions of the log, one mission's report, or with live the processes that answer. */
export function showStatus(context: CommandContext, { missionId, live }: StatusOptions): Promise<ExitCode> {
  return withClient(context, async (session) => {
    if (live) await showProcesses(context, session, missionId);
    else if (missionId === null) await showMissions(context, session);
    else await showMission(context, session, missionId);
    return EXIT.done;
  });
}

async function showMissions(context: CommandContext, session: ClientSession): Promise<void> {
  const feed = await session.openFeed();
  await caughtUp(context, feed);
  const reports = feed.view.missions().map((id) => feed.view.report(id)).filter((report) => report !== null);
  if (context.json) {
    context.print(reports.map((report) => withWorkspace(context, report)));
    return;
  }
  if (reports.length === 0) return context.say('no missions yet');
  const rows = reports.map((report) => {
    const ended = report.tasks.filter((task) => task.status === 'verified' || task.status === 'unverified').length;
    const lastedMs = (report.ended_at === null ? context.host.clock.now() : Date.parse(report.ended_at)) - Date.parse(report.started_at);
    return [report.mission_id, report.name, report.status.replaceAll('_', ' '), `${ended}/${report.tasks.length}`, shortDuration(lastedMs), report.reason ?? ''];
  });
  context.host.stdout.write(table([['MISSION', 'NAME', 'STATUS', 'TASKS', 'TIME', ''], ...rows]));
}

async function showMission(context: CommandContext, session: ClientSession, missionId: string): Promise<void> {
  const feed = await session.openFeed();
  await caughtUp(context, feed);
  requireMission(feed, missionId);
  const report = feed.view.report(missionId);
  if (report === null) return;
  const complete = withWorkspace(context, report);
  if (context.json) context.print(complete);
  else context.host.stdout.write(reportText(complete, context.colors));
}

async function showProcesses(context: CommandContext, session: ClientSession, missionId: string | null): Promise<void> {
  const reports = await askProcesses(context, session);
  const concerned = missionId === null ? reports : reports.filter((report) => report.running.some((task) => task.mission_id === missionId));
  if (context.json) {
    context.print(concerned.map(({ worker_id, role, agents, partitions, running, started_at }) =>
      ({ worker_id, role, agents, partitions, running, started_at: new Date(started_at).toISOString() })));
    return;
  }
  if (concerned.length === 0) return context.say(missionId === null ? 'no process answered' : `no process runs a task of ${missionId}`);
  const rows = concerned.map((report) => [
    report.worker_id, report.role, `${report.agents.length} agents`, `${report.partitions.length} partitions`, `up ${shortDuration(context.host.clock.now() - report.started_at)}`,
    report.running.map((task) => `${task.task_id} step ${task.step}`).join(', '),
  ]);
  context.host.stdout.write(table(rows));
}

/** Appends request_status and collects the answers until no more come. */
async function askProcesses(context: CommandContext, { log, onEnd }: ClientSession): Promise<readonly StatusReport[]> {
  const { host, topics } = context;
  const requestId = host.ids.uuid();
  const answers = new Map<string, StatusReport>();
  const done = createDeferred<void>();
  let quiet = host.clock.setTimer(LONGEST_MS, () => done.resolve());
  const watching = createDeferred<void>();
  const watch = await log.watch({
    topics: [topics.status],
    from: 'end',
    onCaughtUp: () => watching.resolve(),
    onRecord({ content }) {
      if (content.kind !== 'event' || content.event.event_type !== 'status_report' || content.event.payload.request_id !== requestId) return;
      answers.set(content.event.payload.worker_id, content.event.payload);
      quiet.cancel();
      quiet = host.clock.setTimer(QUIET_MS, () => done.resolve());
    },
    onFatal: (error) => {
      done.reject(error);
      watching.reject(error);
    },
  });
  onEnd('watch', () => watch.stop());
  try {
    await orAborted(watching.promise, host.interruption);
    await request(context, log, requestId);
    await orAborted(done.promise, host.interruption);
  } finally {
    quiet.cancel();
  }
  return [...answers.values()].sort((a, b) => a.worker_id.localeCompare(b.worker_id));
}

async function request(context: CommandContext, log: ClientSession['log'], requestId: string): Promise<void> {
  const { host, topics } = context;
  const user = requester(host);
  const event = createEventFactory(host)({ type: 'request_status', from: user, payload: { request_id: requestId, requested_by: user } });
  const partition = partitionForKey(user, await log.admin.partitionCount(topics.status));
  const appender = log.createAppender('status');
  try {
    await appender.append({ topic: topics.status, partition, key: user, event });
  } finally {
    await appender.close();
  }
}
