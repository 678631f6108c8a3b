import type { KafkaMessage } from 'ravenhelm-kafkajs';
import type { AnyContent, AnyRecord, LogRecord, PartitionId } from '../ports/log.js';
import type { Codec } from '../avro/codec.js';

/** What a fetched batch gave from a position on. */
export interface ReadBatch {
  readonly records: readonly LogRecord[];
  /** Offset after the last record. */
  readonly position: number;
  /** Why reading stopped before the batch's end; null when it did not. */
  readonly stop: ReadStop | null;
}

export type ReadStop =
  | { readonly kind: 'schema_needed'; readonly schemaId: number }
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** The batch begins below what the client was told to bring next: it was reset. */
  | { readonly kind: 'rewound' }
  /** The next record that the broker has lies behind the position. */
  | { readonly kind: 'gap'; readonly nextOffset: number };

/**
 * Decodes, without waiting, what can be decoded.
 * @param from the next offset to deliver
 * @param expected the first offset that the client may bring: what lies between it and from was delivered before
 */
export function readBatch(
  codec: Codec,
  { topic, partition }: PartitionId,
  messages: readonly KafkaMessage[],
  from: number,
  expected = from,
): ReadBatch {
  const records: LogRecord[] = [];
  let position = from;
  const firstOffset = Number(messages[0]?.offset ?? from);
  if (firstOffset < expected) return { records, position, stop: { kind: 'rewound' } };
  for (const message of messages) {
    const offset = Number(message.offset);
    if (offset < position) continue;
    if (offset > position) return { records, position, stop: { kind: 'gap', nextOffset: offset } };
    const content = codec.decode(message.value);
    if (content.kind === 'schema_needed' || content.kind === 'unreadable') return { records, position, stop: content };
    records.push(recordOf({ topic, partition }, message, content));
    position = offset + 1;
  }
  return { records, position, stop: null };
}

/** A message as a record. Its bytes are the client's own: they live as long as somebody holds the record. */
export function recordOf<C extends AnyContent>(
  { topic, partition }: PartitionId,
  message: KafkaMessage,
  content: C,
): Omit<AnyRecord, 'content'> & { readonly content: C } {
  const { key, value, headers } = message;
  return {
    topic,
    partition,
    offset: Number(message.offset),
    timestampMs: Number(message.timestamp),
    key: key?.toString() ?? null,
    content,
    bytes: { key, value },
    ...(headers === undefined ? {} : { headers }),
  };
}
