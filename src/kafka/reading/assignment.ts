/** From the group's word to an open partition, and back. */
import { partitionName, type PartitionAssignment, type PartitionId } from '../../ports/log.js';
import type { Draft } from './draft.js';
import type { Input } from './inputs.js';
import { named, seek, startReading } from './moves.js';
import { newPartition, placeOf, type Partition } from './state.js';

type Of<K extends Input['kind']> = Extract<Input, { kind: K }>;

/** Closes what is gone, opens what is new, and sets every position. */
export function joined(draft: Draft, { assignment }: Of<'joined'>): void {
  if (draft.state().kind === 'watch') return watchAssigned(draft, assignment);
  const wasApart = isAnyApart(draft);
  const given = new Set(assignment.map(partitionName));
  for (const entry of draft.all()) if (!given.has(partitionName(entry))) close(draft, entry);
  for (const place of assignment) keepOrPrepare(draft, place);
  for (const topic of draft.state().topics) if (!draft.state().questions.has(topic)) askAgain(draft, topic);
  if (wasApart) draft.act({ kind: 'set_apart_changed' });
}

/** A watch is the only member of its group, so nothing is ever taken from it. */
function watchAssigned(draft: Draft, assignment: readonly PartitionId[]): void {
  for (const place of assignment) {
    // A partition that was added later is new from its beginning.
    const known = draft.get(place) ?? { ...newPartition(place, draft.nextId()), phase: { name: 'reading' as const } };
    seek(draft, known);
    if (known.phase.name !== 'reading') draft.act({ kind: 'pause', place: placeOf(place) });
  }
}

const OPENED_ANEW: ReadonlySet<string> = new Set(['opening', 'starting', 'set_apart']);

function keepOrPrepare(draft: Draft, place: PartitionId): void {
  const entry = draft.get(place);
  // One that is still opening starts again: what was fetched for it may be from before another member had it. One that
  // was set apart may have been recovered meanwhile.
  if (entry === null || OPENED_ANEW.has(entry.phase.name)) {
    if (entry?.phase.name === 'starting') close(draft, entry);
    prepare(draft, place);
    return draft.act({ kind: 'pause', place: placeOf(place) });
  }
  seek(draft, entry);
  const reads = entry.phase.name === 'reading' && !entry.ownershipUnverified;
  draft.act({ kind: reads ? 'resume' : 'pause', place: placeOf(place) });
}

function prepare(draft: Draft, place: PartitionId): Partition {
  return draft.put(newPartition(place, draft.nextId()));
}

/** Asks where to read what is not open yet, and whether what is in doubt is still ours. */
export function askAgain(draft: Draft, topic: string, failures = 0): void {
  const wanted = draft
    .all()
    .filter((entry) => entry.topic === topic && (entry.phase.name === 'opening' || entry.ownershipUnverified));
  const questions = new Map(draft.state().questions);
  if (wanted.length === 0) questions.delete(topic);
  else
    questions.set(topic, {
      askedAs: draft.state().session.memberId,
      ids: new Set(wanted.map(({ id }) => id)),
      failures,
    });
  draft.change({ questions });
  if (wanted.length > 0) draft.act({ kind: 'ask', topic, partitions: wanted.map(({ partition }) => partition) });
}

export function answer(draft: Draft, { topic, states }: Of<'answered'>): void {
  const { questions, session } = draft.state();
  const question = questions.get(topic);
  // Given up again since it was asked: the answer may be from before another member had them.
  for (const found of question?.askedAs === session.memberId ? states : []) {
    const entry = draft.get(found);
    if (entry === null || !question?.ids.has(entry.id)) continue;
    if (entry.phase.name === 'opening') open(draft, entry, found);
    else if (entry.ownershipUnverified) keep(draft, entry, found);
  }
  askAgain(draft, topic);
}

export function unanswered(draft: Draft, { topic, error }: Of<'unanswered'>): void {
  const { questions, groupId } = draft.state();
  const question = questions.get(topic);
  if (question === undefined) return;
  const failures = question.failures + 1;
  draft.change({ questions: new Map(questions).set(topic, { ...question, failures }) });
  draft.act(
    { kind: 'log', level: 'warn', event: 'kafka.open_retried', fields: { group: groupId, topic, error } },
    { kind: 'wait_topic', topic, attempt: failures },
  );
}

function open(draft: Draft, entry: Partition, found: PartitionAssignment): void {
  const { committed, logStart, logEnd } = found;
  draft.put({
    ...entry,
    phase: { name: 'starting' },
    // Never a position that the log does not hold: kafkajs would reset it to the beginning and commit that (#334).
    position: committed === null ? logStart : Math.min(Math.max(committed.offset, logStart), logEnd),
    committedOffset: committed?.offset ?? 0,
  });
  draft.act({ kind: 'open', id: entry.id, assignment: found });
}

/** Where no other member has committed, none has held it to any effect: reading continues. */
function keep(draft: Draft, entry: Partition, found: PartitionAssignment): void {
  if (hasMovedOn(entry, found)) return reopen(draft, entry, found);
  const verified = draft.put({ ...entry, ownershipUnverified: false });
  if (verified.phase.name === 'reading') startReading(draft, verified);
}

/** Another member has held the partition, and has committed further than we. */
export function hasMovedOn({ committedOffset }: Partition, { committed }: PartitionAssignment): boolean {
  return committed !== null && committed.offset > committedOffset;
}

export function reopen(draft: Draft, entry: Partition, found: PartitionAssignment): void {
  close(draft, entry);
  open(draft, prepare(draft, entry), found);
}

export function opened(draft: Draft, { id }: Of<'opened'>): void {
  const entry = draft.byId(id);
  if (entry?.phase.name === 'starting') startReading(draft, entry);
}

export function openLost(draft: Draft, { id, reason }: Of<'open_lost'>): void {
  const entry = draft.byId(id);
  // What its group still needs begins at the committed offset, which the log may not hold.
  if (entry !== null) putApart(draft, { ...entry, position: Math.max(0, entry.committedOffset) }, reason);
}

/** Its records were lost: it is closed and no longer read until a rebalance gives it again. */
export function putApart(draft: Draft, entry: Partition, reason: string): void {
  const { groupId } = draft.state();
  draft.put({ ...entry, phase: { name: 'set_apart', reason } });
  draft.act(
    { kind: 'pause', place: placeOf(entry) },
    { kind: 'close', place: named(entry) },
    {
      kind: 'log',
      level: 'error',
      event: 'kafka.partition_set_apart',
      fields: { group: groupId, ...placeOf(entry), offset: entry.position, reason },
    },
    { kind: 'set_apart_changed' },
  );
}

export function left(draft: Draft): void {
  const wasApart = isAnyApart(draft);
  for (const entry of draft.all()) close(draft, entry);
  draft.change({ session: { ...draft.state().session, left: true }, questions: new Map() });
  if (wasApart) draft.act({ kind: 'set_apart_changed' });
}

/** None stays set apart over a rebalance: it is closed, or opened again. */
function isAnyApart(draft: Draft): boolean {
  return draft.all().some(({ phase }) => phase.name === 'set_apart');
}

function close(draft: Draft, entry: Partition): void {
  draft.remove(entry);
  draft.act({ kind: 'close', place: named(entry) });
}
