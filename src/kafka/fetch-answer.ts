/**
 * The answer to a fetch, read here instead of by kafkajs 2.2.4, which has these defects (protocol/requests/fetch,
 * protocol/recordBatch, protocol/messageSet, consumer/batch.js, consumer/filterAbortedMessages.js):
 *
 * - It knows gzip only: one batch in another codec ends every fetch of the member, without end (#597, #1141, #1475).
 * - It checks no checksum, and unpacks whatever a batch holds.
 * - A batch that cannot be decoded rejects the whole answer, with what it has of other partitions.
 * - A batch that compaction has emptied is fetched again and again.
 * - It passes on records of aborted transactions (batches/aborted-transactions.ts).
 * - It takes all records of an answer for the format of the first.
 */
import type { KafkaMessage } from 'ravenhelm-kafkajs';
import type { FetchArguments, PartitionAnswer } from 'ravenhelm-kafkajs/src/broker/index.js';
import type { AbortedTransaction } from './batches/aborted-transactions.js';
import { createFrameReader, type FrameReader } from './batches/frame-reader.js';
import type { Found, UndecodableBatch } from './batches/found.js';
import {
  createReadingBudget,
  READING_LIMITS,
  type ReadingBudget,
  type ReadingLimits,
} from './batches/reading-budget.js';
import { decodeRecordSet } from './batches/record-set.js';
import type { ChangeRequest } from './own-requests.js';

export const FETCH_API = 1;
/** The versions of the answer that have these layouts; brokers since 2.3 speak the newest. */
const [OLDEST, WITH_LOG_START, WITH_SESSION, WITH_REPLICA] = [4, 5, 7, 11];
/** The broker itself has found that what it holds is damaged. */
const CORRUPT_MESSAGE = 2;
const NO_ERROR = 0;

/** Records that could not be read: a message of a kafkajs batch marks their place. */
export type Unread =
  | { readonly kind: 'undecodable'; readonly batch: UndecodableBatch }
  | { readonly kind: 'corrupt'; readonly reason: string };

/** How far the log of a partition goes, said with what was fetched of it. */
export interface LogEnds {
  /** Behind the last record that all in-sync replicas have. */
  readonly highWatermark: number;
  /** Where the oldest transaction begins that is still open; else the high watermark. */
  readonly lastStableOffset: number;
  /** As they came. */
  readonly recordBytes: Buffer;
}

const unreadOf = new WeakMap<object, Unread>();
const endsOf = new WeakMap<object, LogEnds>();

/** null for a message that was read. */
export function unreadIn(message: object): Unread | null {
  return unreadOf.get(message) ?? null;
}

/** @param messages of a partition's answer, as decoded here */
export function logEnds(messages: object): LogEnds | null {
  return endsOf.get(messages) ?? null;
}

/** Reads the answers of these versions here; the error codes in them are looked at as before. */
export const readFetchAnswers: ChangeRequest = (args, made) => {
  const { apiVersion } = made.request;
  if (!('topics' in args) || apiVersion < OLDEST || apiVersion > WITH_REPLICA) return made;
  return { ...made, response: { ...made.response, decode: (payload) => decodeFetch(payload, apiVersion, args) } };
};

/** What kafkajs makes its batches of: one batch for each partition. */
export interface FetchAnswer {
  readonly throttleTime: number;
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  readonly responses: readonly { readonly topicName: string; readonly partitions: readonly PartitionAnswer[] }[];
}

/**
 * @param payload behind the correlation id
 * @throws RangeError where it ends too soon
 */
