/**
 * The driver of the reading machine (reading/step.ts), shared by groups and watches: brings it what the client, the
 * cluster and the registry say, and carries out what it asks for. It decides nothing.
 */
import type { Consumer } from 'ravenhelm-kafkajs';
import type { Codec } from '../avro/codec.js';
import { describeSchemaFailure } from '../avro/errors.js';
import { describeError } from '../domain/describe-error.js';
import { DataLoss } from '../domain/record.js';
import type { Clock } from '../ports/clock.js';
import type { AnyRecord, PartitionAssignment, PartitionId } from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import type { Backoff } from './backoff.js';
import { createConsumerSession, type ConsumerSession } from './consumer-session.js';
import { MemberStopped, reportFatal } from './errors.js';
import type { OwnRecords } from './own-records.js';
import { readBatch, type Fetched } from './read-batch.js';
import type { Action, Input, Place } from './reading/inputs.js';
import { readable, type Partition, type ReaderState } from './reading/state.js';
import { step } from './reading/step.js';

/** Whom the records are for. Calls are synchronous; one that throws stops its partition. */
export interface ReaderOwner {
  open(id: number, assignment: PartitionAssignment): void;
  deliver(place: Place, records: readonly AnyRecord[]): void;
  /** See PartitionConsumer. Absent: there is always room. */
  room?(place: Place): Promise<void> | null;
  block(place: Place, offset: number, reason: string): void;
  unblock(place: Place): void;
  close(place: Place): void;
  setApartChanged(): void;
  caughtUp(): void;
  onFatal(error: Error): void;
}

export interface ReaderOptions {
  readonly consumer: Consumer;
  readonly initial: ReaderState;
  readonly owner: ReaderOwner;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly logger: Logger;
  /**
   * Where the log begins and ends in these partitions of a topic at least, and what the group has committed, asked of
   * the cluster now.
   */
  ask(topic: string, partitions: readonly number[]): Promise<readonly PartitionAssignment[]>;
}

export interface Reader {
  readonly session: Pick<ConsumerSession, 'start' | 'silentMs'>;
  state(): ReaderState;
  feed(input: Input): void;
  /** What this process has appended; taken where it follows what was read. */
  onOwn(records: OwnRecords): void;
  /** Closes every partition, leaves the group and disconnects. */
  stop(): Promise<void>;
}

type Resolve = (offset: number) => void;

export function createReader(options: ReaderOptions): Reader {
  const { consumer, initial, owner, codec, clock, backoff, logger } = options;
  let state = initial;
  const waiting: { readonly input: Input; readonly resolve: Resolve }[] = [];
  let busy = false;

  /** An input that a handler causes waits until everything before it is carried out. Never throws. */
  const feed = (input: Input, resolve: Resolve = () => undefined) => {
    waiting.push({ input, resolve });
    if (busy) return;
    busy = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { state: after, actions } = step(state, next.input);
      state = after;
      perform(actions, next.resolve);
    }
    busy = false;
  };

  const read = (entry: Partition, fetched: Fetched, expected = entry.expected) =>
    readBatch(codec, entry, fetched, { position: entry.position, expected, stops: state.kind === 'group' });
  const session = createConsumerSession(
    { consumer, groupId: state.groupId, topics: state.topics, clock, logger },
    {
      feed,
      onBatch(place, fetched, resolve) {
        const entry = readable(state, place);
        if (entry === null) return true; // It is not known whether it will be delivered.
        const found = read(entry, fetched);
        feed({ kind: 'fetched', place, read: found }, resolve);
        return found.position > entry.position || found.stop !== null;
      },
      onIdle: (place, resolve) => feed({ kind: 'idle', place }, resolve),
      room(place) {
        const entry = readable(state, place);
        return entry === null ? null : (owner.room?.(entry) ?? null);
      },
    },
  );
  const perform = createPerformer(options, session, () => state, feed);

  return {
    session,
    state: () => state,
    feed,
    onOwn(records) {
      const entry = readable(state, records);
      if (entry === null || records.baseOffset !== entry.position) return;
      const messages = records.messages();
      const { baseOffset: first } = records;
      const own = read(entry, { messages, first, last: first + messages.length - 1 }, first);
      feed({ kind: 'own', place: records, read: own });
    },
    async stop() {
      feed({ kind: 'left' });
      backoff.cancelAll();
      await session.stop();
    },
  };
}

type Perform = (actions: readonly Action[], resolve: Resolve) => void;
type Feed = (input: Input) => void;

