import { KafkaJSProtocolError } from 'ravenhelm-kafkajs';
import { AppendDropped, AppendFailed, AppendForbidden, AppendRejected, TopicMissing } from '../../src/ports/log.js';
import { createCodec } from '../../src/avro/codec.js';
import { createKafkaAppender, type KafkaAppender } from '../../src/kafka/kafka-appender.js';
import { createRecordHeaders } from '../../src/avro/record-headers.js';
import type { OwnRecords } from '../../src/kafka/own-records.js';
import { NotConnected, type Batch, type RecordSender, type Written } from '../../src/kafka/record-sender.js';
import type { TopicLimits } from '../../src/kafka/topic-directory.js';
import { statusRequest } from '../contract/events.js';
import { until } from '../contract/until.js';
import { SCHEMAS_DIR, silentLogger } from './kafka-under-test.js';

const codec = await createCodec(SCHEMAS_DIR, { url: 'memory', register: async () => 1, schemaById: async () => '' });

type Answer = readonly (Written | null)[] | Error;

/** A broker whose answers the test gives, request by request; the log is what it has taken. */
class ScriptedBroker implements RecordSender {
  readonly requests: (readonly { readonly place: string; readonly keys: readonly string[] }[])[] = [];
  readonly log = new Map<string, string[]>();
  inFlight = 0;
  mostInFlight = 0;
  answer: (batches: readonly Batch[]) => Answer | Promise<Answer> = () => [];

  async send(batches: readonly Batch[]): Promise<readonly (Written | null)[]> {
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    this.requests.push(batches.map((batch) => ({ place: placeOf(batch), keys: keysOf(batch) })));
    await new Promise((resolve) => setImmediate(resolve));
    try {
      const answer = await this.answer(batches);
      if (answer instanceof Error) throw answer;
      return answer.length > 0 ? answer : batches.map((batch) => this.write(batch));
    } finally {
      this.inFlight -= 1;
    }
  }

  /** When the log takes records; null: they keep their writers' times. */
  timestampMs: number | null = null;

  write(batch: Batch): Written {
    const records = this.log.get(placeOf(batch)) ?? [];
    this.log.set(placeOf(batch), records);
    return { baseOffset: records.push(...keysOf(batch)) - batch.records.length, timestampMs: this.timestampMs };
  }

  async close(): Promise<void> {}
}

const placeOf = ({ topic, partition }: Batch) => `${topic}[${partition}]`;
const keysOf = ({ records }: Batch) => records.map(({ message }) => String(message.key));
const brokerError = (type: string, retriable = true) =>
  new KafkaJSProtocolError(Object.assign(new Error(type), { type, code: 1, retriable }));

