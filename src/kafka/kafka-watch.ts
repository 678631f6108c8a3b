import type { Random } from '../domain/backoff.js';
import { describeError } from '../domain/describe-error.js';
import type { Codec } from '../avro/codec.js';
import type { Clock } from '../ports/clock.js';
import { isWatched, watchStart, type Watch, type WatchOptions } from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import type { AdminSession } from './admin-session.js';
import { createBackoff } from './backoff.js';
import { needing, NotAuthorized } from './errors.js';
import { offsetsOf } from './kafka-admin.js';
import type { ClientFactory } from './kafka-client.js';
import { FETCH_WAIT_MS, READ_RETRY } from './kafka-group.js';
import { isReadable } from './read-batch.js';
import { createReader, type ReaderOwner } from './reader.js';
import { watchReader, type StartingPoint } from './reading/state.js';

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

/** Reads topics as the only member of a separate group. */
export async function watchKafka(options: WatchOptions, dependencies: KafkaWatchDependencies): Promise<Watch> {
  const { createClient, session, clock, random, logger, groupId, metadataAgeMs } = dependencies;
  let stopping: Promise<void> | null = null;
  const stop = () => (stopping ??= leaveAndForget());
  const leaveAndForget = async () => {
    await reader.stop();
    await forgetGroup(session, groupId, logger);
  };

  const reader = createReader({
    ...dependencies,
    consumer: createClient().consumer({
      groupId,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      metadataMaxAge: metadataAgeMs,
      allowAutoTopicCreation: false,
      retry: { restartOnFailure: async () => stopping === null },
    }),
    initial: watchReader(groupId, options.topics, await startingPoints(options, session)),
    owner: createOwner(
      options,
      () => stopping !== null,
      () => void stop(),
    ),
    backoff: createBackoff(clock, random, READ_RETRY),
    ask: async (topic) =>
      (await offsetsOf(session, topic)).map(({ partition, low, high }) => ({
        topic,
        partition,
        committed: null,
        logStart: low,
        logEnd: high,
      })),
  });
  await reader.session.start();
  // Later than this call, so that the caller has the watch in hand.
  clock.setTimer(0, () => reader.feed({ kind: 'started' }));
  return { stop };
}

function createOwner(options: WatchOptions, isStopped: () => boolean, stop: () => void): ReaderOwner {
  return {
    open: () => undefined,
    deliver(_place, records) {
      for (const record of records) {
        if (isStopped()) return;
        if (!isWatched(options, record)) continue;
        if (isReadable(record) && record.content.kind === 'event') options.onRecord(record);
        else options.onUndecodable?.(record);
      }
    },
    block: () => undefined,
    unblock: () => undefined,
    close: () => undefined,
    setApartChanged: () => undefined,
    caughtUp() {
      if (!isStopped()) options.onCaughtUp?.();
    },
    onFatal(error) {
      if (isStopped()) return;
      stop();
      options.onFatal(error);
    },
  };
}

/** The broker forgets an empty group without commits by itself; this is sooner. Never rejects. */
async function forgetGroup(session: AdminSession, groupId: string, logger: Logger): Promise<void> {
  try {
    const right = { operation: 'DELETE', resource: 'group', names: [groupId] } as const;
    await session.run((admin) => needing(right, `Deleting group ${groupId}`, admin.deleteGroups([groupId])));
  } catch (error) {
    const isMissingRight = error instanceof NotAuthorized;
    const fields = { group: groupId, error: isMissingRight ? error.message : describeError(error) };
    logger[isMissingRight ? 'warn' : 'debug'](fields, 'kafka.watch_group_left');
  }
}

async function startingPoints(options: WatchOptions, session: AdminSession): Promise<readonly StartingPoint[]> {
  const starts: StartingPoint[] = [];
  for (const topic of options.topics) {
    for (const { partition, low, high } of await offsetsOf(session, topic))
      starts.push({
        topic,
        partition,
        position: watchStart(options, { topic, partition, low, high }),
        target: high,
      });
  }
  return starts;
}
