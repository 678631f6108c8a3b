import type { AnyRecord, LogRecord } from '../ports/log.js';
import type { Schedule, StoredPartition } from './storage.js';

/** Records handed over in one call, as a broker's fetch is bounded too. */
const RECORDS_PER_DELIVERY = 500;

export interface ReaderEvents {
  onRecords(records: readonly LogRecord[]): void;
  /** The record cannot be read for now; called once for each such record. */
  onUnreadable(record: AnyRecord, reason: string): void;
  /** It was read after all; called before its onRecords. */
  onReadable(): void;
  /** Records between the position and the log start were deleted before they were read. */
  onGap(position: number, logStart: number): void;
  /** One of the above threw. Reading has stopped. */
  onError(error: Error): void;
}

export interface PartitionReader {
  /** Next offset to deliver. */
  position(): number;
  /** Moves past a record that is not wanted. */
  skipTo(offset: number): void;
  stop(): void;
}

/** Delivers a partition's records in order from an offset, each delivery being one scheduled callback. */
export function readPartition(
  partition: StoredPartition,
  fromOffset: number,
  schedule: Schedule,
  events: ReaderEvents,
): PartitionReader {
  let position = fromOffset;
  let blockedAt: number | null = null;
  let scheduled = false;
  let stopped = false;

  const wake = () => {
    if (scheduled || stopped) return;
    scheduled = true;
    schedule(deliver);
  };

  const deliver = () => {
    scheduled = false;
    if (stopped) return;
    try {
      deliverNext();
    } catch (error) {
      stop();
      events.onError(error instanceof Error ? error : new Error(String(error)));
    }
  };

  const deliverNext = () => {
    if (position < partition.low()) {
      const from = position;
      position = partition.low();
      events.onGap(from, position);
      return wake();
    }
    const records = readable(partition.read(position, RECORDS_PER_DELIVERY));
    if (records.length > 0) {
      position += records.length;
      if (blockedAt !== null) {
        blockedAt = null;
        events.onReadable();
      }
      if (!stopped) events.onRecords(records);
      // A record that comes from now on wakes the reader itself.
      return position < partition.high() ? wake() : undefined;
    }
    const [next] = partition.read(position, 1);
    if (next?.content.kind !== 'unreadable' || blockedAt === position) return;
    blockedAt = position;
    events.onUnreadable(next, next.content.reason);
    // The handler may have skipped it.
    if (blockedAt !== position) wake();
  };

  const unsubscribe = partition.onChange(wake);
  const stop = () => {
    stopped = true;
    unsubscribe();
  };
  wake();
  return {
    position: () => position,
    skipTo(offset) {
      position = Math.max(position, offset);
      blockedAt = null;
    },
    stop,
  };
}

/** The records before the first one that cannot be read. */
function readable(records: readonly AnyRecord[]): readonly LogRecord[] {
  const result: LogRecord[] = [];
  for (const record of records) {
    if (!isReadable(record)) break;
    result.push(record);
  }
  return result;
}

function isReadable(record: AnyRecord): record is LogRecord {
  return record.content.kind !== 'unreadable';
}
