import type { EventOf } from '../../domain/events.js';
import { createDeferred, type Deferred } from '../../domain/deferred.js';
import type { Clock } from '../../ports/clock.js';
import type { Metrics } from '../../ports/metrics.js';

type JournalEvent = EventOf<
  'call_proposed' | 'tool_called' | 'turn_reserved' | 'tool_returned' | 'task_completed' | 'task_failed'
>;

/** The record was read, but it has no effect: another process was faster or holds the partition. */
export class RecordVoid extends Error {
  readonly code = 'record_void';
  readonly retriable = false;
}

/** Nothing is done until it has been read back: who appended a record waits here for it, by its event id. */
export interface ReadBack {
  /** Resolves when the record was read and counts; rejects with RecordVoid when it does not. */
  waitFor<T extends JournalEvent>(event: T): Promise<T>;
  /** The record that carries this event will never be read. */
  reject(eventId: string, reason: unknown): void;
  onRead(event: JournalEvent, applied: boolean): void;
  rejectAll(reason: Error): void;
  /** No record will be read any more: every wait is rejected, those to come included. */
  close(reason: Error): void;
}

interface Waiting extends Deferred<JournalEvent> {
  readonly sinceMs: number;
}

export function createReadBack({
  clock,
  metrics,
}: {
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'readBack'>;
}): ReadBack {
  const waiting = new Map<string, Waiting>();
  let closed: Error | null = null;
  const take = (eventId: string): Waiting | undefined => {
    const found = waiting.get(eventId);
    waiting.delete(eventId);
    return found;
  };
  const rejectAll = (reason: Error): void => {
    for (const deferred of waiting.values()) deferred.reject(reason);
    waiting.clear();
  };
  return {
    async waitFor<T extends JournalEvent>(event: T): Promise<T> {
      if (closed !== null) throw closed;
      const deferred = createDeferred<JournalEvent>();
      waiting.set(event.event_id, { ...deferred, sinceMs: clock.monotonicMs() });
      const read = await deferred.promise;
      if (!sameType(event, read)) throw new TypeError(`event ${event.event_id} came back as ${read.event_type}`);
      return read;
    },
    reject: (eventId, reason) => take(eventId)?.reject(reason),
    onRead(event, applied) {
      const found = take(event.event_id);
      if (found !== undefined) metrics.readBack('tasks', clock.monotonicMs() - found.sinceMs);
      if (applied) found?.resolve(event);
      else found?.reject(new RecordVoid(`${event.event_type} has no effect`));
    },
    rejectAll,
    close(reason) {
      closed = reason;
      rejectAll(reason);
    },
  };
}

function sameType<T extends JournalEvent>(sent: T, read: JournalEvent): read is T {
  return sent.event_type === read.event_type;
}
