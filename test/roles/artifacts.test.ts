import type { AgentEvent } from '../../src/domain/events.js';
import type { MissionReport } from '../../src/domain/report.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { AppendRejected, type Log } from '../../src/ports/log.js';
import { systemClock } from '../contract/system-clock.js';
import { agentSpec, createRoleSwarm, type RoleSwarm, type RunningWorker } from '../support/role-swarm.js';

const AGENT = 'cert_agent';
const TASK = 'deploy-cert_agent-wave1';
const TIMEOUT_S = 10;

let swarm: RoleSwarm;
afterEach(() => swarm.close());

const plan = (artifacts: string[]) => ({
  strategy: 's',
  risks: [],
  notes: [],
  success_criteria: [],
  waves: [
    {
      wave_number: 1,
      rationale: '',
      tasks: [
        {
          task_id: TASK,
          agent: AGENT,
          description: 'work',
          playbook: 'work',
          acceptance: [],
          timeout_seconds: null,
          protected: [],
          changes: [],
          artifacts,
          dependencies: [],
        },
      ],
    },
  ],
});

/** Commands, and listings, do what the list says of their first calls; then all are well. */
async function ran(
  artifacts: string[],
  first: Readonly<Record<string, 'fail' | 'hang'>> = {},
  timings: object = {},
  then: (worker: RunningWorker) => Promise<void> = async () => undefined,
  request: object = {},
): Promise<MissionReport> {
  const left = new Map(Object.entries(first));
  swarm = await createRoleSwarm({
    roster: [agentSpec(AGENT, { timeoutSeconds: TIMEOUT_S })],
    behaviour(command) {
      const how = left.get(command) ?? 'ok';
      left.delete(command);
      return how;
    },
  });
  await swarm.startOrchestrator({ deadlineGraceMs: 200 });
  const worker = await swarm.startWorker(undefined, undefined, { timings });
  const mission = await swarm.submit({ plan: plan(artifacts), ...request });
  await then(worker);
  return swarm.ended(mission);
}

const asked = () =>
  new Promise<void>((resolve) => {
    const poll = setInterval(() => {
      if (swarm.ledger.artifacts.length === 0) return;
      clearInterval(poll);
      resolve();
    }, 5);
  });

const LISTED = {
  ...{ worker_id: 'process-2', host: 'here', directory: '/workspace' },
  files: [{ path: 'a.txt', bytes: 3, digest: 'abc' }],
  ...{ unmatched: ['*.log'], left_out: [], left_out_count: 0 },
};

test('are listed once, when the task has ended, and travel with its result', async () => {
  const report = await ran(['a.txt', '*.log']);
  expect(report).toMatchObject({ status: 'completed', tasks: [{ status: 'verified', artifacts: LISTED }] });
  expect(swarm.ledger.artifacts).toEqual([`${TASK} attempt 1 after 3`]);
  expect(swarm.eventsOf('task_completed')[0]?.payload).toMatchObject({ artifacts: LISTED });
});

test('a task without patterns has none, and nothing is listed; nor for the success checks', async () => {
  const success = [{ name: 'whole', command: 'check whole' }];
  const report = await ran([], {}, {}, undefined, { success });
  expect(report.tasks.map(({ artifacts }) => artifacts)).toEqual([null, null]);
  expect(swarm.ledger.artifacts).toEqual([]);
});

test('of a failed task are listed, too; those of its next attempt take their place', async () => {
  const report = await ran(['a.txt'], { 'cert_agent step 2': 'fail' });
  expect(swarm.eventsOf('task_failed')[0]?.payload).toMatchObject({
    attempt: 1,
    artifacts: { files: [{ path: 'a.txt' }] },
  });
  expect(report.tasks[0]).toMatchObject({ status: 'verified', attempts: 2, artifacts: { files: [{ path: 'a.txt' }] } });
  expect(swarm.ledger.artifacts).toHaveLength(2);
});

test('of a task whose deadline has passed are listed', async () => {
  await ran(['a.txt'], { 'cert_agent step 2': 'hang' }, { deadlineGraceMs: 10 });
  expect(swarm.eventsOf('task_failed')[0]?.payload).toMatchObject({
    code: 'timeout',
    artifacts: { files: [{ path: 'a.txt' }] },
  });
});

