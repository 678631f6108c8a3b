import { randomUUID } from 'node:crypto';
import type { Clock } from '../ports/clock.js';
import type { Headers } from '../domain/dead-letter.js';
import { RECORD_BYTES } from '../domain/sizes.js';
import type {
  AnyContent,
  Log,
  LogAdmin,
  PartitionId,
  RecordContent,
  TopicDifference,
  TopicSpec,
} from '../ports/log.js';
import { AppendRejected, partitionName, type CommittedOffset } from '../ports/log.js';
import { createContinuedTraces } from '../domain/trace-context.js';
import { createMemoryAppender } from './memory-appender.js';
import { createMemoryGroup, type MemoryGroup } from './memory-group.js';
import { createMemoryWatch } from './memory-watch.js';
import { createStorage, type Schedule, type Storage, type StoredPartition } from './storage.js';

export interface MemoryLogOptions {
  /** The source of the records' timestamps. */
  readonly clock: Clock;
  /** Default setImmediate, so that timers and sockets are served in between. A simulation passes its own. */
  readonly schedule?: Schedule;
  /** Larger events are refused by topics that do not set max.message.bytes; default 1 MiB, as on brokers. */
  readonly maxRecordBytes?: number;
  /** Default: a new one. */
  readonly clusterId?: string;
}

/** A log within one process: the default if no broker is available, also used by simulations and tests. */
export interface MemoryLog extends Log {
  /** Writes content like a foreign writer: poison, or content that this build cannot read yet. Returns its offset. */
  writeForeign(partition: PartitionId, key: string | null, content: AnyContent, headers?: Headers): number;
  /** Makes an unreadable record readable. */
  makeReadable(partition: PartitionId, offset: number, content: RecordContent): void;
  /** Writes a group's committed offset like an administrator. */
  setCommitted(groupId: string, partition: PartitionId, committed: CommittedOffset): void;
}

export function createMemoryLog(options: MemoryLogOptions): MemoryLog {
  const { clock, schedule = (callback) => void setImmediate(callback), maxRecordBytes = RECORD_BYTES } = options;
  const { clusterId = randomUUID() } = options;
  const storage = createStorage();
  const groups = new Map<string, MemoryGroup>();
  const continued = createContinuedTraces();

  const group = (groupId: string): MemoryGroup => {
    const existing = groups.get(groupId) ?? createMemoryGroup(groupId, storage, schedule);
    groups.set(groupId, existing);
    return existing;
  };

  return {
    capabilities: { shared: false, durable: false },
    clusterId,
    createAppender: (name) => createMemoryAppender({ name, storage, clock, schedule, maxRecordBytes, continued }),
    joinGroup: (groupOptions) => group(groupOptions.groupId).join(groupOptions),
    async watch(watchOptions) {
      return createMemoryWatch(watchOptions, storage, schedule);
    },
    async copyRecord({ topic, partition, record, headers }) {
      const target = storage.find(topic)?.partitions[partition];
      if (!target)
        throw new AppendRejected(`${topic}[${partition}] does not exist; create the topic, or correct the partition`);
      return { topic, partition, offset: target.write(record.key, record.content, clock.now(), headers) };
    },
    continueTrace: continued.set,
    continuedTrace: continued.get,
    admin: createMemoryAdmin(storage, group),
    async close() {},
    writeForeign: (id, key, content, headers) => partitionOf(storage, id).write(key, content, clock.now(), headers),
    makeReadable: (id, offset, content) => partitionOf(storage, id).replace(offset, content),
    setCommitted: (groupId, partition, committed) => group(groupId).setCommitted(partition, committed),
  };
}

function createMemoryAdmin(storage: Storage, group: (groupId: string) => MemoryGroup): LogAdmin {
  return {
    async partitionCount(topic) {
      return storage.partitions(topic).length;
    },
    async offsets(topic) {
      return storage
        .partitions(topic)
        .map((partition) => ({ partition: partition.partition, low: partition.low(), high: partition.high() }));
    },
    async committed(groupId, topic) {
      return storage.partitions(topic).map((partition) => {
        const committed = group(groupId).committed(partition);
        return {
          partition: partition.partition,
          offset: committed?.offset ?? null,
          metadata: committed?.metadata ?? '',
        };
      });
    },
    async offsetAtTime(topic, timestampMs) {
      return storage
        .partitions(topic)
        .map((partition) => ({ partition: partition.partition, offset: partition.offsetAtTime(timestampMs) }));
    },
    async deleteRecords(topic, partition, beforeOffset) {
      partitionOf(storage, { topic, partition }).deleteBefore(beforeOffset);
    },
    async ensureTopics(topics) {
      return topics.flatMap((spec) => {
        const existing = storage.find(spec.name);
        if (existing) return differences(existing.spec, spec);
        storage.create(spec);
        return [];
      });
    },
  };
}

function partitionOf(storage: Storage, id: PartitionId): StoredPartition {
  const found = storage.partitions(id.topic)[id.partition];
  if (!found) throw new RangeError(`${partitionName(id)} does not exist`);
  return found;
}

function differences(actual: TopicSpec, expected: TopicSpec): readonly TopicDifference[] {
  const settings = { partitions: String(expected.partitions), ...expected.config };
  const found: Readonly<Record<string, string>> = { partitions: String(actual.partitions), ...actual.config };
  return Object.entries(settings)
    .filter(([setting, value]) => found[setting] !== value)
    .map(([setting, value]) => ({
      topic: expected.name,
      setting,
      expected: value,
      actual: found[setting] ?? '(default)',
    }));
}
