/** The best that the same broker and computer do: a bare client, a bare process, a bare request. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Kafka, logLevel, type Consumer, type Producer } from 'ravenhelm-kafkajs';
import { closeOnce } from '../support/closing.js';
import { openProductLog, type Cluster } from '../support/product-log.js';
import { figure, type Finding } from '../support/report.js';
import { quantile, rounds } from '../support/statistics.js';
import { startStubOllama } from '../support/stubs.js';

export interface Floors {
  /** Append with acks=all until a consumer has it, ms: the median, and the 99th percentile, of each round. */
  readonly roundTripMs: readonly number[];
  readonly roundTripP99Ms: readonly number[];
  /** Appended in batches, one request in flight, and read back. */
  readonly recordsPerSecond: readonly number[];
  readonly spawnMs: readonly number[];
  readonly httpMs: readonly number[];
}

const ACKS_ALL = -1;
/** What an event of a task has on average. */
const RECORD_BYTES = 600;
const ROUND_TRIPS = 300;
/**
 * Until the broker and this process have compiled what they run often: a cold floor makes every figure beside it look
 * better.
 */
const WARM_UP = 2_000;
const BATCHES = 60;
const BATCH = 500;
const SPAWNS = 50;
const REQUESTS = 300;
/** As the product's consumers wait. */
const FETCH_WAIT_MS = 200;

export async function measureFloors(cluster: Cluster, projectDir: string, count: number): Promise<Floors> {
  const raw = await openRawTopic(cluster, projectDir);
  const http = await startStubOllama({ steps: 0, delayMs: 0 });
  try {
    const value = Buffer.alloc(RECORD_BYTES, 'x');
    await roundTrips(raw, value, WARM_UP);
    const trips = await rounds(count, () => roundTrips(raw, value, ROUND_TRIPS));
    await batches(raw, value, 5);
    return {
      roundTripMs: trips.map((times) => quantile(times, 0.5)),
      roundTripP99Ms: trips.map((times) => quantile(times, 0.99)),
      recordsPerSecond: await rounds(count, () => batches(raw, value, BATCHES)),
      spawnMs: await rounds(count, async () => quantile(await timesOf(SPAWNS, spawnNothing), 0.5)),
      httpMs: await rounds(count, async () =>
        quantile(await timesOf(REQUESTS, () => ask(`${http.url}/api/version`)), 0.5),
      ),
    };
  } finally {
    await raw.close();
    await http.close();
  }
}

export function describeFloors({ roundTripMs, roundTripP99Ms, recordsPerSecond, spawnMs, httpMs }: Floors): Finding {
  return {
    title: 'floors',
    figures: [
      figure('append → read back, p50', 'ms', ...roundTripMs),
      figure('append → read back, p99', 'ms', ...roundTripP99Ms),
      figure(`batches of ${BATCH}, appended and read back`, 'records/s', ...recordsPerSecond),
      figure('process spawn, p50', 'ms', ...spawnMs),
      figure('loopback HTTP round trip, p50', 'ms', ...httpMs),
    ],
  };
}

interface RawTopic {
  readonly topic: string;
  readonly producer: Producer;
  /** Resolves when so many more records were read. */
  read(count: number): Promise<void>;
  close(): Promise<void>;
}

async function openRawTopic(cluster: Cluster, projectDir: string): Promise<RawTopic> {
  const topic = `bench-raw-${randomUUID().slice(0, 8)}`;
  await createTopic(cluster, projectDir, topic);
  const kafka = new Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const producer = kafka.producer({ idempotent: false, maxInFlightRequests: 1 });
  await producer.connect();
  const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: FETCH_WAIT_MS });
  let waiting: { left: number; resolve(): void } | null = null;
  await consume(consumer, topic, (records) => {
    if (waiting === null) return;
    waiting.left -= records;
    if (waiting.left <= 0) waiting.resolve();
  });
  return {
    topic,
    producer,
    read: (left) => new Promise((resolve) => (waiting = { left, resolve })),
    close: closeOnce(async () => {
      await consumer.disconnect();
      await producer.disconnect();
      await admin.deleteTopics({ topics: [topic] });
      await admin.deleteGroups([topic]);
      await admin.disconnect();
    }),
  };
}

/** As the product does: the bare client's own wait fails at a broker that has not heard of the topic yet. */
async function createTopic(cluster: Cluster, projectDir: string, topic: string): Promise<void> {
  const log = await openProductLog(cluster, projectDir, topic, 'bench');
  await log.admin.ensureTopics([{ name: topic, partitions: 1, replicationFactor: null, config: {} }]);
  await log.close();
}

/** Resolves when it reads. */
async function consume(consumer: Consumer, topic: string, onRecords: (count: number) => void): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const joined = new Promise<void>((resolve) => void consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: true,
    eachBatch: async ({ batch }) => onRecords(batch.messages.length),
  });
  await joined;
}

async function roundTrips({ producer, topic, read }: RawTopic, value: Buffer, count: number): Promise<number[]> {
  return timesOf(count, async () => {
    const done = read(1);
    await producer.send({ topic, acks: ACKS_ALL, messages: [{ value }] });
    await done;
  });
}

async function batches({ producer, topic, read }: RawTopic, value: Buffer, count: number): Promise<number> {
  const startedMs = performance.now();
  const done = read(count * BATCH);
  for (let batch = 0; batch < count; batch += 1)
    await producer.send({ topic, acks: ACKS_ALL, messages: Array.from({ length: BATCH }, () => ({ value })) });
  await done;
  return (count * BATCH * 1000) / (performance.now() - startedMs);
}

async function spawnNothing(): Promise<void> {
  await once(spawn('/bin/true', { stdio: 'ignore' }), 'exit');
}

async function ask(url: string): Promise<void> {
  await (await fetch(url)).json();
}

async function timesOf(count: number, work: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const startedMs = performance.now();
    await work();
    times.push(performance.now() - startedMs);
  }
  return times;
}
