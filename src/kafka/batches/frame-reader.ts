/** Reads the fields of an answer, one after the other; each throws RangeError where the answer ends too soon. */
export interface FrameReader {
  int16(): number;
  int32(): number;
  /** Exact up to 2^53, as offsets are. */
  int64(): number;
  bigInt64(): bigint;
  string(): string;
  /** The same memory; empty for null. */
  bytes(): Buffer;
  /** Empty for null. */
  array<T>(read: () => T): readonly T[];
}

export function createFrameReader(frame: Buffer): FrameReader {
  let at = 0;
  const take = (bytes: number): number => {
    if (bytes < 0 || at + bytes > frame.length)
      throw new RangeError(`the answer ends within a field of ${bytes} bytes`);
    const from = at;
    at += bytes;
    return from;
  };
  const int16 = () => frame.readInt16BE(take(2));
  const int32 = () => frame.readInt32BE(take(4));
  const bigInt64 = () => frame.readBigInt64BE(take(8));
  const slice = (bytes: number) => {
    const from = take(bytes);
    return frame.subarray(from, from + bytes);
  };
  return {
    int16,
    int32,
    bigInt64,
    int64: () => Number(bigInt64()),
    string: () => slice(int16()).toString(),
    bytes: () => slice(Math.max(0, int32())),
    array(read) {
      const count = int32();
      const items: ReturnType<typeof read>[] = [];
      for (let index = 0; index < count; index += 1) items.push(read());
      return items;
    },
  };
}
