import type { RecordHeaders } from './record-headers.js';

/** The most that the length fields, attributes, offset and timestamp of a record take (format v2). */
const RECORD_OVERHEAD_BYTES = 36;
const HEADER_OVERHEAD_BYTES = 10;

/** content: bytes of key, value and headers, what the record takes at least. batch: what it takes at most in a batch. */
export function recordSize(key: string | null, value: Buffer | null, headers: RecordHeaders): { readonly content: number; readonly batch: number } {
  let content = Buffer.byteLength(key ?? '') + (value?.length ?? 0);
  let batch = RECORD_OVERHEAD_BYTES;
  for (const name in headers) {
    content += name.length + Buffer.byteLength(headers[name] ?? '');
    batch += HEADER_OVERHEAD_BYTES;
  }
  return { content, batch: batch + content };
}
