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

/** Two missions, each with a call that waits. */
async function start(askMs = 3_600_000): Promise<void> {
  const roster = [agentSpec(AGENT)];
  swarm = await createRoleSwarm({ roster, policy, askMs });
  await swarm.startOrchestrator();
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
  await expect(client.approvals.approve('zz')).rejects.toMatchObject({
    code: 'approval_unknown',
    nextStep: expect.stringContaining('These wait: '),
  });
  await expect(client.approvals.approve('')).rejects.toMatchObject({ code: 'approval_unknown' });
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
