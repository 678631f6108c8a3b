/**
 * The driver of the real reading machine (src/kafka/reading) in simulated time: what reader.ts and kafkajs are to it in
 * production. A client that fetches from positions, pauses and seeks; a cluster that answers late; handlers that throw.
 */
import type {
  AnyRecord,
  Appended,
  GroupOptions,
  LogRecord,
  PartitionAssignment,
  PartitionConsumer,
  PartitionId,
  SetApart,
} from '../../src/ports/log.js';
import type { Action, Input, ReadBatch } from '../../src/kafka/reading/inputs.js';
import type { Partition, ReaderState } from '../../src/kafka/reading/state.js';
import type { StoredPartition } from '../../src/memory/storage.js';
import type { Faults } from './faults.js';
import { isSame } from './same.js';
import type { SimProcess } from './sim-process.js';
import type { System } from './system.js';
import type { Invariant } from './violation.js';
import type { World } from './world.js';

export interface SimReaderOptions {
  readonly world: World;
  readonly faults: Faults;
  readonly system: System;
  readonly process: SimProcess;
  readonly options: GroupOptions;
  /** Partitions of the group's one topic, as many as it has now. */
  partitions(): readonly StoredPartition[];
  /** What the cluster says of a partition now. */
  look(partition: StoredPartition): PartitionAssignment;
  onDelivered(process: SimProcess, partition: PartitionId, nextOffset: number): void;
  /** The process may die now. */
  moment(process: SimProcess): void;
  report(invariant: Invariant, detail: string): void;
  /** The group has accepted the member for the first time. */
  onAccepted(): void;
}

export interface SimReader {
  state(): ReaderState;
  feed(input: Input): void;
  /** What its process has appended; taken where it follows what was read. */
  onOwn(appended: Appended): void;
}

/** What the client knows of an assigned partition. */
interface Fetching {
  readonly stored: StoredPartition;
  position: number;
  paused: boolean;
  planned: boolean;
  end(): void;
}

const RECORDS_PER_FETCH = 500;
const RETRY_MS = 400;
const LONGEST_RETRY_MS = 15_000;

