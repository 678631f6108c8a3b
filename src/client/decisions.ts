/** What a person decides about a mission, as events for its partition. Each throws ClientError when it cannot. */
import { createEventFactory } from '../domain/event-factory.js';
import { planDigest } from '../agent/plan-digest.js';
import type { EventOf, PayloadOf } from '../domain/events.js';
import { parseMissionId } from '../domain/mission-id.js';
import { isOpen, questionOf, statusOf, type Mission } from '../domain/mission-state.js';
import type { Log } from '../ports/log.js';
import { appendOne } from './append-one.js';
import { byteLength, SIZES } from '../domain/sizes.js';
import { ClientError } from './client-error.js';
import type { ClientContext } from './context.js';
import type { MissionFeed } from './mission-feed.js';
import { withVerdict, type Verdict } from './verdict.js';

export type Decision = EventOf<
  | 'plan_approved'
  | 'plan_rejected'
  | 'attention_answered'
  | 'mission_cancel_requested'
  | 'mission_pause_requested'
  | 'mission_resume_requested'
  | 'mission_budget_requested'
  | 'call_answered'
>;
export type Decide = (context: ClientContext, mission: Mission) => Decision;

/** Whether the mission's plan waits for a person. */
export function awaitsAnswer(mission: Mission): boolean {
  return isOpen(mission) && mission.planning.kind === 'proposed' && mission.request.approval === 'approval';
}

/** Lets the proposed plan run. @param revision which one was seen; null: the one that is proposed now */
export const approve =
  (revision: number | null = null): Decide =>
  (context, mission) =>
    createEventFactory(context)({
      type: 'plan_approved',
      ...addressed(context, mission),
      payload: {
        mission_id: mission.id,
        ...requireProposal(mission, revision),
        approved_by: context.requester,
        signed: null,
      },
    });

/** Refuses the proposed plan; the planner gets the reason. @param revision as for approve */
export function reject(reason: string, revision: number | null = null): Decide {
  requireShort(reason);
  return (context, mission) =>
    createEventFactory(context)({
      type: 'plan_rejected',
      ...addressed(context, mission),
      payload: {
        mission_id: mission.id,
        ...requireProposal(mission, revision),
        rejected_by: context.requester,
        reason,
        signed: null,
      },
    });
}

/** Answers the question of a mission that needs attention; it continues with the answer. */
export function answer(text: string): Decide {
  return (context, mission) =>
    createEventFactory(context)({
      type: 'attention_answered',
      ...addressed(context, mission),
      payload: {
        mission_id: mission.id,
        number: requireQuestion(mission),
        answer: text.trim(),
        answered_by: context.requester,
        signed: null,
      },
    });
}

/** Throws ClientError for a text that no assignment can carry to an agent; known before the log is opened. */
export function requireShort(text: string): void {
  const bytes = byteLength(text);
  if (bytes > SIZES.answer)
    throw new ClientError(
      'text_too_long',
      `the text has ${bytes} bytes; it may have ${SIZES.answer}`,
      'Shorten it, or put the details into a file of the workspace and name that.',
    );
}

/** Throws ClientError for an answer without text, or with too much; known before the log is opened. */
export function requireText(text: string): void {
  requireShort(text);
  if (text.trim() === '')
    throw new ClientError(
      'answer_empty',
      'the answer is empty',
      'Say what should be done differently, or use ravenhelm cancel.',
    );
}

/** Asks to stop a mission that has not ended. */
export function cancel(reason: string): Decide {
  requireShort(reason);
  return (context, mission) => {
    requireOpen(mission);
    return createEventFactory(context)({
      type: 'mission_cancel_requested',
      ...addressed(context, mission),
      payload: { mission_id: mission.id, requested_by: context.requester, reason, signed: null },
    });
  };
}

/**
 * Appends what a person has decided about a mission and, where its requests have to be accepted, waits for that.
 * Rejects with ClientError (request_void) when it does not count.
 * @param onUnknown called where it may be in the log although this rejects
 */
export async function decideFor(
  context: ClientContext,
  log: Log,
  { feed, mission, decision }: { readonly feed: MissionFeed; readonly mission: Mission; readonly decision: Decide },
  onUnknown?: () => void,
): Promise<Verdict> {
  const event = decision(context, mission);
  const append = () => appendDecision(context, log, event, onUnknown);
  return (await withVerdict(context, feed, { mission, requestId: event.event_id }, append)).verdict;
}

/** Appends a decision to the mission's partition. onUnknown: it may be in the log although this rejects. */
export async function appendDecision(
  context: ClientContext,
  log: Log,
  event: Decision,
  onUnknown?: () => void,
): Promise<void> {
  const missionId = event.payload.mission_id;
  const parts = parseMissionId(missionId);
  if (parts === null)
    throw new ClientError(
      'mission_unknown',
      `${missionId} is no mission id`,
      'Mission ids look like 20261123-141502-417-p05-x7k2.',
    );
  await appendOne(context, log, {
    appender: 'submit',
    topic: context.topics.coordination,
    partition: parts.partition,
    key: missionId,
    event,
    ...(onUnknown === undefined ? {} : { onUnknown }),
  });
}

export function addressed({ requester }: ClientContext, { id }: Mission) {
  return { from: requester, to: 'orchestrator', missionId: id };
}

export function requireOpen(mission: Mission): void {
  if (!isOpen(mission))
    throw new ClientError('mission_ended', `mission ${mission.id} has already ended: ${statusOf(mission)}`, null);
}

/** The question that a person can answer now. */
function requireQuestion(mission: Mission): number {
  requireOpen(mission);
  const { id, request } = mission;
  const question = questionOf(mission);
  if (question !== null) return question.number;
  if (awaitsAnswer(mission))
    throw new ClientError(
      'nothing_to_answer',
      `mission ${id} asks nothing; its plan waits for an answer`,
      `Answer it with approve or reject: ravenhelm approve ${id}, or ravenhelm reject ${id} --why "…"`,
    );
  throw new ClientError(
    'nothing_to_answer',
    `mission ${id} asks nothing`,
    request.on_failure === 'ask'
      ? 'ravenhelm watch shows when it asks something.'
      : 'Its file does not say on_failure: ask, so it never asks. ' +
          'A plan that waits is answered with approve or reject.',
  );
}

/** The plan that a person can answer now. @param seen the revision that it must be; null: any */
export function requireProposal(
  mission: Mission,
  seen: number | null = null,
): Pick<PayloadOf<'plan_approved'>, 'revision' | 'plan_digest'> {
  requireOpen(mission);
  const { id, revision, planning, request } = mission;
  if (awaitsAnswer(mission) && planning.kind === 'proposed') {
    if (seen === null || seen === revision) return { revision, plan_digest: planDigest(planning.proposal.plan) };
    throw new ClientError(
      'plan_changed',
      `the plan of mission ${id} that waits is revision ${revision}, not ${seen}`,
      `Look at it: ravenhelm show ${id}`,
    );
  }
  if (questionOf(mission) !== null)
    throw new ClientError(
      'nothing_to_answer',
      `mission ${id} has no plan that waits; it waits for the answer to its question`,
      `ravenhelm answer ${id} "…"`,
    );
  throw new ClientError(
    'nothing_to_answer',
    `mission ${id} waits for no answer: ` +
      (planning.kind === 'approved' ? 'its plan runs' : 'no plan has been proposed'),
    request.approval === 'approval'
      ? 'ravenhelm watch shows when there is one.'
      : `Its file says approval: ${request.approval}.`,
  );
}