export function decodeFetch(
  payload: Buffer,
  version: number,
  { topics }: Pick<FetchArguments, 'topics'>,
  limits: ReadingLimits = READING_LIMITS,
): FetchAnswer {
  const reader = createFrameReader(payload);
  const budget = createReadingBudget(limits);
  const throttleMs = reader.int32();
  const hasSession = version >= WITH_SESSION;
  const [errorCode, sessionId] = hasSession ? [reader.int16(), reader.int32()] : [NO_ERROR, 0];
  const responses = reader.array(() => {
    const topicName = reader.string();
    const asked = topics.filter(({ topic }) => topic === topicName).flatMap(({ partitions }) => partitions);
    const fromOf = (partition: number): number =>
      Number(asked.find((each) => each.partition === partition)?.fetchOffset ?? 0);
    return { topicName, partitions: reader.array(() => readPartition(reader, version, fromOf, budget)) };
  });
  // The broker has not held the answer back for it: the client is to do that.
  return { throttleTime: 0, clientSideThrottleTime: throttleMs, errorCode, sessionId, responses };
}

function readPartition(
  reader: FrameReader,
  version: number,
  fromOf: (partition: number) => number,
  budget: ReadingBudget,
): PartitionAnswer & { readonly preferredReadReplica: number } {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  const lastStableOffset = reader.int64();
  const lastStartOffset = version >= WITH_LOG_START ? reader.int64() : -1;
  const aborted: readonly AbortedTransaction[] = reader.array(() => ({
    producerId: reader.bigInt64(),
    firstOffset: reader.int64(),
  }));
  const preferredReadReplica = version >= WITH_REPLICA ? reader.int32() : -1;
  const recordBytes = reader.bytes();
  const from = fromOf(partition);
  const isDamaged = errorCode === CORRUPT_MESSAGE;
  const reason = 'the broker says that what it holds is damaged (CORRUPT_MESSAGE)';
  const found: readonly Found[] = isDamaged
    ? [{ kind: 'corrupt', first: from, last: from, reason }]
    : decodeRecordSet({ bytes: recordBytes, from, aborted }, budget);
  const messages = messagesOf(found);
  endsOf.set(messages, { highWatermark, lastStableOffset, recordBytes });
  return {
    partition,
    errorCode: isDamaged ? NO_ERROR : errorCode,
    highWatermark: String(highWatermark),
    ...{ lastStableOffset: String(lastStableOffset), lastStartOffset: String(lastStartOffset) },
    ...{ abortedTransactions: [], preferredReadReplica },
    messages,
  };
}

type Message = KafkaMessage & { readonly isControlRecord: boolean };

/**
 * What kafkajs makes a batch of. A hidden message, which it takes for a control record, says how far what was brought
 * begins before the first that readers see, and ends behind the last.
 */
export function messagesOf(found: readonly Found[]): readonly Message[] {
  const messages = found.flatMap(visibleMessages);
  const [first, last] = [found[0]?.first, found.at(-1)?.last];
  if (first !== undefined && first < Number(messages[0]?.offset ?? Infinity)) messages.unshift(hiddenAt(first));
  if (last !== undefined && last > Number(messages.at(-1)?.offset ?? -1)) messages.push(hiddenAt(last));
  return messages;
}

function visibleMessages(found: Found): readonly Message[] {
  switch (found.kind) {
    case 'records':
      return found.records.map(({ offset, timestampMs, key, value, headers }) =>
        messageAt(offset, { timestampMs, key, value, headers }),
      );
    case 'undecodable': {
      const mark = messageAt(found.last, { timestampMs: found.batch.timestampMs });
      unreadOf.set(mark, { kind: 'undecodable', batch: found.batch });
      return [mark];
    }
    case 'corrupt': {
      const mark = messageAt(found.last, {});
      unreadOf.set(mark, { kind: 'corrupt', reason: found.reason });
      return [mark];
    }
    case 'hidden':
      return [];
  }
}

interface Content {
  readonly timestampMs?: number;
  readonly key?: Buffer | null;
  readonly value?: Buffer | null;
  readonly headers?: NonNullable<KafkaMessage['headers']>;
}

function messageAt(
  offset: number,
  { timestampMs = -1, key = null, value = null, headers = {} }: Content,
  isControlRecord = false,
): Message {
  const timestamp = String(timestampMs);
  return { key, value, timestamp, attributes: 0, offset: String(offset), headers, isControlRecord };
}

const hiddenAt = (offset: number): Message => messageAt(offset, {}, true);
