/** Calls that wait for a person: which there are, and a person's answer to one. */
import { NOT_SIGNED, signAnswer } from '../agent/call-answer.js';
import { isDigestOf } from '../agent/call-digest.js';
import { createEventFactory } from '../domain/event-factory.js';
import type { AgentEvent, EventOf } from '../domain/events.js';
import type { WaitingCallReport } from '../domain/report.js';
import { redactPatterns } from '../domain/secret-patterns.js';
import type { Log } from '../ports/log.js';
import { ClientError } from './client-error.js';
import type { ClientContext } from './context.js';
import { appendDecision, requireShort } from './decisions.js';
import type { MissionFeed } from './mission-feed.js';
import { awaitVerdict, type Verdict } from './verdict.js';

export interface CallAnswer {
  readonly approved: boolean;
  /** Why not, for the model; empty where it may run. */
  readonly reason: string;
  /** The answer may be in the log although this rejects. */
  onUnknown?(): void;
}

/** Fewer characters may fit a call that no person has seen. */
const SHORTEST_ID = 4;

/** Of all missions, oldest first; the feed must have caught up. */
export const waitingCalls = (feed: MissionFeed): readonly WaitingCallReport[] =>
  feed.reports().flatMap((report) => report.waiting_calls);

/**
 * The call that waits under an id, of which a part that is unique is enough; the feed must have caught up. Throws
 * ClientError: approval_unknown, approval_ambiguous, approval_decided, approval_changed, approval_expired.
 */
export function requireWaitingCall(feed: MissionFeed, id: string, nowMs: number): WaitingCallReport {
  if (id.length < SHORTEST_ID)
    throw new ClientError(
      'approval_unknown',
      `${id === '' ? 'an empty id' : id} is too short for the id of a call`,
      `Give at least its first ${SHORTEST_ID} characters.`,
    );
  const matching = waitingCalls(feed).filter(({ approval_id }) => approval_id.startsWith(id));
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
  // What people see comes from a record that any writer of the topic could have made; the digest is what counts.
  if (!isDigestOf(call.digest, call))
    throw new ClientError(
      'approval_changed',
      `what the log shows of ${call.approval_id} is not the call of its digest`,
      'Do not approve it: another program has written to the coordination topic.',
    );
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
        ({ wait }) => wait.lastApproval?.startsWith(id) === true,
      ),
    );

const decided = (id: string): ClientError =>
  new ClientError('approval_decided', `the call ${id} was decided before`, 'ravenhelm show has what happened to it.');

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
  { approved, reason, onUnknown }: CallAnswer,
): Promise<Verdict> {
  requireShort(reason);
  const event = answerEvent(context, log, call, { approved, reason });
  const verdict = awaitVerdict(context, feed, call.mission_id, judgeAnswer(event.event_id));
  try {
    await appendDecision(context, log, event, onUnknown);
    return await verdict.reached;
  } finally {
    verdict.stop();
  }
}

function answerEvent(
  context: ClientContext,
  { clusterId }: Pick<Log, 'clusterId'>,
  { mission_id, task_id, attempt, approval_id, digest }: WaitingCallReport,
  { approved, reason }: CallAnswer,
): EventOf<'call_answered'> {
  const { signer, topics } = context;
  const answer = {
    ...{ mission_id, task_id, attempt, approval_id, digest, approved },
    // As the log will have it: what is signed must not change on the way.
    reason: (context.redact ?? redactPatterns)(reason),
    answered_by: context.requester,
    answered_at: context.clock.now(),
  };
  return createEventFactory(context)({
    type: 'call_answered',
    from: context.requester,
    to: 'orchestrator',
    missionId: mission_id,
    payload:
      signer === undefined
        ? { ...answer, ...NOT_SIGNED }
        : signAnswer(answer, signer, { prefix: topics.prefix, clusterId }),
  });
}

function judgeAnswer(answerId: string): (event: AgentEvent) => 'decided' | ClientError | null {
  return (event) => {
    if (event.event_type === 'call_decided' && event.payload.answer_id === answerId) return 'decided';
    if (event.event_type !== 'approval_void' || event.payload.answer_id !== answerId) return null;
    return new ClientError('answer_void', `the answer does not count: ${event.payload.reason}`, null);
  };
}
