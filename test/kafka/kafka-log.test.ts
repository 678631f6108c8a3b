import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import avro from 'avsc';
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs';
import type { LogRecord } from '../../src/ports/log.js';
import { RegistryUnreachable } from '../../src/avro/errors.js';
import { BrokerUnreachable } from '../../src/kafka/errors.js';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import { statusRequest, taskProgress } from '../contract/events.js';
import { joinRecorded } from '../contract/recorder.js';
import { until } from '../contract/until.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { listen } from '../support/loopback.js';
import { startRegistryProxy } from '../support/registry-proxy.js';
import {
  createForeignWriter,
  eventOfAnotherVersion,
  openKafkaLog,
  registerSchema,
  wireBytes,
} from './kafka-under-test.js';

describeWithBroker('a log on Kafka', () => {
  const releases: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  const open = async (...changes: Parameters<typeof openKafkaLog>): Promise<KafkaLog> => {
    const log = await openKafkaLog(...changes);
    releases.push(() => log.close());
    return log;
  };
  const createTopic = async (log: KafkaLog, config: Record<string, string> = {}): Promise<string> => {
    const name = `log-${randomUUID()}`;
    await log.admin.ensureTopics([{ name, partitions: 1, replicationFactor: null, config }]);
    return name;
  };
  /** Records as a plain consumer of another program sees them. */
  const rawRecords = async (topic: string, count: number) =>
    (await rawMessages(topic, count)).map(({ key, value, headers = {} }) => ({
      key: key?.toString(),
      value,
      headers: Object.fromEntries(Object.entries(headers).map(([name, header]) => [name, String(header)])),
    }));
  const rawMessages = async (topic: string, count: number) => {
    const consumer = new Kafka({ brokers: [...testBroker().brokers], logLevel: logLevel.NOTHING }).consumer({
      groupId: `raw-${randomUUID()}`,
      maxWaitTimeInMs: 200,
    });
    const seen: KafkaMessage[] = [];
    await consumer.connect();
    releases.push(() => consumer.disconnect());
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => void seen.push(message),
    });
    await until('the raw records', () => seen.length === count);
    return seen;
  };

  test('has the id of its cluster, as the brokers say it', async () => {
    const admin = new Kafka({ brokers: [...testBroker().brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const { clusterId } = await admin.describeCluster();
    await admin.disconnect();
    expect(clusterId).not.toBe('');
    expect((await open()).clusterId).toBe(clusterId);
  });

  test('records are readable to a plain consumer by their headers', async () => {
    const log = await open();
    const topic = await createTopic(log);
    const appender = log.createAppender('test');
    await appender.append({ topic, partition: 0, key: 'm-1/t-1', event: taskProgress('m-1', 't-1', 2) });
    await appender.close();
    const [record] = await rawRecords(topic, 1);
    expect(record?.key).toBe('m-1/t-1');
    expect(record?.headers).toEqual({
      event_type: 'task_progress',
      mission_id: 'm-1',
      task_id: 't-1',
      attempt: '2',
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
    });
  });

  test("a copied record keeps the original's key, value and headers byte for byte, also if not text", async () => {
    const log = await open();
    const topic = await createTopic(log);
    const copies = await createTopic(log);
    const foreign = await createForeignWriter();
    releases.push(() => foreign.close());
    const noText = Buffer.from([0xff, 0xfe, 0x00, 0x80]);
    await foreign.write({ topic, partition: 0 }, noText, Buffer.from('garbage'), {
      theirs: noText,
      twice: ['a', 'b'],
      empty: '',
    });
    await foreign.write({ topic, partition: 0 }, null, null);
    const reader = await joinRecorded(log, `group-${randomUUID()}`, topic);
    releases.push(() => reader.member.leave());
    await until('the poison', () => reader.records.length === 2);
    for (const record of reader.records)
      await log.copyRecord({ topic: copies, partition: 0, record, headers: { ...record.headers, ours: 'new' } });
    const [first, second] = await rawMessages(copies, 2);
    expect([first?.key, first?.value, first?.headers]).toEqual([
      noText,
      Buffer.from('garbage'),
      { theirs: noText, twice: [Buffer.from('a'), Buffer.from('b')], empty: Buffer.alloc(0), ours: Buffer.from('new') },
    ]);
    expect([second?.key, second?.value, second?.headers]).toEqual([null, null, { ours: Buffer.from('new') }]);
  });

  test("the records have the broker's time in a topic with LogAppendTime", async () => {
    const log = await open({
      clock: {
        now: () => 0,
        monotonicMs: () => performance.now(),
        setTimer: (delayMs, callback) => ({ cancel: clearTimeout.bind(null, setTimeout(callback, delayMs)) }),
      },
    });
    const topic = await createTopic(log, { 'message.timestamp.type': 'LogAppendTime' });
    const appender = log.createAppender('test');
    const before = Date.now();
    await appender.append({ topic, partition: 0, key: 'k', event: statusRequest('a') });
    await appender.close();
    const seen: LogRecord[] = [];
    const watch = await log.watch({
      topics: [topic],
      from: 'beginning',
      onRecord: (record) => void seen.push(record),
      onFatal: (error) => {
        throw error;
      },
    });
    await until('the record', () => seen.length === 1);
    await watch.stop();
    expect(seen[0]?.timestampMs).toBeGreaterThan(before - 60_000);
  });

  test('a partition that waits for the registry says so, stays in the group, and continues with it', async () => {
    const registry = await startRegistryProxy();
    releases.push(() => registry.close());
    const log = await open({ registry: { url: registry.url } });
    const topic = await createTopic(log);
    const retired = {
      type: 'record' as const,
      namespace: 'ravenhelm',
      name: 'AgentRetired',
      fields: [{ name: 'event_id', type: 'string' as const }],
    };
    const schemaId = await registerSchema(retired);
    const foreign = await createForeignWriter();
    releases.push(() => foreign.close());
    const reader = await joinRecorded(log, `group-${randomUUID()}`, topic);
    releases.push(() => reader.member.leave());
    registry.down = true;
    await foreign.write(
      { topic, partition: 0 },
      'k',
      wireBytes(schemaId, avro.Type.forSchema(retired).toBuffer({ event_id: 'e' })),
    );
    await until('the block', () => reader.blocked.length === 1);
    expect(reader.blocked[0]?.reason).toContain('No schema registry');
    expect(reader.member.isAssigned({ topic, partition: 0 })).toBe(true);
    registry.down = false;
    // The reason changes: now the registry answers, and this build does not know the event.
    await until('the other reason', () => reader.blocked.length === 2);
    expect(reader.blocked[1]?.reason).toContain('does not know the event ravenhelm.AgentRetired');
    expect(reader.fatal).toEqual([]);
  });

  test('a partition continues by itself behind a record whose schema could be fetched late', async () => {
    const registry = await startRegistryProxy();
    releases.push(() => registry.close());
    const log = await open({ registry: { url: registry.url } });
    const writer = await open();
    const topic = await createTopic(log);
    const reader = await joinRecorded(log, `group-${randomUUID()}`, topic);
    releases.push(() => reader.member.leave());
    registry.down = true;
    const unseen = await eventOfAnotherVersion('request-status', statusRequest('yesterday'));
    const foreign = await createForeignWriter();
    releases.push(() => foreign.close());
    await foreign.write({ topic, partition: 0 }, 'k', unseen);
    await until('the block', () => reader.blocked.length === 1);
    const appender = writer.createAppender('test');
    await appender.append({ topic, partition: 0, key: 'k', event: statusRequest('behind') });
    await appender.close();
    registry.down = false;
    await until('both records', () => reader.records.length === 2);
    expect(reader.unblocked).toEqual([0]);
    expect(reader.texts()).toEqual(['yesterday', 'behind']);
  });

  test('says which brokers do not answer, and what to do', async () => {
    const start = openKafkaLog({ brokers: ['127.0.0.1:1'] });
    await expect(start).rejects.toThrow(BrokerUnreachable);
    await expect(start).rejects.toMatchObject({
      brokers: ['127.0.0.1:1'],
      nextStep: expect.stringContaining('KAFKA_BROKERS'),
    });
  });

  test('says that the registry does not answer, or that something else does', async () => {
    await expect(openKafkaLog({ registry: { url: 'http://127.0.0.1:1' } })).rejects.toThrow(RegistryUnreachable);
    const other = createServer((_request, response) => response.writeHead(404).end('nothing here'));
    const url = await listen(other);
    releases.push(() => new Promise((resolve) => other.close(resolve)));
    await expect(openKafkaLog({ registry: { url } })).rejects.toThrow(/does not speak the Confluent registry API/);
  });
});
