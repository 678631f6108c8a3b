import type { Consumer } from 'kafkajs';
import type { Clock } from '../ports/clock.js';
import { CommitRefused, type CommittedOffset, type GroupMember, type GroupOptions, type PartitionAssignment, type PartitionId } from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import { partitionsOf, type AdminSession } from './admin-session.js';
import { createAssignedPartitions, type ReadControl } from './assigned-partitions.js';
import { createBackoff } from './backoff.js';
import type { Codec } from './codec.js';
import { MemberStopped, describeError, reportFatal } from './errors.js';
import { committedOf, offsetsOf } from './kafka-admin.js';
import type { ClientFactory } from './kafka-client.js';
import { stickyAssigner } from './sticky-assigner.js';

export interface KafkaGroupDependencies {
  readonly createClient: ClientFactory;
  readonly session: AdminSession;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly logger: Logger;
  /** After this long without a heartbeat the group gives a member's partitions to others. */
  readonly sessionTimeoutMs: number;
}

/** A new member is noticed at the others' next heartbeat; short, so that a hand-over is quick. */
const HEARTBEAT_INTERVAL_MS = 500;
/** A partition that is opened or resumed during a fetch is read after it, so an empty fetch must end soon. */
export const FETCH_WAIT_MS = 200;
/** Partitions that were added are found by then. */
const METADATA_AGE_MS = 30_000;
/** The brokers' default of offset.metadata.max.bytes. */
const MAX_METADATA_BYTES = 4096;

/** Joins a group as one member, with an own client (see ClientFactory). */
export async function joinKafkaGroup(options: GroupOptions, dependencies: KafkaGroupDependencies): Promise<GroupMember> {
  const { createClient, session, codec, clock, sessionTimeoutMs } = dependencies;
  const { groupId } = options;
  const logger = dependencies.logger.child({ group: groupId });
  for (const topic of options.topics) await session.run((admin) => partitionsOf(admin, topic));

  let leaving = false;
  const backoff = createBackoff(clock, 200, 15_000);
  const consumer: Consumer = createClient().consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    metadataMaxAge: METADATA_AGE_MS,
    allowAutoTopicCreation: false,
    partitionAssigners: [stickyAssigner(() => partitions.held())],
    retry: { restartOnFailure: async () => !leaving },
  });
  const { control, onRunning, onStopped } = createReadControl(consumer);
  const partitions = createAssignedPartitions({
    group: options,
    codec,
    control,
    backoff,
    logger,
    fetchAssignments: (topic) => fetchAssignments(session, groupId, topic),
  });
  const disconnect = () => consumer.disconnect().catch((error: unknown) => logger.warn({ error: describeError(error) }, 'kafka.leave_failed'));

  const joined = new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      // A restart that was under way when the member left.
      if (leaving) return void disconnect();
      onRunning();
      partitions.onJoin(assignmentOf(payload.memberAssignment));
      logger.debug({ partitions: partitions.held().length, ms: payload.duration }, 'kafka.group_joined');
      resolve();
    });
    consumer.on(consumer.events.STOP, onStopped);
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      onStopped();
      if (leaving) return;
      logger.warn({ error: describeError(error), restart }, 'kafka.member_interrupted');
      reject(new MemberStopped(groupId, { cause: error })); // Nothing happens after the first join.
      if (!restart) reportFatal(options, new MemberStopped(groupId, { cause: error }), logger);
    });
  });

  const commitInOrder = createCommitter(consumer, groupId);
  const leave = async () => {
    leaving = true;
    backoff.cancelAll();
    partitions.closeAll();
    await disconnect();
  };

  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
    const running = consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset, isStale, isRunning }) => {
        if (!isRunning() || isStale()) return;
        partitions.onBatch(batch, batch.messages, (offset) => resolveOffset(String(offset)));
      },
    });
    await Promise.all([joined, running]);
  } catch (error) {
    await leave();
    throw error;
  }

  let left: Promise<void> | null = null;
  return {
    isAssigned: (partition) => partitions.isAssigned(partition),
    async commit(commits) {
      if (leaving) throw new CommitRefused(`This member has left group ${groupId}`);
      const tooLong = commits.find(({ metadata }) => Buffer.byteLength(metadata) > MAX_METADATA_BYTES);
      if (tooLong) throw new CommitRefused(`Metadata of ${tooLong.topic}[${tooLong.partition}] has more than ${MAX_METADATA_BYTES} bytes`);
      // Asked at the moment of sending: the broker takes a commit of a member for any partition.
      await commitInOrder(() => commits.filter((entry) => partitions.isAssigned(entry)));
    },
    leave: () => (left ??= leave()),
  };
}

/** seek, pause and resume throw while the client restarts; then the next join repeats what they were to do. */
function createReadControl(consumer: Consumer) {
  let running = false;
  const control: ReadControl = {
    seek: ({ topic, partition }, offset) => running && consumer.seek({ topic, partition, offset: String(offset) }),
    pause: ({ topic, partition }) => running && consumer.pause([{ topic, partitions: [partition] }]),
    resume: ({ topic, partition }) => running && consumer.resume([{ topic, partitions: [partition] }]),
  };
  return { control, onRunning: () => void (running = true), onStopped: () => void (running = false) };
}

/** Commits one after the other. kafkajs resolves a commit that it did not send because it was stopping; then nobody hears of it. */
function createCommitter(consumer: Consumer, groupId: string) {
  let sent = false;
  let last: Promise<void> = Promise.resolve();
  consumer.on(consumer.events.COMMIT_OFFSETS, () => void (sent = true));

  const commit = async (current: readonly (PartitionId & CommittedOffset)[]) => {
    if (current.length === 0) return;
    sent = false;
    try {
      await consumer.commitOffsets(current.map(({ topic, partition, offset, metadata }) => ({ topic, partition, offset: String(offset), metadata })));
    } catch (error) {
      throw new CommitRefused(`Group ${groupId} refuses the commit: ${describeError(error)}`, { cause: error });
    }
    if (!sent) throw new CommitRefused(`The member of group ${groupId} is stopping; nothing was committed`);
  };
  return (current: () => readonly (PartitionId & CommittedOffset)[]): Promise<void> => {
    const done = last.then(() => commit(current()));
    last = done.catch(() => undefined); // The caller has the rejection; the next commit does not depend on it.
    return done;
  };
}

async function fetchAssignments(session: AdminSession, groupId: string, topic: string): Promise<readonly PartitionAssignment[]> {
  const [offsets, commits] = await Promise.all([offsetsOf(session, topic), committedOf(session, groupId, topic)]);
  return offsets.map(({ partition, low, high }) => {
    const found = commits.find((commit) => commit.partition === partition);
    const committed = found && found.offset !== null ? { offset: found.offset, metadata: found.metadata } : null;
    return { topic, partition, committed, logStart: low, logEnd: high };
  });
}

function assignmentOf(memberAssignment: Readonly<Record<string, readonly number[]>>): readonly PartitionId[] {
  return Object.entries(memberAssignment).flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition })));
}
