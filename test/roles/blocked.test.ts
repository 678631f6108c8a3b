import { createTopicNames } from '../../src/domain/topic-names.js';
import type { AgentEvent, EventOf } from '../../src/domain/events.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { statusRequest, taskProgress } from '../contract/events.js';
import { systemClock } from '../contract/system-clock.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

const topics = createTopicNames('test');
const UNREADABLE = { kind: 'unreadable', reason: 'No schema registry at http://registry' } as const;
const places = {
  worker: { topic: topics.tasks('cert_agent'), partition: 0 },
  orchestrator: { topic: topics.coordination, partition: 0 },
};

describe('a partition that stops before what cannot be read for now', () => {
  test.each(['worker', 'orchestrator'] as const)(
    'is shown by the %s in its heartbeats and on the status topic until it continues',
    async (role) => {
      const log = createMemoryLog({ clock: systemClock });
      const swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], partitions: 1, log });
      const place = places[role];
      await swarm.startOrchestrator();
      await swarm.startWorker();
      await swarm.until(
        () => swarm.eventsOf('partition_claimed').length === 2 && swarm.eventsOf('service_ready').length === 1,
      );
      const said = (type: AgentEvent['event_type']) => swarm.eventsOf(type);
      const heartbeats = () =>
        said('heartbeat').filter(
          (event): event is EventOf<'heartbeat'> => event.event_type === 'heartbeat' && event.payload.role === role,
        );

      const offset = log.writeForeign(place, 'k', UNREADABLE);
      const blocked = { ...place, offset, reason: UNREADABLE.reason };
      await swarm.until(() => heartbeats().at(-1)?.payload.blocked.length === 1);
      expect(heartbeats().at(-1)?.payload.blocked).toEqual([blocked]);
      expect(said('service_unhealthy').map(({ payload }) => payload)).toEqual([
        expect.objectContaining({
          status: 'unhealthy',
          error_message: `${place.topic}[0] stops at offset ${offset}: ${UNREADABLE.reason}`,
        }),
      ]);

      const asked = log.createAppender('asking');
      await asked.append({ topic: topics.status, partition: 0, key: 'k', event: statusRequest('who is blocked?') });
      await asked.close();
      const reports = () =>
        said('status_report').filter(
          (event): event is EventOf<'status_report'> =>
            event.event_type === 'status_report' && event.payload.request_id === 'who is blocked?',
        );
      await swarm.until(() => reports().length === 2);
      expect(reports().find(({ payload }) => payload.role === role)?.payload.blocked).toEqual([blocked]);
      expect(reports().find(({ payload }) => payload.role !== role)?.payload.blocked).toEqual([]);

      const id = await swarm.submit();
      log.makeReadable(place, offset, { kind: 'event', event: taskProgress(id, 'deploy-nobody-wave1', 1) });
      await swarm.until(() => heartbeats().at(-1)?.payload.blocked.length === 0 && said('service_ready').length === 2);
      expect((await swarm.ended(id)).status).toBe('completed');
      await swarm.close();
      await log.close();
    },
  );
});
