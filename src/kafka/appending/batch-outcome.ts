/** What happens to a batch after its request: it is written, sent again, or refused. */
import { backoffMs, type Random } from '../../domain/backoff.js';
import { describeError } from '../../domain/describe-error.js';
import type { Clock } from '../../ports/clock.js';
import { AppendFailed, RecordTooLarge } from '../../ports/log.js';
import type { Logger } from '../../ports/logger.js';
import { protocolErrorType } from '../errors.js';
import { asFetched, type Loopback } from '../own-records.js';
import { NotConnected, type Written } from '../record-sender.js';
import { permanentRefusal, type AppendRefusal, type TopicDirectory } from '../topic-directory.js';
import { markHealthy, type PartitionQueue, type TakenBatch, type WaitingRecords } from '../waiting-records.js';

export interface BackOffParts {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How long a partition may keep failing before it fails for good. */
  readonly appendTimeoutMs: number;
  readonly waiting: WaitingRecords;
}

export interface OutcomeParts extends BackOffParts {
  readonly topics: TopicDirectory;
  readonly loopback?: Loopback;
  /** Records for the topic cannot be written. */
  onRefused(topic: string, refusal: AppendRefusal): void;
}

const BACKOFF = { baseMs: 100, maxMs: 2_000 };

/** written is null when the response does not name the batch. */
export function settle(parts: OutcomeParts, batch: TakenBatch, written: Written | null): void {
  if (written === null)
    return retryLater(parts, batch, new Error('the response does not name the partition; its leader moved'));
  const { topic, partition, records } = batch;
  const { baseOffset, timestampMs } = written;
  markHealthy(batch.queue);
  records.forEach((record, index) => record.resolve({ topic, partition, offset: baseOffset + index }));
  if (timestampMs === null) return;
  parts.loopback?.onAcknowledged({
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
}

/** The one place that decides on a retry. */
export function handleFailure(parts: OutcomeParts, batch: TakenBatch, error: unknown, batchesInRequest: number): void {
  const { queue, topic, records } = batch;
  if (error instanceof NotConnected) return retryLater(parts, batch, error);
  queue.alone = true;
  if (batchesInRequest > 1) return parts.waiting.putBack(batch);

  const type = protocolErrorType(error);
  if (type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE') return handleTooLarge(parts, batch, error);
  // Looked up again: the topic may be gone, or its partition may have moved.
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') parts.topics.forget(topic);
  const refusal = permanentRefusal(topic, error);
  if (!refusal) return retryLater(parts, batch, error);
  parts.onRefused(topic, refusal);
  for (const record of records) record.reject(refusal);
}

/** Halves what is sent at once; a single record that is too large is refused, and those behind it are sent. */
function handleTooLarge({ topics, waiting }: OutcomeParts, batch: TakenBatch, error: unknown): void {
  topics.forget(batch.topic); // Its limit was lowered.
  const [first, ...others] = batch.records;
  if (others.length > 0) {
    batch.queue.limit = Math.ceil(batch.records.length / 2);
    return waiting.putBack(batch);
  }
  first?.reject(
    new RecordTooLarge(`${first.what} is larger than ${batch.topic} takes; shorten it`, null, { cause: error }),
  );
}

function retryLater(parts: BackOffParts, batch: TakenBatch, error: unknown): void {
  parts.waiting.putBack(batch);
  backOff(parts, batch.queue, error);
}

/** Lets the partition wait a while; it fails for good when it has kept failing for too long. */
export function backOff(parts: BackOffParts, queue: PartitionQueue, error: unknown): void {
  const { name, clock, random, logger, appendTimeoutMs, waiting } = parts;
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
}
