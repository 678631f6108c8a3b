import { WorkspaceFull } from '../../src/ports/tools.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

let swarm: RoleSwarm;
afterEach(() => swarm.close());

test('an attempt that finds the disk full says so and is made again, for there may be space by then', async () => {
  let full = true;
  swarm = await createRoleSwarm({
    roster: [agentSpec('cert_agent')],
    behaviour() {
      if (!full) return 'ok';
      full = false;
      throw new WorkspaceFull({ cause: new Error('ENOSPC') });
    },
  });
  await swarm.startOrchestrator();
  await swarm.startWorker();
  expect((await swarm.ended(await swarm.submit())).status).toBe('completed');
  const failure = expect.objectContaining({
    attempt: 1,
    code: 'workspace',
    retriable: true,
    error: 'the disk of the workspaces is full; free some space below WORKSPACE_ROOT',
  });
  // Once in the task's journal, once on the coordination topic.
  expect(swarm.eventsOf('task_failed').map(({ payload }) => payload)).toEqual([failure, failure]);
});