export function createSimReader(deps: SimReaderOptions): SimReader {
  const { world, faults, system, process, options, partitions, report } = deps;
  const { random } = world;
  const { reading } = system;
  const fetching = new Map<number, Fetching>();
  const consumers = new Map<number, PartitionConsumer>();
  const waiting: { readonly input: Input; readonly from: Fetching | null }[] = [];
  let state = reading.groupReader(options.groupId, options.topics);
  let named: readonly SetApart[] = [];
  let busy = false;

  function feed(input: Input, from: Fetching | null = null): void {
    if (input.kind === 'joined') assign(input.assignment);
    waiting.push({ input, from });
    if (busy) return;
    busy = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { state: after, actions } = reading.step(state, next.input);
      state = after;
      const failed = new Set<number>();
      for (const action of actions) perform(action, next.from, failed);
    }
    busy = false;
    const apart = reading.setApart(state);
    if (!isSame(apart, named))
      report('set-apart', `${process.id} has ${namesOf(apart)} set apart, and names ${namesOf(named)}`);
  }

  /** The client forgets its positions at every rebalance, also those of partitions that stay. Pauses stay. */
  function assign(assignment: readonly PartitionId[]): void {
    const given = new Set(assignment.map(({ partition }) => partition));
    for (const [partition, { end }] of fetching) {
      if (given.has(partition)) continue;
      end();
      fetching.delete(partition);
    }
    for (const partition of given) {
      const stored = partitions()[partition];
      if (stored === undefined) continue;
      const known = fetching.get(partition);
      if (known !== undefined) known.position = committedIn(stored);
      else fetching.set(partition, begin(stored));
    }
  }

  const committedIn = (stored: StoredPartition): number => deps.look(stored).committed?.offset ?? 0;

  function begin(stored: StoredPartition): Fetching {
    const entry: Fetching = {
      stored,
      position: committedIn(stored),
      paused: false,
      planned: false,
      end: stored.onChange(() => fetchSoon(entry)),
    };
    return entry;
  }

  function fetchSoon(entry: Fetching): void {
    if (entry.planned || entry.paused) return;
    entry.planned = true;
    process.later(deliveryMs(), () => {
      entry.planned = false;
      if (fetching.get(entry.stored.partition) === entry && !entry.paused) fetch(entry);
    });
  }

  const deliveryMs = () =>
    faults.on('delay') && random.chance(0.02) ? random.next() * random.pick([500, 10_000]) : random.delayMs(1);

  function fetch(entry: Fetching): void {
    const { stored, position } = entry;
    if (position < stored.low() || position > stored.high())
      return feed({ kind: 'out_of_range', place: placeOf(stored) });
    const records = stored.read(position, RECORDS_PER_FETCH);
    const reader = reading.readable(state, stored);
    // One that is not known to be read is fetched again when it is resumed.
    if (records.length === 0 || reader === null) return;
    feed({ kind: 'fetched', place: placeOf(stored), read: batchOf(records, reader) }, entry);
    if (entry.position < stored.high()) fetchSoon(entry);
  }

  function perform(action: Action, from: Fetching | null, failed: Set<number>): void {
    switch (action.kind) {
      case 'seek':
      case 'pause':
      case 'resume':
        return tellClient(action);
      case 'resolve':
        if (from !== null) from.position = Math.max(from.position, action.offset + 1);
        return;
      case 'ask':
        return ask(action.partitions, (states) =>
          feed(
            states === null
              ? { kind: 'unanswered', topic: action.topic, error: 'the coordinator is loading' }
              : { kind: 'answered', topic: action.topic, states },
          ),
        );
      case 'ask_bounds':
        return ask([action.place.partition], (states) =>
          feed(
            states === null
              ? { kind: 'bounds_failed', ticket: action.ticket, error: 'no leader' }
              : { kind: 'bounds', ticket: action.ticket, found: states[0] ?? null },
          ),
        );
      case 'wait':
        return wait(action.attempt, () => feed({ kind: 'waited', ticket: action.ticket }));
      case 'wait_topic':
        return wait(action.attempt, () => feed({ kind: 'topic_waited', topic: action.topic }));
      case 'accepted':
        return deps.onAccepted();
      case 'fail':
        return options.onFatal(action.error instanceof Error ? action.error : new Error(String(action.error)));
      case 'log':
        return world.tell(() => `${process.id} ${action.level} ${action.event} ${JSON.stringify(action.fields)}`);
      default:
        return callRole(action, failed);
    }
  }

  function tellClient({ kind, place, ...action }: Extract<Action, { kind: 'seek' | 'pause' | 'resume' }>): void {
    const entry = fetching.get(place.partition);
    if (entry === undefined) return;
    if ('offset' in action) entry.position = action.offset;
    if (kind === 'pause') entry.paused = true;
    if (kind === 'resume') entry.paused = false;
    fetchSoon(entry);
  }

  /** The cluster answers what is true when it does, and the answer is a little old when it comes. */
  function ask(wanted: readonly number[], then: (states: readonly PartitionAssignment[] | null) => void): void {
    world.at(random.delayMs(1), () => {
      const fails = faults.on('move') && random.chance(0.05);
      const states = wanted.flatMap((partition) => partitions()[partition] ?? []).map(deps.look);
      process.later(random.delayMs(1), () => then(fails ? null : states));
    });
  }

  function wait(attempt: number, then: () => void): void {
    process.later(random.next() * Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** attempt), then);
  }

  /** A partition whose handler has thrown gets no more of this step. */
  function callRole(action: Action, failed: Set<number>): void {
    const id = action.kind === 'open' ? action.id : 'place' in action && 'id' in action.place ? action.place.id : 0;
    if (failed.has(id)) return;
    try {
      tellRole(action);
      if (action.kind === 'open') feed({ kind: 'opened', id });
    } catch (error) {
      failed.add(id);
      const isLoss = action.kind === 'open' && error instanceof system.DataLoss;
      if (isLoss) world.tell(() => `${process.id} cannot trust ${action.assignment.topic}: ${error.message}`);
      feed(isLoss ? { kind: 'open_lost', id, reason: error.message } : { kind: 'threw', id, error });
    }
  }

  function tellRole(action: Action): void {
    switch (action.kind) {
      case 'open': {
        const { topic, partition, committed } = action.assignment;
        deps.moment(process);
        if (!process.isAlive()) return;
        world.tell(() => `${process.id} opens ${topic}[${partition}] at ${committed?.offset ?? 'the beginning'}`);
        consumers.set(action.id, options.open(action.assignment));
        return deps.moment(process);
      }
      case 'deliver':
        return deliver(action.place, action.records);
      case 'block':
        return consumers.get(action.place.id)?.onBlocked(action.offset, action.reason);
      case 'unblock':
        return consumers.get(action.place.id)?.onUnblocked();
      case 'close': {
        const consumer = consumers.get(action.place.id);
        consumers.delete(action.place.id);
        world.tell(() => `${process.id} closes ${action.place.topic}[${action.place.partition}]`);
        return consumer?.onClosed();
      }
      case 'set_apart_changed':
        named = reading.setApart(state);
        world.tell(() => `${process.id} has ${namesOf(named)} set apart`);
        return options.onSetApart?.(named);
      default: // Nothing that the simulated client can do.
    }
  }

  function deliver(place: PartitionId & { readonly id: number }, records: readonly AnyRecord[]): void {
    if (!process.isAlive()) return;
    const consumer = consumers.get(place.id);
    if (consumer === undefined)
      return report('set-apart', `${process.id} reads ${place.topic}[${place.partition}], which is not open`);
    deps.onDelivered(process, place, (records.at(-1)?.offset ?? -1) + 1);
    consumer.onRecords(records.filter(isReadable));
    // Folded, and what it allows is about to be done.
    deps.moment(process);
  }

  function onOwn({ topic, partition, offset }: Appended): void {
    if (topic !== options.topics[0]) return;
    const entry = reading.readable(state, { topic, partition });
    const stored = fetching.get(partition)?.stored;
    if (entry === null || stored === undefined || entry.position !== offset || offset < stored.low()) return;
    const read = batchOf(stored.read(offset, 1), { ...entry, expected: offset });
    feed({ kind: 'own', place: placeOf(entry), read });
  }

  return { state: () => state, feed: (input) => feed(input), onOwn };
}

const placeOf = ({ topic, partition }: PartitionId): PartitionId => ({ topic, partition });
const namesOf = (apart: readonly SetApart[]): string =>
  apart.length === 0 ? 'nothing' : apart.map(({ topic, partition }) => `${topic}[${partition}]`).join(', ');

/** What a fetch from the client's position gives a reader; as read-batch.ts decodes it. */
function batchOf(fetched: readonly AnyRecord[], { position: from, expected }: Partition): ReadBatch {
  const first = fetched[0]?.offset ?? from;
  if (first < expected) return { records: [], position: from, stop: { kind: 'rewound' } };
  if (first > from) return { records: [], position: from, stop: { kind: 'gap', nextOffset: first } };
  const records: AnyRecord[] = [];
  let position = from;
  for (const record of fetched) {
    if (record.offset < from) continue;
    if (record.content.kind === 'unreadable') return { records, position, stop: record.content };
    records.push(record);
    position = record.offset + 1;
  }
  return { records, position, stop: null };
}

function isReadable(record: AnyRecord): record is LogRecord {
  return record.content.kind !== 'unreadable';
}
