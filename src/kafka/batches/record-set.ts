/** The records of one partition in a fetch's answer: batches and messages of any format, one after the other. */
import {
  createAbortedTransactions,
  type AbortedTransaction,
  type AbortedTransactions,
} from './aborted-transactions.js';
import { decodeBatch, isAbortMarker, isControl, isTransactional, readHeader } from './current-format.js';
import type { Found } from './found.js';
import { decodeMessage } from './old-formats.js';
import type { ReadingBudget } from './reading-budget.js';

/** Offset and length, which every format begins with; the length counts what follows. */
const PREFIX_BYTES = 12;
const MAGIC_AT = 16;
const [CURRENT_MAGIC, NEWEST_OLD_MAGIC] = [2, 1];

export interface RecordSet {
  readonly bytes: Buffer;
  /** The first offset that was asked for; a batch is brought whole, and may begin before it. */
  readonly from: number;
  readonly aborted: readonly AbortedTransaction[];
}

/**
 * Nothing is thrown for what the bytes hold: what cannot be decoded is found to be so, and at what is corrupt it ends.
 * It ends, too, at a batch that was cut off by the size of the answer (the next fetch brings it), and where the budget
 * is exhausted; the first batch is taken in any case but that.
 */
export function decodeRecordSet({ bytes, from, aborted }: RecordSet, budget: ReadingBudget): readonly Found[] {
  const transactions = createAbortedTransactions(aborted);
  const all: Found[] = [];
  for (let at = 0; at + PREFIX_BYTES <= bytes.length && !budget.isExhausted(); ) {
    const end = at + PREFIX_BYTES + bytes.readInt32BE(at + 8);
    if (end > bytes.length) break;
    const found = decodeEntry(bytes.subarray(at, Math.max(end, at + PREFIX_BYTES)), from, transactions, budget);
    if (found.last >= from) all.push(found);
    if (found.kind === 'corrupt') break;
    at = end;
  }
  return all;
}

/** The first batch or message; null where it is not whole. */
export function firstEntry(bytes: Buffer): Buffer | null {
  if (bytes.length < PREFIX_BYTES) return null;
  const end = PREFIX_BYTES + bytes.readInt32BE(8);
  return end < PREFIX_BYTES || end > bytes.length ? null : bytes.subarray(0, end);
}

function decodeEntry(entry: Buffer, from: number, transactions: AbortedTransactions, budget: ReadingBudget): Found {
  const magic = entry[MAGIC_AT];
  if (magic !== undefined && magic <= NEWEST_OLD_MAGIC) return decodeMessage(entry, from, budget);
  if (magic === CURRENT_MAGIC) return decodeCurrent(entry, from, transactions, budget);
  const reason =
    magic === undefined ? 'a batch is shorter than its header' : `records have the unknown format ${magic}`;
  return { kind: 'corrupt', first: from, last: from, reason };
}

function decodeCurrent(batch: Buffer, from: number, transactions: AbortedTransactions, budget: ReadingBudget): Found {
  const header = readHeader(batch);
  if (typeof header === 'string') {
    // Where it ends is not known either; the broker has brought it for this offset, or for a later one.
    const first = Math.max(from, Number(batch.readBigInt64BE(0)));
    return { kind: 'corrupt', first, last: first, reason: header };
  }
  const { baseOffset, lastOffset, producerId } = header;
  const hidden: Found = { kind: 'hidden', first: Math.max(baseOffset, from), last: lastOffset };
  transactions.advanceTo(lastOffset);
  if (isControl(header)) {
    if (isAbortMarker(batch, header)) transactions.ended(producerId);
    return hidden;
  }
  if (isTransactional(header) && transactions.isAborted(producerId)) return hidden;
  return decodeBatch(batch, header, from, budget);
}
