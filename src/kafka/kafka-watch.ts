import type { KafkaMessage } from 'ravenhelm-kafkajs';
import type { Random } from '../domain/backoff.js';
import type { Clock } from '../ports/clock.js';
import type { PartitionId, Watch, WatchOptions } from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import type { AdminSession } from './admin-session.js';
import { createBackoff } from './backoff.js';
import type { Codec } from '../avro/codec.js';
import { createConsumerSession } from './consumer-session.js';
import { describeSchemaFailure } from '../avro/errors.js';
import { describeError } from '../domain/describe-error.js';
import { offsetsOf } from './kafka-admin.js';
import type { ClientFactory } from './kafka-client.js';
import { FETCH_WAIT_MS, READ_RETRY } from './kafka-group.js';
import { readBatch, recordOf } from './read-batch.js';

export interface KafkaWatchDependencies {
  readonly createClient: ClientFactory;
  readonly session: AdminSession;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Partitions that were added are found by then. */
  readonly metadataAgeMs: number;
  /** Name of the throw-away group: kafkajs cannot read a topic without one. Nothing is committed. */
  readonly groupId: string;
}

/** Where a watch is in one partition. */
interface Watched extends PartitionId {
  position: number;
  /** Reached when everything that was there at the start has been delivered. */
  readonly target: number;
  /** Paused while something is asked: the schema of its next record, or where the log ends. */
  asking: boolean;
  /** How often in a row, without a record between them, it was asked where the log begins and ends. */
  lookups: number;
}

