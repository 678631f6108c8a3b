/**
 * LZ4 frames, each with blocks of tokens. Written here because no package of the registry decodes them within a limit
 * of bytes: lz4-napi takes whatever a frame unpacks to, and is native code for each platform; lz4js gave wrong bytes
 * without an error. Checksums are not checked: the batch's own covers the same bytes, and what the Java client wrote
 * before 0.10 has a wrong one (KAFKA-3160). Linked blocks read from what was unpacked before them.
 *
 * Sources: lz4_Frame_format.md and lz4_Block_format.md of the lz4 project.
 */
import { CannotUnpack, tooLarge } from './cannot-unpack.js';

const MAGIC = 0x184d2204;
const SKIPPABLE_MAGIC = 0x184d2a50;
const VERSION = 1;
const [BLOCK_CHECKSUMS, CONTENT_SIZE, CONTENT_CHECKSUM, DICTIONARY] = [0x10, 0x08, 0x04, 0x01];
const STORED_BLOCK = 0x80000000;
const SHORTEST_MATCH = 4;
const FIRST_CAPACITY = 64 * 1024;

/** @throws CannotUnpack when the bytes are damaged or unpack to more than the limit */
export function unpackLz4(packed: Buffer, limitBytes: number): Buffer {
  const output = createOutput(limitBytes);
  for (let at = 0; at < packed.length; ) {
    const magic = readUInt32(packed, at);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) at += 8 + readUInt32(packed, at + 4);
    else if (magic === MAGIC) at = unpackFrame(packed, at + 4, output);
    else throw damaged('a frame begins with another magic number');
  }
  return output.bytes();
}

/** Returns where the frame ends. @param start behind the magic number */
function unpackFrame(packed: Buffer, start: number, output: Output): number {
  const flags = packed[start] ?? 0;
  if (flags >> 6 !== VERSION) throw damaged(`a frame has version ${flags >> 6}`);
  if ((flags & DICTIONARY) !== 0) throw new CannotUnpack('its lz4 data needs a dictionary');
  // Flags, block size, the size of the content, the header's checksum.
  let at = start + 2 + ((flags & CONTENT_SIZE) === 0 ? 0 : 8) + 1;
  output.beginFrame();
  for (;;) {
    const size = readUInt32(packed, at);
    at += 4;
    if (size === 0) break;
    const end = at + (size & ~STORED_BLOCK);
    if (end > packed.length) throw damaged('it ends within a block');
    if ((size & STORED_BLOCK) === 0) unpackBlock(packed, at, end, output);
    else output.copyFrom(packed, at, end);
    at = end + ((flags & BLOCK_CHECKSUMS) === 0 ? 0 : 4);
  }
  return at + ((flags & CONTENT_CHECKSUM) === 0 ? 0 : 4);
}

/** Sequences: a token, literals, and where to copy what was unpacked before from; the last has literals only. */
function unpackBlock(packed: Buffer, start: number, end: number, output: Output): void {
  let at = start;
  const more = (length: number): number => {
    let sum = length;
    if (length !== 15) return sum;
    for (let byte = 255; byte === 255; at += 1) {
      if (at >= end) throw damaged('it ends within a length');
      byte = packed[at] ?? 0;
      sum += byte;
    }
    return sum;
  };
  while (at < end) {
    const token = packed[at] ?? 0;
    at += 1;
    const literals = more(token >> 4);
    if (at + literals > end) throw damaged('it ends within literals');
    output.copyFrom(packed, at, at + literals);
    at += literals;
    if (at === end) return;
    if (at + 2 > end) throw damaged('it ends within a sequence');
    const distance = packed.readUInt16LE(at);
    at += 2;
    output.repeat(distance, more(token & 0x0f) + SHORTEST_MATCH);
  }
}

interface Output {
  /** Blocks read from no further back. */
  beginFrame(): void;
  copyFrom(source: Buffer, start: number, end: number): void;
  /** Appends so many bytes from that far back; they may overlap. */
  repeat(distance: number, length: number): void;
  bytes(): Buffer;
}

function createOutput(limitBytes: number): Output {
  let buffer = Buffer.allocUnsafe(Math.min(FIRST_CAPACITY, limitBytes));
  let length = 0;
  let frameStart = 0;
  const reserve = (more: number): void => {
    const needed = length + more;
    if (needed > limitBytes) throw tooLarge(limitBytes);
    if (needed <= buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.min(limitBytes, Math.max(needed, buffer.length * 2)));
    buffer.copy(larger, 0, 0, length);
    buffer = larger;
  };
  return {
    beginFrame: () => void (frameStart = length),
    copyFrom(source, start, end) {
      reserve(end - start);
      source.copy(buffer, length, start, end);
      length += end - start;
    },
    repeat(distance, count) {
      if (distance === 0 || distance > length - frameStart) throw damaged('it copies from before its beginning');
      reserve(count);
      const from = length - distance;
      if (distance >= count) buffer.copyWithin(length, from, from + count);
      else for (let index = 0; index < count; index += 1) buffer[length + index] = buffer[from + index] ?? 0;
      length += count;
    },
    bytes: () => buffer.subarray(0, length),
  };
}

function readUInt32(packed: Buffer, at: number): number {
  if (at + 4 > packed.length) throw damaged('it ends within a frame');
  return packed.readUInt32LE(at);
}

const damaged = (how: string): CannotUnpack => new CannotUnpack(`its lz4 data is damaged: ${how}`);
