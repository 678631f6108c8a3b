import { setTimeout } from 'node:timers/promises';
import type { Log } from '../../src/ports/log.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';
import { withAppend } from '../support/with-append.js';

/** Every event of a process arrives so much later than it was written, as over a slow broker; their order stays. */
const LATE_MS = 100;

const late = (log: Log): Log =>
  withAppend(log, (append) => async (request) => {
    await setTimeout(LATE_MS);
    return append(request);
  });

test('an assignment that is always accepted late gets more time with each attempt, and no retry is used', async () => {
  const log = createMemoryLog({ clock: createSystemClock() });
  const swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], log });
  await swarm.startOrchestrator({ acceptMs: 10 });
  await swarm.startWorker(undefined, undefined, { log: late(log) });
  const report = await swarm.ended(await swarm.submit({ retries: 0 }));
  expect(report.status).toBe('completed');
  expect(swarm.eventsOf('task_retry_scheduled')).toEqual([]);
  const [first, ...others] = swarm.eventsOf('task_assigned');
  expect(first).toBeDefined();
  expect(others.length).toBeGreaterThan(0);
  await swarm.close();
  await log.close();
});
