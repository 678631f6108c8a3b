import type { EventOf } from '../domain/events.js';
import { partitionForKey } from '../domain/partitioning.js';
import type { Timer } from '../ports/clock.js';
import { createEventFactory } from '../domain/event-factory.js';
import { appendOne } from './append-one.js';
import { clientCommand, connectionFlags } from './client-command.js';
import type { ClientSession } from './client-session.js';
import type { CommandContext } from './context.js';
import { createHandledDeferred, orAborted } from '../domain/deferred.js';
import { follow } from './follow.js';
import { requester } from './host.js';

export type StatusReport = EventOf<'status_report'>['payload'];

export interface AskOptions {
  /** For how long the first answer is waited for, in milliseconds since the question was written. */
  readonly firstMs: number;
  /** After this long without a further answer nobody else is expected. */
  readonly quietMs: number;
  /** Whether this answer is all that was wanted. */
  isEnough(report: StatusReport): boolean;
}

/** A running orchestrator answers within milliseconds; a busy one gets more. */
const ORCHESTRATOR_MS = 1_500;

/** Appends request_status and collects the answers until no more come. Rejects when the log cannot be read or written. */
export async function askProcesses(
  context: CommandContext,
  { log, onEnd }: Pick<ClientSession, 'log' | 'onEnd'>,
  { firstMs, quietMs, isEnough }: AskOptions,
): Promise<readonly StatusReport[]> {
  const { host, topics } = context;
  const requestId = host.ids.uuid();
  const answers = new Map<string, StatusReport>();
  const done = createHandledDeferred<void>();
  let quiet: Pick<Timer, 'cancel'> = { cancel: () => undefined };
  const waitFor = (durationMs: number) => {
    quiet.cancel();
    quiet = host.clock.setTimer(durationMs, () => done.resolve());
  };
  const { caughtUp, failure, stop } = await orAborted(
    follow(log, {
      topics: [topics.status],
      from: 'end',
      onRecord({ content }) {
        if (
          content.kind !== 'event' ||
          content.event.event_type !== 'status_report' ||
          content.event.payload.request_id !== requestId
        )
          return;
        answers.set(content.event.payload.worker_id, content.event.payload);
        if (isEnough(content.event.payload)) done.resolve();
        else waitFor(quietMs);
      },
    }),
    host.interruption,
  );
  onEnd('watch', stop);
  try {
    await orAborted(caughtUp, host.interruption);
    await request(context, log, requestId);
    if (answers.size === 0) waitFor(firstMs); // an answer may be there before the broker's acknowledgement
    await orAborted(Promise.race([done.promise, failure]), host.interruption);
  } finally {
    quiet.cancel();
  }
  return [...answers.values()].sort((a, b) => a.worker_id.localeCompare(b.worker_id));
}

/** What to tell the person when no orchestrator answers; null when one does. */
export async function missingOrchestrator(
  context: CommandContext,
  session: Pick<ClientSession, 'log' | 'onEnd'>,
): Promise<string | null> {
  const isOrchestrator = (report: StatusReport) => report.role === 'orchestrator';
  const reports = await askProcesses(context, session, {
    firstMs: ORCHESTRATOR_MS,
    quietMs: ORCHESTRATOR_MS,
    isEnough: isOrchestrator,
  });
  return reports.some(isOrchestrator) ? null : noOrchestrator(context);
}

/**
 * Tells the person when no orchestrator answers. What was asked of the swarm stands in the log already: a person who does
 * not wait for this, or a log that cannot be read any more, changes nothing about that. Never rejects.
 */
export async function tellIfUnserved(
  context: CommandContext,
  session: Pick<ClientSession, 'log' | 'onEnd'>,
): Promise<void> {
  const { stderr, interruption } = context.host;
  try {
    stderr.write((await missingOrchestrator(context, session)) ?? '');
  } catch (error) {
    if (!interruption.aborted)
      stderr.write(
        `whether an orchestrator serves is not known: ${error instanceof Error ? error.message : String(error)}\n`,
      );
  }
}

export function noOrchestrator(context: CommandContext): string {
  // npm start knows nothing of this command's flags.
  const orStart = connectionFlags(context).length === 0 ? ' (or npm start)' : '';
  return `no orchestrator is serving; start one: ${clientCommand(context, '--role orchestrator')}${orStart}\n`;
}

async function request(context: CommandContext, log: ClientSession['log'], requestId: string): Promise<void> {
  const { host, topics } = context;
  const user = requester(host);
  const event = createEventFactory(host)({
    type: 'request_status',
    from: user,
    payload: { request_id: requestId, requested_by: user },
  });
  const partition = partitionForKey(user, await log.admin.partitionCount(topics.status));
  await appendOne(context, log, {
    appender: 'status',
    topic: topics.status,
    partition,
    key: user,
    event,
    ifUnknown: null,
  });
}
