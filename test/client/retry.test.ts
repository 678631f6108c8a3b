/** A mission that a client continues in its workspace, and where it cannot. */
import type { Client } from '../../src/client/client.js';
import { createClient } from '../../src/client/create-client.js';
import type { AgentEvent } from '../../src/domain/events.js';
import { WORKSPACE_OF } from '../../src/domain/requirements.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';
import type { Behaviour } from '../support/scripted-tools.js';

const roster = ['first_agent', 'second_agent'].map((name) => agentSpec(name));
const FIRST = 'deploy-first_agent-wave1';
const SECOND = 'deploy-second_agent-wave2';
const task = (agent: string, description = 'Work.') => ({ agent, description, playbook: 'work' });
const PLAN = { waves: [{ tasks: [task('first_agent')] }, { tasks: [task('second_agent')] }] };
const MISSION = {
  name: 'm',
  brief: 'Work.',
  retries: 0,
  plan: PLAN,
  budget: { tokens: 1000 },
  success: [{ name: 'whole', command: 'whole' }],
};

let swarm: RoleSwarm;
let client: Client;
let behaviour: Behaviour;

beforeEach(async () => {
  behaviour = () => 'ok';
  swarm = await createRoleSwarm({ roster, behaviour: (command, call) => behaviour(command, call) });
  client = createClient({ log: swarm.log, agents: roster, workspaceRoot: '/workspaces', prefix: 'test' });
  await swarm.startOrchestrator();
});
afterEach(async () => {
  await client.close();
  await swarm.close();
});

/** A mission of which the second task has failed. */
async function halfDone(): Promise<string> {
  behaviour = (command) => (command === 'second_agent step 1' ? 'fail' : 'ok');
  const { mission_id, status } = await client.run(MISSION);
  expect(status).toBe('failed');
  behaviour = () => 'ok';
  return mission_id;
}

test('says what is checked and what runs; both reports link, and the budget is as it was', async () => {
  await swarm.startWorker();
  const old = await halfDone();
  const retried = await client.retry(old.slice(0, -2));
  expect(retried).toEqual({
    missionId: retried.missionId,
    workspace: `/workspaces/${old}`,
    continues: old,
    carried: [FIRST],
    runs: [SECOND],
    changedInputs: [],
  });
  const report = await client.follow(retried.missionId);
  expect(report).toMatchObject({
    ...{ status: 'completed', continues: old, workspace_of: old, workspace: `/workspaces/${old}`, name: 'm' },
    budget: { tokens: 1000 },
    success: [{ command: 'whole', exit_code: 0 }],
  });
  expect(report.tasks).toMatchObject([{ carried: true }, { carried: false }, { carried: false }]);
  expect((await client.report(old)).continued_by).toEqual([retried.missionId]);
  const requires = swarm.eventsOf('task_assigned').flatMap(({ payload }) => {
    const isNew = 'requires' in payload && 'mission_id' in payload && payload.mission_id === retried.missionId;
    return isNew ? [payload.requires] : [];
  });
  expect(new Set(requires.map(String))).toEqual(new Set([WORKSPACE_OF]));
});

test('where all is verified a task must be named; of a chain the last mission is continued', async () => {
  await swarm.startWorker();
  const { mission_id: old } = await client.run(MISSION);
  await expect(client.retry(old)).rejects.toMatchObject({ code: 'nothing_to_retry' });
  await expect(client.retry(old, { tasks: ['third_agent'] })).rejects.toMatchObject({ code: 'task_unknown' });
  const second = await client.retry(old, { tasks: ['second_agent'] });
  expect(second).toMatchObject({ carried: [FIRST], runs: [SECOND] });
  expect((await client.follow(second.missionId)).status).toBe('completed');
  await expect(client.retry(old, { tasks: [FIRST] })).rejects.toMatchObject({
    code: 'mission_continued',
    nextStep: `Continue that one: ravenhelm retry ${second.missionId}`,
  });
  const third = await client.retry(second.missionId, { tasks: [FIRST] });
  expect(third).toMatchObject({ workspace: `/workspaces/${old}`, continues: second.missionId });
  expect(await client.follow(third.missionId)).toMatchObject({ status: 'completed', workspace_of: old });
});

