import type { EventOf } from '../../src/domain/events.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import { createForeignWriter, eventOfAnotherVersion, openKafkaLog } from '../kafka/kafka-under-test.js';
import { describeWithBroker } from '../support/broker.js';
import { startRegistryProxy } from '../support/registry-proxy.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

const roster = [agentSpec('cert_agent')];

describeWithBroker('a record whose schema id the registry does not know', () => {
  test('stops its partition visibly, and is handled once the registry knows it: no skip, no dead letter', async () => {
    const prefix = `schema.${crypto.randomUUID().slice(0, 8)}`;
    const registry = await startRegistryProxy();
    const [log, behindProxy, foreign] = await Promise.all([
      openKafkaLog({ prefix }),
      openKafkaLog({ prefix, registry: { url: registry.url } }),
      createForeignWriter(),
    ]);
    const swarm = await createRoleSwarm({ roster, log, prefix, partitions: 1 });
    const { coordination, deadLetters, orchestratorGroup } = swarm.topics;
    const heartbeats = () =>
      swarm.events.filter(
        (event): event is EventOf<'heartbeat'> =>
          event.event_type === 'heartbeat' && event.payload.role === 'orchestrator',
      );
    const blocked = () => heartbeats().at(-1)?.payload.blocked ?? [];
    const inCoordination = () =>
      swarm.records.flatMap(({ topic, content }) =>
        topic === coordination && content.kind === 'event' ? [content.event] : [],
      );
    try {
      await swarm.startOrchestrator({ heartbeatMs: 200 }, { log: behindProxy });
      await swarm.startWorker();
      await swarm.until(() => inCoordination().some((event) => event.event_type === 'partition_opened'));

      // Another build's request; the swarm's own watch may read it, the orchestrator may not yet.
      const first = createMissionId({ nowMs: Date.now(), partition: 0, random: Math.random });
      const request = swarm.createEvent({
        type: 'mission_requested',
        from: 'test',
        missionId: first,
        payload: swarm.requestOf(first),
      });
      const bytes = await eventOfAnotherVersion('mission-requested', request);
      const schemaId = bytes.readInt32BE(1);
      registry.hidden.add(schemaId);
      await foreign.write({ topic: coordination, partition: 0 }, first, bytes);
      const second = await swarm.submit();

      await swarm.until(() => blocked().length === 1);
      const requestedAt = swarm.records.find(({ topic, key }) => topic === coordination && key === first)?.offset;
      expect(blocked()).toEqual([
        {
          topic: coordination,
          partition: 0,
          offset: requestedAt,
          reason: expect.stringContaining(`does not know schema id ${schemaId}`),
        },
      ]);
      expect(inCoordination().filter(({ event_type }) => event_type === 'plan_requested')).toEqual([]);
      expect((await log.admin.committed(orchestratorGroup, coordination))[0]?.offset ?? 0).toBeLessThanOrEqual(
        requestedAt ?? -1,
      );

      registry.hidden.clear();
      const reports = await Promise.all([swarm.ended(first), swarm.ended(second)]);
      expect(reports.map(({ status }) => status)).toEqual(['completed', 'completed']);
      const planned = inCoordination().flatMap((event) =>
        event.event_type === 'plan_requested' ? [event.payload.mission_id] : [],
      );
      expect(planned).toEqual([first, second]);
      await swarm.until(() => blocked().length === 0);
      expect(await log.admin.offsets(deadLetters)).toEqual([{ partition: 0, low: 0, high: 0 }]);
    } finally {
      await swarm.close();
      await foreign.close();
      await behindProxy.close();
      await log.close();
      await registry.close();
    }
  }, 90_000);
});
