/** A partition that waits before a record: for its schema, or to learn where the log begins and ends. */
import { partitionName, type PartitionAssignment } from '../../ports/log.js';
import { hasMovedOn, putApart, reopen } from './assignment.js';
import type { Draft } from './draft.js';
import type { Input, ReadStop } from './inputs.js';
import { named, startReading, suspend } from './moves.js';
import { placeOf, readable, type Partition, type Wants } from './state.js';

type Of<K extends Input['kind']> = Extract<Input, { kind: K }>;
type Waiting = Partition & { readonly phase: { readonly name: 'waiting' } };

export function stopBefore(draft: Draft, entry: Partition, stop: ReadStop): void {
  switch (stop.kind) {
    case 'schema_needed': {
      const { schemaId, record } = stop;
      const ticket = suspend(draft, entry, { kind: 'schema', schemaId, record, attempt: 1 });
      return draft.act({ kind: 'load_schema', ticket, schemaId });
    }
    case 'unreadable':
      suspend(draft, entry, { kind: 'another_build' });
      return block(draft, entry, stop.reason);
    case 'corrupt':
      return readAgain(draft, entry, stop.reason);
    case 'gap':
      return lookUp(draft, entry, stop.nextOffset);
    case 'rewound':
      return lookUp(draft, { ...entry, lookups: entry.lookups + 1 }, entry.position);
  }
}

/** An answer may have been damaged on its way; then the next is whole. */
const CORRUPT_READS = 4;

/** Never passed: what is not known may be this process's own claim. */
function readAgain(draft: Draft, entry: Partition, fault: string): void {
  const lookups = entry.lookups + 1;
  if (lookups >= CORRUPT_READS)
    return putApart(draft, entry, `${partitionName(entry)} at offset ${entry.position}: ${fault}. ${RESTORE}`);
  const ticket = suspend(draft, { ...entry, lookups }, { kind: 'pause' });
  const fields = { group: draft.state().groupId, ...placeOf(entry), offset: entry.position, error: fault };
  draft.act({ kind: 'log', level: 'warn', event: 'kafka.corrupt_read_again', fields });
  draft.act({ kind: 'wait', ticket, attempt: lookups });
}

const RESTORE =
  "Look at the broker's disk; restore the partition from a replica or a backup, then restart the process that reads it";

/**
 * A transaction of another program is open for long: brokers give no record behind its first to those who read only
 * what is committed.
 */
export function transactionOpen(draft: Draft, { place, offset, reason }: Of<'transaction_open'>): void {
  const entry = readable(draft.state(), place);
  if (entry !== null && entry.position >= offset) block(draft, entry, reason);
}

export function transactionEnded(draft: Draft, { place }: Of<'transaction_ended'>): void {
  const entry = readable(draft.state(), place);
  if (entry === null || entry.blockedReason === null) return;
  draft.put({ ...entry, blockedReason: null });
  draft.act({ kind: 'unblock', place: named(entry) });
}

/**
 * Finds out why the client's records do not begin at the position, or why there are none. Offsets have holes where
 * records were deleted, which is data loss, or compacted, which is not. A log that ends before the position is another
 * one.
 */
export function lookUp(draft: Draft, entry: Partition, next: number): void {
  const ticket = suspend(draft, entry, { kind: 'bounds', next, attempt: 1 });
  draft.act({ kind: 'ask_bounds', place: placeOf(entry), ticket });
}

export function outOfRange(draft: Draft, { place }: Of<'out_of_range'>): void {
  const entry = readable(draft.state(), place);
  if (entry === null) return;
  const lookups = entry.lookups + 1;
  const fields = { group: draft.state().groupId, ...placeOf(entry), position: entry.position, times: lookups };
  draft.act({ kind: 'log', level: 'info', event: 'kafka.out_of_range', fields });
  lookUp(draft, { ...entry, lookups }, entry.position);
}

export function bounds(draft: Draft, { ticket, found }: Of<'bounds'>): void {
  const entry = waitingFor(draft, ticket, 'bounds');
  if (entry === null) return;
  if (found === null)
    return boundsFailed(draft, { kind: 'bounds_failed', ticket, error: 'the partition is not known' });
  if (draft.state().kind === 'watch') return continueAt(draft, entry, watchPosition(draft, entry, found));
  // Another member has held it, and is done with what is deleted.
  if (hasMovedOn(entry, found)) return reopen(draft, entry, found);
  const loss = lossIn(draft.state().groupId, found, entry.position);
  if (loss !== null) return putApart(draft, entry, `${partitionName(entry)}: ${loss}. ${recoverWith(entry)}`);
  continueAt(draft, entry, entry.phase.wants.kind === 'bounds' ? entry.phase.wants.next : entry.position);
}

/** Not at full speed where a broker says the same again and again. */
function continueAt(draft: Draft, entry: Waiting, position: number): void {
  if (entry.lookups === 0) return startReading(draft, { ...entry, position });
  const { ticket } = entry.phase;
  draft.put({ ...entry, position, phase: { name: 'waiting', ticket, wants: { kind: 'pause' } } });
  draft.act({ kind: 'wait', ticket, attempt: entry.lookups });
}

