import type { KafkaMessage } from 'ravenhelm-kafkajs';
import type { Codec } from '../avro/codec.js';
import { partitionName, type AnyRecord, type LogRecord, type PartitionId, type RecordContent } from '../ports/log.js';
import type { UndecodableBatch } from './batches/found.js';
import { unreadIn } from './fetch-answer.js';
import type { ReadBatch } from './reading/inputs.js';

/** What a fetch brought of a partition. */
export interface Fetched {
  /** Without control records and aborted transactions, which readers never see. */
  readonly messages: readonly KafkaMessage[];
  /** Offsets of the first and the last record in it, seen or not. */
  readonly first: number;
  readonly last: number;
}

export interface ReadFrom {
  /** The next offset to deliver. */
  readonly position: number;
  /** The first offset that the client may bring: what lies between it and the position was delivered before. */
  readonly expected: number;
  /** Whether what this build cannot read, and a hole before the batch, end the reading; a watch passes both. */
  readonly stops: boolean;
}

/** Decodes, without waiting, what can be decoded. */
export function readBatch(codec: Codec, place: PartitionId, fetched: Fetched, from: ReadFrom): ReadBatch {
  const { messages, first, last } = fetched;
  const records: AnyRecord[] = [];
  let { position } = from;
  if (first < from.expected) return { records, position, stop: { kind: 'rewound' } };
  if (first > position && from.stops) return { records, position, stop: { kind: 'gap', nextOffset: first } };
  for (const message of messages) {
    const offset = Number(message.offset);
    const unreadable = unreadIn(message);
    // Of a batch that was read before, as what this process has appended: the next fetch begins behind it.
    if (unreadable?.kind === 'corrupt' && offset < position) return { records, position, stop: null };
    if (offset < position) continue;
    if (unreadable?.kind === 'corrupt') return { records, position, stop: unreadable };
    // What lies between two records of one answer was there, and is nothing for readers.
    position = offset;
    const content = unreadable === null ? codec.decode(message.value) : lostBatch(place, unreadable.batch);
    if (content.kind === 'schema_needed')
      return { records, position, stop: { ...content, record: unread(place, message) } };
    if (content.kind === 'unreadable' && from.stops) return { records, position, stop: content };
    records.push({ ...unread(place, message), content });
    position = offset + 1;
  }
  return { records, position: Math.max(position, last + 1), stop: null };
}

/** No build can decode it: it becomes a dead letter, and reading continues behind it. */
function lostBatch(place: PartitionId, { baseOffset, lastOffset, codec, reason }: UndecodableBatch): RecordContent {
  const span = `${baseOffset} to ${lastOffset} of ${partitionName(place)}, codec ${codec}`;
  const why = `the batch of records ${span}, cannot be decoded: ${reason}`;
  return { kind: 'poison', reason: why, value: null, batch: { baseOffset, codec } };
}

/** What a date can be; a writer's own time may be any number of 64 bits. */
const LATEST_MS = 8.64e15;
const NO_TIME = -1;

/** A message as a record without its content. Its bytes are the client's own: they live as long as the record does. */
function unread({ topic, partition }: PartitionId, message: KafkaMessage): Omit<AnyRecord, 'content'> {
  const { key, value, headers } = message;
  return {
    topic,
    partition,
    offset: Number(message.offset),
    timestampMs: Math.min(LATEST_MS, Math.max(NO_TIME, Number(message.timestamp))),
    key: key?.toString() ?? null,
    bytes: { key, value },
    ...(headers === undefined ? {} : { headers }),
  };
}

export function isReadable(record: AnyRecord): record is LogRecord {
  return record.content.kind !== 'unreadable';
}
