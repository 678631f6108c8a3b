/** Whose workspace is made before the first call. */
import type { AgentSpec } from '../../src/domain/agent-spec.js';
import { WorkspaceUnusable, WritersNotStopped } from '../../src/ports/tools.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const AGENT = 'cert_agent';
let swarm: RoleSwarm;
afterEach(() => swarm.close());

async function preparedBy(spec: Partial<AgentSpec>, request: Parameters<RoleSwarm['submit']>[0] = {}) {
  swarm = await createRoleSwarm({ roster: [agentSpec(AGENT, spec)] });
  await swarm.startOrchestrator();
  await swarm.startWorker();
  expect(await swarm.ended(await swarm.submit(request))).toMatchObject({ status: 'completed' });
  return swarm.ledger.prepared.length;
}

const playbookWith = (...checks: readonly string[]): Partial<AgentSpec> => ({
  playbooks: {
    work: {
      name: 'work',
      steps: [{ name: 'step', command: 'step', unless: null }],
      acceptance: checks.map((command) => ({ name: command, command })),
    },
  },
});

test.each<[string, Partial<AgentSpec>]>([
  ['a task without checks', playbookWith()],
  ['one with a key', { ...playbookWith(), secretsKey: true }],
  ['one with a mount', { ...playbookWith(), mounts: [{ path: '/opt/data', mode: 'ro' }] }],
])('%s has none: its first call makes it', async (_, spec) => {
  expect(await preparedBy(spec)).toBe(0);
});

test.each<[string, Partial<AgentSpec>, Parameters<RoleSwarm['submit']>[0]]>([
  ['a task with a check', playbookWith('made it'), {}],
  ['a mission with its own directory', playbookWith(), { workspace: '/srv/project' }],
])('%s has it before its model is asked', async (_, spec, request) => {
  expect(await preparedBy(spec, request)).toBe(1);
});

test.each([
  ['an engine that does not answer', new WritersNotStopped('the engine is silent'), 2],
  ['a workspace that is another one', new WorkspaceUnusable('it is another one'), 1],
])('whether an attempt that cannot use its workspace is tried again: %s', async (_, error, attempts) => {
  swarm = await createRoleSwarm({ roster: [agentSpec(AGENT)] });
  await swarm.startOrchestrator();
  const { tools } = await swarm.startWorker();
  const { checkWorkspace, prepareWorkspace } = tools;
  let failures = 1;
  const failing =
    <A extends readonly unknown[], T>(work: (...given: A) => Promise<T>) =>
    (...given: A): Promise<T> =>
      failures-- > 0 ? Promise.reject(error) : work(...given);
  Object.assign(tools, { checkWorkspace: failing(checkWorkspace), prepareWorkspace: failing(prepareWorkspace) });
  const [task] = (await swarm.ended(await swarm.submit())).tasks;
  expect(task).toMatchObject({ attempts });
  const { retriable, message } = error;
  expect(swarm.eventsOf('task_failed')[0]?.payload).toMatchObject({ code: 'workspace', retriable, error: message });
});
