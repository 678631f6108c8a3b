import { createEventFactory } from '../domain/event-factory.js';
import type { AgentEvent, EventOf } from '../domain/events.js';
import { partitionForKey } from '../domain/partitioning.js';
import type { Timer } from '../ports/clock.js';
import { createHandledDeferred, orAborted } from '../domain/deferred.js';
import { appendOne } from './append-one.js';
import type { ClientContext, LogSession } from './context.js';
import { follow } from './follow.js';

export type StatusReport = EventOf<'status_report'>['payload'];

export interface AskOptions {
  /** For how long the first answer is waited for, in milliseconds since the question was written. */
  readonly firstMs: number;
  /** After this long without a further answer no more are expected. */
  readonly quietMs: number;
  /** Whether this answer is all that was wanted. */
  isEnough(report: StatusReport): boolean;
}

/** A running orchestrator answers within milliseconds; a busy one gets more. */
const ORCHESTRATOR_MS = 1_500;

/** Appends request_status and collects answers until no more come. Rejects when the log cannot be read or written. */
export async function askProcesses(
  context: ClientContext,
  { log, onEnd }: LogSession,
  { firstMs, quietMs, isEnough }: AskOptions,
): Promise<readonly StatusReport[]> {
  const { clock, ids, signal, topics } = context;
  const requestId = ids.uuid();
  const answers = new Map<string, StatusReport>();
  const done = createHandledDeferred<void>();
  let quiet: Pick<Timer, 'cancel'> = { cancel: () => undefined };
  const waitFor = (durationMs: number) => {
    quiet.cancel();
    quiet = clock.setTimer(durationMs, () => done.resolve());
  };
  const { caughtUp, failure, stop } = await orAborted(
    follow(log, {
      topics: [topics.status],
      from: 'end',
      onRecord({ content }) {
        const report = content.kind === 'event' ? answerTo(requestId, content.event) : null;
        if (report === null) return;
        answers.set(report.worker_id, report);
        if (isEnough(report)) done.resolve();
        else waitFor(quietMs);
      },
    }),
    signal,
  );
  onEnd('watch', stop);
  try {
    await orAborted(caughtUp, signal);
    await request(context, log, requestId);
    if (answers.size === 0) waitFor(firstMs); // an answer may be there before the broker's acknowledgement
    await orAborted(Promise.race([done.promise, failure]), signal);
  } finally {
    quiet.cancel();
  }
  return [...answers.values()].sort((a, b) => a.worker_id.localeCompare(b.worker_id));
}

function answerTo(requestId: string, event: AgentEvent): StatusReport | null {
  return event.event_type === 'status_report' && event.payload.request_id === requestId ? event.payload : null;
}

export const isOrchestrator = ({ role }: StatusReport): boolean => role === 'orchestrator';

/** The processes that answer until an orchestrator does; with everyone, those that answer soon. */
export function answersOfSwarm(
  context: ClientContext,
  session: LogSession,
  { everyone }: { readonly everyone: boolean },
): Promise<readonly StatusReport[]> {
  return askProcesses(context, session, {
    firstMs: ORCHESTRATOR_MS,
    quietMs: ORCHESTRATOR_MS,
    isEnough: (report) => !everyone && isOrchestrator(report),
  });
}

async function request(context: ClientContext, log: LogSession['log'], requestId: string): Promise<void> {
  const { topics, requester } = context;
  const event = createEventFactory(context)({
    type: 'request_status',
    from: requester,
    payload: { request_id: requestId, requested_by: requester },
  });
  const partition = partitionForKey(requester, await log.admin.partitionCount(topics.status));
  await appendOne(context, log, { appender: 'status', topic: topics.status, partition, key: requester, event });
}
