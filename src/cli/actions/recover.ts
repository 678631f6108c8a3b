import { lostAttempts, type AttemptName } from '../../domain/lost-attempts.js';
import { parseMissionId } from '../../domain/mission-id.js';
import { attemptKey } from '../../domain/partitioning.js';
import { recoverReplayPoint, type FoldKind, type Recovery } from '../../domain/replay-recovery.js';
import type { ReplaySituation } from '../../domain/replay-start.js';
import type { GroupMember, PartitionAssignment, PartitionConsumer, PartitionId } from '../../ports/log.js';
import { createEventFactory } from '../../domain/event-factory.js';
import { appendOne } from '../../client/append-one.js';
import { sayIfNoOrchestrator } from '../orchestrator-notice.js';
import { CliError, wrongUse } from '../cli-error.js';
import { caughtUp, withClient, type ClientSession } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { createHandledDeferred, orAborted } from '../../domain/deferred.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { follow } from '../../client/follow.js';
import { requester } from '../host.js';
import { readRoster } from '../mission-source.js';

export interface RecoverOptions extends PartitionId {
  /** The person knows that what was in the deleted records is lost. */
  readonly acceptLoss: boolean;
}

/** A process that has set the partition apart gives it up at the rebalance that this join causes. */
const ASSIGNED_WITHIN_MS = 60_000;

/**
 * Continues a partition after data loss: asks for a new attempt of each task whose assignment is gone, because no
 * worker will end it, and commits where the log begins now. The processes that serve it may run: they have set it
 * apart, and open it again when this process has left their group.
 */
export async function recoverPartition(context: CommandContext, options: RecoverOptions): Promise<ExitCode> {
  const { agent, groupId } = await foldOf(context, options.topic);
  const kind = agent === null ? 'coordination' : 'tasks';
  return withClient(context, async (session) => {
    const recovery = recoveryOf(kind, await situationOf(session, groupId, options));
    if (!options.acceptLoss)
      throw wrongUse(
        recovery.loss,
        `To continue without what is lost: ravenhelm recover ${options.topic} ${options.partition} --accept-loss`,
      );
    const { member, assignment } = await takePartition(context, session, groupId, options);
    // What the group says now, as the holder: another may have recovered it meanwhile.
    const { point, loss } = recoveryOf(kind, assignment);
    // First what is asked for: a recovery that is interrupted here can be repeated.
    const asked = agent === null ? [] : await askForNewAttempts(context, session, agent, options);
    const committed = await member.commit([{ topic: options.topic, partition: options.partition, ...point }]);
    if (committed.length === 0) throw partitionHeld(groupId, options); // It was given to another member meanwhile.
    report(context, options, { offset: point.offset, loss, asked });
    if (asked.length > 0) await sayIfNoOrchestrator(context, session);
    return EXIT.done;
  });
}

/** The partition's state, without joining its group: a look disturbs nothing. */
async function situationOf(
  { log: { admin } }: ClientSession,
  groupId: string,
  { topic, partition }: PartitionId,
): Promise<ReplaySituation> {
  const bounds = (await admin.offsets(topic)).find((each) => each.partition === partition);
  if (bounds === undefined) throw wrongUse(`${topic} has no partition ${partition}`);
  const commit = (await admin.committed(groupId, topic)).find((each) => each.partition === partition);
  const offset = commit?.offset ?? null;
  const committed = offset === null ? null : { offset, metadata: commit?.metadata ?? '' };
  return { topic, partition, committed, logStart: bounds.low, logEnd: bounds.high };
}

function recoveryOf(kind: FoldKind, situation: ReplaySituation): Recovery {
  const recovery = recoverReplayPoint(kind, situation);
  if (recovery !== null) return recovery;
  throw wrongUse(
    `the replay point of ${situation.topic}/${situation.partition} is sound: nothing is to be recovered`,
    'Start the processes that serve it, or restart the one that has set it apart.',
  );
}

function report(
  context: CommandContext,
  { topic, partition }: PartitionId,
  { offset, loss, asked }: { readonly offset: number; readonly loss: string; readonly asked: readonly AttemptName[] },
): void {
  if (context.json) return context.print({ topic, partition, offset, loss, new_attempts: asked });
  const attempts = asked.length === 0 ? '' : `. A new attempt was asked for: ${asked.map(attemptKey).join(', ')}`;
  context.say(
    `${topic}/${partition} continues at offset ${offset}; what was open below it is lost${attempts}. ` +
      'The processes that serve it open it again; start one if none runs.',
  );
}

