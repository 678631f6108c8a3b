/** A mission that a client pauses, resumes and gives another budget. */
import { createVerifyAnswer } from '../../src/agent/call-answer.js';
import { createVerifyRequest } from '../../src/agent/request-signature.js';
import type { Client } from '../../src/client/client.js';
import { createClient, type ClientOptions } from '../../src/client/create-client.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { systemClock } from '../contract/system-clock.js';
import { testOperator } from '../support/operator.js';
import { agentSpec, createRoleSwarm, type RoleSwarm, type RunningWorker } from '../support/role-swarm.js';

const AGENT = 'cert_agent';
const roster = [agentSpec(AGENT)];
const PLAN = { waves: [{ tasks: [{ agent: AGENT, description: 'Work.', playbook: 'work' }] }] };
const MISSION = { name: 'm', brief: 'Work.', retries: 0, plan: PLAN, budget: { usd: 1, minutes: 30 } };
const ann = testOperator('ann');
const operators = [ann.operator];

let swarm: RoleSwarm;
let client: Client;
let worker: RunningWorker;
let id: string;

/** Its second step runs until it is released. */
async function start(person: Partial<ClientOptions> = {}, verifying: object = {}): Promise<void> {
  swarm = await createRoleSwarm({
    roster,
    behaviour: (command) => (command.endsWith('step 2') ? 'hang' : 'ok'),
    ...verifying,
  });
  const place = { log: swarm.log, agents: roster, workspaceRoot: '.', prefix: 'test', requester: 'ann@host' };
  client = createClient({ ...place, ...person });
  await swarm.startOrchestrator();
  worker = await swarm.startWorker();
  id = (await client.submit(MISSION)).missionId;
  await swarm.until(() => swarm.ledger.starts.some((each) => each.endsWith('#2')));
}

afterEach(async () => {
  await client.close();
  await swarm.close();
});

const until = (status: string) => swarm.until(() => swarm.view.report(id)?.status === status);

test('pause and resume; each is an error where it makes no sense', async () => {
  await start();
  await expect(client.resume(id)).rejects.toMatchObject({ code: 'not_paused' });
  await client.pause(id, 'the cluster is being upgraded');
  await until('paused');
  expect((await client.report(id)).pause).toMatchObject({ by: 'ann@host', reason: 'the cluster is being upgraded' });
  await expect(client.pause(id, 'again')).rejects.toMatchObject({
    code: 'already_paused',
    message: expect.stringMatching(/is paused already, by ann@host since 20/),
  });
  await client.resume(id);
  await until('running');
  worker.tools.release();
  expect((await client.follow(id)).status).toBe('completed');
  for (const late of [client.pause(id, 'late'), client.resume(id), client.setBudget(id, { usd: 5 })])
    await expect(late).rejects.toMatchObject({
      code: 'mission_ended',
      message: expect.stringContaining('has already ended: completed'),
    });
});

test('a mission is paused and resumed a second time', async () => {
  await start();
  for (const reason of ['first', 'second']) {
    await client.pause(id, reason);
    await swarm.until(() => swarm.view.report(id)?.pause?.reason === reason);
    await client.resume(id);
    await until('running');
  }
});

test('setBudget sets what it names, and says what cannot be', async () => {
  await start();
  await client.setBudget(id, { usd: 2.5, tokens: 1_000 });
  await swarm.until(() => swarm.view.report(id)?.budget.tokens === 1_000);
  expect((await client.report(id)).budget).toEqual({ usd: 2.5, tokens: 1_000, minutes: 30 });
  await expect(client.setBudget(id, { usd: 2.5 })).rejects.toMatchObject({
    code: 'budget_invalid',
    message: expect.stringContaining('is so already'),
  });
  await expect(client.setBudget(id, { minutes: -1 })).rejects.toMatchObject({
    code: 'budget_invalid',
    message: expect.stringContaining('must be from 0.001'),
  });
});

test('a mission that is about to end is not steered any more', async () => {
  await start();
  await worker.kill();
  await swarm.append(
    swarm.createEvent({
      type: 'mission_cancel_requested',
      from: 'ann',
      missionId: id,
      payload: { mission_id: id, requested_by: 'ann', reason: 'enough', signed: null },
    }),
    id,
    Number(/-p(\d+)-/.exec(id)?.[1]),
  );
  await swarm.until(() => swarm.view.mission(id)?.course.kind !== 'working');
  await expect(client.pause(id, 'late')).rejects.toMatchObject({ code: 'mission_ended' });
});

test('with operators each needs a signature and its right', async () => {
  const log = createMemoryLog({ clock: systemClock });
  const verifying = {
    log,
    verifyAnswer: createVerifyAnswer(operators, { prefix: 'test', clusterId: log.clusterId }),
    verifyRequest: createVerifyRequest(operators, { prefix: 'test', clusterId: log.clusterId }),
  };
  await start({ operator: { name: 'ann', key: ann.privateKey } }, verifying);
  const place = { log: swarm.log, agents: roster, workspaceRoot: '.', prefix: 'test' };
  const stranger = createClient({ ...place, requester: 'eve' });
  await expect(stranger.pause(id, 'mine')).rejects.toMatchObject({ code: 'request_void' });
  await expect(stranger.setBudget(id, { usd: 900 })).rejects.toMatchObject({ code: 'request_void' });
  await stranger.close();
  await client.pause(id, 'lunch');
  expect(swarm.view.report(id)).toMatchObject({ status: 'paused', pause: { by: 'ann' } });
  await client.setBudget(id, { usd: 3 });
  await client.resume(id);
  expect(swarm.view.report(id)).toMatchObject({ status: 'running', budget: { usd: 3 } });
  expect(swarm.view.report(id)?.void_requests.map(({ type }) => type)).toEqual([
    'mission_pause_requested',
    'mission_budget_requested',
  ]);
});
