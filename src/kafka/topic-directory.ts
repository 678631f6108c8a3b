import { backoffMs, type Random } from '../domain/backoff.js';
import { RECORD_BYTES, RECORD_SIZE } from '../domain/sizes.js';
import type { Clock } from '../ports/clock.js';
import { AppendForbidden, AppendRejected, RecordTooLarge, TopicMissing, type PartitionId } from '../ports/log.js';
import { partitionsOf, type AdminSession } from './admin-session.js';
import { grantText, isForbidden, protocolErrorType } from './errors.js';
import type { TopicSettings } from './topic-settings.js';
import type { WaitingRecord } from './waiting-records.js';

/** What an appender must know of a topic before it sends to it. */
export interface TopicLimits {
  readonly partitions: number;
  /** Size of a record batch that the topic takes (max.message.bytes). */
  readonly maxBatchBytes: number;
  /** Whether that is the brokers' default, because this user may not read the topic's settings. */
  readonly isAssumed?: boolean;
}

/** The topics that an appender knows; looking one up never holds up the others. */
export interface TopicDirectory {
  get(topic: string): TopicLimits | undefined;
  isLookingUp(topic: string): boolean;
  /** Starts a lookup unless one is running. */
  lookUp(topic: string): void;
  forget(topic: string): void;
}

/** Asks the cluster about a topic; rejects with TopicMissing, or with the client's error. */
export type AskTopic = (topic: string) => Promise<TopicLimits>;

export interface TopicDirectoryOptions {
  readonly ask: AskTopic;
  readonly clock: Clock;
  readonly random: Random;
  /** The least number of partitions under which everything that waits for the topic has one. */
  wantedPartitions(topic: string): number;
  /** Called after get() knows the topic. */
  onFound(topic: string, limits: TopicLimits): void;
  /** error is an AppendRefusal when nothing can be appended to the topic. */
  onFailed(topic: string, error: unknown): void;
}

/**
 * Just after it was made, a topic or a further partition is not known to every broker; on a busy computer for seconds.
 */
const MISSING_AFTER_MS = 5_000;
const LOOKUP_PAUSE = { baseMs: 250, maxMs: 1_000 };
/** A record batch's own header (format v2). */
const BATCH_OVERHEAD_BYTES = 61;

export function createTopicDirectory({
  ask,
  clock,
  random,
  wantedPartitions,
  onFound,
  onFailed,
}: TopicDirectoryOptions): TopicDirectory {
  const known = new Map<string, TopicLimits>();
  const running = new Set<string>();

  const askPatiently = async (topic: string): Promise<TopicLimits> => {
    const deadlineMs = clock.monotonicMs() + MISSING_AFTER_MS;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const limits = await ask(topic);
        if (limits.partitions >= wantedPartitions(topic) || clock.monotonicMs() >= deadlineMs) return limits;
      } catch (error) {
        if (!(error instanceof TopicMissing) || clock.monotonicMs() >= deadlineMs) throw error;
      }
      await new Promise<void>((resolve) => clock.setTimer(backoffMs(attempt, LOOKUP_PAUSE, random), resolve));
    }
  };

  const lookUp = async (topic: string) => {
    running.add(topic);
    let outcome: () => void;
    try {
      const limits = await askPatiently(topic);
      known.set(topic, limits);
      outcome = () => onFound(topic, limits);
    } catch (error) {
      outcome = () => onFailed(topic, permanentRefusal(topic, error) ?? error);
    }
    running.delete(topic);
    outcome();
  };

  return {
    get: (topic) => known.get(topic),
    isLookingUp: (topic) => running.has(topic),
    lookUp(topic) {
      if (!running.has(topic)) void lookUp(topic);
    },
    forget: (topic) => void known.delete(topic),
  };
}

export function createAskTopic(session: AdminSession, settings: TopicSettings): AskTopic {
  return (topic) =>
    session.run(async (admin) => {
      const partitions = await partitionsOf(admin, topic);
      const maxBytes = (await settings.read(admin, [topic])).get(topic)?.[RECORD_SIZE];
      return {
        partitions: partitions.length,
        maxBatchBytes: Number(maxBytes ?? RECORD_BYTES) - BATCH_OVERHEAD_BYTES,
        isAssumed: maxBytes === undefined,
      };
    });
}

export type AppendRefusal = AppendRejected | AppendForbidden;

export function isAppendRefusal(error: unknown): error is AppendRefusal {
  return error instanceof AppendRejected || error instanceof AppendForbidden;
}

/** Why nothing can be appended to the topic; null when the failure may pass. */
export function permanentRefusal(topic: string, error: unknown): AppendRefusal | null {
  if (error instanceof TopicMissing) return new AppendRejected(error.message, { cause: error });
  if (isForbidden(error)) {
    const grant = grantText({ operation: 'WRITE', resource: 'topic', names: [topic] });
    return new AppendForbidden(`This client may not write to ${topic}. ${grant}`, { cause: error });
  }
  return protocolErrorType(error) === 'INVALID_TOPIC_EXCEPTION'
    ? new AppendRejected(`${topic} is no name of a topic; correct it`, { cause: error })
    : null;
}

/**
 * Why this record can never be written to its partition; null when it can, as far as one can tell without asking the
 * broker.
 */
export function refusalOf(
  { topic, partition }: PartitionId,
  record: Pick<WaitingRecord, 'what' | 'contentBytes'>,
  limits: TopicLimits,
): AppendRejected | null {
  const { what, contentBytes } = record;
  if (partition < 0 || partition >= limits.partitions) {
    return new AppendRejected(`${topic}[${partition}] does not exist: the topic has ${limits.partitions} partitions`);
  }
  if (contentBytes <= limits.maxBatchBytes) return null;
  const assumed = limits.isAssumed === true ? ' (assumed: this user may not read its settings)' : '';
  const otherwise =
    limits.isAssumed === true
      ? `. ${grantText({ operation: 'DESCRIBE_CONFIGS', resource: 'topic', names: [topic] })}`
      : ', or raise max.message.bytes';
  return new RecordTooLarge(
    `${what} has ${contentBytes} bytes and ${topic} takes ${limits.maxBatchBytes}${assumed}; shorten it${otherwise}`,
    { bytes: contentBytes, limitBytes: limits.maxBatchBytes },
  );
}
