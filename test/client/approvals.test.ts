/** A person's answers to calls that wait, through the client. */
import { createClient } from '../../src/client/create-client.js';
import type { Client } from '../../src/client/client.js';
import { policyThatAsks } from '../support/asking-policy.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const AGENT = 'cert_agent';
const policy = policyThatAsks('step 2');

let swarm: RoleSwarm;
let client: Client;
let missions: readonly string[];
let orchestrator: Awaited<ReturnType<RoleSwarm['startOrchestrator']>>;

/** Two missions, each with a call that waits. */
async function start(askMs = 3_600_000): Promise<void> {
  const roster = [agentSpec(AGENT)];
  swarm = await createRoleSwarm({ roster, policy, askMs });
  orchestrator = await swarm.startOrchestrator();
  await swarm.startWorker();
  client = createClient({ log: swarm.log, agents: roster, workspaceRoot: '.', prefix: 'test', requester: 'ann' });
  missions = [await swarm.submit({ retries: 0 }), await swarm.submit({ retries: 0 })];
  await swarm.until(() => missions.every((id) => swarm.view.report(id)?.waiting_calls.length === 1));
}

afterEach(async () => {
  await client.close();
  await swarm.close();
});

const firstCall = async () => {
  const [call] = await client.approvals.list();
  if (call === undefined) throw new TypeError('two calls wait');
  return call;
};

test('every call that waits is listed, and a unique part of an id is enough', async () => {
  await start();
  const calls = await client.approvals.list();
  expect(calls.map(({ mission_id }) => mission_id).toSorted()).toEqual([...missions].toSorted());
  const [call] = calls;
  expect(await client.approvals.get(call?.approval_id.slice(0, 12) ?? '')).toEqual(call);
});

test('an approved call runs, and a rejected one does not', async () => {
  await start();
  const { approval_id, mission_id } = await firstCall();
  expect(await client.approvals.approve(approval_id)).toBe('decided');
  expect((await client.follow(mission_id)).status).toBe('completed');
  const other = await firstCall();
  expect(await client.approvals.reject(other.approval_id, 'not now')).toBe('decided');
  await swarm.until(() =>
    swarm.events.some(
      ({ event_type, payload }) =>
        event_type === 'tool_called' && payload.refused_because?.includes('not now') === true,
    ),
  );
});

test('an unknown, an ambiguous and a decided id are refused, and the message says what to do', async () => {
  await start();
  await expect(client.approvals.approve('zzzz')).rejects.toMatchObject({
    code: 'approval_unknown',
    nextStep: expect.stringContaining('These wait: '),
  });
  for (const short of ['', 'z', 'zzz'])
    await expect(client.approvals.approve(short)).rejects.toMatchObject({
      code: 'approval_unknown',
      nextStep: 'Give at least its first 4 characters.',
    });
  const { approval_id, mission_id } = await firstCall();
  await client.approvals.approve(approval_id);
  await client.follow(mission_id);
  await expect(client.approvals.reject(approval_id, 'no')).rejects.toMatchObject({ code: 'approval_decided' });
});

test('what a swarm does not take is said: an answer that cannot be verified', async () => {
  const roster = [agentSpec(AGENT)];
  swarm = await createRoleSwarm({ roster, policy, askMs: 3_600_000, verifyAnswer: () => 'unsigned' });
  await swarm.startOrchestrator();
  await swarm.startWorker();
  client = createClient({ log: swarm.log, agents: roster, workspaceRoot: '.', prefix: 'test', requester: 'ann' });
  const id = await swarm.submit({ retries: 0 });
  await swarm.until(() => swarm.view.report(id)?.waiting_calls.length === 1);
  const { approval_id } = await firstCall();
  await expect(client.approvals.approve(approval_id)).rejects.toMatchObject({
    code: 'answer_void',
    message: expect.stringContaining('not signed'),
  });
  expect((await firstCall()).answered).toBe(false);
});

test('a record that shows another call under the same id and digest is not approved', async () => {
  await start();
  const { approval_id, mission_id } = await firstCall();
  const paused = swarm.events.find(
    (event) => event.event_type === 'task_paused' && event.payload.approval_id === approval_id,
  );
  if (paused?.event_type !== 'task_paused') throw new TypeError('a call waits');
  const payload = { ...paused.payload, step: paused.payload.step + 1, arguments: '{"command":"ls"}' };
  await swarm.append(
    swarm.createEvent({ type: 'task_paused', from: 'rogue', missionId: mission_id, payload }),
    mission_id,
  );
  await swarm.until(() => swarm.view.report(mission_id)?.waiting_calls[0]?.step === payload.step);
  const options = { log: swarm.log, workspaceRoot: '.', prefix: 'test', requester: 'ann' };
  const later = createClient({ ...options, agents: [agentSpec(AGENT)] });
  await expect(later.approvals.approve(approval_id)).rejects.toMatchObject({ code: 'approval_changed' });
  await later.close();
});

test('a reason passes the redaction before it is signed, so that it counts as it is in the log', async () => {
  await start();
  const { approval_id } = await firstCall();
  await client.approvals.reject(approval_id, 'use postgres://app:hunter22@db');
  const answer = swarm.events.find(({ event_type }) => event_type === 'call_answered');
  expect(answer?.payload).toMatchObject({ reason: 'use postgres://app:[redacted: password]@db' });
});

test('an answer to a mission that ends before it is decided about is not said to count later', async () => {
  await start();
  const { approval_id, mission_id } = await firstCall();
  await orchestrator.kill();
  const wave = swarm.events.find(
    ({ event_type, payload }) => event_type === 'wave_started' && payload.mission_id === mission_id,
  );
  const owner = wave?.event_type === 'wave_started' ? wave.payload.owner : '';
  const answer = client.approvals.approve(approval_id);
  answer.catch(() => undefined);
  await swarm.until(() => swarm.events.some(({ event_type }) => event_type === 'call_answered'));
  await swarm.append(
    swarm.createEvent({
      type: 'mission_cancelled',
      from: 'o',
      missionId: mission_id,
      payload: { mission_id, owner, reason: 'enough', at_planner_price: null },
    }),
    mission_id,
  );
  await expect(answer).rejects.toMatchObject({ code: 'mission_ended' });
});