describe('the Kafka appender', () => {
  let broker: ScriptedBroker;
  let appender: KafkaAppender;
  let now: number;
  let lookUp: (topic: string) => Promise<TopicLimits>;
  let own: OwnRecords[];
  let logged: string[];

  beforeEach(() => {
    now = 0;
    own = [];
    logged = [];
    broker = new ScriptedBroker();
    lookUp = async () => ({ partitions: 4, maxBatchBytes: 100_000 });
    appender = createKafkaAppender({
      name: 'tasks',
      loopback: { onAcknowledged: (records) => void own.push(records), subscribe: () => () => undefined },
      codec,
      headers: createRecordHeaders(),
      sender: broker,
      askTopic: (topic) => lookUp(topic),
      // Time passes as fast as it is waited for.
      clock: {
        now: () => now,
        monotonicMs: () => now,
        setTimer(delayMs, callback) {
          const timer = setImmediate(() => {
            now += delayMs;
            callback();
          });
          return { cancel: () => clearImmediate(timer) };
        },
      },
      random: () => 0.5,
      logger: { ...silentLogger, error: (_, event) => void logged.push(event) },
      appendTimeoutMs: 30_000,
    });
  });
  afterEach(() => appender.close());

  const append = (key: string, partition = 0, topic = 'tasks') =>
    appender.append({ topic, partition, key, event: statusRequest(key) });
  const settled = (promises: readonly Promise<unknown>[]) =>
    Promise.allSettled(promises).then((outcomes) =>
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'written' : outcome.reason)),
    );

  test('sends what was queued meanwhile in the next request, one request at a time', async () => {
    let release: (answer: Answer) => void = () => undefined;
    broker.answer = () => (broker.requests.length === 1 ? new Promise<Answer>((resolve) => (release = resolve)) : []);
    const first = [append('a'), append('b', 1)];
    await until('the first request', () => broker.requests.length === 1);
    await new Promise((resolve) => setImmediate(resolve));
    const later = [append('c'), append('d'), append('e', 1)];
    release([]);
    await Promise.all([...first, ...later]);
    expect(broker.requests).toEqual([
      [
        { place: 'tasks[0]', keys: ['a'] },
        { place: 'tasks[1]', keys: ['b'] },
      ],
      [
        { place: 'tasks[0]', keys: ['c', 'd'] },
        { place: 'tasks[1]', keys: ['e'] },
      ],
    ]);
    expect(broker.mostInFlight).toBe(1);
  });

  test('counts nothing as written that the response does not name, and sends it again before newer ones', async () => {
    broker.answer = (batches) => {
      if (broker.requests.length > 1) return [];
      // kafkajs resolves although the leader of partition 1 has moved.
      return batches.map((batch) => (batch.partition === 1 ? null : broker.write(batch)));
    };
    const appended = [append('a'), append('b', 1), append('c', 1)];
    await until('the first request', () => broker.requests.length >= 1);
    appended.push(append('d', 1));
    expect(await Promise.all(appended)).toMatchObject([{ offset: 0 }, { offset: 0 }, { offset: 1 }, { offset: 2 }]);
    expect(broker.log.get('tasks[1]')).toEqual(['b', 'c', 'd']);
  });

  test('after a refused request finds the guilty partition, and sends the others', async () => {
    broker.answer = (batches) =>
      batches.some(({ partition }) => partition === 2) && now < 1000 ? brokerError('NOT_ENOUGH_REPLICAS') : [];
    const guilty = append('x', 2);
    const others = [append('a'), append('b', 1), append('c', 3)];
    await Promise.all(others);
    expect(broker.log.has('tasks[2]')).toBe(false);
    await guilty;
    expect(broker.log.get('tasks[2]')).toEqual(['x']);
  });

  test('keeps the order of a partition through failures', async () => {
    let failures = 3;
    broker.answer = () => (failures-- > 0 ? brokerError('LEADER_NOT_AVAILABLE') : []);
    const appended = ['a', 'b', 'c'].map((key) => append(key));
    await until('a failure', () => failures < 3);
    appended.push(append('d'));
    await Promise.all(appended);
    expect(broker.log.get('tasks[0]')).toEqual(['a', 'b', 'c', 'd']);
  });

  test('gives up a partition that keeps failing, refuses all that follows for it, and keeps the others', async () => {
    broker.answer = (batches) =>
      batches.some(({ partition }) => partition === 0) ? brokerError('NOT_ENOUGH_REPLICAS') : [];
    const lost = [append('a'), append('b')];
    const kept = append('c', 1);
    expect(await settled(lost)).toEqual([expect.any(AppendFailed), expect.any(AppendFailed)]);
    expect(now).toBeGreaterThanOrEqual(30_000);
    await expect(append('later')).rejects.toThrow(AppendFailed);
    await kept;
    await append('d', 1);
    expect(broker.log.get('tasks[1]')).toEqual(['c', 'd']);
  });

  test('waits for brokers that cannot be reached', async () => {
    broker.answer = () => (now < 5000 ? new NotConnected('refused') : []);
    await Promise.all([append('a'), append('b', 1)]);
    expect(broker.log.get('tasks[0]')).toEqual(['a']);
  });

  test('rejects the one record that the broker calls too large, and writes the others in order', async () => {
    broker.answer = (batches) =>
      batches.some((batch) => keysOf(batch).includes('huge')) ? brokerError('MESSAGE_TOO_LARGE', false) : [];
    const outcomes = settled(['a', 'b', 'huge', 'c', 'd'].map((key) => append(key)));
    expect(await outcomes).toEqual(['written', 'written', expect.any(AppendRejected), 'written', 'written']);
    expect(broker.log.get('tasks[0]')).toEqual(['a', 'b', 'c', 'd']);
  });

  test('never sends more for a partition than its topic takes at once', async () => {
    lookUp = async () => ({ partitions: 4, maxBatchBytes: 2000 });
    await Promise.all(Array.from({ length: 50 }, (_, index) => append(`k${index}`)));
    expect(broker.requests.length).toBeGreaterThan(5);
    expect(broker.log.get('tasks[0]')).toEqual(Array.from({ length: 50 }, (_, index) => `k${index}`));
    await expect(
      appender.append({ topic: 'tasks', partition: 0, key: 'k', event: statusRequest('x'.repeat(3000)) }),
    ).rejects.toThrow(/takes 2000/);
  });

  test('what a topic did not take it takes once its limit was raised or partitions were added', async () => {
    let limits: TopicLimits = { partitions: 1, maxBatchBytes: 2000 };
    lookUp = async () => limits;
    const large = () =>
      appender.append({ topic: 'tasks', partition: 0, key: 'large', event: statusRequest('x'.repeat(3000)) });
    await append('a');
    await expect(large()).rejects.toThrow(AppendRejected);
    await expect(append('b', 1)).rejects.toThrow(AppendRejected);
    limits = { partitions: 2, maxBatchBytes: 4000 };
    await Promise.all([large(), append('b', 1)]);
    expect([...broker.log]).toEqual([
      ['tasks[0]', ['a', 'large']],
      ['tasks[1]', ['b']],
    ]);
  });

  test('a topic and a partition that not every broker knows yet are written once the asked one knows', async () => {
    const answers = [
      () => {
        throw new TopicMissing('tasks does not exist');
      },
      () => 1,
      () => 1,
      () => 2,
    ];
    lookUp = async () => ({
      partitions: (answers.length > 1 ? answers.shift() : answers[0])?.() ?? 0,
      maxBatchBytes: 2000,
    });
    await Promise.all([append('a', 1), append('b')]);
    expect([...broker.log]).toEqual([
      ['tasks[1]', ['a']],
      ['tasks[0]', ['b']],
    ]);
  });

  test('a topic that is missing, or may not be written, rejects its own records only', async () => {
    lookUp = async (topic) => {
      if (topic === 'gone') throw new TopicMissing('gone does not exist');
      return { partitions: 4, maxBatchBytes: 100_000 };
    };
    broker.answer = (batches) =>
      batches.some(({ topic }) => topic === 'secret') ? brokerError('TOPIC_AUTHORIZATION_FAILED', false) : [];
    const outcomes = settled([append('a', 0, 'gone'), append('b', 0, 'secret'), append('c'), append('d', 9)]);
    expect(await outcomes).toEqual([
      expect.any(AppendRejected),
      expect.any(AppendForbidden),
      'written',
      expect.any(AppendRejected),
    ]);
  });

  test('a right that is missing is logged once, and again after it was given back and withdrawn', async () => {
    const answer = (isForbidden: boolean) => () =>
      isForbidden ? brokerError('TOPIC_AUTHORIZATION_FAILED', false) : [];
    for (const isForbidden of [true, true, false, true]) {
      broker.answer = answer(isForbidden);
      await settled([append('a')]);
    }
    expect(logged).toEqual(['kafka.append_forbidden', 'kafka.append_forbidden']);
  });

  test('drops nothing that was sent: it may be in the log already', async () => {
    let release: (answer: Answer) => void = () => undefined;
    broker.answer = () => (broker.requests.length === 1 ? new Promise<Answer>((resolve) => (release = resolve)) : []);
    const sent = append('sent');
    await until('the request', () => broker.requests.length === 1);
    const queued = append('queued');
    appender.dropQueued(() => true);
    await expect(queued).rejects.toThrow(AppendDropped);
    await until('the broker to ask', () => broker.inFlight === 1);
    await new Promise((resolve) => setImmediate(resolve));
    release(brokerError('REQUEST_TIMED_OUT'));
    await until('the failure', () => broker.inFlight === 0);
    appender.dropQueued(() => true);
    await sent;
    expect(broker.log.get('tasks[0]')).toEqual(['sent']);
  });

  describe('hands what the log has taken to readers of its process', () => {
    test("as a fetch would bring it: with its offset, the log's time, and its bytes", async () => {
      broker.timestampMs = 1234;
      await append('a');
      const [b, c] = [append('b'), append('c')];
      await Promise.all([b, c]);
      expect(
        own.map(({ topic, partition, messages }) => [
          topic,
          partition,
          messages().map(({ offset, timestamp, key }) => `${offset} ${timestamp} ${key}`),
        ]),
      ).toEqual([
        ['tasks', 0, ['0 1234 a']],
        ['tasks', 0, ['1 1234 b', '2 1234 c']],
      ]);
      const [message] = own[0]?.messages() ?? [];
      // The wire format with the schema's id.
      expect(message?.value?.subarray(0, 5)).toEqual(Buffer.from([0, 0, 0, 0, 1]));
      expect(message?.headers?.['event_type']).toEqual(Buffer.from('request_status'));
    });

    test("but not where the records keep their writers' times: those are known to the log alone", async () => {
      await append('a');
      expect(own).toEqual([]);
    });

    test('and not before it is written', async () => {
      broker.timestampMs = 1234;
      let failures = 2;
      broker.answer = () => (failures-- > 0 ? brokerError('LEADER_NOT_AVAILABLE') : []);
      await append('a');
      expect(own).toHaveLength(1);
    });
  });
});
