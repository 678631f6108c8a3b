import { createMemoryLog } from '../../src/memory/memory-log.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

describe('draining', () => {
  test('ends although a partition is blocked by a record that cannot be read for now', async () => {
    const log = createMemoryLog({ clock: createSystemClock() });
    const swarm = await createRoleSwarm({
      roster: [agentSpec('cert_agent')],
      log,
      partitions: 1,
      behaviour: (command) => (command.endsWith('step 2') ? 'hang' : 'ok'),
    });
    await swarm.startOrchestrator();
    const worker = await swarm.startWorker();
    await swarm.submit();
    await swarm.until(() => swarm.ledger.starts.some((start) => start.endsWith('#2')));
    log.writeForeign({ topic: swarm.topics.tasks('cert_agent'), partition: 0 }, 'key', {
      kind: 'unreadable',
      reason: 'a new event type',
    });
    worker.tools.release(); // the next step is journaled behind the record that cannot be read
    await worker.role.stop(100);
    expect(swarm.eventsOf('task_completed')).toEqual([]);
    await swarm.close();
    await log.close();
  });
});
