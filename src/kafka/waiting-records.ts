import type { Message } from 'ravenhelm-kafkajs';
import { AppendDropped, type Appended, type AppendFailed, type AppendRequest, type PartitionId } from '../ports/log.js';

/** A record that waits to be written. */
export interface WaitingRecord {
  /** Null for a copied record, which is never dropped. */
  readonly request: AppendRequest | null;
  /** What it is, in messages: an event type, or a copied record. */
  readonly what: string;
  readonly message: Message;
  /** Bytes of key, value and headers: its least size. */
  readonly contentBytes: number;
  /** Upper bound of its size in a record batch. */
  readonly batchBytes: number;
  /** Whether it was in a request once; then it may be in the log already. */
  sent: boolean;
  resolve(appended: Appended): void;
  reject(error: Error): void;
}

/** What waits for one partition, in order, and how its sending goes. */
export interface PartitionQueue extends PartitionId {
  records: WaitingRecord[];
  /** Sent in a separate request: it was in one that failed, and the error names no partition. */
  alone: boolean;
  /** Records for the next request; halved when a batch is too large. */
  limit: number;
  /** Monotonic time of the first failure since the last success. */
  failingSinceMs: number | null;
  failures: number;
  /** Monotonic time before which it is not sent. */
  retryAtMs: number;
  /** Set when it failed for good; it refuses everything from then on. */
  failed: AppendFailed | null;
}

/** Records taken out of a queue to be sent in one request. */
export interface TakenBatch extends PartitionId {
  readonly queue: PartitionQueue;
  readonly records: readonly WaitingRecord[];
}

/** Everything that an appender has not written yet. */
export interface WaitingRecords {
  queue(partition: PartitionId): PartitionQueue;
  /** Queues that hold something, those that were sent last at the end. */
  queues(): readonly PartitionQueue[];
  add(queue: PartitionQueue, record: WaitingRecord): void;
  /** Takes the next records within the queue's limit and the bytes; at least one. */
  take(queue: PartitionQueue, maxBytes: number): TakenBatch;
  /** Puts records back before everything that was queued after them. */
  putBack(batch: TakenBatch): void;
  /** Removes the records for which there is a reason, with which they reject. */
  refuse(queue: PartitionQueue, reasonFor: (record: WaitingRecord) => Error | null): void;
}

/** kafkajs copies a partition's list once for each record in it; that is quadratic. */
const RECORDS_PER_PARTITION = 1000;

export function createWaitingRecords(): WaitingRecords {
  const all = new Map<string, PartitionQueue>();
  const filled = new Set<PartitionQueue>();

  return {
    queue({ topic, partition }) {
      const key = `${topic} ${partition}`;
      const queue = all.get(key) ?? emptyQueue(topic, partition);
      all.set(key, queue);
      return queue;
    },
    queues: () => [...filled],
    add(queue, record) {
      queue.records.push(record);
      filled.add(queue);
    },
    take(queue, maxBytes) {
      const records = queue.records.splice(0, fitting(queue, maxBytes));
      // To the end of the line, so that a busy partition cannot keep the others out of a full request.
      filled.delete(queue);
      if (queue.records.length > 0) filled.add(queue);
      return { topic: queue.topic, partition: queue.partition, queue, records };
    },
    putBack({ queue, records }) {
      queue.records = [...records, ...queue.records];
      filled.add(queue);
    },
    refuse(queue, reasonFor) {
      const records = queue.records;
      queue.records = [];
      for (const record of records) {
        const reason = reasonFor(record);
        if (reason) record.reject(reason);
        else queue.records.push(record);
      }
      if (queue.records.length === 0) filled.delete(queue);
    },
  };
}

/** Forgets a queue's failures after it was written to. */
export function markHealthy(queue: PartitionQueue): void {
  Object.assign(queue, healthy());
}

export function droppedReason({ what }: WaitingRecord, { topic, partition }: PartitionId): AppendDropped {
  return new AppendDropped(`${what} for ${topic}[${partition}] was dropped before it was sent`);
}

function emptyQueue(topic: string, partition: number): PartitionQueue {
  return { topic, partition, records: [], failed: null, ...healthy() };
}

function healthy() {
  return { alone: false, limit: RECORDS_PER_PARTITION, failingSinceMs: null, failures: 0, retryAtMs: 0 };
}

function fitting({ records, limit }: PartitionQueue, maxBytes: number): number {
  let bytes = 0;
  let count = 0;
  for (const record of records) {
    bytes += record.batchBytes;
    if (count > 0 && (bytes > maxBytes || count >= limit)) break;
    count += 1;
  }
  return count;
}
