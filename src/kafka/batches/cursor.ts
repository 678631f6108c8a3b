/** Reads the numbers and lengths of records one after the other. */

/** The bytes are not what Kafka's format says. */
export class RecordsMalformed extends Error {
  readonly code = 'records_malformed';
  readonly retriable = false;

  constructor(reason: string) {
    super(reason);
    this.name = 'RecordsMalformed';
  }
}

/** Every method throws RecordsMalformed where the bytes end too soon. */
export interface Cursor {
  position(): number;
  isAtEnd(): boolean;
  /** Zigzag, as Kafka writes signed ones; exact up to 2^53, and nearly so above. */
  varint(): number;
  /** Behind so many bytes. @param what of which it is the length, for the error */
  skip(bytes: number, what: string): void;
  /** The same memory. null for a length of -1. */
  nullable(what: string): Buffer | null;
  int32(): number;
}

export function createCursor(bytes: Buffer, start = 0): Cursor {
  let at = start;
  const skip = (count: number, what: string): void => {
    if (count < 0 || at + count > bytes.length) throw new RecordsMalformed(`${what} has a length of ${count} bytes`);
    at += count;
  };
  const varint = (): number => {
    let low = 0;
    let high = 0;
    let byte = 0x80;
    // Four groups of seven bits in whole numbers, the rest in floating point: nearly every number is short.
    for (let shift = 0; byte >= 0x80; shift += 7) {
      if (at >= bytes.length || shift > 63) throw new RecordsMalformed('a number has no end');
      byte = bytes[at] ?? 0;
      at += 1;
      if (shift < 28) low |= (byte & 0x7f) << shift;
      else high += (byte & 0x7f) * 2 ** (shift - 28);
    }
    if (high === 0) return (low >>> 1) ^ -(low & 1);
    const half = Math.floor(low / 2) + high * 2 ** 27;
    return (low & 1) === 0 ? half : -half - 1;
  };
  return {
    position: () => at,
    isAtEnd: () => at >= bytes.length,
    varint,
    skip,
    nullable(what) {
      const length = varint();
      if (length === -1) return null;
      const from = at;
      skip(length, what);
      return bytes.subarray(from, at);
    },
    int32() {
      const from = at;
      skip(4, 'a number');
      return bytes.readInt32BE(from);
    },
  };
}
