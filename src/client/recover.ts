/** Continues partitions after data loss. */
import { createHandledDeferred, orAborted } from '../domain/deferred.js';
import { recoverReplayPoint, type FoldKind } from '../domain/replay-recovery.js';
import type { ReplayPoint } from '../domain/record.js';
import { situationOf, type ReplaySituation } from '../domain/replay-start.js';
import type { GroupMember, PartitionAssignment, PartitionConsumer, PartitionId } from '../ports/log.js';
import { ClientError } from './client-error.js';
import type { ClientContext, LogSession } from './context.js';
import type { MissionFeed } from './mission-feed.js';
import { requestLostAttempts } from './lost-assignments.js';

export interface RecoverOptions {
  /** The coordination topic or an agent's tasks topic. Absent: all of them. */
  readonly topic?: string;
  /** Of the topic, 0 to 999999. Absent: each partition with data loss. */
  readonly partition?: number;
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
 * log begins now. The processes that serve the partitions may run: they have set them apart, and open them again when
 * this process has left their group. Resolves with the partitions that continue, in the order of topics and numbers.
 * Rejects with ClientError where nothing can or need be done.
 */
export async function recoverPartitions(
  recovering: Recovering,
  { topic, partition, acceptLoss }: RecoverOptions,
): Promise<readonly RecoveredPartition[]> {
  const { context, session, agents } = recovering;
  if (topic === undefined && partition !== undefined) throw new TypeError('recover: a partition needs its topic');
  const folds = topic === undefined ? allFolds(context, agents) : [foldOf(context, agents, topic)];
  const lost: LostFold[] = [];
  for (const fold of folds) {
    const situations = await situationsOf(session, fold, partition);
    const losses = situations.flatMap((situation) => {
      const recovery = recoverReplayPoint(kindOf(fold), situation);
      return recovery === null ? [] : [{ partition: situation.partition, loss: recovery.loss }];
    });
    if (losses.length > 0) lost.push({ fold, losses });
  }
  if (lost.length === 0) throw nothingLost({ topic, partition });
  if (!acceptLoss) throw notAccepted(lost, { topic, partition });
  const recovered: RecoveredPartition[] = [];
  for (const each of lost) recovered.push(...(await recoverFold(recovering, each)));
  if (recovered.length === 0) throw nothingLost({ topic, partition });
  return recovered;
}

/** Partitions of a topic whose replay point cannot be trusted. */
interface LostFold {
  readonly fold: Fold;
  /** Each with its loss in words. */
  readonly losses: readonly { readonly partition: number; readonly loss: string }[];
}

async function recoverFold(recovering: Recovering, { fold, losses }: LostFold): Promise<readonly RecoveredPartition[]> {
  const { context, session } = recovering;
  const { member, assignments } = await takePartitions(
    context,
    session,
    fold,
    losses.map(({ partition }) => partition),
  );
  const recovered: RecoveredPartition[] = [];
  const points: (PartitionId & ReplayPoint)[] = [];
  for (const assignment of assignments) {
    // What the group says now, as the holder: another may have recovered it meanwhile.
    const recovery = recoverReplayPoint(kindOf(fold), assignment);
    if (recovery === null) continue;
    const place = { topic: fold.topic, partition: assignment.partition };
    // First what is requested: a recovery that is interrupted here can be repeated.
    const new_attempts =
      fold.agent === null
        ? []
        : await requestLostAttempts(context, session, {
            ...place,
            agent: fold.agent,
            feed: await recovering.openFeed(),
          });
    recovered.push({ ...place, offset: recovery.point.offset, loss: recovery.loss, new_attempts });
    points.push({ ...place, ...recovery.point });
  }
  const committed = await member.commit(points);
  await member.leave(); // an orchestrator opens the partition again, and may be asked for the next one's attempts
  const held = points.find((each) => !committed.some(({ partition }) => partition === each.partition));
  if (held !== undefined) throw partitionHeld(fold.groupId, held); // It was given to another member meanwhile.
  return recovered;
}

/** Who folds a topic. */
interface Fold {
  readonly topic: string;
  /** null where orchestrators fold the topic. */
  readonly agent: string | null;
  readonly groupId: string;
}

const kindOf = ({ agent }: Fold): FoldKind => (agent === null ? 'coordination' : 'tasks');

function allFolds({ topics }: ClientContext, agents: readonly string[]): readonly Fold[] {
  return [
    { topic: topics.coordination, agent: null, groupId: topics.orchestratorGroup },
    ...agents.map((agent) => ({ topic: topics.tasks(agent), agent, groupId: topics.workerGroup(agent) })),
  ];
}

function foldOf(context: ClientContext, agents: readonly string[], topic: string): Fold {
  const folds = allFolds(context, agents);
  const fold = folds.find((each) => each.topic === topic);
  if (fold !== undefined) return fold;
  throw new ClientError(
    'topic_not_folded',
    `${topic} is no topic that a role folds`,
    `Those are: ${folds.map((each) => each.topic).join(', ')}`,
  );
}

/** The partitions' state, or that of one, without joining their group: a look disturbs nothing. */
async function situationsOf(
  { log: { admin } }: LogSession,
  { topic, groupId }: Fold,
  partition: number | undefined,
): Promise<readonly ReplaySituation[]> {
  const all = await admin.offsets(topic);
  const bounds = partition === undefined ? all : all.filter((each) => each.partition === partition);
  if (bounds.length === 0) throw new ClientError('partition_unknown', `${topic} has no partition ${partition}`, null);
  const commits = await admin.committed(groupId, topic);
  return bounds.map((each) => situationOf(topic, each, commits));
}

/** What a person has asked for, as words of the command line. */
type Asked = Pick<RecoverOptions, 'topic' | 'partition'>;

function nothingLost({ topic, partition }: Asked): ClientError {
  const what =
    topic === undefined
      ? 'the replay points of all partitions are'
      : partition === undefined
        ? `the replay points of ${topic} are`
        : `the replay point of ${topic}/${partition} is`;
  return new ClientError(
    'nothing_lost',
    `${what} sound: nothing is to be recovered`,
    'Start the processes that serve it, or restart the one that has set it apart.',
  );
}

function notAccepted(lost: readonly LostFold[], { topic, partition }: Asked): ClientError {
  const words = [topic, partition].filter((word) => word !== undefined).map((word) => ` ${word}`);
  return new ClientError(
    'loss_not_accepted',
    lost.flatMap(({ losses }) => losses.map(({ loss }) => loss)).join('\n'),
    `To continue without what is lost: ravenhelm recover${words.join('')} --accept-loss`,
  );
}

/** Joins the group for these partitions only and waits for them; a role that still processes one keeps it. */
async function takePartitions(
  { clock, signal }: ClientContext,
  session: LogSession,
  { topic, groupId }: Fold,
  partitions: readonly number[],
): Promise<{ readonly member: GroupMember; readonly assignments: readonly PartitionAssignment[] }> {
  const given = new Map(partitions.map((partition) => [partition, createHandledDeferred<PartitionAssignment>()]));
  const rejectAll = (error: Error) => given.forEach((each) => each.reject(error));
  const member = await orAborted(
    session.log.joinGroup({
      groupId,
      topics: [topic],
      only: partitions.map((partition) => ({ topic, partition })),
      open(assignment) {
        given.get(assignment.partition)?.resolve(assignment);
        return NO_CONSUMER;
      },
      onFatal: rejectAll,
    }),
    signal,
  );
  let left: Promise<void> | null = null;
  const leave = () => (left ??= member.leave());
  session.onEnd('the group', leave);
  const timers = [...given].map(([partition, deferred]) =>
    clock.setTimer(ASSIGNED_WITHIN_MS, () => deferred.reject(partitionHeld(groupId, { topic, partition }))),
  );
  try {
    const assignments = Promise.all([...given.values()].map((each) => each.promise));
    return { member: { ...member, leave }, assignments: await orAborted(assignments, signal) };
  } finally {
    for (const timer of timers) timer.cancel();
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
