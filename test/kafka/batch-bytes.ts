/** Record batches of format v2 by hand. */
import { gzipSync } from 'node:zlib';
import { crc32c } from '../../src/kafka/batches/checksum.js';
import { javaBatch } from './java-batches.js';

const HEADER_BYTES = 61;

export interface BatchFields {
  readonly baseOffset?: number;
  readonly lastOffsetDelta?: number;
  readonly attributes?: number;
  readonly producerId?: bigint;
  readonly recordCount?: number;
  /** What follows the header: the records, packed or not. */
  readonly records?: Buffer;
}

export const CODEC = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;
export const TRANSACTIONAL = 0x10;

/** The batch with other fields, and the checksum of those. */
export function changed(batch: Buffer, fields: BatchFields): Buffer {
  const records = fields.records ?? batch.subarray(HEADER_BYTES);
  const bytes = Buffer.concat([batch.subarray(0, HEADER_BYTES), records]);
  bytes.writeInt32BE(bytes.length - 12, 8);
  if (fields.baseOffset !== undefined) bytes.writeBigInt64BE(BigInt(fields.baseOffset));
  if (fields.attributes !== undefined) bytes.writeInt16BE(fields.attributes, 21);
  if (fields.lastOffsetDelta !== undefined) bytes.writeInt32BE(fields.lastOffsetDelta, 23);
  if (fields.producerId !== undefined) bytes.writeBigInt64BE(fields.producerId, 43);
  if (fields.recordCount !== undefined) bytes.writeInt32BE(fields.recordCount, 57);
  bytes.writeUInt32BE(crc32c(bytes, 21), 17);
  return bytes;
}

/** One bit of a byte is another. */
export function flipped(batch: Buffer, at: number): Buffer {
  const bytes = Buffer.from(batch);
  bytes[at] = (bytes[at] ?? 0) ^ 0x04;
  return bytes;
}

export const recordsOf = (batch: Buffer): Buffer => batch.subarray(HEADER_BYTES);

/** A record of so many zeros, which a few kilobytes hold. */
export function bombOf(bytes: number): Buffer {
  const varint = (value: number): Buffer => {
    const parts: number[] = [];
    for (let left = value * 2; ; left = Math.floor(left / 128)) {
      if (left < 128) return Buffer.from([...parts, left]);
      parts.push((left % 128) + 128);
    }
  };
  const body = Buffer.concat([Buffer.from([0, 0, 0, 1]), varint(bytes), Buffer.alloc(bytes), Buffer.from([0])]);
  const records = gzipSync(Buffer.concat([varint(body.length), body]));
  return changed(javaBatch('none, 1 record').bytes, { baseOffset: 0, attributes: CODEC.gzip, records });
}
