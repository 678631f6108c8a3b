import { randomUUID } from 'node:crypto';
import type { Transaction } from 'kafkajs';
import { createHandledDeferred } from '../../src/domain/deferred.js';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import type { LogRecord } from '../../src/ports/log.js';
import { createCodec } from '../../src/avro/codec.js';
import { connectRegistry } from '../../src/avro/registry.js';
import { statusRequest } from '../contract/events.js';
import { joinRecorded, textsOf } from '../contract/recorder.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { readTopic } from '../support/read-topic.js';
import { openKafkaLog, openTransaction, SCHEMAS_DIR } from './kafka-under-test.js';

/** Another program writes in transactions: each leaves a marker at its end that no reader ever sees. */
describeWithBroker('a partition that ends with a transaction', () => {
  const releases: (() => Promise<unknown>)[] = [];
  let log: KafkaLog;
  let topic: string;

  beforeEach(async () => {
    log = await openKafkaLog();
    releases.push(() => log.close());
    topic = `transaction-${randomUUID()}`;
    await log.admin.ensureTopics([{ name: topic, partitions: 1, replicationFactor: null, config: {} }]);
  });
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  const write = async (...texts: readonly string[]) => {
    const appender = log.createAppender('test');
    for (const text of texts) await appender.append({ topic, partition: 0, key: text, event: statusRequest(text) });
    await appender.close();
  };
  /** Records in a transaction, which then ends so. */
  const transaction = async (end: (transaction: Transaction) => Promise<void>, ...texts: readonly string[]) =>
    end(await open(...texts));
  const encoded = async (text: string): Promise<Buffer> => {
    const { registryUrl } = testBroker();
    const registry = await connectRegistry({ url: registryUrl, clock: systemClock, random: Math.random });
    const codec = await createCodec(SCHEMAS_DIR, registry);
    return codec.encode(statusRequest(text));
  };
  const open = async (...texts: readonly string[]): Promise<Transaction> => {
    const values = await Promise.all(texts.map(encoded));
    const { begun, disconnect } = await openTransaction(
      { topic, partition: 0 },
      texts.map((key, index) => ({ key, value: values[index] ?? null })),
    );
    releases.push(disconnect);
    return begun;
  };
  const committed = (begun: Transaction) => begun.commit();
  const aborted = (begun: Transaction) => begun.abort();
  const end = async () => (await log.admin.offsets(topic))[0]?.high;

  test.each([
    ['committed', committed, ['a', 'b', 'c'], 4],
    ['aborted', aborted, ['a'], 4],
  ])(
    'that was %s: a watch catches up and sees what follows',
    async (_, finish, texts, high) => {
      await write('a');
      await transaction(finish, 'b', 'c');
      await until('the marker', async () => (await end()) === high);
      const seen: LogRecord[] = [];
      const atCatchUp: string[][] = [];
      const watch = await log.watch({
        topics: [topic],
        from: 'beginning',
        onRecord: (record) => void seen.push(record),
        onCaughtUp: () => void atCatchUp.push([...textsOf(seen)]),
        onFatal: (error) => {
          throw error;
        },
      });
      releases.push(() => watch.stop());
      await until('caught up', () => atCatchUp.length === 1);
      expect(atCatchUp).toEqual([texts]);
      await write('later');
      await until('the record behind it', () => seen.length === texts.length + 1);
      expect(textsOf(seen)).toEqual([...texts, 'later']);
    },
    60_000,
  );

  test('a member passes committed and aborted ones alike, commits, and the next continues behind them', async () => {
    await write('a');
    await transaction(committed, 'b');
    await transaction(aborted, 'c', 'd');
    await until('the markers', async () => (await end()) === 6);
    const group = `group-${topic}`;
    const first = await joinRecorded(log, group, topic);
    await until('what was committed', () => first.records.length === 2);
    await write('e');
    await until('the record behind them', () => first.records.length === 3);
    expect(first.texts()).toEqual(['a', 'b', 'e']);
    expect(first.records.map(({ offset }) => offset)).toEqual([0, 1, 6]);
    // The replay point of a fold lies behind the last record that it has seen, at a marker.
    expect(await first.member.commit([{ topic, partition: 0, offset: 2, metadata: 'behind b' }])).toHaveLength(1);
    await first.member.leave();

    const second = await joinRecorded(log, group, topic);
    releases.push(() => second.member.leave());
    await until('the rest', () => second.records.length === 1);
    await write('f');
    await until('the next', () => second.records.length === 2);
    expect(second.texts()).toEqual(['e', 'f']);
    expect([...first.fatal, ...second.fatal]).toEqual([]);
    expect(second.member.health().setApart).toEqual([]);
  }, 60_000);

  test('two that are interwoven, one of them aborted: its records are not seen from anywhere', async () => {
    const [one, other] = [await open('one-1'), await open('other-1')];
    const more = async (begun: Transaction, text: string) =>
      begun.send({ topic, messages: [{ partition: 0, key: text, value: await encoded(text) }] });
    await more(one, 'one-2');
    await more(other, 'other-2');
    await more(one, 'one-3');
    await one.abort();
    await other.commit();
    await until('the markers', async () => (await end()) === 7);
    for (const from of [0, 1, 2, 3, 4, 5, 6]) {
      const seen: LogRecord[] = [];
      const caughtUp = createHandledDeferred<void>();
      const watch = await log.watch({
        topics: [topic],
        from: [{ topic, partition: 0, offset: from }],
        onRecord: (record) => void seen.push(record),
        onCaughtUp: caughtUp.resolve,
        onFatal: caughtUp.reject,
      });
      releases.push(() => watch.stop());
      await caughtUp.promise;
      expect(seen.map(({ offset }) => offset)).toEqual([1, 3].filter((offset) => offset >= from));
    }
  }, 60_000);

  test('that is still open is named, with its producer, and what follows is read when it ends', async () => {
    await write('a');
    const begun = await open('b');
    await write('c');
    const reader = await joinRecorded(log, `group-${topic}`, topic);
    releases.push(() => reader.member.leave());
    // What was committed before it is there at once: no reader waits for its end.
    expect((await readTopic(log, topic)).map(({ key }) => key)).toEqual(['a']);
    await until('what holds the partition up', () => reader.blocked.length > 0, 60_000);
    expect(reader.texts()).toEqual(['a']);
    const reason = new RegExp(
      '^a transaction of another program is open since \\d{4}-.*Z \\(producer id \\d+, epoch \\d+\\); no record from ' +
        `offset 1 on .* kafka-transactions.sh abort --topic ${topic} --partition 0 --start-offset 1$`,
    );
    expect(reader.blocked).toEqual([{ partition: 0, offset: 1, reason: expect.stringMatching(reason) }]);
    await begun.abort();
    await until('what follows it', () => reader.texts().includes('c'));
    expect([reader.texts(), reader.unblocked, reader.fatal]).toEqual([['a', 'c'], [0], []]);
  }, 120_000);

  test('that was aborted, with nothing behind it: the partition is no longer held up', async () => {
    const begun = await open('a');
    const reader = await joinRecorded(log, `group-${topic}`, topic);
    releases.push(() => reader.member.leave());
    await until('what holds the partition up', () => reader.blocked.length > 0, 60_000);
    await begun.abort();
    await until('its end', () => reader.unblocked.length > 0);
    expect([reader.texts(), reader.fatal]).toEqual([[], []]);
  }, 120_000);
});
