/**
 * Messages of the formats v0 and v1 (magic 0 and 1, before Kafka 0.11), which brokers no longer write and still hold.
 * A compressed message holds a set of messages. Source: the Kafka protocol guide, "Old Message Format".
 */
import { crc32 } from 'node:zlib';
import { codecName, isCompressed, unpack } from '../compression/codecs.js';
import { CannotUnpack } from '../compression/cannot-unpack.js';
import { RecordsMalformed } from './cursor.js';
import type { Found, FoundRecord } from './found.js';
import type { ReadingBudget } from './reading-budget.js';

/** Offset, length, checksum, magic, attributes. */
const HEADER_BYTES = 18;
const [CRC_AT, MAGIC_AT, ATTRIBUTES_AT, TIMESTAMP_AT] = [12, 16, 17, 18];
const LOG_APPEND_TIME = 0x08;
const NO_TIMESTAMP = -1;
const LENGTH_BYTES = 12;

/** @param message all of it. @param from the first offset that is wanted */
export function decodeMessage(message: Buffer, from: number, budget: ReadingBudget): Found {
  const last = message.length < 8 ? from : Number(message.readBigInt64BE(0));
  const fault = faultOf(message);
  if (fault !== null) return { kind: 'corrupt', first: from, last: Math.max(from, last), reason: fault };
  const attributes = message.readInt8(ATTRIBUTES_AT);
  try {
    const outer = readMessage(message);
    const all = isCompressed(attributes) ? innerMessages(outer, attributes, message[MAGIC_AT] ?? 0, budget) : [outer];
    const records = all.filter(({ offset }) => offset >= from);
    return { kind: 'records', first: Math.max(from, all[0]?.offset ?? from), last, records };
  } catch (error) {
    if (!(error instanceof RecordsMalformed || error instanceof CannotUnpack)) throw error;
    const timestampMs = timestampOf(message);
    const batch = { baseOffset: from, lastOffset: last, codec: codecName(attributes), timestampMs };
    return { kind: 'undecodable', first: from, last, batch: { ...batch, reason: error.message } };
  }
}

function faultOf(message: Buffer): string | null {
  if (message.length < HEADER_BYTES) return `the message has ${message.length} bytes, fewer than its header`;
  const [written, found] = [message.readUInt32BE(CRC_AT), crc32(message.subarray(MAGIC_AT))];
  return written === found ? null : `the checksum of the message is ${found}, and ${written} was written`;
}

/** What a compressed message holds. Of v1 their offsets are relative: the last one has that of the outer message. */
function innerMessages(
  outer: FoundRecord,
  attributes: number,
  magic: number,
  budget: ReadingBudget,
): readonly FoundRecord[] {
  if (outer.value === null) throw new RecordsMalformed('a compressed message has no value');
  const set = unpack(attributes, outer.value, budget.batchBytes);
  budget.spend(set.length);
  const inner: FoundRecord[] = [];
  for (let at = 0; at < set.length; ) {
    const end = at + LENGTH_BYTES + (at + LENGTH_BYTES <= set.length ? set.readInt32BE(at + 8) : 0);
    const message = set.subarray(at, end);
    if (end > set.length || message.length < HEADER_BYTES) throw new RecordsMalformed('a message in it has no end');
    if (isCompressed(message.readInt8(ATTRIBUTES_AT))) throw new RecordsMalformed('a message in it is compressed too');
    inner.push(readMessage(message));
    at = end;
  }
  const shift = magic === 0 ? 0 : outer.offset - (inner.at(-1)?.offset ?? 0);
  const isLogTime = (attributes & LOG_APPEND_TIME) !== 0;
  return inner.map((message) => ({
    ...message,
    offset: message.offset + shift,
    timestampMs: isLogTime ? outer.timestampMs : message.timestampMs,
  }));
}

function readMessage(message: Buffer): FoundRecord {
  const keyAt = message[MAGIC_AT] === 0 ? TIMESTAMP_AT : TIMESTAMP_AT + 8;
  const key = readBytes(message, keyAt, 'a key');
  const value = readBytes(message, key.end, 'a value');
  return {
    offset: Number(message.readBigInt64BE(0)),
    timestampMs: timestampOf(message),
    key: key.bytes,
    value: value.bytes,
    headers: {},
  };
}

function timestampOf(message: Buffer): number {
  const hasTime = message[MAGIC_AT] !== 0 && message.length >= TIMESTAMP_AT + 8;
  return hasTime ? Number(message.readBigInt64BE(TIMESTAMP_AT)) : NO_TIMESTAMP;
}

function readBytes(message: Buffer, at: number, what: string): { readonly bytes: Buffer | null; readonly end: number } {
  const start = at + 4;
  if (start > message.length) throw new RecordsMalformed(`${what} is missing`);
  const length = message.readInt32BE(at);
  if (length === -1) return { bytes: null, end: start };
  const end = start + length;
  if (length < 0 || end > message.length) throw new RecordsMalformed(`${what} has a length of ${length} bytes`);
  return { bytes: message.subarray(start, end), end };
}
