/** What several steps do with a partition. */
import type { Draft } from './draft.js';
import type { Place } from './inputs.js';
import { placeOf, type Partition, type Wants } from './state.js';

export const named = ({ topic, partition, id }: Partition): Place => ({ topic, partition, id });

export function seek(draft: Draft, entry: Partition): void {
  draft.put({ ...entry, expected: entry.position, awaitingSeek: true });
  draft.act({ kind: 'seek', place: placeOf(entry), offset: entry.position });
}

/** Reads from the position on. */
export function startReading(draft: Draft, entry: Partition): void {
  seek(draft, { ...entry, phase: { name: 'reading' } });
  draft.act({ kind: 'resume', place: placeOf(entry) });
}

/** Waits before the position for what it wants. Returns the ticket of the answer. */
export function suspend(draft: Draft, entry: Partition, wants: Wants): number {
  const ticket = draft.nextId();
  draft.put({ ...entry, phase: { name: 'waiting', ticket, wants } });
  draft.act({ kind: 'pause', place: placeOf(entry) });
  return ticket;
}
