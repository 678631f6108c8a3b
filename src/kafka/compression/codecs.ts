/**
 * The codecs of Kafka's record batches, by the number that a batch's attributes have (KafkaJS knows gzip only). Each
 * unpacks synchronously, and no more than a limit: a batch of a megabyte may hold many gigabytes.
 */
import { gunzipSync } from 'node:zlib';
import { describeError } from '../../domain/describe-error.js';
import { CannotUnpack, tooLarge } from './cannot-unpack.js';
import { unpackLz4 } from './lz4.js';
import { unpackSnappy } from './snappy.js';
import { unpackZstd } from './zstd.js';

type Unpack = (packed: Buffer, limitBytes: number) => Buffer;

const CODEC_MASK = 0x07;

const CODECS: readonly { readonly name: string; readonly unpack: Unpack }[] = [
  { name: 'none', unpack: (bytes) => bytes },
  { name: 'gzip', unpack: unpackGzip },
  { name: 'snappy', unpack: unpackSnappy },
  { name: 'lz4', unpack: unpackLz4 },
  { name: 'zstd', unpack: unpackZstd },
];

/** Such as zstd; of a number that Kafka has not given yet: codec 7. @param attributes of a batch or a message */
export function codecName(attributes: number): string {
  const id = attributes & CODEC_MASK;
  return CODECS[id]?.name ?? `codec ${id}`;
}

export function isCompressed(attributes: number): boolean {
  return (attributes & CODEC_MASK) !== 0;
}

/**
 * @param attributes of the batch or the message
 * @throws CannotUnpack when the bytes are damaged, are of an unknown codec, or unpack to more than the limit
 */
export function unpack(attributes: number, packed: Buffer, limitBytes: number): Buffer {
  const codec = CODECS[attributes & CODEC_MASK];
  if (codec === undefined) throw new CannotUnpack(`this build does not know ${codecName(attributes)}`);
  try {
    return codec.unpack(packed, limitBytes);
  } catch (error) {
    if (error instanceof CannotUnpack) throw error;
    throw new CannotUnpack(`its ${codec.name} data is damaged: ${describeError(error)}`, { cause: error });
  }
}

function unpackGzip(packed: Buffer, limitBytes: number): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength: limitBytes });
  } catch (error) {
    throw isTooLarge(error) ? tooLarge(limitBytes) : error;
  }
}

function isTooLarge(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}
