/** Calls that wait for a person: which there are, and a person's answer to one. */
import { createEventFactory } from '../domain/event-factory.js';
import type { EventOf } from '../domain/events.js';
import { createHandledDeferred, orAborted } from '../domain/deferred.js';
import type { WaitingCallReport } from '../domain/report.js';
import type { SignedAnswer } from '../domain/waiting-call.js';
import type { Log } from '../ports/log.js';
import { ClientError } from './client-error.js';
import type { ClientContext } from './context.js';
import { appendDecision, requireShort } from './decisions.js';
import type { MissionFeed } from './mission-feed.js';

/** Signs an answer, and names the operator whose key it is. */
export type Signer = (answer: Omit<SignedAnswer, 'signature'>) => Pick<SignedAnswer, 'answered_by' | 'signature'>;

export interface CallAnswer {
  readonly approved: boolean;
  /** Why not, for the model; empty where it may run. */
  readonly reason: string;
  /** Absent: the answer is not signed. */
  readonly sign?: Signer;
  /** The answer may be in the log although this rejects. */
  onUnknown?(): void;
}

/** How long an orchestrator may take to decide whether an answer counts. */
const DECIDED_WITHIN_MS = 10_000;

/** Of all missions, oldest first; the feed must have caught up. */
export const waitingCalls = (feed: MissionFeed): readonly WaitingCallReport[] =>
  feed.reports().flatMap((report) => report.waiting_calls);

/**
 * The call that waits under an id, of which a part that is unique is enough; the feed must have caught up. Throws
 * ClientError: approval_unknown, approval_ambiguous, approval_decided, approval_expired.
 */
export function requireWaitingCall(feed: MissionFeed, id: string, nowMs: number): WaitingCallReport {
  const matching = waitingCalls(feed).filter(({ approval_id }) => id !== '' && approval_id.startsWith(id));
  const exact = matching.find(({ approval_id }) => approval_id === id);
  const [call = null, second] = exact === undefined ? matching : [exact];
  if (second !== undefined)
    throw new ClientError(
      'approval_ambiguous',
      `${matching.length} calls that wait begin with ${id}`,
      `Give more of the id: ${matching.map(({ approval_id }) => approval_id).join(', ')}`,
    );
  if (call === null) throw wasDecided(feed, id) ? decided(id) : unknown(feed, id);
  if (call.answered) throw decided(call.approval_id);
  if (Date.parse(call.expires_at) <= nowMs)
    throw new ClientError(
      'approval_expired',
      `the call ${call.approval_id} could be approved until ${call.expires_at}`,
      'Its model learns that no person approved it in time.',
    );
  return call;
}

const wasDecided = (feed: MissionFeed, id: string): boolean =>
  id !== '' &&
  feed.view
    .missions()
    .some((missionId) =>
      [...(feed.view.mission(missionId)?.tasks.values() ?? [])].some(
        ({ lastApproval }) => lastApproval?.startsWith(id) === true,
      ),
    );

const decided = (id: string): ClientError =>
  new ClientError('approval_decided', `the call ${id} was decided before`, 'ravenhelm show has what became of it.');

function unknown(feed: MissionFeed, id: string): ClientError {
  const calls = waitingCalls(feed).filter(({ answered }) => !answered);
  return new ClientError(
    'approval_unknown',
    `no call waits under the id ${id}`,
    calls.length === 0
      ? 'No call waits for a person now.'
      : `These wait: ${calls.map(({ approval_id }) => approval_id).join(', ')}`,
  );
}

/**
 * Appends the answer, and waits until an orchestrator has decided whether it counts: decided; pending when none has
 * within 10 s, which changes nothing about the answer. Rejects with ClientError (answer_void) when it does not count.
 */
export async function answerCall(
  context: ClientContext,
  log: Log,
  feed: MissionFeed,
  call: WaitingCallReport,
  { approved, reason, sign, onUnknown }: CallAnswer,
): Promise<'decided' | 'pending'> {
  requireShort(reason);
  const event = answerEvent(context, call, { approved, reason, ...(sign === undefined ? {} : { sign }) });
  const verdict = verdictOn(context, feed, event.event_id);
  try {
    await appendDecision(context, log, event, onUnknown);
    return await verdict.reached;
  } finally {
    verdict.stop();
  }
}

function answerEvent(
  context: ClientContext,
  { mission_id, task_id, attempt, approval_id, digest }: WaitingCallReport,
  { approved, reason, sign }: CallAnswer,
): EventOf<'call_answered'> {
  const answer = {
    ...{ mission_id, task_id, attempt, approval_id, digest, approved, reason },
    answered_by: context.requester,
    answered_at: context.clock.now(),
  };
  return createEventFactory(context)({
    type: 'call_answered',
    from: context.requester,
    to: 'orchestrator',
    missionId: mission_id,
    payload: { ...answer, signature: null, ...sign?.(answer) },
  });
}

interface VerdictWait {
  readonly reached: Promise<'decided' | 'pending'>;
  stop(): void;
}

function verdictOn({ clock, signal }: ClientContext, feed: MissionFeed, answerId: string): VerdictWait {
  const verdict = createHandledDeferred<'decided' | 'pending'>();
  const unsubscribe = feed.subscribe(({ event }) => {
    if (event.event_type === 'call_decided' && event.payload.answer_id === answerId) verdict.resolve('decided');
    if (event.event_type === 'approval_void' && event.payload.answer_id === answerId)
      verdict.reject(new ClientError('answer_void', `the answer does not count: ${event.payload.reason}`, null));
  });
  const timer = clock.setTimer(DECIDED_WITHIN_MS, () => verdict.resolve('pending'));
  const reached = orAborted(Promise.race([verdict.promise, feed.failure]), signal);
  reached.catch(() => undefined); // seen by who awaits it, unless the append has failed
  return {
    reached,
    stop() {
      unsubscribe();
      timer.cancel();
    },
  };
}
