/** Continues a partition after data loss. */
import { createHandledDeferred, orAborted } from '../domain/deferred.js';
import { recoverReplayPoint, type FoldKind, type Recovery } from '../domain/replay-recovery.js';
import type { ReplaySituation } from '../domain/replay-start.js';
import type { GroupMember, PartitionAssignment, PartitionConsumer, PartitionId } from '../ports/log.js';
import { ClientError } from './client-error.js';
import type { ClientContext, LogSession } from './context.js';
import type { MissionFeed } from './mission-feed.js';
import { requestLostAttempts } from './lost-assignments.js';

export interface RecoverOptions {
  /** The coordination topic or an agent's tasks topic. */
  readonly topic: string;
  readonly partition: number;
  /** What was in the deleted records is lost, and this is known. Otherwise the loss is only reported. */
  readonly acceptLoss: boolean;
}

/** A partition that continues. */
export interface RecoveredPartition {
  readonly topic: string;
  readonly partition: number;
  /** Where it continues. */
  readonly offset: number;
  /** What was lost, in words. */
  readonly loss: string;
  /** The attempts whose assignment is gone; a new one was requested for each. Empty for the coordination topic. */
  readonly new_attempts: readonly {
    readonly mission_id: string;
    readonly task_id: string;
    readonly attempt: number;
  }[];
}

export interface Recovering {
  readonly context: ClientContext;
  /** Its releases leave the partition's group: the roles open the partition again after that. */
  readonly session: LogSession;
  /** Names of all agents of the swarm. */
  readonly agents: readonly string[];
  /** Opens and reads the coordination topic. */
  openFeed(): Promise<MissionFeed>;
}

/** A process that has set the partition apart gives it up at the rebalance that this join causes. */
const ASSIGNED_WITHIN_MS = 60_000;

/**
 * Requests a new attempt of each task whose assignment is gone, because no worker will end it, and commits where the
 * log begins now. The processes that serve the partition may run: they have set it apart, and open it again when this
 * process has left their group. Rejects with ClientError where nothing can or need be done.
 */
export async function recoverPartition(
  recovering: Recovering,
  { topic, partition, acceptLoss }: RecoverOptions,
): Promise<RecoveredPartition> {
  const { context, session, agents } = recovering;
  const place = { topic, partition };
  const { agent, groupId } = foldOf(context, agents, topic);
  const kind = agent === null ? 'coordination' : 'tasks';
  const recovery = recoveryOf(kind, await situationOf(session, groupId, place));
  if (!acceptLoss)
    throw new ClientError(
      'loss_not_accepted',
      recovery.loss,
      `To continue without what is lost: ravenhelm recover ${topic} ${partition} --accept-loss`,
    );
  const { member, assignment } = await takePartition(context, session, groupId, place);
  // What the group says now, as the holder: another may have recovered it meanwhile.
  const { point, loss } = recoveryOf(kind, assignment);
  // First what is requested: a recovery that is interrupted here can be repeated.
  const new_attempts =
    agent === null
      ? []
      : await requestLostAttempts(context, session, { ...place, agent, feed: await recovering.openFeed() });
  const committed = await member.commit([{ ...place, ...point }]);
  if (committed.length === 0) throw partitionHeld(groupId, place); // It was given to another member meanwhile.
  return { ...place, offset: point.offset, loss, new_attempts };
}

interface Fold {
  /** null where orchestrators fold the topic. */
  readonly agent: string | null;
  readonly groupId: string;
}

/** Who folds the topic. */
function foldOf({ topics }: ClientContext, agents: readonly string[], topic: string): Fold {
  if (topic === topics.coordination) return { agent: null, groupId: topics.orchestratorGroup };
  const agent = agents.find((name) => topics.tasks(name) === topic);
  if (agent !== undefined) return { agent, groupId: topics.workerGroup(agent) };
  throw new ClientError(
    'topic_not_folded',
    `${topic} is no topic that a role folds`,
    `Those are: ${[topics.coordination, ...agents.map(topics.tasks)].join(', ')}`,
  );
}

/** The partition's state, without joining its group: a look disturbs nothing. */
async function situationOf(
  { log: { admin } }: LogSession,
  groupId: string,
  { topic, partition }: PartitionId,
): Promise<ReplaySituation> {
  const bounds = (await admin.offsets(topic)).find((each) => each.partition === partition);
  if (bounds === undefined) throw new ClientError('partition_unknown', `${topic} has no partition ${partition}`, null);
  const commit = (await admin.committed(groupId, topic)).find((each) => each.partition === partition);
  const offset = commit?.offset ?? null;
  const committed = offset === null ? null : { offset, metadata: commit?.metadata ?? '' };
  return { topic, partition, committed, logStart: bounds.low, logEnd: bounds.high };
}

function recoveryOf(kind: FoldKind, situation: ReplaySituation): Recovery {
  const recovery = recoverReplayPoint(kind, situation);
  if (recovery !== null) return recovery;
  throw new ClientError(
    'nothing_lost',
    `the replay point of ${situation.topic}/${situation.partition} is sound: nothing is to be recovered`,
    'Start the processes that serve it, or restart the one that has set it apart.',
  );
}

/** Joins the group for this partition only and waits for it; a role that still processes it keeps it. */
async function takePartition(
  { clock, signal }: ClientContext,
  session: LogSession,
  groupId: string,
  place: PartitionId,
): Promise<{ readonly member: GroupMember; readonly assignment: PartitionAssignment }> {
  const given = createHandledDeferred<PartitionAssignment>();
  const member = await orAborted(
    session.log.joinGroup({
      groupId,
      topics: [place.topic],
      only: [place],
      open(assignment) {
        if (assignment.partition === place.partition) given.resolve(assignment);
        return NO_CONSUMER;
      },
      onFatal: given.reject,
    }),
    signal,
  );
  session.onEnd('the group', () => member.leave());
  const timer = clock.setTimer(ASSIGNED_WITHIN_MS, () => given.reject(partitionHeld(groupId, place)));
  try {
    return { member, assignment: await orAborted(given.promise, signal) };
  } finally {
    timer.cancel();
  }
}

function partitionHeld(groupId: string, { topic, partition }: PartitionId): ClientError {
  return new ClientError(
    'partition_held',
    `${topic}/${partition} is held by a running process of group ${groupId}`,
    'Stop the processes that serve it, then try again.',
  );
}

/** Nothing is done with the records that are left. */
const NO_CONSUMER: PartitionConsumer = { onRecords() {}, onBlocked() {}, onUnblocked() {}, onClosed() {} };
