/**
 * The dead-letters topic as operators see it: its letters, and what happened to each. Both are folded from the topic's
 * own log: who wants to handle a letter appends that first, and does it when it was read back as the first.
 */
import { parseLetterHeaders, type Headers, type LetterFacts, type LetterOrigin } from './dead-letter.js';
import type { AgentEvent, EventOf, PayloadOf } from './events.js';
import { belongsIn } from './event-places.js';
import { APPLIED, voidBecause, type Folded, type Void } from './record.js';
import { personOf, requestFault, type HandlingType, type RequestFault, type VerifyRequest } from './requests.js';

/** A record of the dead-letters topic; usually this build cannot decode it. */
export interface LetterRecord extends LetterOrigin {
  readonly headers?: Headers;
  readonly content:
    | { readonly kind: 'event'; readonly event: AgentEvent }
    | { readonly kind: 'poison' | 'unreadable'; readonly reason: string };
}

/** redriving: a process has started, and has not recorded the end. */
export type LetterState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'redriving'; readonly by: string; readonly atMs: number }
  | {
      readonly kind: 'redriven';
      readonly by: string;
      readonly atMs: number;
      readonly redriven: PayloadOf<'dead_letter_redriven'>;
    }
  | { readonly kind: 'discarded'; readonly by: string; readonly atMs: number; readonly reason: string };

export interface Letter<R extends LetterRecord = LetterRecord> {
  /** Partition and offset of its first copy, such as 0-17. */
  readonly id: string;
  /** Ids of all copies: a new holder of the partition may write a letter again. */
  readonly copies: readonly string[];
  /** The first copy. */
  readonly record: R;
  /** Null when no header says what it was: it was written by another program. */
  readonly facts: LetterFacts | null;
  readonly state: LetterState;
  /** What was written about it and does not count, for its signature; the last ones, oldest first. */
  readonly ignored: readonly IgnoredHandling[];
}

/** A record about a letter that is not signed as it must be. */
export interface IgnoredHandling {
  /** Its event_type. */
  readonly type: HandlingType;
  /** As the record says it. */
  readonly by: string;
  readonly atMs: number;
  readonly code: RequestFault['code'];
  readonly reason: string;
}

const IGNORED_KEPT = 20;

export interface Letters<R extends LetterRecord> {
  /** Folds a record: a letter, or what was done about one. */
  apply(record: R): Folded;
  /** Oldest first. */
  all(): readonly Letter<R>[];
  /** By the id of any copy. */
  find(id: string): Letter<R> | null;
}

type Handling = EventOf<HandlingType>;

/** @param verify whether what is done about letters counts; null: all of it does */
export function createLetters<R extends LetterRecord>(verify: VerifyRequest | null = null): Letters<R> {
  const letters = new Map<string, Letter<R>>();
  const byId = new Map<string, string>();

  function add(record: R, facts: LetterFacts | null): Folded {
    const id = letterId(record);
    const key = originKey(facts?.origin ?? record);
    const known = letters.get(key);
    byId.set(id, key);
    if (known?.copies.includes(id)) return voidBecause('read before');
    letters.set(
      key,
      known === undefined
        ? { id, copies: [id], record, facts, state: { kind: 'waiting' }, ignored: [] }
        : { ...known, copies: [...known.copies, id] },
    );
    return APPLIED;
  }

  function handle(event: Handling, atMs: number): Folded {
    const {
      origin_topic: topic,
      origin_partition: partition,
      origin_offset: offset,
      origin_timestamp: timestampMs,
    } = event.payload;
    const key = originKey({ topic, partition, offset, timestampMs });
    const letter = letters.get(key);
    if (letter === undefined) return voidBecause('no such letter');
    const fault = verify === null ? null : requestFault(event, atMs, verify);
    if (fault !== null) {
      letters.set(key, withIgnored(letter, event, atMs, fault));
      return { ...voidBecause(fault.reason), code: fault.code };
    }
    const state = nextState(letter.state, event, atMs);
    if (state.kind === 'void') return state;
    letters.set(key, { ...letter, state });
    return APPLIED;
  }

  return {
    apply(record) {
      const facts = parseLetterHeaders(record.headers ?? {});
      const { content } = record;
      // A letter may be a misplaced record of what was done about another one; its headers tell.
      if (facts === null && content.kind === 'event' && isHandling(content.event))
        return handle(content.event, record.timestampMs);
      return add(record, facts);
    },
    all: () =>
      [...letters.values()].sort(
        (a, b) =>
          a.record.timestampMs - b.record.timestampMs ||
          a.record.partition - b.record.partition ||
          a.record.offset - b.record.offset,
      ),
    find: (id) => letters.get(byId.get(id) ?? '') ?? null,
  };
}

function withIgnored<R extends LetterRecord>(
  letter: Letter<R>,
  event: Handling,
  atMs: number,
  { code, reason }: RequestFault,
): Letter<R> {
  const ignored = { type: event.event_type, by: personOf(event), atMs, code, reason };
  return { ...letter, ignored: [...letter.ignored.slice(1 - IGNORED_KEPT), ignored] };
}

/** The first one who wants a letter gets it; from one who has begun it goes to another only when that says so. */
function nextState(state: LetterState, event: Handling, atMs: number): LetterState | Void {
  if (event.event_type === 'dead_letter_redriven') {
    if (state.kind !== 'redriving') return voidBecause('it was not taken');
    return { kind: 'redriven', by: event.payload.redriven_by, atMs, redriven: event.payload };
  }
  const isFree = state.kind === 'waiting' || (state.kind === 'redriving' && event.payload.taken_over);
  if (!isFree) return voidBecause(`${state.kind} before`);
  return event.event_type === 'dead_letter_taken'
    ? { kind: 'redriving', by: event.payload.taken_by, atMs }
    : { kind: 'discarded', by: event.payload.discarded_by, atMs, reason: event.payload.reason };
}

const isHandling = (event: AgentEvent): event is Handling => belongsIn('dead-letters', event.event_type);

const letterId = ({ partition, offset }: Pick<LetterRecord, 'partition' | 'offset'>): string =>
  `${partition}-${offset}`;

const originKey = ({ topic, partition, offset, timestampMs }: LetterOrigin): string =>
  `${topic}/${partition}/${offset}/${timestampMs}`;

/** What an event about a letter says of the letter. */
export function letterFields({
  id,
  record,
  facts,
}: Letter): Pick<
  PayloadOf<'dead_letter_taken'>,
  'letter_id' | 'origin_topic' | 'origin_partition' | 'origin_offset' | 'origin_timestamp'
> {
  const { topic, partition, offset, timestampMs } = facts?.origin ?? record;
  return {
    letter_id: id,
    origin_topic: topic,
    origin_partition: partition,
    origin_offset: offset,
    origin_timestamp: timestampMs,
  };
}
