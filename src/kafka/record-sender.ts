import type { Producer, RecordMetadata } from 'ravenhelm-kafkajs';
import type { PartitionId } from '../ports/log.js';
import type { WaitingRecord } from './waiting-records.js';
import type { ClientFactory } from './kafka-client.js';

/** Records for one partition in one request. */
export interface Batch extends PartitionId {
  readonly records: readonly WaitingRecord[];
}

/** Where a batch lies in the log. */
export interface Written {
  readonly baseOffset: number;
  /** When the log has taken it, ms since the epoch; null where its records keep their writers' times. */
  readonly timestampMs: number | null;
}

/** One produce request at a time. */
export interface RecordSender {
  /**
   * Where each batch lies that the response acknowledges, in the order of the batches; null for a batch that it does
   * not name. Rejects with the client's error when a request was refused, with NotConnected when none was sent.
   */
  send(batches: readonly Batch[]): Promise<readonly (Written | null)[]>;
  close(): Promise<void>;
}

/** No producer could be connected, so nothing was sent. */
export class NotConnected extends Error {
  readonly code = 'not_connected';
  readonly retriable = true;
}

const ACKS_ALL = -1;
const ACK_TIMEOUT_MS = 10_000;

/**
 * kafkajs's producer cannot be trusted with retries (2.2.4; #1355, #1416, and README.md): sendBatch may resolve without
 * having written a partition whose leader moved, and an idempotent producer acknowledges records it never wrote after
 * another partition's failure. So it retries nothing, is not idempotent, its response is checked partition by
 * partition, and after any failure it is discarded with all it believes about the cluster.
 */
export function createRecordSender(createClient: ClientFactory): RecordSender {
  let producer: Producer | null = null;
  const closing = new Set<Promise<void>>();

  const connected = async (): Promise<Producer> => {
    if (producer) return producer;
    const fresh = newProducer(createClient);
    try {
      await fresh.connect();
    } catch (error) {
      disconnect(fresh); // A broker that accepts connections and says nothing leaves one open.
      throw new NotConnected('No connection to the brokers', { cause: error });
    }
    producer = fresh;
    return fresh;
  };

  const disconnect = (used: Producer) => {
    // Its connection is in an unknown state; that it cannot be closed in order changes nothing.
    const done = used
      .disconnect()
      .catch(() => undefined)
      .finally(() => closing.delete(done));
    closing.add(done);
  };
  const discard = () => {
    if (producer) disconnect(producer);
    producer = null;
  };

  return {
    async send(batches) {
      const current = await connected();
      try {
        const response = await current.sendBatch({
          acks: ACKS_ALL,
          timeout: ACK_TIMEOUT_MS,
          topicMessages: byTopic(batches),
        });
        const acknowledged = acknowledgedIn(response, batches);
        if (acknowledged.includes(null)) discard();
        return acknowledged;
      } catch (error) {
        discard();
        throw error;
      }
    },
    async close() {
      discard();
      await Promise.all(closing);
    },
  };
}

function newProducer(createClient: ClientFactory): Producer {
  return createClient({ retry: { retries: 1, initialRetryTime: 50 } }).producer({
    idempotent: false,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    retry: { retries: 0 },
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0,
  });
}

/** Where each batch lies; null for one that the response does not name without an error. */
function acknowledgedIn(response: readonly RecordMetadata[], batches: readonly Batch[]): readonly (Written | null)[] {
  const written = new Map<string, Written>();
  for (const { topicName, partition, errorCode, baseOffset: first, logAppendTime } of response) {
    const baseOffset = Number(first ?? -1);
    const timeMs = Number(logAppendTime ?? -1);
    if (errorCode === 0 && baseOffset >= 0)
      written.set(`${topicName} ${partition}`, { baseOffset, timestampMs: timeMs < 0 ? null : timeMs });
  }
  return batches.map(({ topic, partition }) => written.get(`${topic} ${partition}`) ?? null);
}

function byTopic(batches: readonly Batch[]) {
  const topics = new Map<string, WaitingRecord['message'][]>();
  for (const { topic, records } of batches) {
    const messages = topics.get(topic) ?? [];
    for (const { message } of records) messages.push(message);
    topics.set(topic, messages);
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}