/** Reads topics as the only member of a group of its own. */
export async function watchKafka(options: WatchOptions, dependencies: KafkaWatchDependencies): Promise<Watch> {
  const { createClient, session, codec, clock, random, logger, groupId, metadataAgeMs } = dependencies;
  const partitions = await startingPoints(options, session);
  const behind = new Set([...partitions.values()].filter(({ position, target }) => position < target));
  const backoff = createBackoff(clock, random, READ_RETRY);
  let started = false;
  let caughtUp = false;
  let failed = false;

  const consumer = createClient().consumer({
    groupId,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    metadataMaxAge: metadataAgeMs,
    allowAutoTopicCreation: false,
    retry: { restartOnFailure: async () => !reading.isStopped() },
  });
  const reading = createConsumerSession(
    { consumer, groupId, topics: options.topics, clock, logger },
    {
      onJoin(assignment) {
        for (const partition of assignment) {
          const entry = watched(partition);
          reading.seek(entry, entry.position);
          if (entry.asking) reading.pause(entry);
        }
      },
      onBatch(partition, messages, resolve) {
        onBatch(watched(partition), messages, resolve);
        return true;
      },
      onPaused: () => undefined,
      onOutOfRange: (partition) => void findPosition(watched(partition)),
      onFatal(error) {
        if (failed || reading.isStopped()) return;
        failed = true;
        void stop();
        options.onFatal(error);
      },
    },
  );

  const watched = ({ topic, partition }: PartitionId): Watched => {
    const key = keyOf(topic, partition);
    // A partition that was added later is new from its beginning.
    const entry = partitions.get(key) ?? { topic, partition, position: 0, target: 0, asking: false, lookups: 0 };
    partitions.set(key, entry);
    return entry;
  };

  const onBatch = (entry: Watched, messages: readonly KafkaMessage[], resolve: (offset: number) => void) => {
    let rest = messages;
    while (rest.length > 0 && !entry.asking) {
      const { records, position, stop: end } = readBatch(codec, entry, rest, entry.position);
      for (const record of records) {
        if (record.content.kind === 'event') options.onRecord(record);
        else options.onUndecodable?.(record);
        if (reading.isStopped()) return;
      }
      moveTo(entry, position);
      if (records.length > 0) {
        entry.lookups = 0;
        resolve(position - 1);
      }
      if (!end) return;
      const next = rest.find(({ offset }) => Number(offset) === position);
      if (end.kind === 'schema_needed') return void loadSchema(entry, end.schemaId, next);
      if (end.kind === 'rewound') return void findPosition(entry);
      if (end.kind === 'unreadable') skip(entry, next, end.reason);
      if (reading.isStopped()) return;
      // Neither what this build cannot read nor what is gone holds a watcher up.
      moveTo(entry, end.kind === 'gap' ? end.nextOffset : position + 1);
      resolve(entry.position - 1);
      rest = rest.filter(({ offset }) => Number(offset) >= entry.position);
    }
  };

  /** Never rejects. Reading goes on behind the record when the registry does not give its schema. */
  const loadSchema = async (entry: Watched, schemaId: number, message: KafkaMessage | undefined) => {
    entry.asking = true;
    reading.pause(entry);
    let next = entry.position;
    let unknown: string | null = null;
    try {
      await codec.loadSchema(schemaId);
    } catch (error) {
      unknown = describeSchemaFailure(error);
      logger.warn(
        { topic: entry.topic, partition: entry.partition, offset: next, error: unknown },
        'kafka.watch_skipped',
      );
      next += 1;
    }
    entry.asking = false;
    if (reading.isStopped()) return;
    reading.guard(() => {
      if (unknown !== null) skip(entry, message, unknown);
      moveTo(entry, next);
    });
    reading.seek(entry, next);
    reading.resume(entry);
  };

  /**
   * Never rejects. A log that ends before the position was made anew or cut back: what is in it now was not seen yet. What
   * was deleted is passed. Where neither is so, a replica was asked that does not have everything yet.
   */
  const findPosition = async (entry: Watched) => {
    if (entry.asking) return;
    entry.asking = true;
    reading.pause(entry);
    entry.lookups += 1;
    try {
      const { low, high } = (await offsetsOf(session, entry.topic)).find(
        ({ partition }) => partition === entry.partition,
      ) ?? { low: 0, high: 0 };
      const next = high < entry.position ? low : Math.max(low, entry.position);
      if (next !== entry.position)
        logger.warn(
          { topic: entry.topic, partition: entry.partition, position: entry.position, low, high, next },
          'kafka.watch_moved',
        );
      reading.guard(() => moveTo(entry, next));
    } catch (error) {
      // The client comes to the same place, and asks again.
      logger.warn(
        { topic: entry.topic, partition: entry.partition, error: describeError(error) },
        'kafka.watch_asks_again',
      );
    }
    await backoff.wait(entry.lookups);
    entry.asking = false;
    if (reading.isStopped()) return;
    reading.seek(entry, entry.position);
    reading.resume(entry);
  };

  const skip = (entry: Watched, message: KafkaMessage | undefined, reason: string) => {
    if (message !== undefined) options.onUndecodable?.(recordOf(entry, message, { kind: 'unreadable', reason }));
  };

  const moveTo = (entry: Watched, position: number) => {
    entry.position = position;
    if (position >= entry.target) behind.delete(entry);
    if (started) announceCaughtUp();
  };
  const announceCaughtUp = () => {
    if (caughtUp || reading.isStopped() || behind.size > 0) return;
    caughtUp = true;
    options.onCaughtUp?.();
  };

  let stopping: Promise<void> | null = null;
  const stop = () => (stopping ??= leaveAndForget());
  const leaveAndForget = async () => {
    backoff.cancelAll();
    await reading.stop();
    try {
      await session.run((admin) => admin.deleteGroups([groupId]));
    } catch (error) {
      // The broker forgets an empty group without commits by itself.
      logger.debug({ group: groupId, error: describeError(error) }, 'kafka.watch_group_left');
    }
  };

  await reading.start();
  // Later than this call, so that the caller has the watch in hand.
  clock.setTimer(0, () => {
    started = true;
    reading.guard(announceCaughtUp);
  });
  return { stop };
}

async function startingPoints({ topics, from }: WatchOptions, session: AdminSession): Promise<Map<string, Watched>> {
  const partitions = new Map<string, Watched>();
  for (const topic of topics) {
    for (const { partition, low, high } of await offsetsOf(session, topic)) {
      partitions.set(keyOf(topic, partition), {
        topic,
        partition,
        position: from === 'beginning' ? low : high,
        target: high,
        asking: false,
        lookups: 0,
      });
    }
  }
  return partitions;
}

function keyOf(topic: string, partition: number): string {
  return `${topic}[${partition}]`;
}
