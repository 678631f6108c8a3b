import { createMemoryLog } from '../../src/memory/memory-log.js';
import type { GroupMember, Log } from '../../src/ports/log.js';
import { createDeferred } from '../../src/domain/deferred.js';
import { systemClock } from '../contract/system-clock.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

test('a worker that one group refuses fails after the others have joined, so that a stop leaves them all', async () => {
  const memory = createMemoryLog({ clock: systemClock });
  const slow = createDeferred<void>();
  const left: string[] = [];
  const log: Log = {
    ...memory,
    async joinGroup(options): Promise<GroupMember> {
      if (options.groupId.includes('env_agent')) throw new Error('the coordinator moved');
      await slow.promise;
      const member = await memory.joinGroup(options);
      return { ...member, leave: async () => (left.push(options.groupId), member.leave()) };
    },
  };
  const swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent'), agentSpec('env_agent')], log });
  let failed = false;
  const started = swarm.startWorker().catch((error: unknown) => {
    failed = true;
    return error;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(failed).toBe(false);
  slow.resolve();
  expect(await started).toMatchObject({ message: 'the coordinator moved' });
  await swarm.close(); // stops the worker
  expect(left).toEqual([swarm.topics.workerGroup('cert_agent')]);
  await memory.close();
});
