import type { ClientHeaders } from './record-copy.js';

/** The most that the length fields, attributes, offset and timestamp of a record take (format v2). */
const RECORD_OVERHEAD_BYTES = 36;
const HEADER_OVERHEAD_BYTES = 10;

/**
 * content: bytes of key, value and headers, what the record takes at least. batch: what it takes at most in a batch.
 */
export function recordSize(
  key: Buffer | string | null,
  value: Buffer | null,
  headers: ClientHeaders,
): { readonly content: number; readonly batch: number } {
  let content = Buffer.byteLength(key ?? '') + (value?.length ?? 0);
  let batch = RECORD_OVERHEAD_BYTES;
  for (const name in headers) {
    for (const each of [headers[name] ?? ''].flat()) {
      content += Buffer.byteLength(name) + Buffer.byteLength(each);
      batch += HEADER_OVERHEAD_BYTES;
    }
  }
  return { content, batch: batch + content };
}
