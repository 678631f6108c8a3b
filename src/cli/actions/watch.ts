import type { AgentEvent } from '../../domain/events.js';
import { withClient, type ClientSession } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { createHandledDeferred, orAborted } from '../../domain/deferred.js';
import { eventLine } from '../event-line.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { follow } from '../../client/follow.js';
import { hasEnded } from '../../domain/report.js';

/** Events as they happen, one line each; ends with the mission, with Ctrl-C, or when its output has no reader. */
export function watchMissions(context: CommandContext, missionId: string | null): Promise<ExitCode> {
  return withClient(context, (session) =>
    missionId === null ? watchAll(context, session) : watchMission(context, session, missionId),
  );
}

/** One comes every few seconds. */
const SIGNS_OF_LIFE: ReadonlySet<AgentEvent['event_type']> = new Set(['heartbeat']);
/** About another status --live: programs get them, a person who watches missions does not. */
const OTHERS_QUESTIONS: ReadonlySet<AgentEvent['event_type']> = new Set(['request_status', 'status_report']);

/** What is written from now on, on coordination and status. */
async function watchAll(context: CommandContext, { log, onEnd }: ClientSession): Promise<ExitCode> {
  const { failure, stop } = await orAborted(
    follow(log, {
      topics: [context.topics.coordination, context.topics.status],
      from: 'end',
      onRecord({ content }) {
        if (content.kind === 'event' && isWatched(context, content.event)) write(context, content.event);
      },
    }),
    context.host.interruption,
  );
  onEnd('watch', stop);
  context.host.stderr.write('watching; Ctrl-C ends it\n');
  await untilNobodyReads(context, failure);
  return endOfWatching(context);
}

const isWatched = ({ json }: CommandContext, { event_type: type }: AgentEvent): boolean =>
  !SIGNS_OF_LIFE.has(type) && (json || !OTHERS_QUESTIONS.has(type));

/** The mission's story from its request on. Exit 0 when it completed, 1 when it did not. */
async function watchMission(context: CommandContext, { missions }: ClientSession, wanted: string): Promise<ExitCode> {
  const { feed, mission } = await missions.openMission(wanted, ({ event }) => write(context, event));
  const ended = feed.ended(mission.id, context.host.interruption);
  ended.catch(() => undefined); // seen through the race, or of no interest any more
  const report = await Promise.race([ended, untilNobodyReads(context, ended)]);
  if (report === undefined || !hasEnded(report.status)) return endOfWatching(context);
  return report.status === 'completed' ? EXIT.done : EXIT.missionFailed;
}

/** Ctrl-C interrupts; a reader that has gone has seen what it wanted. */
function endOfWatching({ host }: CommandContext): ExitCode {
  return host.interruption.aborted ? EXIT.interrupted : EXIT.done;
}

/** Resolves on Ctrl-C and when stdout's reader has gone; rejects with the failure. */
async function untilNobodyReads({ host }: CommandContext, failure: Promise<unknown>): Promise<undefined> {
  const stop = AbortSignal.any([host.interruption, host.stdout.closed]);
  try {
    await orAborted(Promise.race([failure, createHandledDeferred<never>().promise]), stop);
  } catch (error) {
    if (!stop.aborted) throw error;
  }
  return undefined;
}

function write({ json, host }: CommandContext, event: AgentEvent): void {
  host.stdout.write(`${json ? JSON.stringify(event) : eventLine(event)}\n`);
}
