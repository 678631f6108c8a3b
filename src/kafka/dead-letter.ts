import type { AgentEvent } from '../domain/events.js';
import type { DeadLetter } from '../ports/log.js';
import type { Codec } from './codec.js';
import type { RecordHeaders } from './record-headers.js';

/** The record of a dead letter: the original's key and bytes, its origin and the error in headers. */
export function deadLetterRecord({ record, error }: DeadLetter, codec: Codec, headersOf: (event: AgentEvent) => RecordHeaders) {
  const { content } = record;
  const origin = {
    origin_topic: record.topic,
    origin_partition: String(record.partition),
    origin_offset: String(record.offset),
    origin_timestamp: String(record.timestampMs),
    error,
  };
  if (content.kind === 'event') return { key: record.key, value: codec.encode(content.event), headers: { ...headersOf(content.event), ...origin } };
  return { key: record.key, value: content.value ? Buffer.from(content.value) : null, headers: origin };
}
