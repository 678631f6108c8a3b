/** A reader whose client is played by the test. */
import { EventEmitter } from 'node:events';
import type { Consumer, EachBatchPayload, KafkaMessage } from 'ravenhelm-kafkajs';
import { createBackoff } from '../../src/kafka/backoff.js';
import { createReader, type ReaderOptions, type ReaderOwner } from '../../src/kafka/reader.js';
import { groupReader } from '../../src/kafka/reading/state.js';
import { createCodec, type Codec } from '../../src/avro/codec.js';
import type { PartitionId } from '../../src/ports/log.js';
import { statusRequest } from '../contract/events.js';
import { systemClock } from '../contract/system-clock.js';
import { SCHEMAS_DIR, silentLogger } from './kafka-under-test.js';

export const testCodec: Codec = await createCodec(SCHEMAS_DIR, {
  url: 'memory',
  register: async () => 1,
  schemaById: async () => '',
});

/** @param onRun called when the client runs: the test lets the group accept it */
export function scriptedConsumer(onRun: () => void) {
  const events = new EventEmitter();
  const told: string[] = [];
  const nothing = async () => undefined;
  let eachBatch: (payload: EachBatchPayload) => Promise<void> = nothing;
  const scripted: unknown = {
    events: {
      GROUP_JOIN: 'join',
      CRASH: 'crash',
      STOP: 'stop',
      FETCH: 'fetch',
      HEARTBEAT: 'heartbeat',
      END_BATCH_PROCESS: 'end',
    },
    on: (name: string, listener: (event: unknown) => void) => events.on(name, listener),
    connect: nothing,
    subscribe: nothing,
    disconnect: nothing,
    stop: nothing,
    async run(config: { eachBatch: typeof eachBatch }) {
      ({ eachBatch } = config);
      onRun();
    },
    seek: ({ partition, offset }: { partition: number; offset: string }) => told.push(`seek ${partition} ${offset}`),
    pause: ([{ partitions }]: [{ partitions: number[] }]) => told.push(`pause ${partitions.join(',')}`),
    resume: ([{ partitions }]: [{ partitions: number[] }]) => told.push(`resume ${partitions.join(',')}`),
  };
  return {
    consumer: scripted as Consumer,
    told,
    emit: (name: string, payload: object) => events.emit(name, { payload }),
    /** A fetch brings these records; resolves with the offsets that were resolved. */
    async bring({ topic, partition }: PartitionId, ...offsets: readonly number[]): Promise<readonly number[]> {
      const resolved: number[] = [];
      const batch: unknown = {
        topic,
        partition,
        messages: messagesAt(...offsets),
        firstOffset: () => String(offsets[0]),
        lastOffset: () => String(offsets.at(-1)),
      };
      await eachBatch({
        batch,
        resolveOffset: (offset: string) => resolved.push(Number(offset)),
        isStale: () => false,
        isRunning: () => true,
        heartbeat: async () => void told.push('heartbeat'),
      } as unknown as EachBatchPayload);
      return resolved;
    },
  };
}

export function messagesAt(...offsets: readonly number[]): readonly KafkaMessage[] {
  return offsets.map((offset) => ({
    key: null,
    value: testCodec.encode(statusRequest(String(offset))),
    timestamp: '0',
    attributes: 0,
    offset: String(offset),
    headers: {},
  }));
}

export function createScriptedReader({
  owner = {},
  ...options
}: Pick<ReaderOptions, 'consumer'> &
  Partial<Omit<ReaderOptions, 'owner'>> & { readonly owner?: Partial<ReaderOwner> }) {
  const nothing = () => undefined;
  return createReader({
    initial: groupReader('g', ['tasks']),
    codec: testCodec,
    clock: systemClock,
    backoff: createBackoff(systemClock, () => 1, { baseMs: 1, maxMs: 1 }),
    logger: silentLogger,
    ask: async () => [],
    ...options,
    owner: {
      open: nothing,
      deliver: nothing,
      block: nothing,
      unblock: nothing,
      close: nothing,
      setApartChanged: nothing,
      caughtUp: nothing,
      onFatal: nothing,
      ...owner,
    },
  });
}
