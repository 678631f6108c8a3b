/** Writes dead letters back where they belong; each is taken first, so that of two operators one does it. */
import { originalHeaders } from '../domain/dead-letter.js';
import { createEventFactory } from '../domain/event-factory.js';
import type { EventOf } from '../domain/events.js';
import { letterFields } from '../domain/letters.js';
import { partitionForKey } from '../domain/partitioning.js';
import { planRedrive, type RedrivePlan, type RedriveRefused } from '../domain/redrive.js';
import { TopicMissing, type Appended, type Log } from '../ports/log.js';
import { appendOne } from './append-one.js';
import type { ClientContext } from './context.js';
import type { Letter, LetterBox } from './letter-box.js';
import { ClientError } from './client-error.js';
import { handledBy, requireCounts, requireFree } from './letter-handling.js';
import type { MissionFeed } from './mission-feed.js';
import { requireMission } from './require-mission.js';
import { withVerdict } from './verdict.js';

export interface RedriveOptions {
  /** Back to where it came from, even where it cannot be decoded or does not belong. Default false. */
  readonly asIs?: boolean;
  /** Also a letter that another process has started to redrive and has not finished. Default false. */
  readonly takeOver?: boolean;
  /** A letter that another operator has handled is left; otherwise nothing is redriven. Default false. */
  readonly leaveHandled?: boolean;
  /** After each letter, in their order. Default none. */
  readonly onOutcome?: (outcome: RedriveOutcome) => void;
}

/** What was done about a letter. */
export type RedriveOutcome =
  /** The record was written to a partition, or a new attempt was requested there. */
  | {
      readonly id: string;
      readonly outcome: 'record' | 'new_attempt';
      readonly written: Appended;
      /** What its readers will make of it, in words. */
      readonly expect: string;
    }
  /** It was not redriven; nothing was written. */
  | { readonly id: string; readonly outcome: 'refused'; readonly why: string; readonly nextStep: string }
  /** Another operator handles it, or has handled it (leaveHandled). */
  | { readonly id: string; readonly outcome: 'left'; readonly why: string };

type Doable = Exclude<RedrivePlan, RedriveRefused>;

export interface Redriving {
  readonly context: ClientContext;
  readonly log: Log;
  readonly box: LetterBox;
  /** Opens and reads the coordination topic: the missions tell where letters belong. */
  openFeed(): Promise<MissionFeed>;
}

/**
 * Redrives letters one after the other. Throws ClientError before anything is written when an id is unknown or, without
 * leaveHandled, its letter is handled by another operator.
 */
export async function redriveLetters(
  redriving: Redriving,
  ids: readonly string[],
  options: RedriveOptions,
): Promise<readonly RedriveOutcome[]> {
  const letters = redriving.box.requireAll(ids);
  if (options.leaveHandled !== true) for (const letter of letters) requireFree(letter, options.takeOver === true);
  const feed = await redriving.openFeed();
  const outcomes: RedriveOutcome[] = [];
  for (const { id } of letters) {
    const outcome = await redriveOne(redriving, feed, id, options);
    outcomes.push(outcome);
    options.onOutcome?.(outcome);
  }
  return outcomes;
}

async function redriveOne(
  redriving: Redriving,
  feed: MissionFeed,
  id: string,
  { asIs = false, takeOver = false, leaveHandled = false }: RedriveOptions,
): Promise<RedriveOutcome> {
  const { context, log, box } = redriving;
  const letter = box.require(id);
  const before = leaveHandled ? handledBy(letter, takeOver) : null;
  if (before !== null) return { id, outcome: 'left', why: before.why };
  const plan = planOf(context, feed, letter, asIs);
  if (plan.kind === 'refused') return refused(id, plan);
  const target = await targetOf(context, log, plan);
  if (target.kind === 'refused') return refused(id, target);
  const faster = await take(context, box, letter, takeOver);
  if (faster !== null)
    return leaveHandled
      ? { id, outcome: 'left', why: faster.why }
      : refused(id, { why: `it ${faster.why}`, nextStep: faster.nextStep });
  try {
    const written = await write(redriving, feed, letter, plan, target);
    await noteRedriven(context, box, letter, plan.kind, written);
    return { id, outcome: plan.kind, written, expect: expectationOf(plan) };
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'request_void') throw error;
    return refused(id, { why: error.message, nextStep: error.nextStep ?? `ravenhelm dead-letters show ${id}` });
  }
}

