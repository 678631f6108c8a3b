import type { Consumer, KafkaMessage } from 'ravenhelm-kafkajs';
import type { Clock, Timer } from '../ports/clock.js';
import { TopicMissing, type PartitionId } from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import { describeError } from '../domain/describe-error.js';
import { MemberStopped, isRetriable, leaving, protocolErrorType, reportFatal } from './errors.js';
import { markKnown } from './fetch-pace.js';
import { listenForOutOfRange } from './out-of-range.js';

/** How the client is told where to read. Nothing happens while it is between two sessions: the next join repeats it. */
export interface ReadControl {
  seek(partition: PartitionId, offset: number): void;
  pause(partition: PartitionId): void;
  resume(partition: PartitionId): void;
}

/** A kafkajs consumer from its first join to its end. */
export interface ConsumerSession extends ReadControl {
  /** Resolves when the group has accepted this member for the first time. Rejects with TopicMissing, MemberStopped or the client's error. */
  start(): Promise<void>;
  isStopped(): boolean;
  /** Milliseconds since a broker answered this member's fetch, heartbeat or join; since the session was made when none did. */
  silentMs(): number;
  /** Runs a handler's code from outside of the client's calls; its exception goes to onFatal too. */
  guard(work: () => void): void;
  /** Leaves the group and disconnects. No handler is called after this call. */
  stop(): Promise<void>;
}

/** All are synchronous. An exception of theirs goes to onFatal. */
export interface SessionHandlers {
  /** The group's word, after each rebalance; every position is the committed offset again until it is set. */
  onJoin(assignment: readonly PartitionId[], memberId: string): void;
  /**
   * `resolve` tells the client the last offset that was delivered; what is not resolved is fetched again.
   * @returns whether there was anything in it that had not been delivered before
   */
  onBatch(partition: PartitionId, messages: readonly KafkaMessage[], resolve: (offset: number) => void): boolean;
  /** After a batch without anything new: nothing of this partition is being fetched, and `resolve` says from where it will be. */
  onPaused(partition: PartitionId, resolve: (offset: number) => void): void;
  /** A broker says that its log does not hold this partition's position. It is fetched again at once unless it is paused. */
  onOutOfRange(partition: PartitionId): void;
  /** Not before the first join. */
  onFatal(error: Error): void;
}

