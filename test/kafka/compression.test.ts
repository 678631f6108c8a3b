import { gzipSync } from 'node:zlib';
import { compress as packSnappy } from 'snappyjs';
import fc from 'fast-check';
import { compressFrameSync } from 'lz4-napi';
import { CannotUnpack } from '../../src/kafka/compression/cannot-unpack.js';
import { codecName, unpack } from '../../src/kafka/compression/codecs.js';
import { CODEC, recordsOf } from './batch-bytes.js';
import { JAVA_BATCHES, javaBatch } from './java-batches.js';

const MEGABYTE = 1024 * 1024;
const twice = (bytes: Buffer): Buffer => Buffer.concat([bytes, bytes]);
const packedByJava = (codec: string): Buffer => recordsOf(javaBatch(`${codec}, 1000 records`).bytes);
const SKIPPABLE = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
const FRAMED = ['gzip', 'snappy', 'lz4', 'zstd'] as const;

test.each(FRAMED)('%s: frames that follow one another are read as one', (codec) => {
  const packed = packedByJava(codec);
  const once = unpack(CODEC[codec], packed, MEGABYTE);
  expect(unpack(CODEC[codec], twice(packed), MEGABYTE).equals(twice(once))).toBe(true);
});

test.each(['lz4', 'zstd'] as const)('%s: frames that hold nothing are passed', (codec) => {
  const packed = packedByJava(codec);
  const once = unpack(CODEC[codec], packed, MEGABYTE);
  expect(unpack(CODEC[codec], Buffer.concat([SKIPPABLE, packed, SKIPPABLE]), MEGABYTE).equals(once)).toBe(true);
});

test('snappy: a raw block is read, as librdkafka and Sarama write it', () => {
  const text = Buffer.from('a record and a record and a record '.repeat(5_000));
  expect(unpack(CODEC.snappy, packSnappy(text), MEGABYTE).equals(text)).toBe(true);
});

describe('lz4', () => {
  test('gives what another implementation has packed, whatever it was', () => {
    const texts = fc.array(fc.constantFrom('task', 'wave ', '{"state":', '\u0000', 'x'), { maxLength: 3_000 });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 70_000 }), texts), fc.boolean(), (content, blockChecksums) => {
        const bytes = Array.isArray(content) ? Buffer.from(content.join('')) : Buffer.from(content);
        const packed = compressFrameSync(bytes, { contentChecksum: !blockChecksums, blockChecksums });
        return unpack(CODEC.lz4, packed, MEGABYTE).equals(bytes);
      }),
    );
  });

  // Version 1, blocks that are linked, of at most 64 kB; then the header's checksum, which is not checked.
  const HEADER = [0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0];
  const frame = (...blocks: readonly (readonly number[])[]): Buffer =>
    Buffer.from([...HEADER, ...blocks.flatMap((block) => [block.length, 0, 0, 0, ...block]), 0, 0, 0, 0]);
  const ABCD = [0x40, 0x61, 0x62, 0x63, 0x64];

  test('a linked block copies from the block before it', () => {
    // No literals, four bytes from four back; then one literal.
    const packed = frame(ABCD, [0x00, 4, 0, 0x10, 0x21]);
    expect(unpack(CODEC.lz4, packed, MEGABYTE).toString()).toBe('abcdabcd!');
  });

  test.each([
    ['copies from before its frame', Buffer.concat([frame(ABCD), frame([0x00, 4, 0, 0x10, 0x21])])],
    ['copies from nowhere', frame([0x10, 0x61, 0, 0, 0x10, 0x21])],
    ['ends within a length', frame([0xf0, 255])],
    ['ends within literals', frame([0x90, 0x61])],
    ['needs a dictionary', Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x41, 0x40, 1, 0, 0, 0, 0, 0])],
  ])('that %s is damaged', (_, packed) => {
    expect(() => unpack(CODEC.lz4, packed, MEGABYTE)).toThrow(CannotUnpack);
  });
});

describe('what unpacks to more than the limit is refused, before it is unpacked', () => {
  const zeros = Buffer.alloc(8 * MEGABYTE);
  // A frame without a size, of blocks that each say: 128 kB of one byte.
  const zstdBomb = Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]),
    ...Array.from({ length: 100_000 }, () => Buffer.from([0x02, 0x00, 0x10, 0x61])),
    Buffer.from([0x03, 0x00, 0x10, 0x61]),
  ]);
  // A single segment that declares four gigabytes, and has one block.
  const zstdClaim = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 1, 0, 0, 0, 0x03, 0x00, 0x10, 0x61]);
  const snappyClaim = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61]);
  test.each([
    ['gzip', gzipSync(zeros)],
    ['snappy', packSnappy(zeros)],
    ['snappy', snappyClaim],
    ['lz4', compressFrameSync(zeros)],
    ['zstd', zstdBomb],
    ['zstd', zstdClaim],
  ] as const)('%s', (codec, packed) => {
    const before = process.memoryUsage().arrayBuffers;
    expect(() => unpack(CODEC[codec], packed, MEGABYTE)).toThrow(
      new CannotUnpack('it unpacks to more than 1048576 bytes, which is the limit'),
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MEGABYTE);
  });

  test('and what is as long as the limit is not', () => {
    const bytes = Buffer.alloc(MEGABYTE, 'ab');
    for (const [codec, packed] of [
      [CODEC.gzip, gzipSync(bytes)],
      [CODEC.snappy, packSnappy(bytes)],
      [CODEC.lz4, compressFrameSync(bytes)],
    ] as const)
      expect(unpack(codec, packed, MEGABYTE).equals(bytes)).toBe(true);
  });
});

test('a zstd window above what its own decoder takes is refused', () => {
  const packed = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x03, 0x00, 0x10, 0x61]);
  expect(() => unpack(CODEC.zstd, packed, MEGABYTE)).toThrow(/a window of 2199023255552 bytes/);
});

test('damaged bytes are an error that says so, and nothing else', () => {
  const packed = JAVA_BATCHES.flatMap(({ name, bytes }) =>
    FRAMED.filter((codec) => name === `${codec}, 1000 records`).map((codec) => ({ codec, bytes: recordsOf(bytes) })),
  );
  expect(packed).toHaveLength(FRAMED.length);
  fc.assert(
    fc.property(fc.constantFrom(...packed), fc.nat(), fc.nat(255), fc.boolean(), ({ codec, bytes }, at, byte, cut) => {
      const damaged = Buffer.from(cut ? bytes.subarray(0, at % bytes.length) : bytes);
      damaged[at % Math.max(1, damaged.length)] = byte;
      try {
        unpack(CODEC[codec], damaged, MEGABYTE);
      } catch (error) {
        expect(error).toBeInstanceOf(CannotUnpack);
      }
    }),
    { numRuns: 400 },
  );
});

test('the numbers that Kafka has not given are no codec', () => {
  expect([0, 1, 2, 3, 4, 7].map(codecName)).toEqual(['none', 'gzip', 'snappy', 'lz4', 'zstd', 'codec 7']);
  expect(() => unpack(7, Buffer.alloc(1), 1)).toThrow('this build does not know codec 7');
});
