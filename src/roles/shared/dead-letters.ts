/** Keeps for operators what a partition's fold skips: unreadable and misplaced records. */
import { partitionForKey } from '../../domain/partitioning.js';
import { letterHeaders } from '../../domain/dead-letter.js';
import { AppendDropped, AppendRejected, TopicMissing, type Log, type LogRecord } from '../../ports/log.js';
import type { Clock } from '../../ports/clock.js';
import type { Logger } from '../../ports/logger.js';
import type { Metrics } from '../../ports/metrics.js';
import type { TopicNames } from '../../domain/topic-names.js';
import { asError } from '../../domain/as-error.js';

export interface DeadLettersDeps {
  readonly log: Log;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly topics: TopicNames;
  readonly metrics: Pick<Metrics, 'deadLetter'>;
  /** Whether this process holds the partition: only the holder writes. */
  isHeld(): boolean;
  onFatal(error: Error): void;
}

export interface DeadLetters {
  /** The record was skipped. It is written once the partition is held; until then it is remembered. */
  skip(record: LogRecord, error: string): void;
  /** The claim was read back. Letters of the replay range may be written again, which is harmless. */
  onHeld(): void;
  /** False while a letter is not written: a replay point behind its record would lose it in a crash. */
  isSettled(): boolean;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
  /**
   * Resolves when letters that are being written now are written; null: few are. A partition that someone else has
   * filled with what is none of ours is read no faster than its letters can be written.
   */
  room(): Promise<void> | null;
}

/** Each has its record in memory until it is written. */
const MOST_UNDER_WAY = 1_000;

interface Skipped {
  readonly record: LogRecord;
  readonly error: string;
  readonly skippedAtMs: number;
}

export function createDeadLetters(deps: DeadLettersDeps): DeadLetters {
  const { log, clock, logger, topics, metrics, isHeld, onFatal } = deps;
  const waiting: Skipped[] = [];
  const writing = new Set<Promise<void>>();
  let partitionCount: Promise<number> | null = null;

  /** The letters of a partition share one, in its order. */
  async function partitionFor({ topic, partition }: LogRecord): Promise<number> {
    partitionCount ??= log.admin.partitionCount(topics.deadLetters);
    return partitionForKey(`${topic}/${partition}`, await partitionCount);
  }

  async function write(skipped: Skipped): Promise<void> {
    const { record, error, skippedAtMs } = skipped;
    try {
      const partition = await partitionFor(record);
      const batch = record.content.kind === 'poison' ? record.content.batch : undefined;
      const facts = { origin: record, ...(batch === undefined ? {} : { batch }), error, skippedAtMs };
      const headers = letterHeaders(record.headers ?? {}, facts);
      if (!isHeld()) return void waiting.push(skipped);
      await log.copyRecord({ topic: topics.deadLetters, partition, record, headers });
      metrics.deadLetter(record.topic, 'written');
    } catch (failure) {
      partitionCount = null;
      if (failure instanceof AppendRejected || failure instanceof TopicMissing) {
        metrics.deadLetter(record.topic, 'rejected');
        return logger.error({ offset: record.offset, error, reason: failure.message }, 'dead_letter.rejected');
      }
      waiting.push(skipped); // Then the replay point stays before it, and the next holder reads it again.
      if (!(failure instanceof AppendDropped)) onFatal(asError(failure));
    }
  }

  function flush(): void {
    if (!isHeld()) return;
    for (const skipped of waiting.splice(0)) {
      const written = write(skipped).finally(() => writing.delete(written));
      writing.add(written);
    }
  }

  async function settled(): Promise<void> {
    await Promise.all(writing);
  }

  return {
    skip(record, error) {
      logger.error({ offset: record.offset, reason: error }, 'record.skipped');
      waiting.push({ record, error, skippedAtMs: clock.now() });
      flush();
    },
    onHeld: flush,
    isSettled: () => waiting.length === 0 && writing.size === 0,
    settled,
    room: () => (writing.size < MOST_UNDER_WAY ? null : settled()),
  };
}
