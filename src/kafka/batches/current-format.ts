/** Record batches of format v2 (magic 2, since Kafka 0.11). Source: the Kafka protocol guide, "Message format". */
import { CannotUnpack } from '../compression/cannot-unpack.js';
import { codecName, isCompressed, unpack } from '../compression/codecs.js';
import { crc32c } from './checksum.js';
import { createCursor, RecordsMalformed, type Cursor } from './cursor.js';
import type { Found, FoundRecord, UndecodableBatch } from './found.js';
import type { ReadingBudget } from './reading-budget.js';

/** From the base offset to the number of records. */
const HEADER_BYTES = 61;
const ATTRIBUTES_AT = 21;
const [LOG_APPEND_TIME, TRANSACTIONAL, CONTROL] = [0x08, 0x10, 0x20];
const ABORT = 0;
const NOTHING = Buffer.alloc(0);

/** A batch without its records. */
export interface BatchHeader {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly attributes: number;
  readonly firstTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly recordCount: number;
}

export const isTransactional = ({ attributes }: BatchHeader): boolean => (attributes & TRANSACTIONAL) !== 0;
export const isControl = ({ attributes }: BatchHeader): boolean => (attributes & CONTROL) !== 0;

/** The header of a batch whose checksum is right. @param batch all of it; else why it cannot be trusted, in words */
export function readHeader(batch: Buffer): BatchHeader | string {
  if (batch.length < HEADER_BYTES) return `the batch has ${batch.length} bytes, fewer than its header`;
  const written = batch.readUInt32BE(17);
  const found = crc32c(batch, ATTRIBUTES_AT);
  if (written !== found) return `the checksum of the batch is ${hex(found)}, and ${hex(written)} was written`;
  const baseOffset = Number(batch.readBigInt64BE(0));
  return {
    baseOffset,
    lastOffset: baseOffset + Math.max(0, batch.readInt32BE(23)),
    attributes: batch.readInt16BE(ATTRIBUTES_AT),
    firstTimestampMs: Number(batch.readBigInt64BE(27)),
    maxTimestampMs: Number(batch.readBigInt64BE(35)),
    producerId: batch.readBigInt64BE(43),
    producerEpoch: batch.readInt16BE(51),
    recordCount: batch.readInt32BE(57),
  };
}

const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0');

/** Whether a control batch says that its producer's transaction was aborted. Kinds that are not known say nothing. */
export function isAbortMarker(batch: Buffer, header: BatchHeader): boolean {
  try {
    const records = createCursor(recordsOf(batch, header, batch.length), 0);
    const key = readRecord(records, header)?.key ?? null;
    return key !== null && key.length >= 4 && key.readInt16BE(2) === ABORT;
  } catch (error) {
    if (isUndecodable(error)) return false;
    throw error;
  }
}

/** @param from the first offset that is wanted */
export function decodeBatch(batch: Buffer, header: BatchHeader, from: number, budget: ReadingBudget): Found {
  const { baseOffset, lastOffset, attributes } = header;
  const span = { first: Math.max(baseOffset, from), last: lastOffset };
  try {
    const records = recordsOf(batch, header, budget.batchBytes);
    budget.spend(records.length);
    return { kind: 'records', ...takeRecords(records, header, from, budget) };
  } catch (error) {
    if (!isUndecodable(error)) throw error;
    const codec = codecName(attributes);
    const timestampMs = header.maxTimestampMs;
    const undecodable: UndecodableBatch = { baseOffset, lastOffset, codec, timestampMs, reason: error.message };
    return { kind: 'undecodable', ...span, batch: undecodable };
  }
}

const isUndecodable = (error: unknown): error is Error =>
  error instanceof RecordsMalformed || error instanceof CannotUnpack;

function recordsOf(batch: Buffer, { attributes, recordCount }: BatchHeader, limitBytes: number): Buffer {
  // A batch that compaction has emptied keeps its codec, and has nothing to unpack.
  const records = recordCount === 0 ? NOTHING : batch.subarray(HEADER_BYTES);
  return isCompressed(attributes) && recordCount > 0 ? unpack(attributes, records, limitBytes) : records;
}

/** All are checked, so that what a batch is does not depend on where its reader begins. */
function takeRecords(bytes: Buffer, header: BatchHeader, from: number, budget: ReadingBudget) {
  const cursor = createCursor(bytes);
  const records: FoundRecord[] = [];
  let [last, lastTaken] = [header.baseOffset - 1, header.lastOffset];
  if (header.recordCount < 0) throw new RecordsMalformed(`the batch says that it has ${header.recordCount} records`);
  for (let index = 0; index < header.recordCount; index += 1) {
    const record = readRecord(cursor, header);
    if (record.offset <= last || record.offset > header.lastOffset)
      throw new RecordsMalformed(`record ${index + 1} of the batch has the offset ${record.offset}`);
    last = record.offset;
    if (record.offset < from) continue;
    if (records.length < budget.batchRecords) records.push(record);
    else lastTaken = Math.min(lastTaken, record.offset - 1);
  }
  if (!cursor.isAtEnd()) throw new RecordsMalformed('bytes are left behind the last record of the batch');
  if (lastTaken < header.lastOffset) budget.exhaust();
  return { records, first: Math.max(header.baseOffset, from), last: lastTaken };
}

function readRecord(cursor: Cursor, header: BatchHeader): FoundRecord {
  const length = cursor.varint();
  const end = cursor.position() + length;
  cursor.skip(1, 'attributes');
  const timestampDelta = cursor.varint();
  const offset = header.baseOffset + cursor.varint();
  const key = cursor.nullable('a key');
  const value = cursor.nullable('a value');
  const headers = readHeaders(cursor);
  if (cursor.position() !== end)
    throw new RecordsMalformed(`a record of ${length} bytes ends ${cursor.position() - end} bytes behind its end`);
  const isLogTime = (header.attributes & LOG_APPEND_TIME) !== 0;
  return {
    offset,
    timestampMs: isLogTime ? header.maxTimestampMs : header.firstTimestampMs + timestampDelta,
    key,
    value,
    headers,
  };
}

type Headers = FoundRecord['headers'];

function readHeaders(cursor: Cursor): Headers {
  const count = cursor.varint();
  if (count < 0) throw new RecordsMalformed(`a record says that it has ${count} headers`);
  if (count === 0) return {};
  const values = new Map<string, Headers[string]>();
  for (let index = 0; index < count; index += 1) {
    const name = cursor.nullable("a header's name");
    if (name === null) throw new RecordsMalformed('a header has no name');
    const text = name.toString();
    values.set(text, joined(values.get(text), cursor.nullable('a header'), values.has(text)));
  }
  // As a name may be __proto__: fromEntries sets it, and an assignment would not.
  return Object.fromEntries(values);
}

/** As KafkaJS gives them. A header without a value is undefined here: its types know no other. */
function joined(before: Headers[string], value: Buffer | null, isKnown: boolean): Headers[string] {
  if (!isKnown) return value ?? undefined;
  return [...(Array.isArray(before) ? before : [before ?? '']), value ?? ''];
}
