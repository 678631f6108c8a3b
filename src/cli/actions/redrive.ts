import { originalHeaders } from '../../domain/dead-letter.js';
import type { EventOf } from '../../domain/events.js';
import { letterFields } from '../../domain/letters.js';
import { partitionForKey } from '../../domain/partitioning.js';
import { planRedrive, type RedrivePlan, type RedriveRefused } from '../../domain/redrive.js';
import { TopicMissing, type Appended, type Log } from '../../ports/log.js';
import { createEventFactory } from '../../domain/event-factory.js';
import { appendOne } from '../../client/append-one.js';
import { sayIfNoOrchestrator } from '../orchestrator-notice.js';
import { wrongUse } from '../cli-error.js';
import { caughtUp, withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { requester } from '../host.js';
import { handledBy, openLetterBox, requireFree, type Letter, type LetterBox } from '../letter-box.js';
import type { MissionFeed } from '../../client/mission-feed.js';

export interface RedriveOptions {
  readonly ids: readonly string[];
  readonly all: boolean;
  readonly yes: boolean;
  readonly asIs: boolean;
  readonly takeOver: boolean;
}

type Doable = Exclude<RedrivePlan, RedriveRefused>;
/** What was done, as --json prints it. */
interface Outcome {
  readonly id: string;
  /** left: with --all, another operator has taken it meanwhile. */
  readonly outcome: 'record' | 'new_attempt' | 'refused' | 'left';
  readonly written: Appended | null;
  readonly expect: string;
}

/** Writes letters back where they belong, one after the other. Exit 2 when one of them could not be. */
export function redriveLetters(context: CommandContext, options: RedriveOptions): Promise<ExitCode> {
  return withClient(context, async (session) => {
    const box = await openLetterBox(context, session);
    const letters = await chosenLetters(context, box, options);
    const feed = await session.openFeed();
    await caughtUp(context, feed);
    const outcomes: Outcome[] = [];
    for (const letter of letters) outcomes.push(await redriveOne(context, session.log, box, feed, letter, options));
    if (context.json) context.print(outcomes);
    if (outcomes.some(({ outcome }) => outcome === 'new_attempt')) await sayIfNoOrchestrator(context, session);
    return outcomes.some(({ outcome }) => outcome === 'refused') ? EXIT.usage : EXIT.done;
  });
}

/** Throws CliError (exit 2) when an id is not known or its letter is not free, and when --all is not confirmed. */
async function chosenLetters(
  context: CommandContext,
  box: LetterBox,
  { ids, all, yes, takeOver }: RedriveOptions,
): Promise<readonly Letter[]> {
  if (!all) {
    const letters = new Map(ids.map((id) => [box.require(id).id, box.require(id)]));
    for (const letter of letters.values()) requireFree(letter, takeOver);
    return [...letters.values()];
  }
  const waiting = box.all().filter(({ state }) => state.kind === 'waiting' || (state.kind === 'redriving' && takeOver));
  if (waiting.length === 0) context.say('no dead letter waits');
  else if (!yes)
    await confirm(context, `Redrive ${waiting.length} dead letter${waiting.length === 1 ? '' : 's'}? [y/N] `);
  return waiting;
}

async function confirm({ host }: CommandContext, question: string): Promise<void> {
  if (host.ask === null)
    throw wrongUse('redrive --all asks before it begins, and there is no terminal to ask at', 'Add --yes.');
  if (!/^y(es)?$/i.test((await host.ask(question)).trim())) throw wrongUse('nothing was redriven', null);
}

async function redriveOne(
  context: CommandContext,
  log: Log,
  box: LetterBox,
  feed: MissionFeed,
  letter: Letter,
  { all, asIs, takeOver }: RedriveOptions,
): Promise<Outcome> {
  const { id } = letter;
  const plan = planOf(context, feed, letter, asIs);
  if (plan.kind === 'refused') return tellRefused(context, id, plan);
  const target = await targetOf(context, log, plan);
  if (target.kind === 'refused') return tellRefused(context, id, target);
  const handled = await take(context, box, letter, takeOver);
  if (handled !== null)
    return all
      ? tellLeft(context, id, handled.why)
      : tellRefused(context, id, { kind: 'refused', why: `it ${handled.why}`, nextStep: handled.nextStep });
  const written = await write(context, log, letter, plan, target);
  await noteRedriven(context, box, letter, plan.kind, written);
  const expect =
    plan.kind === 'record'
      ? plan.expect
      : `the orchestrator assigns attempt ${plan.request.attempt + 1} of ${plan.request.task_id}`;
  if (!context.json)
    context.say(
      `redriven: ${id} to ${written.topic}[${written.partition}]@${written.offset}; to be expected: ${expect}`,
    );
  return { id, outcome: plan.kind, written, expect };
}

function planOf(
  { topics, host }: CommandContext,
  feed: MissionFeed,
  { id, record, facts }: Letter,
  asIs: boolean,
): RedrivePlan {
  const { key, content } = record;
  const headers = originalHeaders(record.headers ?? {});
  return planRedrive(
    { id, origin: facts?.origin ?? null, key, headers, content, asIs },
    {
      topics,
      mission: feed.view.mission,
      judge: (partition, event) => feed.view.judge(partition, event, host.clock.now()),
    },
  );
}

/** Says beside the letter that it is being redriven; null, or who was faster. */
async function take({ host }: CommandContext, box: LetterBox, letter: Letter, takeOver: boolean) {
  const by = requester(host);
  const payload = { ...letterFields(letter), taken_by: by, taken_over: takeOver };
  const event = createEventFactory(host)({ type: 'dead_letter_taken', from: by, payload });
  const taken = await box.append(letter, event);
  return taken.kind === 'applied' ? null : handledBy(box.require(letter.id), false);
}

async function noteRedriven(
  { host }: CommandContext,
  box: LetterBox,
  letter: Letter,
  how: Doable['kind'],
  written: Appended,
): Promise<void> {
  const by = requester(host);
  const payload = {
    ...letterFields(letter),
    redriven_by: by,
    how,
    target_topic: written.topic,
    target_partition: written.partition,
    target_offset: written.offset,
  };
  await box.append(letter, createEventFactory(host)({ type: 'dead_letter_redriven', from: by, payload }));
}

interface Target {
  readonly kind: 'target';
  readonly topic: string;
  readonly partition: number;
}

/** The partition that is written to, or why there is none. */
async function targetOf({ topics }: CommandContext, log: Log, plan: Doable): Promise<Target | RedriveRefused> {
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

/** A letter that another operator has taken is no failure of --all. */
function tellLeft(context: CommandContext, id: string, why: string): Outcome {
  if (!context.json) context.say(`left: ${id} ${why}`);
  return { id, outcome: 'left', written: null, expect: why };
}

function tellRefused(context: CommandContext, id: string, { why, nextStep }: RedriveRefused): Outcome {
  context.host.stderr.write(
    `dead letter ${id} is not redriven: ${why}\n${nextStep
      .split('\n')
      .map((line) => `  ${line}\n`)
      .join('')}`,
  );
  return { id, outcome: 'refused', written: null, expect: why };
}

/** The record's own bytes, key and headers, or in its place the request for a new attempt. */
async function write(
  context: CommandContext,
  log: Log,
  { id, record }: Letter,
  plan: Doable,
  { topic, partition }: Target,
): Promise<Appended> {
  if (plan.kind === 'record')
    return log.copyRecord({ topic, partition, record, headers: originalHeaders(record.headers ?? {}) });
  const { mission_id } = plan.request;
  const requested_by = requester(context.host);
  const event: EventOf<'task_retry_requested'> = createEventFactory(context.host)({
    type: 'task_retry_requested',
    from: requested_by,
    to: 'orchestrator',
    missionId: mission_id,
    payload: { ...plan.request, requested_by, reason: `its assignment became dead letter ${id}` },
  });
  // When the outcome is unknown, the letter still says that it was taken.
  return appendOne(context.client, log, { appender: 'redrive', topic, partition, key: mission_id, event });
}