test('an unknown, an ambiguous and an open mission are refused', async () => {
  const { missionId: one } = await client.submit(MISSION);
  await client.submit(MISSION);
  await expect(client.retry('20200101-000000-000-p00-2222')).rejects.toMatchObject({ code: 'mission_unknown' });
  await expect(client.retry(one.slice(0, 8))).rejects.toMatchObject({ code: 'mission_ambiguous' });
  await expect(client.retry(one)).rejects.toMatchObject({ code: 'mission_open' });
});

test('of two at once one continues the mission, and the other one says why it does not', async () => {
  await swarm.startWorker();
  const old = await halfDone();
  const other = createClient({ log: swarm.log, agents: roster, workspaceRoot: '/workspaces', prefix: 'test' });
  const both = await Promise.all(
    [client, other].map(async (each) => {
      const asked = await each.retry(old).catch((error: unknown) => error);
      if (asked instanceof Error) return asked;
      return each.follow((asked as Awaited<ReturnType<Client['retry']>>).missionId);
    }),
  );
  await other.close();
  expect(
    both.filter((end) => 'status' in (end as object) && Reflect.get(end as object, 'status') === 'completed'),
  ).toHaveLength(1);
  // Whichever is later finds the other one in the log, or its orchestrator does.
  expect(both.map((end) => Reflect.get(end as object, 'code'))).toContainEqual(
    expect.stringMatching(/^(workspace_taken|mission_continued)$/),
  );
});

describe('a changed mission', () => {
  test('carries the tasks that are the same, and has the brief and the budget of the file', async () => {
    await swarm.startWorker();
    const old = await halfDone();
    const edit = {
      ...MISSION,
      brief: 'Another brief.',
      budget: { tokens: 7 },
      plan: { waves: [{ tasks: [task('first_agent')] }, { tasks: [task('second_agent', 'Work well.')] }] },
    };
    const retried = await client.retry(old, { edit });
    expect(retried).toMatchObject({ carried: [FIRST], runs: [SECOND] });
    expect(await client.follow(retried.missionId)).toMatchObject({ status: 'completed', budget: { tokens: 7 } });
    const { brief, plan } = swarm.view.mission(retried.missionId)?.request ?? {};
    expect([brief, plan?.waves[1]?.tasks[0]?.description]).toEqual(['Another brief.', 'Work well.']);
  });

  test('with a mistake is refused with the place of it', async () => {
    await swarm.startWorker();
    const old = await halfDone();
    const edit = { ...MISSION, plan: { waves: [{ tasks: [task('fist_agent')] }] } };
    await expect(client.retry(old, { edit })).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining('fist_agent'),
    });
    expect((await client.report(old)).continued_by).toEqual([]);
  });
});

test('a retry whose plan was never approved can be retried, with the tasks that its plan names', async () => {
  await swarm.startWorker();
  const old = await halfDone();
  const second = await client.retry(old, { edit: { ...MISSION, approval: 'approval' } });
  await swarm.until(() => swarm.view.report(second.missionId)?.status === 'waiting_for_approval');
  await client.cancel(second.missionId, 'not this way');
  expect((await client.follow(second.missionId)).status).toBe('cancelled');
  const edit = MISSION;
  await expect(client.retry(second.missionId, { tasks: ['third_agent'], edit })).rejects.toMatchObject({
    code: 'task_unknown',
    nextStep: expect.stringContaining(FIRST),
  });
  const third = await client.retry(second.missionId, { tasks: ['first_agent'], edit });
  expect(third).toMatchObject({ workspace: `/workspaces/${old}`, carried: [], runs: [FIRST, SECOND] });
  expect(await client.follow(third.missionId)).toMatchObject({
    status: 'completed',
    tasks: [{ attempts: 2 }, { attempts: 2 }, {}],
  });
});

