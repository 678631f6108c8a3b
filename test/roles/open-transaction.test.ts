import type { EventOf } from '../../src/domain/events.js';
import { openKafkaLog, openTransaction } from '../kafka/kafka-under-test.js';
import { describeWithBroker } from '../support/broker.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

const roster = [agentSpec('cert_agent')];

describeWithBroker('a transaction of another program that does not end', () => {
  test('is named by the roles whose partition it holds up; when it is aborted, they do what has come', async () => {
    const prefix = `transaction.${crypto.randomUUID().slice(0, 8)}`;
    const log = await openKafkaLog({ prefix });
    const swarm = await createRoleSwarm({ roster, log, prefix, partitions: 1 });
    const coordination = { topic: swarm.topics.coordination, partition: 0 };
    const { begun, disconnect } = await openTransaction(coordination, [{ key: 'k', value: Buffer.from('open') }]);
    const blocked = () =>
      swarm.events
        .filter(
          (event): event is EventOf<'heartbeat'> =>
            event.event_type === 'heartbeat' && event.payload.role === 'orchestrator',
        )
        .at(-1)?.payload.blocked ?? [];
    try {
      const { role } = await swarm.startOrchestrator({ heartbeatMs: 200 });
      await swarm.startWorker();
      const mission = await swarm.submit();
      await swarm.until(() => blocked().length === 1);
      expect(blocked()).toEqual([
        {
          ...coordination,
          offset: 0,
          reason: expect.stringMatching(/^a transaction of another program is open since .* \(producer id \d+/),
        },
      ]);
      // The claim of the partition, which comes after the open record, is not read back either.
      expect(role.health().missing).toContainEqual(expect.stringContaining('a transaction of another program is open'));
      await begun.abort();
      expect((await swarm.ended(mission)).status).toBe('completed');
      await swarm.until(() => blocked().length === 0);
      expect(await log.admin.offsets(swarm.topics.deadLetters)).toEqual([{ partition: 0, low: 0, high: 0 }]);
    } finally {
      await swarm.close();
      await disconnect();
      await log.close();
    }
  }, 120_000);
});