test('a listing that fails changes no result: the result says why there are none', async () => {
  const report = await ran(['a.txt', '*.log'], { 'list artifacts': 'fail' });
  const why = expect.stringContaining('the disk of the workspaces is full');
  expect(report).toMatchObject({
    status: 'completed',
    tasks: [
      {
        status: 'verified',
        artifacts: {
          files: [],
          left_out: [
            { path: 'a.txt', why },
            { path: '*.log', why },
          ],
          left_out_count: 2,
        },
      },
    ],
  });
});

test('long paths that are left out: the first ones are named, cut: the result fits into its record', async () => {
  const long = Array.from({ length: 40 }, (_, at) => `${String(at).padStart(2, '0')}${'\u20ac'.repeat(300)}*.md`);
  const report = await ran(long, { 'list artifacts': 'fail' });
  const { left_out = [], left_out_count } = report.tasks[0]?.artifacts ?? {};
  expect([left_out.length, left_out_count]).toEqual([20, 40]);
  for (const { path } of left_out) expect(Buffer.byteLength(path)).toBeLessThanOrEqual(300);
});

test('a listing has a limit', async () => {
  const report = await ran(['a.txt'], { 'list artifacts': 'hang' }, { snapshotGraceMs: 50 });
  expect(report.tasks[0]).toMatchObject({
    status: 'verified',
    artifacts: { files: [], left_out: [{ path: 'a.txt', why: expect.stringContaining('not listed in time') }] },
  });
});

test('a worker that drains lists them within its grace', async () => {
  const report = await ran(['a.txt'], { 'list artifacts': 'hang' }, {}, async ({ role, tools }) => {
    await asked();
    const stopped = role.stop(TIMEOUT_S * 1000);
    tools.release();
    await stopped;
  });
  expect(report.tasks[0]).toMatchObject({ status: 'verified', attempts: 1, artifacts: { files: [{ path: 'a.txt' }] } });
});

// Of 0 ms, too: the result that is written at its end is read back, and sent, behind it.
test.each([0, 20])(
  'a worker that drains gives the listing up after its grace of %d ms, and says so',
  async (graceMs) => {
    const report = await ran(['a.txt'], { 'list artifacts': 'hang' }, {}, async ({ role }) => {
      await asked();
      await role.stop(graceMs);
    });
    expect(report.tasks[0]).toMatchObject({
      status: 'verified',
      artifacts: { files: [], left_out: [{ path: 'a.txt', why: 'the process is shutting down' }] },
    });
  },
);

test('a worker that ends before the result: the next one lists them', async () => {
  const report = await ran(['a.txt'], { 'list artifacts': 'hang' }, {}, async (worker) => {
    await asked();
    await worker.kill();
    await swarm.startWorker();
  });
  expect(report.tasks[0]).toMatchObject({
    status: 'verified',
    attempts: 1,
    artifacts: { worker_id: 'process-3', files: [{ path: 'a.txt' }] },
  });
});

test.each([
  ['completed', {}],
  ['failed', { 'cert_agent step 2': 'fail' }],
] as const)(
  'a list for which the record of a %s task has no room is left out; the result stays',
  async (end, first) => {
    const left = new Map(Object.entries(first));
    const memory = createMemoryLog({ clock: systemClock });
    const hasFiles = ({ event_type, payload }: AgentEvent) =>
      (event_type === 'task_completed' || event_type === 'task_failed') && (payload.artifacts?.files.length ?? 0) > 0;
    const log: Log = {
      ...memory,
      createAppender(name) {
        const appender = memory.createAppender(name);
        return {
          ...appender,
          append: (request) =>
            hasFiles(request.event) ? Promise.reject(new AppendRejected('too large')) : appender.append(request),
        };
      },
    };
    swarm = await createRoleSwarm({
      log,
      roster: [agentSpec(AGENT)],
      behaviour: (command) => left.get(command) ?? 'ok',
    });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const report = await swarm.ended(await swarm.submit({ plan: plan(['a.txt']), retries: 0 }));
    expect(report).toMatchObject({
      status: end,
      tasks: [{ artifacts: { files: [], left_out: [{ path: 'a.txt', why: 'too large' }], left_out_count: 1 } }],
    });
  },
);

test('a worker says in its signs of life where it serves them, or that it does not', async () => {
  await ran([]);
  const signs = swarm.events.flatMap((event) => (event.event_type === 'heartbeat' ? [event.payload] : []));
  expect(signs.length).toBeGreaterThan(0);
  expect(signs.every(({ http_address: address }) => address === null)).toBe(true);
});
