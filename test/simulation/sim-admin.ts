/** What an administrator asks of the simulated cluster: every answer is a little old when it comes. */
import type { StoredPartition } from '../../src/memory/storage.js';
import type { CommittedOffset, LogAdmin, PartitionId } from '../../src/ports/log.js';
import type { SimProcess } from './sim-process.js';
import type { World } from './world.js';

export interface SimAdminOptions {
  readonly world: World;
  readonly process: SimProcess;
  partitions(topic: string): readonly StoredPartition[];
  committed(groupId: string, partition: number): CommittedOffset | null;
  /** Records are about to be deleted. */
  onDelete(partition: PartitionId, beforeOffset: number): void;
}

export function createSimAdmin({ world, process, partitions, committed, onDelete }: SimAdminOptions): LogAdmin {
  const { random } = world;

  /** The cluster answers whether or not the process that asked is still there to hear it. */
  function ask<T>(answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      world.at(random.delayMs(1), () => {
        try {
          const value = answer();
          process.later(random.delayMs(1), () => resolve(value));
        } catch (error) {
          process.later(random.delayMs(1), () => reject(error));
        }
      });
    });
  }

  return {
    partitionCount: (topic) => ask(() => partitions(topic).length),
    offsets: (topic) =>
      ask(() => partitions(topic).map((each) => ({ partition: each.partition, low: each.low(), high: each.high() }))),
    committed: (groupId, topic) =>
      ask(() =>
        partitions(topic).map(({ partition }) => {
          const found = committed(groupId, partition);
          return { partition, offset: found?.offset ?? null, metadata: found?.metadata ?? '' };
        }),
      ),
    offsetAtTime: (topic, timestampMs) =>
      ask(() =>
        partitions(topic).map((each) => ({ partition: each.partition, offset: each.offsetAtTime(timestampMs) })),
      ),
    deleteRecords: (topic, partition, beforeOffset) =>
      ask(() => {
        const stored = partitions(topic)[partition];
        if (stored === undefined || beforeOffset > stored.high())
          throw new RangeError(`${topic}[${partition}] has no offset ${beforeOffset}`);
        world.tell(() => `  ${topic}[${partition}] is deleted below ${beforeOffset}, for ${process.id}`);
        onDelete({ topic, partition }, beforeOffset);
        stored.deleteBefore(beforeOffset);
      }),
    ensureTopics: () => Promise.resolve([]),
  };
}
