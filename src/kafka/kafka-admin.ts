import type { LogAdmin } from '../ports/log.js';
import { partitionsOf, type AdminSession } from './admin-session.js';
import { ensureTopics } from './ensure-topics.js';

/** First held and next written offset of a partition. */
export interface PartitionState {
  readonly partition: number;
  readonly low: number;
  readonly high: number;
}

export function createKafkaAdmin(session: AdminSession): LogAdmin {
  return {
    partitionCount: (topic) => session.run(async (admin) => (await partitionsOf(admin, topic)).length),
    offsets: (topic) => offsetsOf(session, topic),
    committed: (groupId, topic) => committedOf(session, groupId, topic),
    deleteRecords: (topic, partition, beforeOffset) =>
      session.run(async (admin) => {
        // kafkajs looks the leader up in metadata that it has only after another request for the topic.
        await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(beforeOffset) }] });
      }),
    ensureTopics: (topics) => session.run((admin) => ensureTopics(admin, topics)),
  };
}

/** Offsets of every partition that the cluster has now, also of those added since the connection was made. */
export async function offsetsOf(session: AdminSession, topic: string): Promise<readonly PartitionState[]> {
  return complete(session, topic, () =>
    session.run(async (admin) =>
      (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) })),
    ),
  );
}

/** offset is null when nothing was committed; -2 is what kafkajs leaves behind when it resets a position by itself. */
export async function committedOf(session: AdminSession, groupId: string, topic: string) {
  return complete(session, topic, () =>
    session.run(async (admin) => {
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
      return (found?.partitions ?? []).map(({ partition, offset, metadata }) => ({
        partition,
        offset: offset === '-1' ? null : Number(offset),
        metadata: metadata ?? '',
      }));
    }),
  );
}

/** kafkajs answers for the partitions that it knew when it connected; when one is missing, asks over a new connection. */
async function complete<T extends { readonly partition: number }>(
  session: AdminSession,
  topic: string,
  ask: () => Promise<T[]>,
): Promise<readonly T[]> {
  const partitions = await session.run((admin) => partitionsOf(admin, topic));
  const answer = await ask();
  if (answer.length < partitions.length) session.refresh();
  const whole = answer.length < partitions.length ? await ask() : answer;
  return whole.sort((a, b) => a.partition - b.partition);
}
