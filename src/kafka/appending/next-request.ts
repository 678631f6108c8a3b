import type { Clock } from '../../ports/clock.js';
import type { TopicDirectory } from '../topic-directory.js';
import type { PartitionQueue, TakenBatch, WaitingRecords } from '../waiting-records.js';

export interface NextRequestParts {
  readonly clock: Clock;
  readonly waiting: WaitingRecords;
  readonly topics: TopicDirectory;
}

/** Bytes in one request; one partition's share is bounded by its topic's max.message.bytes. */
const REQUEST_BYTES = 8 * 1024 * 1024;

/**
 * Takes the batches of the next request: every healthy partition that has something, or one that is sent alone, in
 * turns. Starts the lookup of a topic that it does not know.
 */
export function createNextRequest(parts: NextRequestParts): () => readonly TakenBatch[] {
  let aloneLast = false;
  return () => {
    const now = parts.clock.monotonicMs();
    const ready = parts.waiting.queues().filter((queue) => queue.retryAtMs <= now && isKnown(parts, queue));
    const healthy = ready.filter(({ alone }) => !alone);
    const suspect = ready.find(({ alone }) => alone);
    aloneLast = suspect !== undefined && (healthy.length === 0 || !aloneLast);
    return suspect && aloneLast ? [take(parts, suspect)] : takeAll(parts, healthy);
  };
}

function isKnown({ topics }: NextRequestParts, { topic }: PartitionQueue): boolean {
  if (topics.get(topic)) return true;
  topics.lookUp(topic);
  return false;
}

function takeAll(parts: NextRequestParts, ready: readonly PartitionQueue[]): readonly TakenBatch[] {
  const batches: TakenBatch[] = [];
  let bytes = 0;
  for (const queue of ready) {
    if (bytes >= REQUEST_BYTES) break;
    const batch = take(parts, queue);
    for (const record of batch.records) bytes += record.batchBytes;
    batches.push(batch);
  }
  return batches;
}

function take({ waiting, topics }: NextRequestParts, queue: PartitionQueue): TakenBatch {
  const batch = waiting.take(queue, topics.get(queue.topic)?.maxBatchBytes ?? 0);
  for (const record of batch.records) record.sent = true;
  return batch;
}
