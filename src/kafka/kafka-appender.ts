import { backoffMs, type Random } from '../domain/backoff.js';
import type { Clock, Timer } from '../ports/clock.js';
import {
  AppendDropped,
  AppendFailed,
  AppendRejected,
  RecordTooLarge,
  type Appended,
  type Appender,
  type AppendRequest,
  type PartitionId,
} from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import type { Codec } from '../avro/codec.js';
import { describeError } from '../domain/describe-error.js';
import { protocolErrorType } from './errors.js';
import type { ClientHeaders } from './record-copy.js';
import type { RecordHeaders } from '../avro/record-headers.js';
import { asFetched, type Loopback } from './own-records.js';
import { NotConnected, type RecordSender, type Written } from './record-sender.js';
import { recordSize } from './record-size.js';
import { createTopicDirectory, permanentRefusal, refusalOf, type AskTopic } from './topic-directory.js';
import {
  createWaitingRecords,
  droppedReason,
  markHealthy,
  type PartitionQueue,
  type TakenBatch,
  type WaitingRecord,
} from './waiting-records.js';

export interface KafkaAppenderOptions {
  readonly name: string;
  readonly codec: Codec;
  readonly headersOf: (event: AppendRequest['event']) => RecordHeaders;
  readonly sender: RecordSender;
  readonly askTopic: AskTopic;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Readers of this process take what it has written from here; absent: they take it from the log. */
  readonly loopback?: Loopback;
  /** How long a partition may keep failing before it fails for good. */
  readonly appendTimeoutMs: number;
}

/** An appender that can also write records as they are. */
export interface KafkaAppender extends Appender {
  appendCopy(place: PartitionId, record: Pick<NewRecord, 'key' | 'value' | 'headers'>): Promise<Appended>;
}

interface NewRecord {
  readonly key: Buffer | string | null;
  readonly value: Buffer | null;
  readonly headers: ClientHeaders;
  readonly what: string;
  readonly request: AppendRequest | null;
}

/** Bytes in one request; one partition's share is bounded by its topic's max.message.bytes. */
const REQUEST_BYTES = 8 * 1024 * 1024;
const BACKOFF = { baseMs: 100, maxMs: 2_000 };

/**
 * The batching appender: one request in flight; what is queued meanwhile goes in the next. A partition whose records
 * were not acknowledged gets them again, in order and before anything newer. kafkajs names no partition in its
 * errors, so after a refused request each of its partitions is sent alone until it succeeds; then only the guilty
 * one waits.
 */
