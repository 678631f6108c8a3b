import { SNAPSHOTS } from '../../src/domain/requirements.js';
import type { MissionReport } from '../../src/domain/report.js';
import { agentSpec, createRoleSwarm, type RoleSwarm, type RunningWorker } from '../support/role-swarm.js';

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
  // Nothing had begun: the attempt has left nothing to keep.
  expect(swarm.ledger.snapshots.filter((line) => line.includes('wave 2'))).toEqual([
    'deploy-env_agent-wave2 after 6: wave 2 end',
  ]);
});

test('what a failed task has left is kept, and a snapshot at the end that fails changes no result', async () => {
  const report = await ran({ requires: [SNAPSHOTS] }, ['env_agent step 1', 'snapshot 2 end']);
  expect(report.status).toBe('completed');
  expect(swarm.ledger.snapshots.filter((line) => line.includes('wave 2 end'))).toHaveLength(2);
});

/** On a busy computer, no task that is not held takes so long. */
const TASK_S = 10;

/** A worker whose commands, and snapshots, do what the list says of their first calls; then all are well. */
async function ranWith(
  first: Readonly<Record<string, 'fail' | 'hang'>>,
  timings: object,
  then: (worker: RunningWorker) => Promise<void> = async () => undefined,
): Promise<MissionReport> {
  const left = new Map(Object.entries(first));
  swarm = await createRoleSwarm({
    roster: ROSTER.map((agent) => ({ ...agent, timeoutSeconds: TASK_S })),
    behaviour(command) {
      const how = left.get(command) ?? 'ok';
      left.delete(command);
      return how;
    },
  });
  await swarm.startOrchestrator({ deadlineGraceMs: 200 });
  const worker = await swarm.startWorker(undefined, undefined, { timings });
  const mission = await swarm.submit({ requires: [SNAPSHOTS] });
  await then(worker);
  return swarm.ended(mission);
}

const elapsed = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const asked = (line: string) =>
  new Promise<void>((resolve) => {
    const poll = setInterval(() => {
      if (!swarm.ledger.snapshots.some((each) => each.endsWith(line))) return;
      clearInterval(poll);
      resolve();
    }, 5);
  });

test('a snapshot that takes longer than the task may does not use its time, nor that of the orchestrator', async () => {
  const report = await ranWith({ 'snapshot 0 settled': 'hang' }, { deadlineGraceMs: 10 }, async ({ tools }) => {
    await asked('wave 0 settled');
    await elapsed(TASK_S * 1000 + 500);
    tools.release();
  });
  expect(report).toMatchObject({ status: 'completed', missed_snapshots: [] });
  expect(swarm.eventsOf('task_failed')).toEqual([]);
  expect(swarm.eventsOf('task_cancelled')).toEqual([]);
});

test('a snapshot before a task has a limit: nothing begins, and the failure says what to do', async () => {
  const report = await ranWith({ 'snapshot 0 settled': 'hang' }, { snapshotMs: 2_000 }); // for the others, too
  expect(report.status).toBe('completed');
  expect(swarm.eventsOf('task_failed')[0]?.payload).toMatchObject({
    ...{ attempt: 1, code: 'workspace', retriable: true, steps: 0 },
    error: expect.stringMatching(/not complete after .* nothing has begun: .*gitignore, or use snapshots: false/),
  });
});

test('a snapshot at the end has a limit; the task keeps its result, and the report says what is missing', async () => {
  const report = await ranWith({ 'snapshot 2 end': 'hang' }, { snapshotGraceMs: 50 });
  expect(report.status).toBe('completed');
  expect(report.snapshots.map(({ wave }) => wave)).toEqual([0, 1]);
  expect(report.missed_snapshots).toEqual([
    { wave: 2, reason: expect.stringMatching(/^it was not complete after \d+ s/), worker_id: 'process-2' },
  ]);
  expect(swarm.eventsOf('snapshot_missed')).toHaveLength(1);
});

test('a failure of the snapshot at the end is said, too', async () => {
  const report = await ranWith({ 'snapshot 2 end': 'fail' }, {});
  expect(report).toMatchObject({
    status: 'completed',
    missed_snapshots: [{ wave: 2, reason: expect.stringContaining('the disk of the workspaces is full') }],
  });
});

test('a worker that drains gives the snapshot at the end up, and says so beside the result', async () => {
  const report = await ranWith({ 'snapshot 2 end': 'hang' }, {}, async ({ role }) => {
    await asked('wave 2 end');
    await role.stop(TASK_S * 1000);
  });
  expect(report).toMatchObject({
    status: 'completed',
    missed_snapshots: [{ wave: 2, reason: 'the process is shutting down' }],
  });
});

test('what a task has left whose deadline has passed is kept', async () => {
  await ranWith({ 'cert_agent step 2': 'hang' }, { deadlineGraceMs: 10 });
  expect(swarm.eventsOf('task_failed')[0]?.payload).toMatchObject({ attempt: 1, code: 'timeout' });
  expect(swarm.eventsOf('snapshot_taken').map(({ payload }) => payload)).toContainEqual(
    expect.objectContaining({ wave_number: 1, settled: false, attempt: 1 }),
  );
});

test('a worker that ends between the list and its event: the next one finds the snapshot', async () => {
  const report = await ranWith({ 'snapshot 0 settled': 'hang' }, {}, async (worker) => {
    await asked('wave 0 settled');
    await worker.kill();
    await swarm.startWorker();
  });
  expect(report.snapshots.map(({ wave }) => wave)).toEqual([0, 1, 2]);
  expect(swarm.volume.snapshots.size).toBe(2);
  expect(swarm.eventsOf('snapshot_taken')).toHaveLength(3);
});
