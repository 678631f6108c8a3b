import { randomUUID } from 'node:crypto';
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs';
import ConsumerGroup from 'ravenhelm-kafkajs/src/consumer/consumerGroup.js';
import { KafkajsVersionWrong, patchOwnKafkajs } from '../../src/kafka/own-kafkajs.js';
import { statusRequest } from '../contract/events.js';
import { joinRecorded } from '../contract/recorder.js';
import { until } from '../contract/until.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createForeignWriter, openKafkaLog } from './kafka-under-test.js';

test('another version of kafkajs is refused before anything is patched, with both versions', () => {
  const before = ConsumerGroup.prototype.fetch;
  expect(() => patchOwnKafkajs('2.3.0')).toThrow(KafkajsVersionWrong);
  expect(() => patchOwnKafkajs('2.3.0')).toThrow(/must be kafkajs 2\.2\.4, and 2\.3\.0 is installed/);
  expect(ConsumerGroup.prototype.fetch).toBe(before);
});

describeWithBroker('a plain kafkajs consumer in the same process', () => {
  const releases: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  test('that meets OFFSET_OUT_OF_RANGE reads what is left, while a member of ours reads its own', async () => {
    const log = await openKafkaLog();
    releases.push(() => log.close());
    const ours = `ours-${randomUUID()}`;
    const plain = `plain-${randomUUID()}`;
    const spec = { partitions: 1, replicationFactor: null, config: {} };
    await log.admin.ensureTopics([
      { name: ours, ...spec },
      { name: plain, ...spec },
    ]);
    const reader = await joinRecorded(log, `group-${ours}`, ours);
    releases.push(() => reader.member.leave());

    const writer = await createForeignWriter();
    releases.push(() => writer.close());
    for (const text of ['gone-1', 'gone-2', 'left-1', 'left-2'])
      await writer.write({ topic: plain, partition: 0 }, text, Buffer.from(text));
    // The group is at an offset that the log no longer holds: its first fetch is out of range.
    await writer.setCommitted(`group-${plain}`, { topic: plain, partition: 0 }, 0);
    await log.admin.deleteRecords(plain, 0, 2);

    const seen: KafkaMessage[] = [];
    const consumer = new Kafka({ brokers: [...testBroker().brokers], logLevel: logLevel.NOTHING }).consumer({
      groupId: `group-${plain}`,
      maxWaitTimeInMs: 200,
    });
    await consumer.connect();
    releases.push(() => consumer.disconnect());
    await consumer.subscribe({ topic: plain, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void seen.push(message) });
    await until('both records that are left', () => seen.length === 2);
    expect(seen.map(({ key }) => String(key))).toEqual(['left-1', 'left-2']);

    const appender = log.createAppender('test');
    await appender.append({ topic: ours, partition: 0, key: 'k', event: statusRequest('ours') });
    await appender.close();
    await until('our record', () => reader.records.length === 1);
    expect(reader.fatal).toEqual([]);
  }, 60_000);
});
