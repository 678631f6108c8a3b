import { AssignerProtocol, type PartitionAssigner } from 'ravenhelm-kafkajs';
import { z } from 'zod';
import { assignPartitions } from '../domain/assign-partitions.js';
import type { PartitionId } from '../ports/log.js';

/** `only` on every entry, or on none. A build that does not know it takes the entries for held partitions. */
const wantedPartitions = z.array(
  z.object({ topic: z.string(), partition: z.number().int().min(0), only: z.boolean().optional() }),
);
const VERSION = 1;

/**
 * Assigns partitions evenly and moves as few as possible: kafkajs's own round robin moves most of them whenever a
 * member joins, and each move makes another worker take open tasks over. A member says in its subscription's user data
 * what it wants to keep, or with `only` that it wants nothing else.
 */
export function stickyAssigner(wanted: () => readonly PartitionId[], only: boolean): PartitionAssigner {
  return ({ cluster }) => ({
    name: 'RavenhelmSticky',
    version: VERSION,
    protocol({ topics }) {
      const entries = wanted().map(({ topic, partition }) => ({ topic, partition, ...(only ? { only } : {}) }));
      const userData = Buffer.from(JSON.stringify(entries));
      return {
        name: this.name,
        metadata: AssignerProtocol.MemberMetadata.encode({ version: VERSION, topics, userData }),
      };
    },
    async assign({ members, topics }) {
      const partitions = topics.flatMap((topic) =>
        cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ topic, partition: partitionId })),
      );
      const assigned = assignPartitions(
        partitions,
        members.map(({ memberId, memberMetadata }) => {
          const metadata = AssignerProtocol.MemberMetadata.decode(memberMetadata);
          return { id: memberId, topics: metadata?.topics ?? topics, ...parseWanted(metadata?.userData) };
        }),
      );
      return [...assigned].map(([memberId, share]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: VERSION,
          assignment: byTopic(share),
          userData: Buffer.alloc(0),
        }),
      }));
    },
  });
}

/** A member of another version may say nothing, or something else: then it holds nothing that could be kept. */
function parseWanted(userData: Buffer | undefined): { held: readonly PartitionId[]; only: boolean } {
  try {
    const held = wantedPartitions.parse(JSON.parse(userData?.toString() || '[]'));
    return { held, only: held.some((entry) => entry.only === true) };
  } catch {
    return { held: [], only: false };
  }
}

function byTopic(partitions: readonly PartitionId[]): Record<string, number[]> {
  const topics: Record<string, number[]> = {};
  for (const { topic, partition } of partitions) (topics[topic] ??= []).push(partition);
  return topics;
}
