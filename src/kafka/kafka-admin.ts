import type { Admin } from 'ravenhelm-kafkajs';
import type { Clock } from '../ports/clock.js';
import type { LogAdmin, PartitionAssignment } from '../ports/log.js';
import { describing, partitionsOf, StaleMetadata, type AdminSession } from './admin-session.js';
import { ensureTopics } from './ensure-topics.js';
import { needing } from './errors.js';
import type { TopicSettings } from './topic-settings.js';

/** First held and next written offset of a partition. */
export interface PartitionBounds {
  readonly partition: number;
  readonly low: number;
  readonly high: number;
}

export interface PartitionCommit {
  readonly partition: number;
  /** Null when nothing was committed; -2 is what kafkajs leaves behind when it resets a position by itself. */
  readonly offset: number | null;
  readonly metadata: string;
}

export function createKafkaAdmin(session: AdminSession, clock: Clock, settings: TopicSettings): LogAdmin {
  return {
    partitionCount: (topic) => session.run(async (admin) => (await partitionsOf(admin, topic)).length),
    offsets: (topic) => offsetsOf(session, topic),
    committed: (groupId, topic) =>
      session.run(async (admin) => {
        const partitions = await partitionsOf(admin, topic);
        return askCommits(admin, groupId, topic, partitions);
      }),
    offsetAtTime: (topic, timestampMs) =>
      session.run(async (admin) => {
        const partitions = await partitionsOf(admin, topic);
        // A negative time is a separate question in the protocol: -1 asks for the end, -2 for the beginning. Where no
        // record is so new kafkajs gives the end that it asked for just before, not the broker's -1.
        const found = await describing(
          topic,
          admin.fetchTopicOffsetsByTimestamp(topic, Math.max(0, Math.ceil(timestampMs))),
        );
        return inOrder(
          partitions,
          found.map(({ partition, offset }) => ({ partition, offset: Number(offset) })),
        );
      }),
    deleteRecords: (topic, partition, beforeOffset) =>
      session.run(async (admin) => {
        // kafkajs looks the leader up in metadata that it has only after another request for the topic.
        await describing(topic, admin.fetchTopicOffsets(topic));
        await needing(
          { operation: 'DELETE', resource: 'topic', names: [topic] },
          `Deleting records of ${topic}`,
          admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(beforeOffset) }] }),
        );
      }),
    ensureTopics: (topics) => session.run((admin) => ensureTopics(admin, topics, clock, settings)),
  };
}

/** Of every partition that the cluster has now, in order, also of those added since the connection was made. */
export function offsetsOf(session: AdminSession, topic: string): Promise<readonly PartitionBounds[]> {
  return session.run(async (admin) => {
    const partitions = await partitionsOf(admin, topic);
    return askBounds(admin, topic, partitions);
  });
}

/** What a group finds in partitions of a topic. */
export function assignmentsOf(
  session: AdminSession,
  groupId: string,
  topic: string,
  partitions: readonly number[],
): Promise<readonly PartitionAssignment[]> {
  return session.run(async (admin) => {
    // A holder may commit, and records be deleted behind that, between any two answers: only in this order does an
    // offset that was committed lie inside the bounds.
    const begins = await askBounds(admin, topic, partitions);
    const commits = await askCommits(admin, groupId, topic, partitions);
    const ends = await askBounds(admin, topic, partitions);
    return begins.map(({ partition, low }) => {
      const found = commits.find((commit) => commit.partition === partition);
      const high = ends.find((end) => end.partition === partition)?.high ?? low;
      const committed = found && found.offset !== null ? { offset: found.offset, metadata: found.metadata } : null;
      return { topic, partition, committed, logStart: low, logEnd: high };
    });
  });
}

async function askBounds(
  admin: Admin,
  topic: string,
  partitions: readonly number[],
): Promise<readonly PartitionBounds[]> {
  const found = await describing(topic, admin.fetchTopicOffsets(topic));
  return inOrder(
    partitions,
    found.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) })),
  );
}

async function askCommits(
  admin: Admin,
  groupId: string,
  topic: string,
  partitions: readonly number[],
): Promise<readonly PartitionCommit[]> {
  const [found] = await needing(
    { operation: 'DESCRIBE', resource: 'group', names: [groupId] },
    `What group ${groupId} has committed`,
    admin.fetchOffsets({ groupId, topics: [topic] }),
  );
  const commits = (found?.partitions ?? []).map(({ partition, offset, metadata }) => ({
    partition,
    offset: offset === '-1' ? null : Number(offset),
    metadata: metadata ?? '',
  }));
  return inOrder(partitions, commits);
}

function inOrder<T extends { readonly partition: number }>(
  wanted: readonly number[],
  found: readonly T[],
): readonly T[] {
  const missing = wanted.filter((partition) => !found.some((item) => item.partition === partition));
  if (missing.length > 0) throw new StaleMetadata(`kafkajs does not know partitions ${missing.join(', ')}`);
  return [...found].sort((a, b) => a.partition - b.partition);
}
