import { processOfOwner } from '../../src/domain/owner-process.js';
import { newOwnerId } from '../../src/roles/shared/owner-id.js';
import { createSystemIds } from '../../src/telemetry/system-clock.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

test('an owner id has the process in front of what cannot be guessed', () => {
  const owner = newOwnerId('host/12', createSystemIds());
  expect(owner).toMatch(/^host\/12\/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}$/);
  expect(processOfOwner(owner)).toBe('host/12');
});

test('what workers read has no owner id of an orchestrator: with it they could decide in its name', async () => {
  const swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')] });
  await swarm.startOrchestrator();
  await swarm.startWorker([]);
  const cancelled = await swarm.submit();
  await swarm.until(() => swarm.eventsOf('task_assigned').length === 2);
  const payload = { mission_id: cancelled, requested_by: 'test', reason: 'enough', signed: null };
  await swarm.append(swarm.createEvent({ type: 'mission_cancel_requested', from: 'test', payload }), cancelled);
  await swarm.ended(cancelled);
  await swarm.startWorker();
  await swarm.ended(await swarm.submit());
  const ids = swarm.records.flatMap(({ topic, content }) =>
    topic === swarm.topics.coordination && content.kind === 'event' && content.event.event_type === 'partition_claimed'
      ? [content.event.payload.owner]
      : [],
  );
  expect(ids.length).toBeGreaterThan(0);
  const read = swarm.records.filter(({ topic }) => topic !== swarm.topics.coordination);
  const types = read.map(({ content }) => (content.kind === 'event' ? content.event.event_type : ''));
  expect(types).toEqual(expect.arrayContaining(['task_assigned', 'task_cancelled', 'heartbeat']));
  for (const { content } of read) for (const id of ids) expect(JSON.stringify(content)).not.toContain(id);
  await swarm.close();
});
