/**
 * CRC-32C (Castagnoli), as record batches carry it: eight bytes at once, by eight tables of 256 numbers, which is more
 * than twice as fast as one at a time. Sources: RFC 3720, appendix B.4; "slicing by 8" of M. Kounavis and F. Berry.
 */
const REVERSED_POLYNOMIAL = 0x82f63b78;
const STRIDE = 8;
const SIZE = 256;
const TABLES = createTables();

function createTables(): Int32Array {
  const tables = new Int32Array(STRIDE * SIZE);
  for (let index = 0; index < tables.length; index += 1) {
    const before = tables[index - SIZE] ?? 0;
    tables[index] = index < SIZE ? ofByte(index) : (before >>> 8) ^ entry(tables, before & 0xff);
  }
  return tables;
}

function ofByte(byte: number): number {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ REVERSED_POLYNOMIAL;
  return crc;
}

/** Of the bytes from start to end; a whole number of 32 bits without a sign. */
export function crc32c(bytes: Buffer, start = 0, end = bytes.length): number {
  let crc = -1;
  let at = start;
  for (; at + STRIDE <= end; at += STRIDE) {
    crc ^= bytes.readInt32LE(at);
    crc =
      entry(TABLES, 1792 + (crc & 0xff)) ^
      entry(TABLES, 1536 + ((crc >>> 8) & 0xff)) ^
      entry(TABLES, 1280 + ((crc >>> 16) & 0xff)) ^
      entry(TABLES, 1024 + (crc >>> 24)) ^
      entry(TABLES, 768 + (bytes[at + 4] ?? 0)) ^
      entry(TABLES, 512 + (bytes[at + 5] ?? 0)) ^
      entry(TABLES, 256 + (bytes[at + 6] ?? 0)) ^
      entry(TABLES, bytes[at + 7] ?? 0);
  }
  for (; at < end; at += 1) crc = entry(TABLES, (crc ^ (bytes[at] ?? 0)) & 0xff) ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

function entry(tables: Int32Array, index: number): number {
  return tables[index] ?? 0;
}
