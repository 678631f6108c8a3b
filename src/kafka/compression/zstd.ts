/**
 * Zstandard frames (RFC 8878), unpacked by fzstd: node has its own decoder only since 22.15. The frames are measured
 * first, for fzstd allocates whatever window or content a header declares, and takes one frame at a time within a
 * limit.
 */
import { Decompress, decompress } from 'fzstd';
import { CannotUnpack, tooLarge } from './cannot-unpack.js';

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** What zstd's own decoder takes by default (ZSTD_WINDOWLOG_LIMIT_DEFAULT); level 22 needs it. */
const LARGEST_WINDOW_BYTES = 128 * 1024 * 1024;
const [RAW, RUN, PACKED] = [0, 1, 2];
const BLOCK_HEADER_BYTES = 3;
/** In a frame that has one: behind the magic number and the descriptor. */
const WINDOW_AT = 5;

/** A packed block holds no more, whatever its window. */
const BLOCK_BYTES = 128 * 1024;

interface Frame {
  readonly end: number;
  /** Of its blocks, at most. */
  readonly atMostBytes: number;
  /** null: the header does not say. */
  readonly contentBytes: number | null;
}

/** @throws CannotUnpack, or the library's error, when the bytes are damaged or unpack to more than the limit */
export function unpackZstd(packed: Buffer, limitBytes: number): Buffer {
  const parts: Uint8Array[] = [];
  let unpacked = 0;
  for (let at = 0; at < packed.length; ) {
    const magic = read(packed, at, 4);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      at += 8 + read(packed, at + 4, 4);
      continue;
    }
    if (magic !== MAGIC) throw damaged('a frame begins with another magic number');
    const frame = measureFrame(packed, at);
    const take = (part: Uint8Array): void => {
      unpacked += part.length;
      if (unpacked > limitBytes) throw tooLarge(limitBytes);
      parts.push(part);
    };
    if ((frame.contentBytes ?? 0) > limitBytes - unpacked) throw tooLarge(limitBytes);
    unpackFrame(packed.subarray(at, frame.end), frame, take);
    at = frame.end;
  }
  return Buffer.concat(parts, unpacked);
}

function unpackFrame(bytes: Buffer, { contentBytes, atMostBytes }: Frame, take: (part: Uint8Array) => void): void {
  if (contentBytes === null) new Decompress((part) => take(part)).push(withSmallWindow(bytes, atMostBytes), true);
  else take(decompress(bytes, new Uint8Array(contentBytes)));
}

/**
 * fzstd moves its whole window for each block: a window of 128 MB, which level 22 declares, makes a second of a
 * megabyte. One as large as the content holds all that a block can refer to.
 */
function withSmallWindow(frame: Buffer, contentBytes: number): Buffer {
  const exponent = Math.ceil(Math.log2(Math.max(contentBytes, BLOCK_BYTES))) - 10;
  const descriptor = exponent << 3;
  if (descriptor >= (frame[WINDOW_AT] ?? 0)) return frame;
  const copy = Buffer.from(frame);
  copy[WINDOW_AT] = descriptor;
  return copy;
}

function measureFrame(packed: Buffer, start: number): Frame {
  const descriptor = read(packed, start + 4, 1);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  let at = start + 5;
  if (!isSingleSegment) {
    checkWindow(read(packed, at, 1));
    at += 1;
  }
  if (dictionaryBytes > 0 && read(packed, at, dictionaryBytes) !== 0)
    throw new CannotUnpack('its zstd data needs a dictionary');
  at += dictionaryBytes;
  const size = sizeBytes === 0 ? null : read(packed, at, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  const hasChecksum = (descriptor & 0x04) !== 0;
  const blocks = measureBlocks(packed, at + sizeBytes);
  return { ...blocks, end: blocks.end + (hasChecksum ? 4 : 0), contentBytes: size };
}

function checkWindow(descriptor: number): void {
  const base = 2 ** (10 + (descriptor >> 3));
  const window = base + (base / 8) * (descriptor & 7);
  if (window > LARGEST_WINDOW_BYTES)
    throw new CannotUnpack(`its zstd data needs a window of ${window} bytes, and ${LARGEST_WINDOW_BYTES} is the limit`);
}

function measureBlocks(packed: Buffer, start: number): Pick<Frame, 'end' | 'atMostBytes'> {
  let atMostBytes = 0;
  for (let at = start; ; ) {
    const header = read(packed, at, BLOCK_HEADER_BYTES);
    const type = (header >> 1) & 3;
    if (type !== RAW && type !== RUN && type !== PACKED) throw damaged('a block has a reserved type');
    atMostBytes += type === PACKED ? BLOCK_BYTES : header >> 3;
    at += BLOCK_HEADER_BYTES + (type === RUN ? 1 : header >> 3);
    if (at > packed.length) throw damaged('it ends within a block');
    if ((header & 1) !== 0) return { end: at, atMostBytes };
  }
}

/** Little endian; of eight bytes exact up to 2^53, which is above every limit. */
function read(packed: Buffer, at: number, bytes: number): number {
  if (at + bytes > packed.length) throw damaged('it ends within a frame');
  if (bytes === 8) return packed.readUInt32LE(at) + packed.readUInt32LE(at + 4) * 2 ** 32;
  return packed.readUIntLE(at, bytes);
}

const damaged = (how: string): CannotUnpack => new CannotUnpack(`its zstd data is damaged: ${how}`);
