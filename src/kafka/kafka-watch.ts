import type { Consumer, KafkaMessage } from 'kafkajs';
import type { PartitionId, Watch, WatchOptions } from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import type { AdminSession } from './admin-session.js';
import type { Codec } from './codec.js';
import { MemberStopped, describeError, reportFatal } from './errors.js';
import { offsetsOf } from './kafka-admin.js';
import type { ClientFactory } from './kafka-client.js';
import { FETCH_WAIT_MS } from './kafka-group.js';
import { readBatch } from './read-batch.js';

export interface KafkaWatchDependencies {
  readonly createClient: ClientFactory;
  readonly session: AdminSession;
  readonly codec: Codec;
  readonly logger: Logger;
  /** Name of the throw-away group: kafkajs cannot read a topic without one. Nothing is committed. */
  readonly groupId: string;
}

/** Where a watch is in one partition. */
interface Watched extends PartitionId {
  position: number;
  /** Reached when everything that was there at the start has been delivered. */
  readonly target: number;
  loading: boolean;
}

/** Reads topics as the only member of a group of its own. */
export async function watchKafka(options: WatchOptions, dependencies: KafkaWatchDependencies): Promise<Watch> {
  const { createClient, session, codec, logger, groupId } = dependencies;
  const partitions = await startingPoints(options, session);
  const behind = new Set([...partitions.values()].filter(({ position, target }) => position < target));
  let stopped = false;
  let started = false;
  let caughtUp = false;
  const consumer: Consumer = createClient().consumer({
    groupId,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    allowAutoTopicCreation: false,
    retry: { restartOnFailure: async () => !stopped },
  });

  const disconnect = async () => {
    try {
      await consumer.disconnect();
      await session.run((admin) => admin.deleteGroups([groupId]));
    } catch (error) {
      // The broker forgets an empty group without commits by itself.
      logger.debug({ group: groupId, error: describeError(error) }, 'kafka.watch_group_left');
    }
  };
  const fail = (error: unknown) => {
    if (stopped) return;
    stopped = true;
    void disconnect();
    reportFatal(options, error, logger);
  };
  const guarded = (work: () => void) => {
    try {
      work();
    } catch (error) {
      fail(error);
    }
  };

  const watched = ({ topic, partition }: PartitionId): Watched => {
    const key = `${topic} ${partition}`;
    // A partition that was added later is new from its beginning.
    const entry = partitions.get(key) ?? { topic, partition, position: 0, target: 0, loading: false };
    partitions.set(key, entry);
    return entry;
  };

  const moveTo = (entry: Watched, position: number) => {
    entry.position = position;
    if (position >= entry.target) behind.delete(entry);
    announceCaughtUp();
  };
  const announceCaughtUp = () => {
    if (!started || caughtUp || stopped || behind.size > 0) return;
    caughtUp = true;
    options.onCaughtUp?.();
  };

  const onBatch = (entry: Watched, messages: readonly KafkaMessage[], resolve: (offset: number) => void) => {
    let rest = messages;
    while (!stopped && !entry.loading) {
      const { records, position, stop } = readBatch(codec, entry, rest, entry.position);
      for (const record of records) {
        if (record.content.kind === 'event') options.onRecord(record);
        if (stopped) return;
      }
      moveTo(entry, position);
      if (position > 0) resolve(position - 1);
      if (!stop) return;
      if (stop.kind === 'schema_needed') return void load(entry, stop.schemaId);
      // Neither what this build cannot read nor what is gone holds a watcher up.
      moveTo(entry, stop.kind === 'gap' ? stop.nextOffset : position + 1);
      rest = rest.filter(({ offset }) => Number(offset) >= entry.position);
      if (rest.length === 0) return resolve(entry.position - 1);
    }
  };

  /** Never rejects. Reading goes on behind the record when the registry does not give its schema. */
  const load = async (entry: Watched, schemaId: number) => {
    entry.loading = true;
    const place = { topic: entry.topic, partitions: [entry.partition] };
    consumer.pause([place]);
    let next = entry.position;
    try {
      await codec.loadSchema(schemaId);
    } catch (error) {
      logger.warn({ topic: entry.topic, partition: entry.partition, offset: next, error: describeError(error) }, 'kafka.watch_skipped');
      next += 1;
    }
    entry.loading = false;
    if (stopped) return;
    guarded(() => {
      moveTo(entry, next);
      consumer.seek({ topic: entry.topic, partition: entry.partition, offset: String(next) });
      consumer.resume([place]);
    });
  };

  const joined = new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      if (stopped) return void disconnect();
      guarded(() => {
        for (const [topic, numbers] of Object.entries(payload.memberAssignment)) {
          for (const partition of numbers) consumer.seek({ topic, partition, offset: String(watched({ topic, partition }).position) });
        }
      });
      resolve();
    });
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      reject(error); // Nothing happens after the first join.
      if (!restart) fail(new MemberStopped(groupId, { cause: error }));
    });
  });

  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
    const running = consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset, isStale, isRunning }) => {
        if (!isRunning() || isStale()) return;
        guarded(() => onBatch(watched(batch), batch.messages, (offset) => resolveOffset(String(offset))));
      },
    });
    await Promise.all([joined, running]);
  } catch (error) {
    stopped = true;
    await disconnect();
    throw error;
  }
  // Later than this call, so that the caller has the watch in hand.
  setImmediate(() => {
    started = true;
    guarded(announceCaughtUp);
  });

  let stopping: Promise<void> | null = null;
  return {
    stop() {
      stopped = true;
      return (stopping ??= disconnect());
    },
  };
}

async function startingPoints({ topics, from }: WatchOptions, session: AdminSession): Promise<Map<string, Watched>> {
  const partitions = new Map<string, Watched>();
  for (const topic of topics) {
    for (const { partition, low, high } of await offsetsOf(session, topic)) {
      partitions.set(`${topic} ${partition}`, { topic, partition, position: from === 'beginning' ? low : high, target: high, loading: false });
    }
  }
  return partitions;
}