/** Carries out the actions of one step. A partition whose handler has thrown gets no more of them. */
function createPerformer(
  { consumer, owner, logger, ...options }: ReaderOptions,
  session: ConsumerSession,
  state: () => ReaderState,
  feed: Feed,
): Perform {
  const ask = createAsking({ ...options, consumer, owner, logger }, feed);
  /** seek, pause and resume throw while the client restarts; the next join repeats them. */
  const tell = (action: Action) => {
    if (!state().session.running) return;
    if (action.kind === 'seek') consumer.seek({ ...topicPartition(action.place), offset: String(action.offset) });
    if (action.kind === 'pause') consumer.pause([partitions(action.place)]);
    if (action.kind === 'resume') consumer.resume([partitions(action.place)]);
  };
  const fail = (error: unknown) => reportFatal(owner, error, logger);
  const restart = () =>
    session.restart().catch((cause: unknown) => {
      if (!state().session.left) fail(new MemberStopped(state().groupId, state().topics, { cause }));
    });
  const join = (action: Action) => {
    if (action.kind === 'accepted') session.accepted();
    if (action.kind === 'refused') session.refused(action.cause);
    if (action.kind === 'client_lost')
      fail(new MemberStopped(state().groupId, state().topics, { cause: action.cause }));
    if (action.kind === 'leave_again') void session.leave();
    if (action.kind === 'restart_client') void restart();
  };
  return (actions, resolve) => {
    const failed = new Set<number>();
    for (const action of actions) {
      tell(action);
      join(action);
      ask(action);
      if (action.kind === 'resolve') resolve(action.offset);
      if (action.kind === 'fail') fail(action.error);
      if (action.kind === 'log') logger[action.level](action.fields, action.event);
      callOwner(owner, action, failed, feed);
    }
  };
}

function callOwner(owner: ReaderOwner, action: Action, failed: Set<number>, feed: Feed): void {
  const id = idOf(action);
  if (failed.has(id) || (action.kind === 'caught_up' && failed.size > 0)) return;
  try {
    tellOwner(owner, action);
    if (action.kind === 'open') feed({ kind: 'opened', id });
  } catch (error) {
    failed.add(id);
    const isLoss = action.kind === 'open' && error instanceof DataLoss;
    feed(isLoss ? { kind: 'open_lost', id, reason: error.message } : { kind: 'threw', id, error });
  }
}

function tellOwner(owner: ReaderOwner, action: Action): void {
  switch (action.kind) {
    case 'open':
      return owner.open(action.id, action.assignment);
    case 'deliver':
      return owner.deliver(action.place, action.records);
    case 'block':
      return owner.block(action.place, action.offset, action.reason);
    case 'unblock':
      return owner.unblock(action.place);
    case 'close':
      return owner.close(action.place);
    case 'set_apart_changed':
      return owner.setApartChanged();
    case 'caught_up':
      return owner.caughtUp();
    default: // For the client, the cluster or the logger.
  }
}

/** Of the partition that the action is for; 0 where it is for none, or for whatever is assigned. */
function idOf(action: Action): number {
  if (action.kind === 'open') return action.id;
  return 'place' in action && 'id' in action.place ? action.place.id : 0;
}

/** Questions to the cluster and the registry, and pauses. Their answers are inputs. */
function createAsking({ ask, codec, backoff }: ReaderOptions, feed: Feed): (action: Action) => void {
  const answered = async (topic: string, wanted: readonly number[]) => {
    try {
      feed({ kind: 'answered', topic, states: await ask(topic, wanted) });
    } catch (error) {
      feed({ kind: 'unanswered', topic, error: describeError(error) });
    }
  };
  const bounds = async ({ topic, partition }: PartitionId, ticket: number) => {
    try {
      const found = (await ask(topic, [partition])).find((state) => state.partition === partition) ?? null;
      feed({ kind: 'bounds', ticket, found });
    } catch (error) {
      feed({ kind: 'bounds_failed', ticket, error: describeError(error) });
    }
  };
  const schema = async (schemaId: number, ticket: number) => {
    try {
      await codec.loadSchema(schemaId);
      feed({ kind: 'schema_loaded', ticket });
    } catch (error) {
      feed({ kind: 'schema_failed', ticket, reason: describeSchemaFailure(error) });
    }
  };
  return (action) => {
    if (action.kind === 'ask') void answered(action.topic, action.partitions);
    if (action.kind === 'ask_bounds') void bounds(action.place, action.ticket);
    if (action.kind === 'load_schema') void schema(action.schemaId, action.ticket);
    if (action.kind === 'wait')
      void backoff.wait(action.attempt).then(() => feed({ kind: 'waited', ticket: action.ticket }));
    if (action.kind === 'wait_topic')
      void backoff.wait(action.attempt).then(() => feed({ kind: 'topic_waited', topic: action.topic }));
  };
}

const topicPartition = ({ topic, partition }: PartitionId) => ({ topic, partition });
const partitions = ({ topic, partition }: PartitionId) => ({ topic, partitions: [partition] });
