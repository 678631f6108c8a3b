import type { Batch, Consumer } from 'ravenhelm-kafkajs';
import { createDeferred } from '../domain/deferred.js';
import { describeError } from '../domain/describe-error.js';
import type { Clock, Timer } from '../ports/clock.js';
import { TopicMissing, type PartitionId } from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import {
  isForbidden,
  isRefusedByGroup,
  isRetriable,
  leaving,
  MemberStopped,
  NotAuthorized,
  protocolErrorType,
  rightOfMember,
} from './errors.js';
import { markKnown } from './fetch-pace.js';
import { listenForOpenTransactions } from './open-transactions.js';
import { listenForOutOfRange } from './out-of-range.js';
import type { Fetched } from './read-batch.js';
import type { Input } from './reading/inputs.js';

/** A kafkajs consumer from its first join to its end. Its events are the inputs of the reading machine. */
export interface ConsumerSession {
  /**
   * Resolves when the group has accepted this member for the first time. Rejects with TopicMissing, MemberStopped or
   * the client's error.
   */
  start(): Promise<void>;
  /**
   * Milliseconds since a broker answered this member's fetch, heartbeat or join; since the session was made when none
   * did.
   */
  silentMs(): number;
  accepted(): void;
  /** The first join will not come. */
  refused(cause: unknown): void;
  /** Stops the client and runs it again. Rejects when it cannot be run. */
  restart(): Promise<void>;
  /** Leaves the group and stays connected. Never rejects. */
  leave(): Promise<void>;
  /** Leaves the group and disconnects. No handler is called after this call. */
  stop(): Promise<void>;
}

export interface SessionHandlers {
  feed(input: Input): void;
  /**
   * `resolve` tells the client the last offset that was delivered; what is not resolved is fetched again.
   * @returns whether there was anything in it that had not been delivered before
   */
  onBatch(place: PartitionId, fetched: Fetched, resolve: (offset: number) => void): boolean;
  /**
   * After a batch without anything new: nothing of the partition is being fetched, and `resolve` says from where it
   * will be.
   */
  onIdle(place: PartitionId, resolve: (offset: number) => void): void;
  /** After a batch: nothing more is fetched before it resolves. null: at once. */
  room(place: PartitionId): Promise<void> | null;
}

