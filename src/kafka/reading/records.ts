/** Records on their way to their consumer. */
import type { PartitionId } from '../../ports/log.js';
import type { Draft } from './draft.js';
import type { Input, ReadBatch } from './inputs.js';
import { lookUp, stopBefore } from './lookups.js';
import { named } from './moves.js';
import { placeOf, readable, type Partition } from './state.js';

type Of<K extends Input['kind']> = Extract<Input, { kind: K }>;

export function fetched(draft: Draft, { place, read }: Of<'fetched'>): void {
  const entry = readable(draft.state(), place);
  if (entry === null) return;
  const found = resolveTo(draft, { ...entry, awaitingSeek: false }, read.position);
  const after = deliver(draft, found, read);
  if (read.stop !== null) stopBefore(draft, after, read.stop);
}

/** Not held against `expected`: the client was not sent there, and may bring it again. */
export function passed(draft: Draft, { place, first, last }: Of<'passed'>): void {
  const entry = readable(draft.state(), place);
  if (entry === null || last < entry.position) return;
  if (first > entry.position) return lookUp(draft, entry, last + 1);
  draft.put({ ...entry, position: last + 1, lookups: 0 });
}

export function own(draft: Draft, { place, read }: Of<'own'>): void {
  const entry = readable(draft.state(), place);
  if (entry !== null) deliver(draft, entry, read);
}

export function idle(draft: Draft, { place }: Of<'idle'>): void {
  const entry = readable(draft.state(), place);
  // After a seek the client fetches from there, whatever is resolved.
  if (entry !== null && !entry.awaitingSeek) resolveTo(draft, entry, entry.position);
}

/** The client need not bring again what lies below the offset. */
function resolveTo(draft: Draft, entry: Partition, offset: number): Partition {
  if (offset <= entry.expected) return draft.put(entry);
  draft.act({ kind: 'resolve', offset: offset - 1 });
  return draft.put({ ...entry, expected: offset });
}

function deliver(draft: Draft, entry: Partition, { records, position }: ReadBatch): Partition {
  if (records.length === 0) return draft.put({ ...entry, position });
  const place = named(entry);
  if (entry.blockedReason !== null) draft.act({ kind: 'unblock', place });
  draft.act({ kind: 'deliver', place, records });
  return draft.put({ ...entry, position, lookups: 0, blockedReason: null });
}

/**
 * The partition stops, and its owner learns why; the others continue. One that is set apart stays so, whatever its
 * consumer does while it is closed.
 */
export function threw(draft: Draft, { id, error }: Of<'threw'>): void {
  const entry = draft.byId(id);
  if (entry !== null && entry.phase.name !== 'set_apart') {
    draft.put({ ...entry, phase: { name: 'stopped' } });
    draft.act({ kind: 'pause', place: placeOf(entry) });
  }
  draft.act({ kind: 'fail', error });
}

/** What is about to be committed counts as committed, whatever happens to the request. */
export function committing(draft: Draft, { commits }: Of<'committing'>): void {
  for (const { offset, ...place } of commits) {
    const entry = draft.get(place satisfies PartitionId);
    if (entry !== null) draft.put({ ...entry, committedOffset: Math.max(entry.committedOffset, offset) });
  }
}