export function createKafkaAppender(options: KafkaAppenderOptions): KafkaAppender {
  const { name, codec, headersOf, sender, clock, random, logger, appendTimeoutMs } = options;
  const waiting = createWaitingRecords();
  const topics = createTopicDirectory({
    ask: options.askTopic,
    clock,
    random,
    wantedPartitions: (topic) => Math.max(0, ...queuesOf(topic).map(({ partition }) => partition + 1)),
    onFound(topic, limits) {
      for (const queue of queuesOf(topic)) waiting.refuse(queue, (record) => refusalOf(queue, record, limits));
      wake();
    },
    onFailed(topic, error) {
      for (const queue of queuesOf(topic)) {
        if (error instanceof AppendRejected) waiting.refuse(queue, () => error);
        else backOff(queue, error);
      }
      wake();
    },
  });
  let pumping = false;
  let aloneLast = false;
  let retryTimer: Timer | null = null;
  let closing: Promise<void> | null = null;
  let onIdle: (() => void) | null = null;

  const append = (request: AppendRequest): Promise<Appended> => {
    let value: Buffer;
    try {
      value = codec.encode(request.event);
    } catch (error) {
      return Promise.reject(new AppendRejected(describeError(error), { cause: error }));
    }
    return enqueue(request, {
      key: request.key,
      value,
      headers: headersOf(request.event),
      what: request.event.event_type,
      request,
    });
  };

  const enqueue = (place: PartitionId, { key, value, headers, what, request }: NewRecord): Promise<Appended> => {
    const queue = waiting.queue(place);
    if (closing) return Promise.reject(new AppendDropped(`Appender ${name} is closed`));
    if (queue.failed) return Promise.reject(queue.failed);
    const { content, batch } = recordSize(key, value, headers);
    return new Promise((resolve, reject) => {
      const message = { key, value, partition: place.partition, headers };
      const record: WaitingRecord = {
        request,
        what,
        message,
        contentBytes: content,
        batchBytes: batch,
        sent: false,
        resolve,
        reject,
      };
      const limits = topics.get(place.topic);
      // What the known limits do not let pass waits for a look at the cluster: partitions may have been added, or a limit raised.
      if (limits && refusalOf(place, record, limits)) topics.forget(place.topic);
      waiting.add(queue, record);
      wake();
    });
  };

  /** Starts the pump after the current tick, so that everything appended in it goes in one request. */
  const wake = () => {
    if (pumping) return;
    pumping = true;
    retryTimer?.cancel();
    retryTimer = null;
    queueMicrotask(() => void pump());
  };

  const pump = async () => {
    for (let batches = nextRequest(); batches.length > 0; batches = nextRequest()) await send(batches);
    pumping = false;
    const queues = waiting.queues();
    if (queues.length === 0) return onIdle?.();
    // A queue whose topic is being looked up is woken by the answer.
    const times = queues.filter(({ topic }) => !topics.isLookingUp(topic)).map(({ retryAtMs }) => retryAtMs);
    if (times.length > 0) retryTimer = clock.setTimer(Math.max(1, Math.min(...times) - clock.monotonicMs()), wake);
  };

  /** The batches of the next request: every healthy partition that has something, or one that is sent alone, in turns. */
  const nextRequest = (): readonly TakenBatch[] => {
    const now = clock.monotonicMs();
    const ready = waiting.queues().filter((queue) => queue.retryAtMs <= now && isKnown(queue));
    const healthy = ready.filter(({ alone }) => !alone);
    const suspect = ready.find(({ alone }) => alone);
    aloneLast = suspect !== undefined && (healthy.length === 0 || !aloneLast);
    return suspect && aloneLast ? [take(suspect)] : takeAll(healthy);
  };

  const takeAll = (ready: readonly PartitionQueue[]): readonly TakenBatch[] => {
    const batches: TakenBatch[] = [];
    let bytes = 0;
    for (const queue of ready) {
      if (bytes >= REQUEST_BYTES) break;
      const batch = take(queue);
      for (const record of batch.records) bytes += record.batchBytes;
      batches.push(batch);
    }
    return batches;
  };

  const take = (queue: PartitionQueue): TakenBatch => {
    const batch = waiting.take(queue, topics.get(queue.topic)?.maxBatchBytes ?? 0);
    for (const record of batch.records) record.sent = true;
    return batch;
  };

  const isKnown = ({ topic }: PartitionQueue): boolean => {
    if (topics.get(topic)) return true;
    topics.lookUp(topic);
    return false;
  };

  const queuesOf = (topic: string) => waiting.queues().filter((queue) => queue.topic === topic);

  const send = async (batches: readonly TakenBatch[]) => {
    try {
      const written = await sender.send(batches);
      batches.forEach((batch, index) => settle(batch, written[index] ?? null));
    } catch (error) {
      for (const batch of batches) handleFailure(batch, error, batches.length);
    }
  };

  const settle = (batch: TakenBatch, written: Written | null) => {
    if (written === null)
      return retryLater(batch, new Error('the response does not name the partition; its leader moved'));
    const { topic, partition, records } = batch;
    const { baseOffset, timestampMs } = written;
    markHealthy(batch.queue);
    records.forEach((record, index) => record.resolve({ topic, partition, offset: baseOffset + index }));
    if (timestampMs !== null)
      options.loopback?.onAcknowledged({
        topic,
        partition,
        baseOffset,
        messages: () =>
          asFetched(
            records.map(({ message }) => message),
            baseOffset,
            timestampMs,
          ),
      });
  };

  /** The one place that decides on a retry. */
  const handleFailure = (batch: TakenBatch, error: unknown, batchesInRequest: number) => {
    const { queue, topic, records } = batch;
    if (error instanceof NotConnected) return retryLater(batch, error);
    queue.alone = true;
    if (batchesInRequest > 1) return waiting.putBack(batch);

    const type = protocolErrorType(error);
    if (type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE') return handleTooLarge(batch, error);
    // Looked up again: the topic may be gone, or its partition may have moved.
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION') topics.forget(topic);
    const refusal = permanentRefusal(topic, error);
    if (!refusal) return retryLater(batch, error);
    for (const record of records) record.reject(refusal);
  };

  /** Halves what is sent at once; a single record that is too large is refused, and those behind it are sent. */
  const handleTooLarge = (batch: TakenBatch, error: unknown) => {
    topics.forget(batch.topic); // Its limit was lowered.
    const [first, ...others] = batch.records;
    if (others.length > 0) {
      batch.queue.limit = Math.ceil(batch.records.length / 2);
      return waiting.putBack(batch);
    }
    first?.reject(
      new RecordTooLarge(`${first.what} is larger than ${batch.topic} takes; shorten it`, null, { cause: error }),
    );
  };

  const retryLater = (batch: TakenBatch, error: unknown) => {
    waiting.putBack(batch);
    backOff(batch.queue, error);
  };

  const backOff = (queue: PartitionQueue, error: unknown) => {
    const { topic, partition } = queue;
    const now = clock.monotonicMs();
    queue.failingSinceMs ??= now;
    queue.failures += 1;
    const delayMs = Math.round(backoffMs(queue.failures, BACKOFF, random));
    queue.retryAtMs = now + delayMs;
    if (now - queue.failingSinceMs < appendTimeoutMs) {
      return logger.warn(
        { appender: name, topic, partition, error: describeError(error), retry_in_ms: delayMs },
        'kafka.append_retried',
      );
    }
    const failed = new AppendFailed(
      `${topic}[${partition}] could not be written for ${appendTimeoutMs / 1000} s: ${describeError(error)}`,
      { cause: error },
    );
    logger.error({ appender: name, topic, partition, error: describeError(error) }, 'kafka.append_failed');
    queue.failed = failed;
    waiting.refuse(queue, () => failed);
  };

  const close = async () => {
    if (pumping || waiting.queues().length > 0) await new Promise<void>((resolve) => (onIdle = resolve));
    await sender.close();
  };

  return {
    append,
    appendCopy: (place, record) => enqueue(place, { ...record, what: 'a copied record', request: null }),
    dropQueued(matches) {
      for (const queue of waiting.queues()) {
        waiting.refuse(queue, (record) =>
          record.request && !record.sent && matches(record.request) ? droppedReason(record, queue) : null,
        );
      }
    },
    close: () => (closing ??= close()),
  };
}