export interface ConsumerSessionOptions {
  readonly consumer: Consumer;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * kafkajs joins again by itself after passing failures (a coordinator that is loading); the first join must not last
 * forever.
 */
const JOIN_TIMEOUT_MS = 45_000;
const CLOCK_CHECK_MS = 1_000;
const ROOM_CHECK_MS = 500;

export function createConsumerSession(
  { consumer, groupId, topics, clock, logger }: ConsumerSessionOptions,
  handlers: SessionHandlers,
): ConsumerSession {
  let stopped = false;
  let heardAtMs = clock.monotonicMs();
  let clockCheck: Timer | null = null;
  const firstJoin = createFirstJoin(clock, { groupId, topics }, handlers);
  const listening = listenToClient(
    consumer,
    clock,
    handlers,
    () => stopped,
    () => (heardAtMs = clock.monotonicMs()),
  );

  const watchClock = () => {
    clockCheck = clock.setTimer(CLOCK_CHECK_MS, () => {
      handlers.feed({ kind: 'clock', wallMs: clock.now() });
      if (!stopped) watchClock();
    });
  };
  const stop = async () => {
    stopped = true;
    firstJoin.cancel();
    clockCheck?.cancel();
    listening.end();
    await consumer.disconnect().catch(warnOfLeaving);
  };
  const warnOfLeaving = (error: unknown) =>
    logger.warn({ group: groupId, error: describeError(error) }, 'kafka.leave_failed');
  let stopping: Promise<void> | null = null;
  const run = () => runConsumer(consumer, clock, handlers, () => stopped);

  return {
    async start() {
      try {
        await consumer.connect();
        await consumer.subscribe({ topics: [...topics], fromBeginning: true });
        await Promise.all([firstJoin.wait(), run()]);
        watchClock();
      } catch (error) {
        await (stopping ??= stop());
        throw failedStart(error, groupId, topics);
      }
    },
    silentMs: () => clock.monotonicMs() - heardAtMs,
    accepted: firstJoin.accept,
    refused: firstJoin.refuse,
    async restart() {
      await consumer.stop();
      if (!stopped) await run();
    },
    leave: () => consumer.stop().catch(warnOfLeaving),
    stop: () => (stopping ??= stop()),
  };
}

/** Settles with the first join, or with the end before it. */
function createFirstJoin(
  clock: Clock,
  { groupId, topics }: Pick<ConsumerSessionOptions, 'groupId' | 'topics'>,
  { feed }: SessionHandlers,
) {
  let settle: { resolve(): void; reject(error: Error): void } | null = null;
  let timer: Timer | null = null;
  return {
    wait: () =>
      new Promise<void>((resolve, reject) => {
        settle = { resolve, reject };
        timer = clock.setTimer(JOIN_TIMEOUT_MS, () =>
          feed({ kind: 'join_timed_out', cause: new Error(`not accepted within ${JOIN_TIMEOUT_MS / 1000} s`) }),
        );
      }),
    accept() {
      timer?.cancel();
      settle?.resolve();
    },
    refuse(cause: unknown) {
      timer?.cancel();
      settle?.reject(new MemberStopped(groupId, topics, { cause }));
    },
    cancel: () => timer?.cancel(),
  };
}

function listenToClient(
  consumer: Consumer,
  clock: Clock,
  { feed }: SessionHandlers,
  isStopped: () => boolean,
  heard: () => void,
) {
  const { events } = consumer;
  let endListening: () => void = () => undefined;
  for (const answer of [events.FETCH, events.HEARTBEAT, events.GROUP_JOIN]) consumer.on(answer, heard);
  consumer.on(events.HEARTBEAT, () => feed({ kind: 'heartbeat', wallMs: clock.now() }));
  consumer.on(events.STOP, () => feed({ kind: 'client_stopped' }));
  consumer.on(events.GROUP_JOIN, ({ payload: { memberAssignment, memberId } }) => {
    endListening();
    if (!isStopped()) endListening = listenToFetches(memberId, clock, feed);
    feed({ kind: 'joined', assignment: partitionsOf(memberAssignment), memberId, wallMs: clock.now() });
  });
  consumer.on(events.CRASH, ({ payload: { error, restart } }) =>
    feed({ kind: 'crashed', cause: error, passing: isRetriable(error), restarts: restart }),
  );
  // A batch of which readers see nothing reaches no handler: kafkajs reads on behind it by itself.
  consumer.on(events.END_BATCH_PROCESS, ({ payload: { topic, partition, batchSize, firstOffset, lastOffset } }) => {
    if (batchSize > 0) return;
    const last = Number(lastOffset);
    feed({ kind: 'passed', place: { topic, partition }, first: Number(firstOffset ?? lastOffset), last });
  });
  return { end: () => endListening() };
}

function listenToFetches(memberId: string, clock: Clock, feed: SessionHandlers['feed']): () => void {
  const ends = [
    listenForOutOfRange(memberId, (place) => feed({ kind: 'out_of_range', place })),
    listenForOpenTransactions(memberId, {
      clock,
      onOpen: (place, offset, reason) => feed({ kind: 'transaction_open', place, offset, reason }),
      onEnded: (place) => feed({ kind: 'transaction_ended', place }),
    }),
  ];
  return () => ends.forEach((end) => end());
}

function runConsumer(consumer: Consumer, clock: Clock, handlers: SessionHandlers, isStopped: () => boolean) {
  return consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, isStale, isRunning, heartbeat }) => {
      const isOver = () => isStopped() || !isRunning() || isStale();
      if (isOver()) return;
      const resolve = (offset: number) => resolveOffset(String(offset));
      if (!handlers.onBatch(batch, fetchedOf(batch), resolve))
        markKnown(batch, { clock, skipRead: () => isStopped() || handlers.onIdle(batch, resolve) });
      const room = handlers.room(batch);
      if (room !== null) await waitForRoom(room, { clock, isOver, heartbeat });
    },
  });
}

interface Waiting {
  readonly clock: Clock;
  isOver(): boolean;
  heartbeat(): Promise<void>;
}

/** The member stays in its group: the client sends no heartbeats meanwhile. */
async function waitForRoom(room: Promise<void>, { clock, isOver, heartbeat }: Waiting): Promise<void> {
  let hasRoom = false;
  const found = room.then(() => void (hasRoom = true));
  while (!hasRoom && !isOver()) {
    const ended = createDeferred<void>();
    const timer = clock.setTimer(ROOM_CHECK_MS, ended.resolve);
    await Promise.race([found, ended.promise]);
    timer.cancel();
    if (!hasRoom && !isOver()) await heartbeat();
  }
}

function fetchedOf(batch: Batch): Fetched {
  return { messages: batch.messages, first: Number(batch.firstOffset() ?? 0), last: Number(batch.lastOffset()) };
}

function failedStart(error: unknown, groupId: string, topics: readonly string[]): unknown {
  if (isForbidden(error))
    return error instanceof MemberStopped
      ? error
      : new NotAuthorized(`Joining group ${groupId}`, rightOfMember(groupId, topics, error), { cause: error });
  if (!(error instanceof MemberStopped) && isRefusedByGroup(error))
    return new MemberStopped(groupId, topics, { cause: error });
  if (protocolErrorType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') return leaving(error, `Joining group ${groupId}`);
  return new TopicMissing(`One of the topics ${topics.join(', ')} does not exist; create it: npx ravenhelm init`, {
    cause: error,
  });
}

function partitionsOf(memberAssignment: Readonly<Record<string, readonly number[]>>): readonly PartitionId[] {
  return Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}