export interface ConsumerSessionOptions {
  readonly consumer: Consumer;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** kafkajs joins again by itself after passing failures (a coordinator that is loading); the first join must not last forever. */
const JOIN_TIMEOUT_MS = 45_000;
/** Passing failures in a row, with no join between them, from which on the group does without this member: someone should look. */
const LASTING_INTERRUPTIONS = 5;
/** How often the wall clock is looked at, and how far back it may go: kafkajs's heartbeats wait for so long. */
const CLOCK_CHECK_MS = 1_000;

export function createConsumerSession(
  { consumer, groupId, topics, clock, logger }: ConsumerSessionOptions,
  handlers: SessionHandlers,
): ConsumerSession {
  let stopped = false;
  let joined = false;
  /** seek, pause and resume throw while the client restarts. */
  let running = false;
  /** Since the last join. */
  let interruptions = 0;
  let heardAtMs = clock.monotonicMs();
  const heard = () => void (heardAtMs = clock.monotonicMs());
  /** The wall clock's time at the client's last heartbeat; null before its first since it (re)started. */
  let heartbeatAtMs: number | null = null;
  let clockCheck: Timer | null = null;
  let joinTimeout: Timer | null = null;
  let endListening: () => void = () => undefined;

  const guarded = (work: () => void) => {
    try {
      work();
    } catch (error) {
      reportFatal(handlers, error, logger);
    }
  };
  const warnOfLeaving = (error: unknown) =>
    logger.warn({ group: groupId, error: describeError(error) }, 'kafka.leave_failed');
  const leave = () => consumer.stop().catch(warnOfLeaving);

  /** Settles with the first join, or with the end before it. */
  const firstJoin = () =>
    new Promise<void>((resolve, reject) => {
      const timeout = new MemberStopped(groupId, {
        cause: new Error(`not accepted within ${JOIN_TIMEOUT_MS / 1000} s`),
      });
      const timer = clock.setTimer(JOIN_TIMEOUT_MS, () => reject(timeout));
      joinTimeout = timer;
      consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberAssignment, memberId } }) => {
        if (stopped) return void leave(); // A restart was under way: its runner leaves at the end of its start (stopped-runner.ts).
        running = true;
        joined = true;
        interruptions = 0;
        heartbeatAtMs ??= clock.now();
        timer.cancel();
        endListening();
        endListening = listenForOutOfRange(
          memberId,
          (partition) => stopped || guarded(() => handlers.onOutOfRange(partition)),
        );
        guarded(() => handlers.onJoin(partitionsOf(memberAssignment), memberId));
        resolve();
      });
      consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
        if (stopped) return;
        interruptions += 1;
        const fields = { group: groupId, error: describeError(error), restart, interruptions };
        const passing = restart && isRetriable(error) && interruptions < LASTING_INTERRUPTIONS;
        if (passing) logger.info(fields, 'kafka.member_interrupted');
        else logger.warn(fields, 'kafka.member_interrupted');
        if (restart) return;
        timer.cancel();
        const end = new MemberStopped(groupId, { cause: error });
        if (joined) reportFatal(handlers, end, logger);
        else reject(end);
      });
    });

  const run = () =>
    consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset, isStale, isRunning }) => {
        if (stopped || !isRunning() || isStale()) return;
        const resolve = (offset: number) => resolveOffset(String(offset));
        guarded(() => {
          if (!handlers.onBatch(batch, batch.messages, resolve))
            markKnown(batch, { clock, skipRead: () => stopped || guarded(() => handlers.onPaused(batch, resolve)) });
        });
      },
    });

  /**
   * kafkajs asks the wall clock when a heartbeat is due: one that was set back by hours silences the member for hours,
   * while it goes on reading partitions that the group has long given to others. A restarted client counts from now.
   */
  const watchClock = () => {
    clockCheck = clock.setTimer(CLOCK_CHECK_MS, () => void checkClock().finally(() => stopped || watchClock()));
  };
  const checkClock = async () => {
    if (!running || heartbeatAtMs === null || clock.now() >= heartbeatAtMs - CLOCK_CHECK_MS) return;
    logger.warn({ group: groupId, back_ms: heartbeatAtMs - clock.now() }, 'kafka.clock_went_back');
    try {
      await consumer.stop();
      if (!stopped) await run();
    } catch (error) {
      if (!stopped) reportFatal(handlers, new MemberStopped(groupId, { cause: error }), logger);
    }
  };

  const stop = async () => {
    stopped = true;
    joinTimeout?.cancel();
    clockCheck?.cancel();
    endListening();
    await consumer.disconnect().catch(warnOfLeaving);
  };

  let stopping: Promise<void> | null = null;
  for (const answer of [consumer.events.FETCH, consumer.events.HEARTBEAT, consumer.events.GROUP_JOIN])
    consumer.on(answer, heard);
  consumer.on(consumer.events.HEARTBEAT, () => void (heartbeatAtMs = clock.now()));
  consumer.on(consumer.events.STOP, () => {
    running = false;
    heartbeatAtMs = null;
  });
  return {
    async start() {
      try {
        await consumer.connect();
        await consumer.subscribe({ topics: [...topics], fromBeginning: true });
        await Promise.all([firstJoin(), run()]);
        watchClock();
      } catch (error) {
        await (stopping ??= stop());
        if (protocolErrorType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw leaving(error, `Joining group ${groupId}`);
        throw new TopicMissing(`One of the topics ${topics.join(', ')} does not exist; create it: npx ravenhelm init`, {
          cause: error,
        });
      }
    },
    isStopped: () => stopped,
    silentMs: () => clock.monotonicMs() - heardAtMs,
    guard: guarded,
    stop: () => (stopping ??= stop()),
    seek: ({ topic, partition }, offset) => running && consumer.seek({ topic, partition, offset: String(offset) }),
    pause: ({ topic, partition }) => running && consumer.pause([{ topic, partitions: [partition] }]),
    resume: ({ topic, partition }) => running && consumer.resume([{ topic, partitions: [partition] }]),
  };
}

function partitionsOf(memberAssignment: Readonly<Record<string, readonly number[]>>): readonly PartitionId[] {
  return Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}
