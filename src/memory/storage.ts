import type { Headers } from '../domain/dead-letter.js';
import { unmetRequirement } from '../domain/requirements.js';
import type { AnyContent, AnyRecord, PartitionId, RecordContent, TopicSpec } from '../ports/log.js';
import { partitionName, TopicMissing } from '../ports/log.js';

/** Runs a callback later, never during the call. It decides the order of all operations of the log. */
export type Schedule = (callback: () => void) => void;

/** One partition: an append-only list of records whose first records can be deleted. */
export interface StoredPartition extends PartitionId {
  /** First offset that still exists. */
  low(): number;
  /** Next offset to be written. */
  high(): number;
  write(key: string | null, content: AnyContent, timestampMs: number, headers?: Headers): number;
  /** At most `limit` records from an existing offset on. */
  read(fromOffset: number, limit: number): readonly AnyRecord[];
  replace(offset: number, content: RecordContent): void;
  deleteBefore(offset: number): void;
  /** Offset of the first record that is not older than a time (ms since the epoch), else the end. */
  offsetAtTime(timestampMs: number): number;
  /** Calls the listener synchronously whenever records may have become readable. Returns how to unsubscribe. */
  onChange(listener: () => void): () => void;
}

/** The topics of a memory log. */
export interface Storage {
  create(spec: TopicSpec): void;
  find(topic: string): { readonly spec: TopicSpec; readonly partitions: readonly StoredPartition[] } | undefined;
  /** The partitions of a topic, in order; throws TopicMissing. */
  partitions(topic: string): readonly StoredPartition[];
}

export function createStorage(): Storage {
  const topics = new Map<string, { spec: TopicSpec; partitions: readonly StoredPartition[] }>();
  return {
    create(spec) {
      const partitions = Array.from({ length: spec.partitions }, (_, partition) =>
        createPartition(spec.name, partition),
      );
      topics.set(spec.name, { spec, partitions });
    },
    find: (topic) => topics.get(topic),
    partitions(topic) {
      const found = topics.get(topic);
      if (!found) throw new TopicMissing(`Topic ${topic} does not exist; create it: npx ravenhelm init`);
      return found.partitions;
    },
  };
}

function createPartition(topic: string, partition: number): StoredPartition {
  let low = 0;
  let records: AnyRecord[] = [];
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of listeners) listener();
  };

  return {
    topic,
    partition,
    low: () => low,
    high: () => low + records.length,
    write(key, content, timestampMs, headers = {}) {
      const offset = low + records.length;
      records.push(
        Object.freeze({
          topic,
          partition,
          offset,
          timestampMs,
          key,
          content: Object.freeze(readableContent(content)),
          headers,
        }),
      );
      changed();
      return offset;
    },
    read: (fromOffset, limit) => records.slice(fromOffset - low, fromOffset - low + limit),
    replace(offset, content) {
      const record = records[offset - low];
      if (!record) throw new RangeError(`${partitionName({ topic, partition })} does not hold offset ${offset}`);
      records[offset - low] = Object.freeze({ ...record, content: Object.freeze(content) });
      changed();
    },
    deleteBefore(offset) {
      const next = Math.min(Math.max(offset, low), low + records.length);
      records = records.slice(next - low);
      low = next;
      changed();
    },
    offsetAtTime: (timestampMs) =>
      records.find((record) => record.timestampMs >= timestampMs)?.offset ?? low + records.length,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** As a broker's reader would have it: an event that requires what this build does not know cannot be read for now. */
function readableContent(content: AnyContent): AnyContent {
  const reason = content.kind === 'event' ? unmetRequirement(content.event) : null;
  return reason === null ? content : { kind: 'unreadable', reason };
}