const refused = (id: string, { why, nextStep }: Omit<RedriveRefused, 'kind'>): RedriveOutcome => ({
  id,
  outcome: 'refused',
  why,
  nextStep,
});

function expectationOf(plan: Doable): string {
  return plan.kind === 'record'
    ? plan.expect
    : `the orchestrator assigns attempt ${plan.request.attempt + 1} of ${plan.request.task_id}`;
}

function planOf(
  { topics, clock }: ClientContext,
  feed: MissionFeed,
  { id, record, facts }: Letter,
  asIs: boolean,
): RedrivePlan {
  const { key, content } = record;
  const headers = originalHeaders(record.headers ?? {});
  return planRedrive(
    {
      id,
      origin: facts?.origin ?? null,
      ...(facts?.batch === undefined ? {} : { batch: facts.batch }),
      key,
      headers,
      content,
      asIs,
    },
    {
      topics,
      mission: feed.view.mission,
      judge: (partition, event) => feed.view.judge(partition, event, clock.now()),
    },
  );
}

interface Target {
  readonly kind: 'target';
  readonly topic: string;
  readonly partition: number;
}

/** The partition that is written to, or why there is none. */
async function targetOf({ topics }: ClientContext, log: Log, plan: Doable): Promise<Target | RedriveRefused> {
  const topic = plan.kind === 'record' ? plan.topic : topics.coordination;
  const { partition } = plan;
  try {
    const count = await log.admin.partitionCount(topic);
    if (typeof partition !== 'number')
      return { kind: 'target', topic, partition: partitionForKey(partition.key, count) };
    if (partition < count) return { kind: 'target', topic, partition };
    return {
      kind: 'refused',
      why: `it belongs in ${topic}[${partition}], and the topic has ${count} partitions`,
      nextStep: 'Add partitions to the topic, or discard the letter.',
    };
  } catch (error) {
    if (!(error instanceof TopicMissing)) throw error;
    return {
      kind: 'refused',
      why: `it belongs in ${topic}, and there is no such topic`,
      nextStep: 'When the agent is there: ravenhelm init creates its topic. Else discard the letter.',
    };
  }
}

/** Says beside the letter that it is being redriven; null, or who was faster. */
async function take(context: ClientContext, box: LetterBox, letter: Letter, takeOver: boolean) {
  const { requester } = context;
  const payload = { ...letterFields(letter), taken_by: requester, taken_over: takeOver, signed: null };
  const event = createEventFactory(context)({ type: 'dead_letter_taken', from: requester, payload });
  const taken = await box.append(letter, event);
  if (taken.kind === 'applied') return null;
  requireCounts(letter.id, taken);
  return handledBy(box.require(letter.id), false);
}

/** The record's own bytes, key and headers, or in its place the request for a new attempt. */
async function write(
  { context, log }: Pick<Redriving, 'context' | 'log'>,
  feed: MissionFeed,
  { id, record }: Letter,
  plan: Doable,
  { topic, partition }: Target,
): Promise<Appended> {
  if (plan.kind === 'record')
    return log.copyRecord({ topic, partition, record, headers: originalHeaders(record.headers ?? {}) });
  const { mission_id } = plan.request;
  const request: EventOf<'task_retry_requested'> = createEventFactory(context)({
    type: 'task_retry_requested',
    from: context.requester,
    to: 'orchestrator',
    missionId: mission_id,
    payload: {
      ...plan.request,
      requested_by: context.requester,
      reason: `its assignment became dead letter ${id}`,
      signed: null,
    },
  });
  const mission = requireMission(feed, mission_id);
  // When the outcome is unknown, the letter still says that it was taken.
  const append = () =>
    appendOne(context, log, { appender: 'redrive', topic, partition, key: mission_id, event: request });
  return (await withVerdict(context, feed, { mission, requestId: request.event_id }, append)).appended;
}

async function noteRedriven(
  context: ClientContext,
  box: LetterBox,
  letter: Letter,
  how: Doable['kind'],
  written: Appended,
): Promise<void> {
  const { requester } = context;
  const payload = {
    ...letterFields(letter),
    redriven_by: requester,
    how,
    target_topic: written.topic,
    target_partition: written.partition,
    target_offset: written.offset,
    signed: null,
  };
  const event = createEventFactory(context)({ type: 'dead_letter_redriven', from: requester, payload });
  await box.append(letter, event);
}