/** Who folds the topic; the agent is null where orchestrators do. */
async function foldOf(
  context: CommandContext,
  topic: string,
): Promise<{ readonly agent: string | null; readonly groupId: string }> {
  const { topics } = context;
  if (topic === topics.coordination) return { agent: null, groupId: topics.orchestratorGroup };
  const { names } = await readRoster(context);
  const agent = names.find((name) => topics.tasks(name) === topic);
  if (agent === undefined)
    throw wrongUse(
      `${topic} is no topic that a role folds`,
      `Those are: ${[topics.coordination, ...names.map(topics.tasks)].join(', ')}`,
    );
  return { agent, groupId: topics.workerGroup(agent) };
}

async function askForNewAttempts(
  context: CommandContext,
  session: ClientSession,
  agent: string,
  place: PartitionId,
): Promise<readonly AttemptName[]> {
  const { host, topics } = context;
  const left = await assignmentsIn(context, session, place);
  const feed = await session.openFeed();
  await caughtUp(context, feed);
  const missions = feed.view.missions().flatMap((id) => feed.view.mission(id) ?? []);
  const lost = lostAttempts(missions, {
    agent,
    partition: place.partition,
    hasAssignment: (attempt) => left.has(attemptKey(attempt)),
  });
  const requested_by = requester(host);
  const asked: AttemptName[] = [];
  for (const attempt of lost) {
    const partition = parseMissionId(attempt.mission_id)?.partition;
    if (partition === undefined) continue; // No mission of this swarm: its own fold would not know it.
    const event = createEventFactory(host)({
      type: 'task_retry_requested',
      from: requested_by,
      to: 'orchestrator',
      missionId: attempt.mission_id,
      payload: { ...attempt, requested_by, reason: `its assignment in ${place.topic}/${place.partition} was deleted` },
    });
    await appendOne(context.client, session.log, {
      appender: 'recover',
      topic: topics.coordination,
      partition,
      key: attempt.mission_id,
      event,
    });
    asked.push(attempt);
  }
  return asked;
}

/** Attempts whose assignment is left in the partition, by attemptKey. */
async function assignmentsIn(
  { host }: CommandContext,
  { log, onEnd }: ClientSession,
  { topic, partition }: PartitionId,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const { caughtUp: readToItsEnd, stop } = await orAborted(
    follow(log, {
      topics: [topic],
      from: 'beginning',
      onRecord({ partition: of, content }) {
        if (of === partition && content.kind === 'event' && content.event.event_type === 'task_assigned')
          found.add(attemptKey(content.event.payload));
      },
    }),
    host.interruption,
  );
  onEnd('the watch', stop);
  await orAborted(readToItsEnd, host.interruption);
  return found;
}

/** Joins the group for this partition only and waits for it; a role that still processes it keeps it. */
async function takePartition(
  { host }: CommandContext,
  session: ClientSession,
  groupId: string,
  { topic, partition }: PartitionId,
): Promise<{ readonly member: GroupMember; readonly assignment: PartitionAssignment }> {
  const given = createHandledDeferred<PartitionAssignment>();
  const member = await orAborted(
    session.log.joinGroup({
      groupId,
      topics: [topic],
      only: [{ topic, partition }],
      open(assignment) {
        if (assignment.partition === partition) given.resolve(assignment);
        return NO_CONSUMER;
      },
      onFatal: given.reject,
    }),
    host.interruption,
  );
  session.onEnd('the group', () => member.leave());
  const timer = host.clock.setTimer(ASSIGNED_WITHIN_MS, () =>
    given.reject(partitionHeld(groupId, { topic, partition })),
  );
  try {
    return { member, assignment: await orAborted(given.promise, host.interruption) };
  } finally {
    timer.cancel();
  }
}

function partitionHeld(groupId: string, { topic, partition }: PartitionId): CliError {
  return new CliError(
    'partition_held',
    EXIT.usage,
    `${topic}/${partition} is held by a running process of group ${groupId}`,
    'Stop the processes that serve it, then try again.',
  );
}

/** Nothing is done with the records that are left. */
const NO_CONSUMER: PartitionConsumer = { onRecords() {}, onBlocked() {}, onUnblocked() {}, onClosed() {} };
