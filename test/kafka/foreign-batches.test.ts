/** What other programs may put into our topics, on a real broker. */
import { createHash, randomUUID } from 'node:crypto';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import { decodeRecordSet } from '../../src/kafka/batches/record-set.js';
import { createReadingBudget, READING_LIMITS } from '../../src/kafka/batches/reading-budget.js';
import type { AnyRecord } from '../../src/ports/log.js';
import { statusRequest } from '../contract/events.js';
import { joinRecorded } from '../contract/recorder.js';
import { until } from '../contract/until.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createKafkaProxy } from '../support/kafka-proxy.js';
import { produceRaw } from '../support/raw-producer.js';
import { readTopic } from '../support/read-topic.js';
import { bombOf, changed } from './batch-bytes.js';
import { JAVA_BATCHES } from './java-batches.js';
import { openKafkaLog } from './kafka-under-test.js';

const digest = (bytes: Uint8Array | null): string =>
  bytes === null ? 'null' : createHash('sha256').update(bytes).digest('hex');
/** Key and value of each record, in short. */
const contentsOf = (records: readonly { key: Uint8Array | null; value: Uint8Array | null }[]): readonly string[] =>
  records.map(({ key, value }) => `${digest(key)} ${digest(value)}`);
const bytesIn = (records: readonly AnyRecord[]) => records.map(({ bytes }) => bytes ?? { key: null, value: null });

describeWithBroker('a topic that other programs write to', () => {
  const releases: (() => Promise<unknown>)[] = [];
  let broker: string;
  let log: KafkaLog;
  let topic: string;

  beforeEach(async () => {
    [broker = ''] = testBroker().brokers;
    log = await openKafkaLog();
    releases.push(() => log.close());
    topic = `foreign-${randomUUID()}`;
    await log.admin.ensureTopics([{ name: topic, partitions: 2, replicationFactor: null, config: {} }]);
  });
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  const append = async (partition: number, ...texts: readonly string[]) => {
    const appender = log.createAppender('test');
    for (const text of texts) await appender.append({ topic, partition, key: text, event: statusRequest(text) });
    await appender.close();
  };
  const produce = (batch: Buffer, partition = 0) => produceRaw(broker, { topic, partition }, batch);

  test('a member and a watch read the batches of the Java client, in each codec, byte for byte', async () => {
    const batches = JAVA_BATCHES.filter(({ name }) => /^(none|gzip|snappy|lz4|zstd), |odd headers|no key/.test(name));
    const wanted: string[] = [];
    for (const { bytes } of batches) {
      await produce(changed(bytes, { baseOffset: 0 }));
      const budget = createReadingBudget(READING_LIMITS);
      for (const found of decodeRecordSet({ bytes, from: 0, aborted: [] }, budget))
        if (found.kind === 'records') wanted.push(...contentsOf(found.records));
    }
    expect(wanted.length).toBeGreaterThan(4_000);
    await append(0, 'behind');
    const reader = await joinRecorded(log, `group-${topic}`, topic);
    releases.push(() => reader.member.leave());
    await until('the last record', () => reader.texts().includes('behind'));
    expect(contentsOf(bytesIn(reader.records.slice(0, -1)))).toEqual(wanted);
    expect(contentsOf(bytesIn((await readTopic(log, topic)).slice(0, -1)))).toEqual(wanted);
    expect(reader.fatal).toEqual([]);
  });

  test('a batch that unpacks to more than a reader takes is one poison record; what follows it is read', async () => {
    await append(0, 'before');
    const offset = await produce(bombOf(40 * 1024 * 1024));
    await append(0, 'behind');
    const reader = await joinRecorded(log, `group-${topic}`, topic);
    releases.push(() => reader.member.leave());
    await until('the record behind it', () => reader.records.length === 3);
    expect(reader.records.map((record) => record.offset)).toEqual([offset - 1, offset, offset + 1]);
    expect(reader.records[1]?.content).toEqual({
      kind: 'poison',
      value: null,
      batch: { baseOffset: offset, codec: 'gzip' },
      reason:
        `the batch of records ${offset} to ${offset} of ${topic}[0], codec gzip, cannot be decoded: ` +
        'it unpacks to more than 33554432 bytes, which is the limit',
    });
    expect(reader.fatal).toEqual([]);
    expect((await readTopic(log, topic)).map(({ content }) => content.kind)).toEqual(['event', 'poison', 'event']);
  });

  describe('through a proxy that changes a bit of its records', () => {
    const marked = 'the record that is damaged on its way';
    /** In every answer that holds the marked record, so that reading again does not help. */
    const damage = (answer: Buffer): Buffer => {
      const at = answer.indexOf(marked);
      if (at < 0) return answer;
      const copy = Buffer.from(answer);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    };

    test('a member sets its partition apart and reads the others; a watch ends before it', async () => {
      const proxy = await createKafkaProxy(broker);
      releases.push(() => proxy.close());
      const through = await openKafkaLog({ brokers: [proxy.address] });
      releases.push(() => through.close());
      const stop = proxy.rewriteAll('Fetch', damage);
      await append(0, 'before', marked, 'behind');
      await append(1, 'other');
      const reader = await joinRecorded(through, `group-${topic}`, topic);
      releases.push(() => reader.member.leave());
      await until('the damage', () => reader.setApart.length > 0);
      expect(reader.setApart).toEqual([
        { topic, partition: 0, offset: 1, reason: expect.stringMatching(/the checksum of the batch is .*restart/) },
      ]);
      await append(1, 'later');
      await until('the other partition', () => reader.texts().includes('later'));
      expect([...reader.texts()].sort()).toEqual(['before', 'later', 'other']);
      expect(reader.fatal).toEqual([]);
      expect((await readTopic(through, topic)).map(({ key }) => key).sort()).toEqual(['before', 'later', 'other']);
      stop();
      const whole = await joinRecorded(through, `group-2-${topic}`, topic);
      releases.push(() => whole.member.leave());
      await until('all of it', () => whole.records.length === 5);
    });
  });
});
