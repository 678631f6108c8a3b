import type { KafkaMessage } from 'ravenhelm-kafkajs';
import type { Codec } from '../avro/codec.js';
import type { AnyRecord, LogRecord, PartitionId } from '../ports/log.js';
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
    if (offset < position) continue;
    // What lies between two records of one answer was there, and is nothing for readers.
    position = offset;
    const content = codec.decode(message.value);
    if (content.kind === 'schema_needed')
      return { records, position, stop: { ...content, record: unread(place, message) } };
    if (content.kind === 'unreadable' && from.stops) return { records, position, stop: content };
    records.push({ ...unread(place, message), content });
    position = offset + 1;
  }
  return { records, position: Math.max(position, last + 1), stop: null };
}

/** A message as a record without its content. Its bytes are the client's own: they live as long as the record does. */
function unread({ topic, partition }: PartitionId, message: KafkaMessage): Omit<AnyRecord, 'content'> {
  const { key, value, headers } = message;
  return {
    topic,
    partition,
    offset: Number(message.offset),
    timestampMs: Number(message.timestamp),
    key: key?.toString() ?? null,
    bytes: { key, value },
    ...(headers === undefined ? {} : { headers }),
  };
}

export function isReadable(record: AnyRecord): record is LogRecord {
  return record.content.kind !== 'unreadable';
}
