import type { Consumer } from 'ravenhelm-kafkajs';
import type { Random } from '../domain/backoff.js';
import { METADATA_LIMIT_BYTES } from '../domain/record.js';
import type { Clock } from '../ports/clock.js';
import {
  CommitRefused,
  type CommittedOffset,
  type GroupMember,
  type GroupOptions,
  type PartitionConsumer,
  type PartitionId,
  type SetApart,
} from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import type { AdminSession } from './admin-session.js';
import { createBackoff } from './backoff.js';
import type { Codec } from '../avro/codec.js';
import { describeError } from '../domain/describe-error.js';
import { isGroupOfOthers, MemberStopped } from './errors.js';
import { assignmentsOf } from './kafka-admin.js';
import type { ClientFactory } from './kafka-client.js';
import type { Loopback } from './own-records.js';
import { createReader, type ReaderOwner } from './reader.js';
import { isReadable } from './read-batch.js';
import { groupReader, isAssigned, kept, mayCommit, notOpen, setApart } from './reading/state.js';
import { stickyAssigner } from './sticky-assigner.js';

export interface KafkaGroupDependencies {
  readonly createClient: ClientFactory;
  readonly session: AdminSession;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** After this long without a heartbeat the group gives a member's partitions to others. */
  readonly sessionTimeoutMs: number;
  /** Partitions that were added are found by then. */
  readonly metadataAgeMs: number;
  readonly loopback: Loopback;
}

/** A new member is noticed at the others' next heartbeat; short, so that a hand-over is quick. */
const HEARTBEAT_INTERVAL_MS = 500;
/** A partition that is opened or resumed during a fetch is read after it, so an empty fetch must end soon. */
export const FETCH_WAIT_MS = 200;
/**
 * The most that one answer holds. kafkajs keeps an answer and what it decoded of it until all of it was handled, for
 * each consumer, and a worker for twelve agents has twelve; its own default is 10 MB. A record batch that is larger
 * comes alone.
 */
const FETCH_BYTES = 1024 * 1024;
/** Until a reader asks the cluster again. */
export const READ_RETRY = { baseMs: 400, maxMs: 15_000 };

/** Joins a group as one member, with an own client (see ClientFactory). */
export async function joinKafkaGroup(
  options: GroupOptions,
  dependencies: KafkaGroupDependencies,
): Promise<GroupMember> {
  const { groupId, topics, only } = options;
  const { session, clock, random, loopback } = dependencies;
  let hasLeft = false;
  const consumer = createConsumer(options, dependencies, {
    wanted: () => only ?? kept(reader.state()),
    restarts: () => !hasLeft,
  });
  const reader = createReader({
    ...dependencies,
    consumer,
    initial: groupReader(groupId, topics),
    owner: createOwner(options, () => setApart(reader.state())),
    backoff: createBackoff(clock, random, READ_RETRY),
    ask: (topic, partitions) => assignmentsOf(session, groupId, topic, partitions),
  });
  const commitInOrder = createCommitter(consumer, groupId);
  await reader.session.start().catch(async (error: unknown) => {
    throw isGroupOfOthers(error)
      ? new MemberStopped(groupId, topics, { cause: error, others: await membersOf(session, groupId) })
      : error;
  });
  const unsubscribe = loopback.subscribe(reader.onOwn);

  return {
    isAssigned: (place) => isAssigned(reader.state(), place),
    health: () => ({
      silentMs: reader.session.silentMs(),
      opening: notOpen(reader.state()),
      setApart: setApart(reader.state()),
    }),
    async commit(commits) {
      if (hasLeft) throw new CommitRefused(`This member has left group ${groupId}`);
      refuseLongMetadata(commits);
      // Asked at the moment of sending: the broker takes a member's commit for any partition.
      return commitInOrder(() => {
        const current = commits.filter((commit) => mayCommit(reader.state(), commit));
        reader.feed({ kind: 'committing', commits: current });
        return current;
      });
    },
    async leave() {
      hasLeft = true;
      unsubscribe();
      await reader.stop();
    },
  };
}

