import type { CommittedOffset, GroupOptions, PartitionConsumer, PartitionId } from '../ports/log.js';
import { readPartition, type PartitionReader } from './partition-reader.js';
import { partitionName, type Schedule, type Storage, type StoredPartition } from './storage.js';

/** A member of a group, as the group sees it. */
export interface MemoryMember {
  readonly id: string;
  readonly topics: readonly string[];
  assigned(): readonly PartitionId[];
  isAssigned(partition: PartitionId): boolean;
  /** Assigned, but not open: open() threw. */
  opening(): readonly PartitionId[];
  takeAwayAllBut(hand: readonly PartitionId[]): void;
  give(hand: readonly PartitionId[]): void;
}

export interface MemoryMemberOptions {
  readonly id: string;
  readonly options: GroupOptions;
  readonly storage: Storage;
  readonly schedule: Schedule;
  committed(partition: PartitionId): CommittedOffset | null;
}

/** What a member does with an assigned partition; null until it is open, and when open() threw. */
interface Assigned extends PartitionId {
  open: { readonly consumer: PartitionConsumer; readonly reader: PartitionReader } | null;
}

export function createMemoryMember({ id, options, storage, schedule, committed }: MemoryMemberOptions): MemoryMember {
  const assigned = new Map<string, Assigned>();

  const close = (entry: Assigned) => {
    assigned.delete(partitionName(entry));
    const { open } = entry;
    entry.open = null;
    if (!open) return;
    open.reader.stop();
    guarded(options, () => open.consumer.onClosed());
  };

  const open = (partition: StoredPartition) => {
    const entry: Assigned = { topic: partition.topic, partition: partition.partition, open: null };
    assigned.set(partitionName(partition), entry);
    guarded(options, () => openPartition(entry, partition));
  };

  const openPartition = (entry: Assigned, partition: StoredPartition) => {
    const replayPoint = committed(partition);
    const logStart = partition.low();
    const logEnd = partition.high();
    const consumer = options.open({
      topic: entry.topic,
      partition: entry.partition,
      committed: replayPoint,
      logStart,
      logEnd,
    });
    // Like a broker's client: an offset that the log no longer holds cannot be read; open() was told and accepted it.
    const from = replayPoint === null ? logStart : Math.min(Math.max(replayPoint.offset, logStart), logEnd);
    const reader = readPartition(partition, from, schedule, {
      onRecords: (records) => consumer.onRecords(records),
      onUnreadable: ({ offset }, reason) => consumer.onBlocked(offset, reason),
      onReadable: () => consumer.onUnblocked(),
      onGap(position, low) {
        throw new Error(
          `${partitionName(entry)}: records ${position} to ${low - 1} were deleted before group ${options.groupId} had read them`,
        );
      },
      onError: (error) => options.onFatal(error),
    });
    entry.open = { consumer, reader };
  };

  return {
    id,
    topics: options.topics,
    assigned: () => [...assigned.values()],
    isAssigned: (partition) => assigned.has(partitionName(partition)),
    opening: () =>
      [...assigned.values()]
        .filter(({ open: opened }) => opened === null)
        .map(({ topic, partition }) => ({ topic, partition })),
    takeAwayAllBut(hand) {
      const kept = new Set(hand.map(partitionName));
      for (const entry of [...assigned.values()]) {
        if (!kept.has(partitionName(entry))) close(entry);
      }
    },
    give(hand) {
      for (const { topic, partition } of hand) {
        const stored = storage.partitions(topic)[partition];
        if (stored && !assigned.has(partitionName(stored))) open(stored);
      }
    },
  };
}

/** A handler's exception belongs to its own member, not to the group that called it. */
function guarded(options: GroupOptions, work: () => void): void {
  try {
    work();
  } catch (error) {
    options.onFatal(error instanceof Error ? error : new Error(String(error)));
  }
}
