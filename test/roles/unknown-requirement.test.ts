import type { EventOf } from '../../src/domain/events.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import type { Log } from '../../src/ports/log.js';
import { systemClock } from '../contract/system-clock.js';
import { taskAssigned } from '../contract/events.js';
import { openKafkaLog } from '../kafka/kafka-under-test.js';
import { describeWithBroker } from '../support/broker.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

const roster = [agentSpec('cert_agent')];
const REQUIRES = ['moon-phase', 'tides'];

type Opened = { readonly log: Log; readonly prefix: string };

function blockedSuite(open: () => Promise<Opened>): void {
  let opened: Opened;
  beforeEach(async () => {
    opened = await open();
  });
  afterEach(() => opened.log.close());

  async function startSwarm() {
    const swarm = await createRoleSwarm({ roster, ...opened, partitions: 1 });
    const orchestrator = await swarm.startOrchestrator({ heartbeatMs: 200 });
    const worker = await swarm.startWorker(undefined, undefined, { timings: { heartbeatMs: 200 } });
    await swarm.until(() => [orchestrator, worker].every(({ role }) => role.health().missing.length === 0));
    /** What the role says in its last heartbeat. */
    const blockedIn = (role: string) =>
      swarm.events
        .filter((event): event is EventOf<'heartbeat'> => event.event_type === 'heartbeat')
        .filter(({ payload }) => payload.role === role)
        .at(-1)?.payload.blocked ?? [];
    return { swarm, orchestrator, worker, blockedIn };
  }

  test('a mission that requires it does not start: the partition stops, and the health report shows it', async () => {
    const { swarm, orchestrator, worker, blockedIn } = await startSwarm();
    try {
      const id = createMissionId({ nowMs: Date.now(), partition: 0, random: Math.random });
      await swarm.submit({ mission_id: id, requires: REQUIRES });
      await swarm.until(() => blockedIn('orchestrator').length === 1);
      const reason = 'mission_requested requires moon-phase, tides, which this build does not know; upgrade it';
      expect(blockedIn('orchestrator')[0]).toMatchObject({ topic: swarm.topics.coordination, partition: 0, reason });
      expect(orchestrator.role.health().missing).toEqual([expect.stringContaining(reason)]);
      expect(worker.role.health().missing).toEqual([]);
      expect(swarm.eventsOf('plan_requested')).toEqual([]);
      expect(await swarm.log.admin.offsets(swarm.topics.deadLetters)).toEqual([{ partition: 0, low: 0, high: 0 }]);
    } finally {
      await swarm.close();
    }
  }, 60_000);

  test('a task that requires it is not run: its worker stops the partition', async () => {
    const { swarm, orchestrator, worker, blockedIn } = await startSwarm();
    try {
      const appender = swarm.log.createAppender('test');
      const place = { topic: swarm.topics.tasks('cert_agent'), partition: 0, key: 'k' };
      const { offset } = await appender.append({ ...place, event: taskAssigned(['tides']) });
      await appender.append({ ...place, event: taskAssigned([], 'deploy-cert_agent-wave1-2') });
      await appender.close();
      await swarm.until(() => blockedIn('worker').length === 1);
      const reason = 'task_assigned requires tides, which this build does not know; upgrade it';
      expect(blockedIn('worker')).toEqual([{ topic: place.topic, partition: 0, offset, reason }]);
      expect(worker.role.health().missing).toEqual([expect.stringContaining(reason)]);
      expect(orchestrator.role.health().missing).toEqual([]);
      expect(swarm.ledger.starts).toEqual([]);
    } finally {
      await swarm.close();
    }
  }, 60_000);
}

describe('a record that requires what this build does not know, on the in-memory log', () => {
  blockedSuite(async () => ({ log: createMemoryLog({ clock: systemClock }), prefix: 'test' }));
});

describeWithBroker('a record that requires what this build does not know, on a real broker', () => {
  blockedSuite(async () => {
    const prefix = `requires.${crypto.randomUUID().slice(0, 8)}`;
    return { log: await openKafkaLog({ prefix }), prefix };
  });
});