/** Who is in the group, by the names and addresses that the broker knows; null where it does not say. */
async function membersOf(session: AdminSession, groupId: string): Promise<string | null> {
  try {
    const { groups } = await session.run((admin) => admin.describeGroups([groupId]));
    const members = groups.flatMap((group) => group.members);
    return members.map(({ clientId, clientHost }) => `client ${clientId} at ${clientHost}`).join(', ') || null;
  } catch {
    return null; // The error that follows says what matters.
  }
}

function createConsumer(
  { groupId, only }: GroupOptions,
  { createClient, sessionTimeoutMs, metadataAgeMs }: KafkaGroupDependencies,
  member: { wanted(): readonly PartitionId[]; restarts(): boolean },
): Consumer {
  return createClient().consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    maxBytes: FETCH_BYTES,
    maxBytesPerPartition: FETCH_BYTES,
    metadataMaxAge: metadataAgeMs,
    allowAutoTopicCreation: false,
    partitionAssigners: [stickyAssigner(member.wanted, only !== undefined)],
    retry: { restartOnFailure: async () => member.restarts() },
  });
}

/** Hands the partitions to the role; each assignment has its own consumer. */
function createOwner(options: GroupOptions, currentlyApart: () => readonly SetApart[]): ReaderOwner {
  const consumers = new Map<number, PartitionConsumer>();
  return {
    open: (id, assignment) => void consumers.set(id, options.open(assignment)),
    // A group's reader stops before what cannot be read.
    deliver: ({ id }, records) => consumers.get(id)?.onRecords(records.filter(isReadable)),
    room: ({ id }) => consumers.get(id)?.room?.() ?? null,
    block: ({ id }, offset, reason) => consumers.get(id)?.onBlocked(offset, reason),
    unblock: ({ id }) => consumers.get(id)?.onUnblocked(),
    close({ id }) {
      const consumer = consumers.get(id);
      consumers.delete(id);
      consumer?.onClosed();
    },
    setApartChanged: () => options.onSetApart?.(currentlyApart()),
    caughtUp: () => undefined,
    onFatal: options.onFatal,
  };
}

function refuseLongMetadata(commits: readonly (PartitionId & CommittedOffset)[]): void {
  const tooLong = commits.find(({ metadata }) => Buffer.byteLength(metadata) > METADATA_LIMIT_BYTES);
  if (tooLong)
    throw new CommitRefused(
      `Metadata of ${tooLong.topic}[${tooLong.partition}] has more than ${METADATA_LIMIT_BYTES} bytes`,
    );
}

/** Commits one after the other. kafkajs resolves a commit that it did not send because it was stopping. */
function createCommitter(consumer: Consumer, groupId: string) {
  let sent = false;
  let last: Promise<unknown> = Promise.resolve();
  consumer.on(consumer.events.COMMIT_OFFSETS, () => void (sent = true));

  const commit = async (current: readonly (PartitionId & CommittedOffset)[]) => {
    if (current.length === 0) return current;
    sent = false;
    try {
      await consumer.commitOffsets(
        current.map(({ topic, partition, offset, metadata }) => ({
          topic,
          partition,
          offset: String(offset),
          metadata,
        })),
      );
    } catch (error) {
      throw new CommitRefused(`Group ${groupId} refuses the commit: ${describeError(error)}`, { cause: error });
    }
    if (!sent) throw new CommitRefused(`The member of group ${groupId} is stopping; nothing was committed`);
    return current;
  };
  return (current: () => readonly (PartitionId & CommittedOffset)[]): Promise<readonly PartitionId[]> => {
    const done = last.then(() => commit(current()));
    last = done.catch(() => undefined); // The caller has the rejection; the next commit does not depend on it.
    return done;
  };
}
