/**
 * Record batches as the log holds them: format v2 (magic 2), uncompressed, without a producer id, every record with the
 * same time. Source: the Kafka protocol guide, "Message format", Record Batch and Record.
 */
import type { ProducedMessage } from 'ravenhelm-kafkajs/src/protocol/requests/produce/v3/request.js';
import { crc32c } from './batches/checksum.js';

/** Measured once, written once. */
export interface MeasuredBatch {
  readonly bytes: number;
  /** Writes it at this position; returns the one behind it. */
  write(target: Buffer, at: number): number;
}

/** From the base offset to the number of records. */
const HEADER_BYTES = 61;
/** What the length field does not count: base offset and length themselves. */
const BEFORE_LENGTH_BYTES = 12;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const MAGIC = 2;
const NO_PRODUCER = -1n;

export function measureBatch(records: readonly ProducedMessage[], timestampMs: number): MeasuredBatch {
  const measured = records.map(measureRecord);
  const bytes = measured.reduce((sum, { bytes: body }) => sum + sizeOfVarint(body) + body, HEADER_BYTES);
  return {
    bytes,
    write(target, at) {
      const end = measured.reduce((position, record) => writeRecord(target, position, record), at + HEADER_BYTES);
      target.writeBigInt64BE(0n, at);
      target.writeInt32BE(bytes - BEFORE_LENGTH_BYTES, at + 8);
      target.writeInt32BE(0, at + 12); // the leader's epoch, which the broker sets
      target.writeInt8(MAGIC, at + 16);
      target.writeInt16BE(0, at + ATTRIBUTES_AT);
      target.writeInt32BE(records.length - 1, at + 23);
      target.writeBigInt64BE(BigInt(timestampMs), at + 27);
      target.writeBigInt64BE(BigInt(timestampMs), at + 35);
      target.writeBigInt64BE(NO_PRODUCER, at + 43);
      target.writeInt16BE(0, at + 51);
      target.writeInt32BE(0, at + 53);
      target.writeInt32BE(records.length, at + 57);
      target.writeUInt32BE(crc32c(target, at + ATTRIBUTES_AT, end), at + CRC_AT);
      return end;
    },
  };
}

interface MeasuredRecord {
  readonly offsetDelta: number;
  /** Key, value, then name and value of each header, with the bytes of each; -1: null. */
  readonly parts: readonly (Buffer | string | null)[];
  readonly lengths: readonly number[];
  /** Of all of it but its own length. */
  readonly bytes: number;
}

function measureRecord({ key = null, value, headers = {} }: ProducedMessage, offsetDelta: number): MeasuredRecord {
  const parts: (Buffer | string | null)[] = [key, value];
  for (const name in headers) {
    const values = headers[name];
    for (const each of Array.isArray(values) ? values : [values ?? null]) parts.push(name, each);
  }
  const lengths: number[] = [];
  let bytes = 2 + sizeOfVarint(offsetDelta) + sizeOfVarint((parts.length - 2) / 2); // attributes and time, a byte each
  for (const part of parts) {
    const length = part === null ? -1 : Buffer.byteLength(part);
    lengths.push(length);
    bytes += sizeOfVarint(length) + Math.max(0, length);
  }
  return { offsetDelta, parts, lengths, bytes };
}

function writeRecord(target: Buffer, at: number, { offsetDelta, parts, lengths, bytes }: MeasuredRecord): number {
  let position = writeVarint(target, at, bytes);
  target[position] = 0;
  target[position + 1] = 0;
  position = writeVarint(target, position + 2, offsetDelta);
  for (const [index, part] of parts.entries()) {
    if (index === 2) position = writeVarint(target, position, (parts.length - 2) / 2);
    const length = lengths[index] ?? -1;
    position = writeVarint(target, position, length);
    if (typeof part === 'string') target.write(part, position);
    else part?.copy(target, position);
    position += Math.max(0, length);
  }
  return parts.length > 2 ? position : writeVarint(target, position, 0);
}

/** Zigzag: of a number between -2^30 and 2^30. */
const zigzag = (value: number): number => ((value << 1) ^ (value >> 31)) >>> 0;

function sizeOfVarint(value: number): number {
  let size = 1;
  for (let rest = zigzag(value); rest > 0x7f; rest >>>= 7) size += 1;
  return size;
}

function writeVarint(target: Buffer, at: number, value: number): number {
  let position = at;
  let rest = zigzag(value);
  for (; rest > 0x7f; rest >>>= 7) target[position++] = (rest & 0x7f) | 0x80;
  target[position++] = rest;
  return position;
}
