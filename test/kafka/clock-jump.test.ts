import { randomUUID } from 'node:crypto';
import type { Logger } from '../../src/ports/logger.js';
import { joinRecorded } from '../contract/recorder.js';
import { until } from '../contract/until.js';
import { describeWithBroker } from '../support/broker.js';
import { openKafkaLog, silentLogger } from './kafka-under-test.js';

const SESSION_TIMEOUT_MS = 6_000;
const HOURS_MS = 3 * 3_600_000;

describeWithBroker('a member whose wall clock is set back', () => {
  const trueNow = Date.now;
  const releases: (() => Promise<void>)[] = [];
  afterEach(async () => {
    Date.now = trueNow;
    for (const release of releases.splice(0).reverse()) await release();
  });

  test('continues its heartbeats: the group keeps it and takes its commits', async () => {
    const events: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_fields, event) => void events.push(event), child: () => logger };
    const log = await openKafkaLog({ logger, sessionTimeoutMs: SESSION_TIMEOUT_MS });
    releases.push(() => log.close());
    const topic = `clock-${randomUUID()}`;
    const groupId = `group-${topic}`;
    await log.admin.ensureTopics([{ name: topic, partitions: 1, replicationFactor: null, config: {} }]);
    const { member } = await joinRecorded(log, groupId, topic);
    releases.push(() => member.leave());
    await until('the partition', () => member.isAssigned({ topic, partition: 0 }));

    Date.now = () => trueNow() - HOURS_MS; // kafkajs asks Date when a heartbeat is due
    await until('the client was restarted', () => events.includes('kafka.clock_moved_backwards'));
    // By then the group would have given a silent member up.
    const soonestEnd = performance.now() + SESSION_TIMEOUT_MS * 1.5;
    await until('the time after which a silent member is none', () => performance.now() > soonestEnd);
    await member.commit([{ topic, partition: 0, offset: 0, metadata: 'still a member' }]);
    expect(await log.admin.committed(groupId, topic)).toEqual([
      { partition: 0, offset: 0, metadata: 'still a member' },
    ]);
  }, 90_000);
});
