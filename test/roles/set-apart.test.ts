import { createDeferred } from '../../src/domain/deferred.js';
import type { EventOf } from '../../src/domain/events.js';
import { recoverReplayPoint } from '../../src/domain/replay-recovery.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import type { PartitionAssignment } from '../../src/ports/log.js';
import { statusRequest } from '../contract/events.js';
import { systemClock } from '../contract/system-clock.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

const topics = createTopicNames('test');
const lost = { topic: topics.tasks('lost_agent'), partition: 0 };

/** A log in which the first records of a partition were deleted before any worker had read them. */
async function swarmWithLoss() {
  const log = createMemoryLog({ clock: systemClock });
  const roster = [agentSpec('lost_agent'), agentSpec('cert_agent')];
  const swarm = await createRoleSwarm({ roster, partitions: 1, log });
  const appender = log.createAppender('test');
  for (const text of ['one', 'two']) await appender.append({ ...lost, key: text, event: statusRequest(text) });
  await appender.close();
  await log.admin.deleteRecords(lost.topic, lost.partition, 2);
  return { log, swarm };
}

describe('a partition whose records were deleted before they were read', () => {
  test('is set apart and named by its worker, which works on in its other partitions', async () => {
    const { log, swarm } = await swarmWithLoss();
    await swarm.startOrchestrator();
    const { role } = await swarm.startWorker();
    const heartbeats = () =>
      swarm.events.filter(
        (event): event is EventOf<'heartbeat'> => event.event_type === 'heartbeat' && event.payload.role === 'worker',
      );
    await swarm.until(() => heartbeats().at(-1)?.payload.blocked.length === 1);
    const reason = expect.stringMatching(/^set apart: .*ravenhelm recover test\.tasks\.lost_agent 0 --accept-loss/);
    expect(heartbeats().at(-1)?.payload.blocked).toEqual([{ ...lost, offset: 0, reason }]);
    expect(role.health().missing).toEqual([
      expect.stringContaining(`${lost.topic}/0 is blocked at offset 0: set apart`),
    ]);
    expect(swarm.eventsOf('service_unhealthy').map(({ payload }) => payload)).toEqual([
      expect.objectContaining({ error_message: expect.stringContaining(`${lost.topic}[0] is set apart at offset 0`) }),
    ]);
    const report = await swarm.ended(await swarm.submit({ agents: ['cert_agent'] }));
    expect(report.status).toBe('completed');

    const given = createDeferred<PartitionAssignment>();
    const healer = await log.joinGroup({
      groupId: topics.workerGroup('lost_agent'),
      topics: [lost.topic],
      only: [lost],
      open(assignment) {
        given.resolve(assignment);
        return { onRecords() {}, onBlocked() {}, onUnblocked() {}, onClosed() {} };
      },
      onFatal: given.reject,
    });
    const recovery = recoverReplayPoint('tasks', await given.promise);
    if (recovery === null) throw new TypeError('nothing is to be recovered');
    await healer.commit([{ ...lost, ...recovery.point }]);
    await healer.leave();
    await swarm.until(() => heartbeats().at(-1)?.payload.blocked.length === 0);
    await swarm.until(() => swarm.eventsOf('service_ready').length > 0);
    expect(role.health().missing).toEqual([]);
    expect((await swarm.ended(await swarm.submit({ agents: ['lost_agent'] }))).status).toBe('completed');
    await swarm.close();
    await log.close();
  });
});
