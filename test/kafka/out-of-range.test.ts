import { randomUUID } from 'node:crypto';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import type { LogRecord } from '../../src/ports/log.js';
import { statusRequest } from '../contract/events.js';
import { joinRecorded, textsOf } from '../contract/recorder.js';
import { until } from '../contract/until.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createKafkaProxy, type Rewrite } from '../support/kafka-proxy.js';
import { openKafkaLog } from './kafka-under-test.js';

const OFFSET_OUT_OF_RANGE = 1;

describeWithBroker('a replica that calls a position out of range because it does not have everything yet', () => {
  const releases: (() => Promise<unknown>)[] = [];
  let proxy: Awaited<ReturnType<typeof createKafkaProxy>>;
  let log: KafkaLog;
  let topic: string;

  beforeEach(async () => {
    const [broker = ''] = testBroker().brokers;
    proxy = await createKafkaProxy(broker);
    releases.push(() => proxy.close());
    topic = `range-${randomUUID()}`;
    log = await openKafkaLog({ brokers: [proxy.address] });
    releases.push(() => log.close());
    await log.admin.ensureTopics([{ name: topic, partitions: 1, replicationFactor: null, config: {} }]);
  });
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  /** By another client, past the proxy. */
  const write = async (...texts: readonly string[]) => {
    const other = await openKafkaLog();
    const appender = other.createAppender('test');
    await Promise.all(
      texts.map((text) => appender.append({ topic, partition: 0, key: text, event: statusRequest(text) })),
    );
    await appender.close();
    await other.close();
  };

  /**
   * Fetch answers of versions 7 to 11: length, correlation id, throttle time, error, session, then topics with
   * partitions.
   */
  const outOfRange: Rewrite = (answer) => {
    const errorAt = 4 + 4 + 4 + 2 + 4 + 4 + 2 + topic.length + 4 + 4;
    expect(answer.subarray(24, 24 + topic.length).toString()).toBe(topic);
    const rewritten = Buffer.from(answer);
    rewritten.writeInt16BE(OFFSET_OUT_OF_RANGE, errorAt);
    return rewritten;
  };

  test('costs a member of a group neither its position nor what it has committed', async () => {
    await write('a', 'b');
    const reader = await joinRecorded(log, `group-${topic}`, topic);
    releases.push(() => reader.member.leave());
    await until('the first records', () => reader.records.length === 2);
    await reader.member.commit([{ topic, partition: 0, offset: 1, metadata: 'the replay point' }]);
    for (let times = 0; times < 3; times += 1) await proxy.strike('Fetch', outOfRange);
    await write('c');
    await until('the next record', () => reader.records.length === 3);
    expect(reader.texts()).toEqual(['a', 'b', 'c']);
    expect(reader.fatal).toEqual([]);
    expect(await log.admin.committed(`group-${topic}`, topic)).toEqual([
      { partition: 0, offset: 1, metadata: 'the replay point' },
    ]);
  }, 60_000);

  test('costs a watch nothing, either', async () => {
    await write('a', 'b');
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
    await until('the first records', () => seen.length === 2);
    for (let times = 0; times < 3; times += 1) await proxy.strike('Fetch', outOfRange);
    await write('c');
    await until('the next record', () => seen.length === 3);
    expect(textsOf(seen)).toEqual(['a', 'b', 'c']);
  }, 60_000);
});
