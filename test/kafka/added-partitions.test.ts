import { randomUUID } from 'node:crypto';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import type { LogRecord } from '../../src/ports/log.js';
import { statusRequest } from '../contract/events.js';
import { joinRecorded, textsOf } from '../contract/recorder.js';
import { until } from '../contract/until.js';
import { describeWithBroker } from '../support/broker.js';
import { createForeignWriter, openKafkaLog } from './kafka-under-test.js';

describeWithBroker('partitions that are added to a topic in use', () => {
  const releases: (() => Promise<unknown>)[] = [];
  let log: KafkaLog;
  let topic: string;

  beforeEach(async () => {
    log = await openKafkaLog({ metadataAgeMs: 500 });
    releases.push(() => log.close());
    topic = `added-${randomUUID()}`;
    await log.admin.ensureTopics([{ name: topic, partitions: 1, replicationFactor: null, config: {} }]);
  });
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  test('are written, held by the group and seen by watches from their first record on, without a restart', async () => {
    const appender = log.createAppender('test');
    releases.push(() => appender.close());
    const append = (partition: number, text: string) =>
      appender.append({ topic, partition, key: text, event: statusRequest(text) });
    await append(0, 'before');
    const member = await joinRecorded(log, `group-${topic}`, topic);
    releases.push(() => member.member.leave());
    const seen: LogRecord[] = [];
    const watch = await log.watch({
      topics: [topic],
      from: 'end',
      onRecord: (record) => void seen.push(record),
      onFatal: (error) => {
        throw error;
      },
    });
    releases.push(() => watch.stop());
    await until('the first record', () => member.records.length === 1);

    const operator = await createForeignWriter();
    releases.push(() => operator.close());
    await operator.growTo(topic, 3);
    expect(await append(2, 'of an added partition')).toEqual({ topic, partition: 2, offset: 0 });
    await until('both readers', () => member.records.length === 2 && seen.length === 1);
    expect([member.texts(), textsOf(seen)]).toEqual([['before', 'of an added partition'], ['of an added partition']]);
    expect([...member.open].sort()).toEqual([0, 1, 2]);
    expect(await log.admin.partitionCount(topic)).toBe(3);
    // What was open stays open: nothing is folded twice.
    expect(member.closed).toEqual([]);
  });
});
