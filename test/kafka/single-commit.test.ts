import { randomUUID } from 'node:crypto';
import { CommitRefused } from '../../src/ports/log.js';
import { joinRecorded } from '../contract/recorder.js';
import { until } from '../contract/until.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createKafkaProxy } from '../support/kafka-proxy.js';
import { openKafkaLog } from './kafka-under-test.js';

describeWithBroker('a commit whose answer is lost', () => {
  test('is refused and not sent again unasked: by then the partition may be another member’s', async () => {
    const [broker = ''] = testBroker().brokers;
    const proxy = await createKafkaProxy(broker);
    const topic = `commit-${randomUUID()}`;
    const log = await openKafkaLog({ brokers: [proxy.address] });
    await log.admin.ensureTopics([{ name: topic, partitions: 1, replicationFactor: null, config: {} }]);
    const { member, open } = await joinRecorded(log, `group-${topic}`, topic);
    try {
      await until('the partition', () => open.size === 1);
      const struck = proxy.strike('OffsetCommit', 'cut');
      const commit = member.commit([{ topic, partition: 0, offset: 0, metadata: 'sent once' }]);
      await expect(commit).rejects.toThrow(CommitRefused);
      await struck;
      // What the role does at its next commit interval.
      await until('a commit that is taken', () =>
        member.commit([{ topic, partition: 0, offset: 0, metadata: 'asked for again' }]).then(
          () => true,
          () => false,
        ),
      );
      expect(await log.admin.committed(`group-${topic}`, topic)).toEqual([
        { partition: 0, offset: 0, metadata: 'asked for again' },
      ]);
    } finally {
      await member.leave();
      await log.close();
      await proxy.close();
    }
  }, 60_000);
});
