import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import { TopicMissing } from '../../src/ports/log.js';
import { until } from '../contract/until.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { openKafkaLog } from './kafka-under-test.js';

describeWithBroker('a topic that is deleted and made anew under whoever reads it', () => {
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
  const remove = async () => {
    const admin = new Kafka({ brokers: [...testBroker().brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await until('the end of the topic', async () => !(await admin.listTopics()).includes(topic));
    await admin.disconnect();
  };

  test('is no matter to questions about other topics', async () => {
    const other = `other-${randomUUID()}`;
    await log.admin.ensureTopics([{ name: other, partitions: 2, replicationFactor: null, config: {} }]);
    expect(await log.admin.partitionCount(topic)).toBe(1);
    await remove();
    await log.admin.ensureTopics([{ name: `${other}-two`, partitions: 1, replicationFactor: null, config: {} }]);
    expect(await log.admin.partitionCount(other)).toBe(2);
    await expect(log.admin.partitionCount(topic)).rejects.toThrow(TopicMissing);
    expect(await log.admin.offsets(other)).toHaveLength(2);
  });
});