/** A log that ends before the position is a new one, and is read from its beginning. What was deleted is passed. */
function watchPosition(
  draft: Draft,
  { position, ...entry }: Partition,
  { logStart, logEnd }: PartitionAssignment,
): number {
  const next = logEnd < position ? logStart : Math.max(logStart, position);
  if (next !== position)
    draft.act({
      kind: 'log',
      level: 'warn',
      event: 'kafka.watch_moved',
      fields: { ...placeOf(entry), position, low: logStart, high: logEnd, next },
    });
  return next;
}

/** What a log cannot have any more for a reader at this position; null when nothing is lost. */
function lossIn(groupId: string, { logStart, logEnd }: PartitionAssignment, position: number): string | null {
  if (logStart > position)
    return `records ${position} to ${logStart - 1} were deleted before group ${groupId} had read them`;
  if (logEnd >= position) return null;
  const found = `the log has ${logStart} to ${logEnd}`;
  return `group ${groupId} has read up to ${position}, and ${found}: the topic was recreated or truncated`;
}

const recoverWith = ({ topic, partition }: Partition): string =>
  `To continue without what is lost, run: ravenhelm recover ${topic} ${partition} --accept-loss`;

export function boundsFailed(draft: Draft, { ticket, error }: Of<'bounds_failed'>): void {
  const entry = waitingFor(draft, ticket, 'bounds');
  if (entry === null) return;
  const attempt = tryAgain(draft, entry);
  const fields = { group: draft.state().groupId, topic: entry.topic, partition: entry.partition, error };
  draft.act({ kind: 'log', level: 'warn', event: 'kafka.lookup_retried', fields }, { kind: 'wait', ticket, attempt });
}

export function schemaLoaded(draft: Draft, { ticket }: Of<'schema_loaded'>): void {
  const entry = waitingFor(draft, ticket, 'schema');
  if (entry !== null) startReading(draft, entry);
}

export function schemaFailed(draft: Draft, { ticket, reason }: Of<'schema_failed'>): void {
  const entry = waitingFor(draft, ticket, 'schema');
  if (entry === null) return;
  if (draft.state().kind === 'watch') return skip(draft, entry, reason);
  block(draft, entry, reason);
  const current = waitingFor(draft, ticket, 'schema');
  if (current !== null) draft.act({ kind: 'wait', ticket, attempt: tryAgain(draft, current) });
}

/** A record that cannot be read does not hold up a watch. */
function skip(draft: Draft, entry: Waiting, reason: string): void {
  const { wants } = entry.phase;
  if (wants.kind !== 'schema') return;
  const fields = { ...placeOf(entry), offset: entry.position, error: reason };
  draft.act({ kind: 'log', level: 'warn', event: 'kafka.watch_skipped', fields });
  const record = { ...wants.record, content: { kind: 'unreadable' as const, reason } };
  draft.act({ kind: 'deliver', place: named(entry), records: [record] });
  startReading(draft, { ...entry, position: entry.position + 1 });
}

export function waited(draft: Draft, { ticket }: Of<'waited'>): void {
  const entry = waitingFor(draft, ticket);
  if (entry === null) return;
  const { wants } = entry.phase;
  if (wants.kind === 'schema') draft.act({ kind: 'load_schema', ticket, schemaId: wants.schemaId });
  if (wants.kind === 'bounds') draft.act({ kind: 'ask_bounds', place: placeOf(entry), ticket });
  if (wants.kind === 'pause') startReading(draft, entry);
}

/** Says so once for each reason. */
function block(draft: Draft, { id }: Partition, reason: string): void {
  const entry = draft.byId(id);
  if (entry === null || entry.blockedReason === reason) return;
  draft.put({ ...entry, blockedReason: reason });
  const offset = entry.position;
  const fields = { group: draft.state().groupId, ...placeOf(entry), offset, reason };
  draft.act(
    { kind: 'log', level: 'warn', event: 'kafka.partition_blocked', fields },
    { kind: 'block', place: named(entry), offset, reason },
  );
}

/** Counts one more attempt. Returns the one that has failed. */
function tryAgain(draft: Draft, entry: Waiting): number {
  const { ticket, wants } = entry.phase;
  if (wants.kind !== 'schema' && wants.kind !== 'bounds') return 1;
  draft.put({ ...entry, phase: { name: 'waiting', ticket, wants: { ...wants, attempt: wants.attempt + 1 } } });
  return wants.attempt;
}

function waitingFor(draft: Draft, ticket: number, kind?: Wants['kind']): Waiting | null {
  for (const entry of draft.all())
    if (isWaiting(entry) && entry.phase.ticket === ticket && (kind === undefined || entry.phase.wants.kind === kind))
      return entry;
  return null;
}

function isWaiting(entry: Partition): entry is Waiting {
  return entry.phase.name === 'waiting';
}
