import { isWatched, watchStart, type Watch, type WatchOptions } from '../ports/log.js';
import { readPartition, type PartitionReader } from './partition-reader.js';
import type { Schedule, Storage, StoredPartition } from './storage.js';

/** Reads all partitions of the topics without a group. Poison and unreadable records go to onUndecodable. */
export function createMemoryWatch(options: WatchOptions, storage: Storage, schedule: Schedule): Watch {
  const partitions = options.topics
    .flatMap((topic) => storage.partitions(topic))
    .filter((partition) => isWatched(options, partition));
  const behind = new Map<StoredPartition, number>();
  const readers: PartitionReader[] = [];
  let caughtUp = false;
  let stopped = false;

  const stop = () => {
    stopped = true;
    for (const reader of readers) reader.stop();
  };
  const checkCaughtUp = () => {
    if (caughtUp || stopped || behind.size > 0) return;
    caughtUp = true;
    options.onCaughtUp?.();
  };

  const start = (partition: StoredPartition) => {
    const target = partition.high();
    const { topic, partition: number } = partition;
    const from = watchStart(options, { topic, partition: number, low: partition.low(), high: target });
    if (from < target) behind.set(partition, target);
    const passed = (position: number) => {
      if (position < target || !behind.delete(partition)) return;
      checkCaughtUp();
    };
    const reader = readPartition(partition, from, schedule, {
      onRecords(records) {
        for (const record of records) {
          if (stopped) return;
          if (record.content.kind === 'event') options.onRecord(record);
          else options.onUndecodable?.(record);
          passed(record.offset + 1);
        }
      },
      onUnreadable(record) {
        options.onUndecodable?.(record);
        reader.skipTo(record.offset + 1);
        passed(record.offset + 1);
      },
      onReadable: () => undefined,
      onGap: (_position, logStart) => passed(logStart),
      onError(error) {
        stop();
        options.onFatal(error);
      },
    });
    readers.push(reader);
  };

  partitions.forEach(start);
  // After this call, so that the caller already has the watch.
  schedule(checkCaughtUp);
  return { stop: async () => stop() };
}
