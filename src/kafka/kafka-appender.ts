import type { Random } from '../domain/backoff.js';
import { describeError } from '../domain/describe-error.js';
import type { Codec } from '../avro/codec.js';
import type { HeadersOfRecords } from '../avro/record-headers.js';
import type { Clock } from '../ports/clock.js';
import {
  AppendDropped,
  AppendForbidden,
  AppendRejected,
  type Appended,
  type Appender,
  type AppendRequest,
  type PartitionId,
} from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import { backOff, handleFailure, settle, type OutcomeParts } from './appending/batch-outcome.js';
import { createRequestPump } from './appending/request-pump.js';
import type { Loopback } from './own-records.js';
import type { ClientHeaders } from './record-copy.js';
import type { RecordSender } from './record-sender.js';
import { recordSize } from './record-size.js';
import {
  createTopicDirectory,
  isAppendRefusal,
  refusalOf,
  type AppendRefusal,
  type AskTopic,
  type TopicDirectory,
} from './topic-directory.js';
import {
  createWaitingRecords,
  droppedReason,
  type TakenBatch,
  type WaitingRecord,
  type WaitingRecords,
} from './waiting-records.js';

export interface KafkaAppenderOptions {
  readonly name: string;
  readonly codec: Codec;
  readonly headers: Pick<HeadersOfRecords, 'of'>;
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

/**
 * The batching appender: one request in flight; what is queued meanwhile goes in the next. A partition whose records
 * were not acknowledged gets them again, in order and before anything newer. kafkajs names no partition in its
 * errors, so after a refused request each of its partitions is sent alone until it succeeds; then only the guilty
 * one waits.
 */
export function createKafkaAppender(options: KafkaAppenderOptions): KafkaAppender {
  const { name, codec, sender, clock } = options;
  const waiting = createWaitingRecords();
  const forbidden = sayOnceWhatIsForbidden(options);
  const onRefused = forbidden.refused;
  const topics = createTopics(options, waiting, { wake: () => pump.wake(), onRefused });
  const parts: OutcomeParts = { ...options, waiting, topics, onRefused };
  const pump = createRequestPump({
    clock,
    waiting,
    topics,
    send: (batches) => send(sender, parts, batches, forbidden),
  });
  let closing: Promise<void> | null = null;

  const append = (request: AppendRequest): Promise<Appended> => {
    let value: Buffer;
    try {
      value = codec.encode(request.event);
    } catch (error) {
      return Promise.reject(new AppendRejected(describeError(error), { cause: error }));
    }
    const { key, event, caller } = request;
    const headers = options.headers.of(event, caller);
    return enqueue(request, { key, value, headers, what: event.event_type, request });
  };

  const enqueue = (place: PartitionId, wanted: NewRecord): Promise<Appended> => {
    const queue = waiting.queue(place);
    if (closing) return Promise.reject(new AppendDropped(`Appender ${name} is closed`));
    if (queue.failed) return Promise.reject(queue.failed);
    return new Promise((resolve, reject) => {
      const record: WaitingRecord = { ...unsent(place, wanted), resolve, reject };
      const limits = topics.get(place.topic);
      // What the known limits do not let pass waits for a look at the cluster: partitions may have been added, or a
      // limit raised.
      if (limits && refusalOf(place, record, limits)) topics.forget(place.topic);
      waiting.add(queue, record);
      pump.wake();
    });
  };

  const close = async () => {
    await pump.idle();
    await sender.close();
  };

  return {
    append,
    appendCopy: (place, record) => enqueue(place, { ...record, what: 'a copied record', request: null }),
    dropQueued: (matches) => dropQueued(waiting, matches),
    close: () => (closing ??= close()),
  };
}

/** Knows the topics' limits, and applies what it learns of a topic to what waits for it. */
function createTopics(
  options: KafkaAppenderOptions,
  waiting: WaitingRecords,
  { wake, onRefused }: { wake(): void; onRefused(topic: string, refusal: AppendRefusal): void },
): TopicDirectory {
  const { askTopic, clock, random } = options;
  const queuesOf = (topic: string) => waiting.queues().filter((queue) => queue.topic === topic);
  return createTopicDirectory({
    ask: askTopic,
    clock,
    random,
    wantedPartitions: (topic) => Math.max(0, ...queuesOf(topic).map(({ partition }) => partition + 1)),
    onFound(topic, limits) {
      for (const queue of queuesOf(topic)) waiting.refuse(queue, (record) => refusalOf(queue, record, limits));
      wake();
    },
    onFailed(topic, error) {
      if (isAppendRefusal(error)) onRefused(topic, error);
      for (const queue of queuesOf(topic)) {
        if (isAppendRefusal(error)) waiting.refuse(queue, () => error);
        else backOff({ ...options, waiting }, queue, error);
      }
      wake();
    },
  });
}

/**
 * Who appends may only note that its record was refused: a right that is missing is said here, once for each topic
 * until something was written to it again.
 */
function sayOnceWhatIsForbidden({ name, logger }: KafkaAppenderOptions) {
  const said = new Set<string>();
  return {
    refused(topic: string, refusal: AppendRefusal): void {
      if (said.has(topic) || !(refusal instanceof AppendForbidden)) return;
      said.add(topic);
      logger.error({ appender: name, topic, error: refusal.message }, 'kafka.append_forbidden');
    },
    written: (topic: string): void => void said.delete(topic),
  };
}

async function send(
  sender: RecordSender,
  parts: OutcomeParts,
  batches: readonly TakenBatch[],
  forbidden: { written(topic: string): void },
): Promise<void> {
  try {
    const written = await sender.send(batches);
    for (const { topic } of batches) forbidden.written(topic);
    batches.forEach((batch, index) => settle(parts, batch, written[index] ?? null));
  } catch (error) {
    for (const batch of batches) handleFailure(parts, batch, error, batches.length);
  }
}

function unsent({ partition }: PartitionId, { key, value, headers, what, request }: NewRecord) {
  const { content, batch } = recordSize(key, value, headers);
  const message = { key, value, partition, headers };
  return { request, what, message, contentBytes: content, batchBytes: batch, sent: false };
}

function dropQueued(waiting: WaitingRecords, matches: (request: AppendRequest) => boolean): void {
  for (const queue of waiting.queues()) {
    waiting.refuse(queue, (record) =>
      record.request && !record.sent && matches(record.request) ? droppedReason(record, queue) : null,
    );
  }
}
