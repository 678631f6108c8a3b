import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import Runner from 'ravenhelm-kafkajs/src/consumer/runner.js';
import { joinRecorded } from '../contract/recorder.js';
import { until } from '../contract/until.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createKafkaProxy } from '../support/kafka-proxy.js';
import { openKafkaLog } from './kafka-under-test.js';

describeWithBroker('a member that leaves while its client restarts', () => {
  const releases: (() => Promise<unknown>)[] = [];
  const original = Runner.prototype.start;
  afterEach(async () => {
    Runner.prototype.start = original;
    for (const release of releases.splice(0).reverse()) await release();
  });

  test('does not come back to the group when the broker does', async () => {
    const [broker = ''] = testBroker().brokers;
    const direct = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).admin();
    await direct.connect();
    releases.push(() => direct.disconnect());
    const proxy = await createKafkaProxy(broker);
    releases.push(() => proxy.close());
    const log = await openKafkaLog({ brokers: [proxy.address] });
    releases.push(() => log.close());
    const topic = `starting-${randomUUID()}`;
    const groupId = `group-${topic}`;
    await log.admin.ensureTopics([{ name: topic, partitions: 1, replicationFactor: null, config: {} }]);
    const starts: Promise<void>[] = [];
    const startsEnded: boolean[] = [];
    Runner.prototype.start = function start(this: Runner) {
      const at = starts.length;
      const starting = original.call(this);
      starts.push(starting);
      void starting.finally(() => (startsEnded[at] = true));
      return starting;
    };
    const { member } = await joinRecorded(log, groupId, topic);
    await until('the partition', () => member.isAssigned({ topic, partition: 0 }));
    const members = async () => (await direct.describeGroups([groupId])).groups[0]?.members.length;
    expect(await members()).toBe(1);

    const startsBefore = starts.length; // a broker that has just begun may have refused the first
    proxy.refuse();
    await until('the client restarts', () => starts.length > startsBefore, 60_000);
    expect(startsEnded.filter((ended) => ended)).toHaveLength(starts.length - 1);
    const left = member.leave();
    proxy.accept();
    await Promise.all([left, starts.at(-1)]);
    await until('no member is left in the group', async () => (await members()) === 0, 15_000);
    const soonestReturn = performance.now() + 2_000; // Several heartbeats.
    await until(
      'the time in which one that came back would be seen',
      async () => (await members()) !== 0 || performance.now() > soonestReturn,
    );
    expect(await members()).toBe(0);
  }, 120_000);
});
