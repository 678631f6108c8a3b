import type { AnyRecord, LogRecord } from '../ports/log.js';
import type { Schedule, StoredPartition } from './storage.js';

/** The most records in one call; a broker's fetch is limited too. */
const RECORDS_PER_DELIVERY = 500;

export interface ReaderEvents {
  onRecords(records: readonly LogRecord[]): void;
  /** See PartitionConsumer. */
  room?(): Promise<void> | null;
  /** The record cannot be read yet; called once for each such record. */
  onUnreadable(record: AnyRecord, reason: string): void;
  /** The record has become readable; called before its onRecords. */
  onReadable(): void;
  /** Records between the position and the log start were deleted before they were read. */
  onGap(position: number, logStart: number): void;
  /** One of the above threw. Reading has stopped. */
  onError(error: Error): void;
}

export interface PartitionReader {
  /** Next offset to deliver. */
  position(): number;
  /** Skips records before an offset. */
  skipTo(offset: number): void;
  stop(): void;
}

/** Delivers a partition's records in order from an offset; each delivery is one scheduled callback. */
export function readPartition(
  partition: StoredPartition,
  fromOffset: number,
  schedule: Schedule,
  events: ReaderEvents,
): PartitionReader {
  const reading: Reading = { position: fromOffset, blockedAt: null, stopped: false };
  let scheduled = false;
  let waiting = false;

  const waitFor = (room: Promise<void>) => {
    waiting = true;
    void room.then(() => {
      waiting = false;
      wake();
    });
  };
  const wake = () => {
    if (scheduled || waiting || reading.stopped) return;
    scheduled = true;
    schedule(deliver);
  };
  const deliver = () => {
    scheduled = false;
    if (reading.stopped || waiting) return; // What it wrote while it was called has woken it.
    try {
      const { position } = reading;
      const left = deliverNext(reading, partition, events);
      const room = reading.position > position ? (events.room?.() ?? null) : null;
      if (room !== null) waitFor(room);
      else if (left === 'more') wake();
    } catch (error) {
      stop();
      events.onError(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const unsubscribe = partition.onChange(wake);
  const stop = () => {
    reading.stopped = true;
    unsubscribe();
  };
  wake();
  return {
    position: () => reading.position,
    skipTo(offset) {
      reading.position = Math.max(reading.position, offset);
      reading.blockedAt = null;
    },
    stop,
  };
}

interface Reading {
  position: number;
  /** Offset of the unreadable record that was reported last. */
  blockedAt: number | null;
  stopped: boolean;
}

/** One delivery. idle: a record that is written later wakes the reader. */
function deliverNext(reading: Reading, partition: StoredPartition, events: ReaderEvents): 'more' | 'idle' {
  const { position } = reading;
  if (position < partition.low()) {
    reading.position = partition.low();
    events.onGap(position, reading.position);
    return 'more';
  }
  const records = readable(partition.read(position, RECORDS_PER_DELIVERY));
  if (records.length > 0) {
    reading.position += records.length;
    if (reading.blockedAt !== null) {
      reading.blockedAt = null;
      events.onReadable();
    }
    if (!reading.stopped) events.onRecords(records);
    return reading.position < partition.high() ? 'more' : 'idle';
  }
  const [next] = partition.read(position, 1);
  if (next?.content.kind !== 'unreadable' || reading.blockedAt === position) return 'idle';
  reading.blockedAt = position;
  events.onUnreadable(next, next.content.reason);
  // The handler may have skipped it.
  return reading.blockedAt === position ? 'idle' : 'more';
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
