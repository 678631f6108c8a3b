/**
 * What this process has appended, handed to its own readers as soon as it is acknowledged. An acknowledged record
 * (acks=all) lies in the log at the offset that the answer names; a reader that has read everything before that offset
 * reads this record next, from whichever source. So it need not wait for a fetch to bring it a second time. A reader
 * that stands anywhere else takes nothing: there is something in between that it has not read yet.
 */
import type { KafkaMessage, Message } from 'ravenhelm-kafkajs';
import type { PartitionId } from '../ports/log.js';

/** Records of one partition, one after the other. */
export interface OwnRecords extends PartitionId {
  /** Of the first. */
  readonly baseOffset: number;
  /** As a fetch would bring them; made only for a reader that takes them, and most are elsewhere. */
  messages(): readonly KafkaMessage[];
}

export interface Loopback {
  /** Tells every reader. */
  onAcknowledged(records: OwnRecords): void;
  /** Returns how not to hear any more. */
  subscribe(reader: (records: OwnRecords) => void): () => void;
}

export function createLoopback(): Loopback {
  const readers = new Set<(records: OwnRecords) => void>();
  return {
    onAcknowledged(records) {
      for (const reader of [...readers]) reader(records);
    },
    subscribe(reader) {
      readers.add(reader);
      return () => void readers.delete(reader);
    },
  };
}

/** Records as a fetch would bring them. @param timestampMs what the log has given all of them */
export function asFetched(
  messages: readonly Message[],
  baseOffset: number,
  timestampMs: number,
): readonly KafkaMessage[] {
  const timestamp = String(timestampMs);
  return messages.map(({ key, value, headers = {} }, index) => ({
    key: bytesOf(key ?? null),
    value: bytesOf(value),
    timestamp,
    attributes: 0,
    offset: String(baseOffset + index),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [
        name,
        Array.isArray(text) ? text.map(asBytes) : text === undefined ? undefined : asBytes(text),
      ]),
    ),
  }));
}

const asBytes = (text: Buffer | string): Buffer => (typeof text === 'string' ? Buffer.from(text) : text);
const bytesOf = (text: Buffer | string | null): Buffer | null => (text === null ? null : asBytes(text));
