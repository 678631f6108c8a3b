import { DataLoss } from '../domain/record.js';
import {
  partitionName,
  type CommittedOffset,
  type GroupOptions,
  type PartitionConsumer,
  type PartitionId,
  type SetApart,
} from '../ports/log.js';
import { readPartition, type PartitionReader } from './partition-reader.js';
import type { Schedule, Storage, StoredPartition } from './storage.js';

/** A member of a group, from the group's side. */
export interface MemoryMember {
  readonly id: string;
  readonly topics: readonly string[];
  /** It wants only these. */
  readonly only?: readonly PartitionId[];
  /** What it keeps at the next rebalance: what it holds, but for what is set apart. */
  kept(): readonly PartitionId[];
  isAssigned(partition: PartitionId): boolean;
  /** Assigned, but not open because open() threw. */
  opening(): readonly PartitionId[];
  /** Assigned, but not read: records were lost. */
  setApart(): readonly SetApart[];
  revokeAllBut(share: readonly PartitionId[]): void;
  assign(share: readonly PartitionId[]): void;
}

export interface MemoryMemberOptions {
  readonly id: string;
  readonly options: GroupOptions;
  readonly storage: Storage;
  readonly schedule: Schedule;
  committed(partition: PartitionId): CommittedOffset | null;
}

type Assigned = PartitionId & {
  state:
    | { readonly kind: 'open'; readonly consumer: PartitionConsumer; readonly reader: PartitionReader }
    | { readonly kind: 'set_apart'; readonly apart: SetApart }
    /** Not open yet, or open() threw. */
    | { readonly kind: 'closed' };
};

export function createMemoryMember(deps: MemoryMemberOptions): MemoryMember {
  const { id, options } = deps;
  const assigned = new Map<string, Assigned>();
  const all = () => [...assigned.values()];
  const setApart = () => all().flatMap(({ state }) => (state.kind === 'set_apart' ? [state.apart] : []));
  const tellSetApart = () => guarded(options, () => options.onSetApart?.(setApart()));

  const close = (entry: Assigned) => {
    const { state } = entry;
    entry.state = { kind: 'closed' };
    if (state.kind !== 'open') return;
    state.reader.stop();
    guarded(options, () => state.consumer.onClosed());
  };
  /** Records that it still needed are gone: it is closed, and the others continue. */
  const putApart = (entry: Assigned, offset: number, reason: string) => {
    close(entry);
    const { topic, partition } = entry;
    entry.state = { kind: 'set_apart', apart: { topic, partition, offset, reason } };
    tellSetApart();
  };
  const takeAway = (entry: Assigned) => {
    assigned.delete(partitionName(entry));
    const wasApart = entry.state.kind === 'set_apart';
    close(entry);
    if (wasApart) tellSetApart();
  };
  const open = (partition: StoredPartition) => {
    const entry: Assigned = { topic: partition.topic, partition: partition.partition, state: { kind: 'closed' } };
    assigned.set(partitionName(partition), entry);
    openOrSetApart(deps, entry, partition, (offset, reason) => putApart(entry, offset, reason));
  };

  return {
    id,
    topics: options.topics,
    ...(options.only === undefined ? {} : { only: options.only }),
    kept: () => all().filter(({ state }) => state.kind !== 'set_apart'),
    isAssigned: (partition) => assigned.has(partitionName(partition)),
    opening: () =>
      all()
        .filter(({ state }) => state.kind === 'closed')
        .map(({ topic, partition }) => ({ topic, partition })),
    setApart,
    revokeAllBut(share) {
      const kept = new Set(share.map(partitionName));
      for (const entry of all()) {
        // What is set apart may have been recovered meanwhile: it is opened again.
        if (!kept.has(partitionName(entry)) || entry.state.kind === 'set_apart') takeAway(entry);
      }
    },
    assign(share) {
      for (const { topic, partition } of share) {
        const stored = deps.storage.partitions(topic)[partition];
        if (stored && !assigned.has(partitionName(stored))) open(stored);
      }
    },
  };
}

function openOrSetApart(
  deps: MemoryMemberOptions,
  entry: Assigned,
  partition: StoredPartition,
  putApart: (offset: number, reason: string) => void,
): void {
  guarded(deps.options, () => {
    try {
      openPartition(deps, entry, partition, putApart);
    } catch (error) {
      if (!(error instanceof DataLoss)) throw error;
      putApart(Math.max(0, deps.committed(partition)?.offset ?? 0), error.message);
    }
  });
}

/** @throws DataLoss where open() says that the replay point cannot be trusted */
function openPartition(
  { options, schedule, committed }: MemoryMemberOptions,
  entry: Assigned,
  partition: StoredPartition,
  onLoss: (offset: number, reason: string) => void,
): void {
  const replayPoint = committed(partition);
  const logStart = partition.low();
  const logEnd = partition.high();
  const { topic } = entry;
  const consumer = options.open({ topic, partition: entry.partition, committed: replayPoint, logStart, logEnd });
  // Like a broker's client: an offset that the log no longer holds cannot be read; open() has seen and accepted it.
  const from = replayPoint === null ? logStart : Math.min(Math.max(replayPoint.offset, logStart), logEnd);
  const reader = readPartition(partition, from, schedule, {
    onRecords: (records) => consumer.onRecords(records),
    room: () => consumer.room?.() ?? null,
    onUnreadable: ({ offset }, reason) => consumer.onBlocked(offset, reason),
    onReadable: () => consumer.onUnblocked(),
    onGap(position, low) {
      const place = partitionName(entry);
      onLoss(
        position,
        `${place}: records ${position} to ${low - 1} were deleted before group ${options.groupId} had read them`,
      );
    },
    onError: (error) => options.onFatal(error),
  });
  entry.state = { kind: 'open', consumer, reader };
}

/** Reports a handler's exception to its member, not to the group that called it. */
function guarded(options: GroupOptions, work: () => void): void {
  try {
    work();
  } catch (error) {
    options.onFatal(error instanceof Error ? error : new Error(String(error)));
  }
}
