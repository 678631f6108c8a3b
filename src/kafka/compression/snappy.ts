import { uncompress } from 'snappyjs';
import { CannotUnpack, tooLarge } from './cannot-unpack.js';

/**
 * The framing of snappy-java, which the Java client and most others write: this magic, two versions of four bytes, then
 * blocks with their length. Streams may follow one another, each with its header. Some clients (librdkafka with old
 * brokers, Sarama) write one raw block without it. Source: SnappyInputStream.java, SnappyCodec.java of snappy-java.
 */
const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const HEADER_BYTES = 16;
const LENGTH_BYTES = 4;

/** @throws CannotUnpack, or the library's error, when the bytes are damaged or unpack to more than the limit */
export function unpackSnappy(packed: Buffer, limitBytes: number): Buffer {
  if (!hasHeaderAt(packed, 0)) return unpackBlock(packed, limitBytes);
  const blocks: Buffer[] = [];
  let unpacked = 0;
  for (let at = 0; at < packed.length; ) {
    if (hasHeaderAt(packed, at)) {
      at += HEADER_BYTES;
      continue;
    }
    if (at + LENGTH_BYTES > packed.length) throw new CannotUnpack('its snappy data ends within a block');
    const length = packed.readUInt32BE(at);
    const start = at + LENGTH_BYTES;
    at = start + length;
    if (at > packed.length) throw new CannotUnpack('its snappy data ends within a block');
    const block = unpackBlock(packed.subarray(start, at), limitBytes - unpacked, limitBytes);
    unpacked += block.length;
    blocks.push(block);
  }
  return blocks.length === 1 && blocks[0] !== undefined ? blocks[0] : Buffer.concat(blocks, unpacked);
}

function hasHeaderAt(packed: Buffer, at: number): boolean {
  return packed.length >= at + HEADER_BYTES && packed.compare(MAGIC, 0, MAGIC.length, at, at + MAGIC.length) === 0;
}

/** A raw block begins with the length of what it holds. */
function unpackBlock(block: Buffer, leftBytes: number, limitBytes = leftBytes): Buffer {
  if (declaredLength(block) > leftBytes) throw tooLarge(limitBytes);
  return uncompress(block);
}

/** An unsigned varint of at most five bytes. */
function declaredLength(block: Buffer): number {
  let length = 0;
  for (let at = 0; at < 5; at += 1) {
    const byte = block[at];
    if (byte === undefined) break;
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return length;
  }
  throw new CannotUnpack('its snappy data has no length');
}