describe('a mission that was cancelled while a command ran', () => {
  async function cancelled(): Promise<string> {
    behaviour = (command) => (command === 'second_agent step 2' ? 'hang' : 'ok');
    const { missionId } = await client.submit(MISSION);
    await swarm.until(() => swarm.ledger.starts.some((start) => start.endsWith(`${SECOND}/1#2`)));
    await client.cancel(missionId, 'it is stuck');
    await client.follow(missionId);
    behaviour = () => 'ok';
    return missionId;
  }

  test('is refused while a process says that it still runs', async () => {
    await swarm.startWorker();
    const old = await cancelled();
    const [refused] = await Promise.all([
      client.retry(old).catch((error: unknown) => error),
      answerNext((id) => reportOf(id, old)),
    ]);
    expect(refused).toMatchObject({
      code: 'attempt_runs',
      message: `attempt 1 of ${SECOND} still runs in worker-of-others, though mission ${old} has ended`,
    });
  });

  test('is refused while a process says that an attempt of any mission of its workspace still runs', async () => {
    const worker = await swarm.startWorker();
    const old = await cancelled();
    await worker.kill();
    // Nothing ends the first mission's attempt: each of these ends before it has begun.
    const missions = [old];
    for (let count = 0; count < 3; count += 1) {
      const { missionId } = await client.retry(missions.at(-1) ?? old);
      await client.cancel(missionId, 'not yet');
      expect((await client.follow(missionId)).status).toBe('cancelled');
      missions.push(missionId);
    }
    const [, second = '', , last = ''] = missions;
    const other = createClient({ log: swarm.log, agents: roster, workspaceRoot: '/workspaces', prefix: 'test' });
    const [refused] = await Promise.all([
      other.retry(last).catch((error: unknown) => error),
      answerNext((id) => reportOf(id, second, old)),
    ]);
    await other.close();
    expect(refused).toMatchObject({
      code: 'attempt_runs',
      message: `attempt 1 of ${SECOND} still runs in worker-of-others, though mission ${second} has ended`,
    });
  });

  test('is continued once none does: what is left is ended before anything begins', async () => {
    await swarm.startWorker();
    const old = await cancelled();
    const retried = await client.retry(old);
    expect(retried).toMatchObject({ carried: [FIRST], runs: [SECOND] });
    expect((await client.follow(retried.missionId)).status).toBe('completed');
    const [first] = swarm
      .eventsOf('task_assigned')
      .filter(({ payload }) => 'mission_id' in payload && payload.mission_id === retried.missionId);
    expect(first?.payload).toMatchObject({ task_id: SECOND, only: 'fence' });
  });
});

/** Answers the next question about what processes run. */
async function answerNext(answer: (requestId: string) => AgentEvent): Promise<void> {
  const before = swarm.eventsOf('request_status').length;
  const asked = () => swarm.eventsOf('request_status')[before];
  await swarm.until(() => asked() !== undefined);
  const request = asked();
  if (request?.event_type !== 'request_status') throw new Error('it did not ask');
  await swarm.append(answer(request.payload.request_id), request.payload.request_id, 0, swarm.topics.status);
}

/** The answer of a worker that runs the second task of this mission. */
const reportOf = (request_id: string, mission_id: string, workspace_of: string | null = null) =>
  swarm.createEvent({
    type: 'status_report',
    from: 'worker-of-others',
    payload: {
      ...{ request_id, worker_id: 'worker-of-others', role: 'worker', agents: ['second_agent'], partitions: [] },
      running: [{ mission_id, task_id: SECOND, attempt: 1, step: 2, workspace_of }],
      ...{ started_at: 0, blocked: [], spent: [], cap_reached: null, warnings: [], models: null, steps_done: 0 },
      http_address: null,
      ...{ memory_bytes: 1, heap_used_bytes: 1, loop_delay_mean_ms: 0, loop_delay_p99_ms: 0, loop_delay_max_ms: 0 },
    },
  });
