import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import { TopicMissing, type LogRecord } from '../../src/ports/log.js';
import { statusRequest } from '../contract/events.js';
import { joinRecorded, textsOf } from '../contract/recorder.js';
import { until } from '../contract/until.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { openKafkaLog } from './kafka-under-test.js';

describeWithBroker('a topic that is deleted and recreated under its readers', () => {
  const releases: (() => Promise<unknown>)[] = [];
  let log: KafkaLog;
  let topic: string;

  beforeEach(async () => {
    log = await openKafkaLog();
    releases.push(() => log.close());
    topic = `recreated-${randomUUID()}`;
    await create();
  });
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  const create = () => log.admin.ensureTopics([{ name: topic, partitions: 1, replicationFactor: null, config: {} }]);
  const write = async (...texts: readonly string[]) => {
    const appender = log.createAppender('test');
    await Promise.all(
      texts.map((text) => appender.append({ topic, partition: 0, key: text, event: statusRequest(text) })),
    );
    await appender.close();
  };
  const remove = async () => {
    const admin = new Kafka({ brokers: [...testBroker().brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await until('the end of the topic', async () => !(await admin.listTopics()).includes(topic));
    await admin.disconnect();
  };
  const recreate = () => remove().then(create);

  test('does not disturb questions about other topics', async () => {
    const other = `other-${randomUUID()}`;
    await log.admin.ensureTopics([{ name: other, partitions: 2, replicationFactor: null, config: {} }]);
    expect(await log.admin.partitionCount(topic)).toBe(1);
    await remove();
    await log.admin.ensureTopics([{ name: `${other}-two`, partitions: 1, replicationFactor: null, config: {} }]);
    expect(await log.admin.partitionCount(other)).toBe(2);
    await expect(log.admin.partitionCount(topic)).rejects.toThrow(TopicMissing);
    expect(await log.admin.offsets(other)).toHaveLength(2);
  });

  test('is data loss to a member: the partition is set apart and named, and nothing new is read as old', async () => {
    await write('a', 'b', 'c', 'd');
    const reader = await joinRecorded(log, `group-${topic}`, topic);
    releases.push(() => reader.member.leave());
    await until('the old records', () => reader.records.length === 4);
    await recreate();
    await write('new-a', 'new-b');
    await until('the loss', () => reader.setApart.length > 0, 60_000);
    expect(reader.setApart).toEqual([
      { topic, partition: 0, offset: 4, reason: expect.stringContaining('ravenhelm recover') },
    ]);
    expect([reader.closed, reader.fatal]).toEqual([[0], []]);
    await write('new-c', 'new-d', 'new-e');
    expect(reader.texts()).toEqual(['a', 'b', 'c', 'd']);
  }, 120_000);

  test('is read from its beginning by a watch', async () => {
    await write('a', 'b', 'c', 'd');
    const seen: LogRecord[] = [];
    const watch = await log.watch({
      topics: [topic],
      from: 'beginning',
      onRecord: (record) => void seen.push(record),
      onFatal: (error) => {
        throw error;
      },
    });
    releases.push(() => watch.stop());
    await until('the old records', () => seen.length === 4);
    await recreate();
    await write('new-a', 'new-b');
    await until('the new records', () => seen.length === 6, 60_000);
    expect(textsOf(seen)).toEqual(['a', 'b', 'c', 'd', 'new-a', 'new-b']);
  }, 120_000);
});
