import { SNAPSHOTS } from '../../src/domain/requirements.js';
import type { MissionReport } from '../../src/domain/report.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const ROSTER = [agentSpec('cert_agent'), agentSpec('env_agent', { phase: 2, dependsOn: ['cert_agent'] })];

let swarm: RoleSwarm;
afterEach(() => swarm.close());

const CHECKS = [{ name: 'whole', command: 'check whole' }];

async function ran(
  request: { readonly requires: string[]; readonly success?: typeof CHECKS },
  failing: readonly string[] = [],
): Promise<MissionReport> {
  let failures = failing;
  swarm = await createRoleSwarm({
    roster: ROSTER,
    behaviour(command) {
      if (!failures.includes(command)) return 'ok';
      failures = failures.filter((each) => each !== command);
      return 'fail';
    },
  });
  await swarm.startOrchestrator();
  await swarm.startWorker();
  return swarm.ended(await swarm.submit(request));
}

test('each task asks for the snapshot of what it finds before its first call; the last wave is kept too', async () => {
  const report = await ran({ requires: [SNAPSHOTS] });
  expect(swarm.ledger.snapshots).toEqual([
    'deploy-cert_agent-wave1 after 0: wave 0 settled',
    'deploy-env_agent-wave2 after 3: wave 1 settled',
    'deploy-env_agent-wave2 after 6: wave 2 end',
  ]);
  expect(report.status).toBe('completed');
  expect(report.snapshots).toEqual(
    [0, 1, 2].map((wave) => ({
      ...{ wave, digest: `digest ${wave}`, files: 2, bytes: 10, left_out: 0 },
      taken_by: expect.stringMatching(/./),
    })),
  );
  expect(swarm.eventsOf('snapshot_taken').map(({ payload }) => payload)).toEqual([
    expect.objectContaining({ wave_number: 0, settled: true, task_id: 'deploy-cert_agent-wave1' }),
    expect.objectContaining({ wave_number: 1, settled: true }),
    expect.objectContaining({ wave_number: 2, settled: false }),
  ]);
});

test('where success checks follow, they find the snapshot of the last wave taken', async () => {
  await ran({ requires: [SNAPSHOTS], success: CHECKS });
  expect(swarm.ledger.snapshots.slice(2)).toEqual(['verify-env_agent-wave3 after 6: wave 2 settled']);
});

test('a mission that wants none has none', async () => {
  const report = await ran({ requires: [] });
  expect(swarm.ledger.snapshots).toEqual([]);
  expect(report.snapshots).toEqual([]);
});

test('a task whose snapshot cannot be taken does not begin, and is tried again', async () => {
  await ran({ requires: [SNAPSHOTS] }, ['snapshot 1 settled']);
  expect(swarm.ledger.snapshots.filter((line) => line.endsWith('wave 1 settled'))).toEqual([
    'deploy-env_agent-wave2 after 3: wave 1 settled',
    'deploy-env_agent-wave2 after 3: wave 1 settled',
  ]);
  expect(swarm.eventsOf('task_failed')[0]?.payload).toMatchObject({ attempt: 1, code: 'workspace', retriable: true });
});

test('what a failed task has left is kept, and a snapshot at the end that fails changes no result', async () => {
  const report = await ran({ requires: [SNAPSHOTS] }, ['env_agent step 1', 'snapshot 2 end']);
  expect(report.status).toBe('completed');
  expect(swarm.ledger.snapshots.filter((line) => line.includes('wave 2 end'))).toHaveLength(2);
});
