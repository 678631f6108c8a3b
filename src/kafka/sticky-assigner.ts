import { AssignerProtocol, type PartitionAssigner } from 'ravenhelm-kafkajs';
import { z } from 'zod';
import { dealPartitions } from '../domain/deal-partitions.js';
import type { PartitionId } from '../ports/log.js';

const heldPartitions = z.array(z.object({ topic: z.string(), partition: z.number().int().min(0) }));
const VERSION = 1;

/**
 * Deals partitions out evenly and moves as few as possible: kafkajs's own round robin moves most of them whenever a
 * member joins, and each move makes another worker take open tasks over. A member tells what it holds in its
 * subscription's user data.
 */
export function stickyAssigner(held: () => readonly PartitionId[]): PartitionAssigner {
  return ({ cluster }) => ({
    name: 'RavenhelmSticky',
    version: VERSION,
    protocol({ topics }) {
      const userData = Buffer.from(JSON.stringify(held().map(({ topic, partition }) => ({ topic, partition }))));
      return {
        name: this.name,
        metadata: AssignerProtocol.MemberMetadata.encode({ version: VERSION, topics, userData }),
      };
    },
    async assign({ members, topics }) {
      const partitions = topics.flatMap((topic) =>
        cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ topic, partition: partitionId })),
      );
      const dealt = dealPartitions(
        partitions,
        members.map(({ memberId, memberMetadata }) => {
          const metadata = AssignerProtocol.MemberMetadata.decode(memberMetadata);
          return { id: memberId, topics: metadata?.topics ?? topics, held: parseHeld(metadata?.userData) };
        }),
      );
      return [...dealt].map(([memberId, hand]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: VERSION,
          assignment: byTopic(hand),
          userData: Buffer.alloc(0),
        }),
      }));
    },
  });
}

/** A member of another version may say nothing, or something else: then it holds nothing that could be kept. */
function parseHeld(userData: Buffer | undefined): readonly PartitionId[] {
  try {
    return heldPartitions.parse(JSON.parse(userData?.toString() || '[]'));
  } catch {
    return [];
  }
}

function byTopic(partitions: readonly PartitionId[]): Record<string, number[]> {
  const topics: Record<string, number[]> = {};
  for (const { topic, partition } of partitions) (topics[topic] ??= []).push(partition);
  return topics;
}
