/** What an operator asks through the client counts, and what others ask is void; with keys that come and go. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVerifyAnswer } from '../../src/agent/call-answer.js';
import { createVerifyRequest } from '../../src/agent/request-signature.js';
import type { Operator } from '../../src/agent/signatures.js';
import { createClient, type ClientOptions } from '../../src/client/create-client.js';
import type { Client } from '../../src/client/client.js';
import type { EventOf, EventType } from '../../src/domain/events.js';
import { parseMissionId } from '../../src/domain/mission-id.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { redactingLogOf } from '../../src/swarm/redacting-log.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { statusRequest } from '../contract/events.js';
import { until } from '../contract/until.js';
import { testOperator, type TestOperator } from '../support/operator.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const AGENT = 'cert_agent';
const roster = [agentSpec(AGENT)];
const ann = testOperator('ann');
const CLUSTER = 'this-cluster';
const CANARY = 'canary-of-the-broker-password';

let swarm: RoleSwarm;
let clients: Client[] = [];

const verifying = (...operators: readonly Operator[]) => ({
  verifyAnswer: createVerifyAnswer(operators, { prefix: 'test', clusterId: CLUSTER }),
  verifyRequest: createVerifyRequest(operators, { prefix: 'test', clusterId: CLUSTER }),
});

async function start(operators: readonly Operator[] = [ann.operator]): Promise<void> {
  const log = redactingLogOf(createMemoryLog({ clock: createSystemClock(), clusterId: CLUSTER }), [CANARY]);
  swarm = await createRoleSwarm({ roster, log, ...verifying(...operators) });
}

function clientOf(person: TestOperator | null, options: Partial<ClientOptions> = {}): Client {
  const key = person === null ? {} : { operator: { name: person.operator.name, key: person.privateKey } };
  const client = createClient({
    ...{ log: swarm.log, agents: roster, workspaceRoot: '.', prefix: 'test', requester: 'host' },
    ...key,
    ...options,
  });
  clients.push(client);
  return client;
}

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  clients = [];
  await swarm.close();
});

const of = <T extends EventType>(type: T): readonly EventOf<T>[] =>
  swarm.events.filter((event): event is EventOf<T> => event.event_type === type);
const partitionOf = (id: string) => parseMissionId(id)?.partition ?? -1;
const codes = () => of('request_void').map(({ payload }) => payload.code);
const PLAN = { waves: [{ tasks: [{ agent: AGENT, description: 'Work.', playbook: 'work' }] }] };
const mission = (changes: object = {}) => ({ name: 'm', brief: 'Work.', retries: 0, plan: PLAN, ...changes });

test('the mission of an operator runs; the report and the log name who signed it, and the key', async () => {
  await start();
  await swarm.startOrchestrator();
  await swarm.startWorker();
  const report = await clientOf(ann).run(mission());
  expect(report).toMatchObject({
    status: 'completed',
    requested_by: 'ann',
    signed_by: { name: 'ann', key_id: ann.signer.keyId },
    void_requests: [],
  });
  expect(of('request_accepted').map(({ payload }) => payload)).toMatchObject([
    { request_type: 'mission_requested', signed_by: 'ann', key_id: ann.signer.keyId },
  ]);
});

test('what the log redacts was redacted before it was signed', async () => {
  await start();
  await swarm.startOrchestrator();
  await swarm.startWorker();
  const report = await clientOf(ann).run(mission({ brief: `use ${CANARY}` }));
  expect(report.status).toBe('completed');
  expect(JSON.stringify(swarm.events)).not.toContain(CANARY);
});

test('a mission without a signature ends at once, and nothing of it runs', async () => {
  await start();
  await swarm.startOrchestrator();
  await swarm.startWorker();
  const report = await clientOf(null).run(mission());
  expect(report).toMatchObject({ status: 'failed', code: 'request_void', tasks: [] });
  expect(report.reason).toContain('it is not signed');
  expect(codes()).toEqual(['unsigned']);
  expect(swarm.ledger.starts).toEqual([]);
});

test('what an operator has asked of another cluster, whose swarm has the same prefix, is void here', async () => {
  await start();
  await swarm.startOrchestrator();
  const elsewhere = createMemoryLog({ clock: createSystemClock(), clusterId: 'another-cluster' });
  const report = await clientOf(ann, { log: { ...swarm.log, clusterId: elsewhere.clusterId } }).run(mission());
  expect(report).toMatchObject({ status: 'failed', code: 'request_void', tasks: [] });
  expect(report.reason).toContain('signed for the swarm of another cluster');
  expect(codes()).toEqual(['other_cluster']);
  const { missionId } = await clientOf(ann).submit(mission());
  await swarm.until(() => of('request_accepted').some(({ payload }) => payload.mission_id === missionId));
});

test('a request of a person who signs with another key, or may not ask it, is void', async () => {
  const bob = testOperator('bob');
  await start([ann.operator, { ...bob.operator, may: ['cancel'] }]);
  await swarm.startOrchestrator();
  const stranger = { ...testOperator('ann') };
  for (const person of [stranger, bob]) expect((await clientOf(person).run(mission())).code).toBe('request_void');
  expect(codes()).toEqual(['unknown_key', 'not_allowed']);
  const { missionId } = await clientOf(ann).submit(mission());
  await clientOf(bob).cancel(missionId, 'enough');
  expect(await clientOf(bob).report(missionId)).toMatchObject({
    status: 'cancelled',
    reason: expect.stringContaining('cancelled by bob'),
  });
});

test('a plan waits for an operator: what others approve, reject and cancel is void, and they learn why', async () => {
  await start();
  await swarm.startOrchestrator();
  await swarm.startWorker();
  const operator = clientOf(ann);
  const rogue = clientOf(null, { requester: 'ann' });
  const { missionId } = await operator.submit(mission({ approval: 'approval' }));
  await swarm.until(() => swarm.view.report(missionId)?.status === 'waiting_for_approval');
  const refusal = { code: 'request_void', nextStep: expect.stringContaining('OPERATOR_KEY') };
  await expect(rogue.approve(missionId)).rejects.toMatchObject(refusal);
  await expect(rogue.reject(missionId, 'no')).rejects.toMatchObject(refusal);
  await expect(rogue.cancel(missionId, 'no')).rejects.toMatchObject(refusal);
  expect(swarm.view.report(missionId)).toMatchObject({
    status: 'waiting_for_approval',
    void_requests: [{ type: 'plan_approved' }, { type: 'plan_rejected' }, { type: 'mission_cancel_requested' }],
  });
  expect(swarm.ledger.starts).toEqual([]);
  await operator.approve(missionId);
  expect((await swarm.ended(missionId)).status).toBe('completed');
});

test('a question waits for an operator', async () => {
  await start();
  await swarm.startOrchestrator();
  const operator = clientOf(ann);
  await swarm.startWorker([AGENT], () => 'fail');
  const { missionId } = await operator.submit(mission({ onFailure: 'ask' }));
  await swarm.until(() => swarm.view.report(missionId)?.status === 'needs_attention');
  await expect(clientOf(null).answer(missionId, 'mine')).rejects.toMatchObject({ code: 'request_void' });
  await operator.answer(missionId, 'try again');
  await swarm.until(() => swarm.view.mission(missionId)?.answer?.text === 'try again');
  expect(codes()).toEqual(['unsigned']);
});

test('a signed record under the id of another mission is void, with its own id and with a new one', async () => {
  await start();
  await swarm.startOrchestrator();
  const operator = clientOf(ann);
  const first = (await operator.submit(mission())).missionId;
  await operator.cancel(first, 'enough');
  await swarm.ended(first);
  const second = (await operator.submit(mission())).missionId;
  const [cancel] = of('mission_cancel_requested');
  if (cancel === undefined) throw new TypeError('it was cancelled');
  const payload = { ...cancel.payload, mission_id: second };
  await swarm.append({ ...cancel, event_id: 'moved', correlation_id: second, payload }, second, partitionOf(second));
  await swarm.append({ ...cancel, correlation_id: second, payload }, second, partitionOf(second));
  await swarm.until(() => codes().length === 2);
  expect(codes()).toEqual(['forged', 'forged']);
  expect(swarm.view.mission(second)?.course.kind).toBe('working');
});

test('what was accepted stays accepted without the key; new requests are void', async () => {
  await start();
  const before = await swarm.startOrchestrator();
  const operator = clientOf(ann);
  const { missionId } = await operator.submit(mission({ approval: 'approval' }));
  await swarm.until(() => swarm.view.report(missionId)?.status === 'waiting_for_approval');
  await operator.approve(missionId);
  await before.kill();
  await swarm.startOrchestrator({}, verifying(testOperator('bob').operator));
  await expect(operator.cancel(missionId, 'enough')).rejects.toMatchObject({ code: 'request_void' });
  await swarm.startWorker();
  expect((await swarm.ended(missionId)).status).toBe('completed');
  expect(codes()).toEqual(['unknown_key']);
});

test('what was asked before the key expired counts for a holder that reads it after', async () => {
  await start();
  const operator = clientOf(ann);
  const { missionId } = await operator.submit(mission());
  await swarm.until(() => swarm.view.mission(missionId) !== null);
  const asked = swarm.view.mission(missionId)?.requestedAtMs ?? 0;
  await swarm.startOrchestrator({}, verifying({ ...ann.operator, untilMs: asked + 1 }));
  await swarm.startWorker();
  expect((await swarm.ended(missionId)).status).toBe('completed');
  expect((await operator.run(mission())).code).toBe('request_void');
  expect(codes()).toEqual(['key_expired']);
});

test('a mission that runs when the operators file comes continues, and is guarded from then on', async () => {
  swarm = await createRoleSwarm({ roster });
  const before = await swarm.startOrchestrator();
  const anyone = clientOf(null);
  const { missionId } = await anyone.submit(mission({ approval: 'approval' }));
  // A holder's decision about it: a plan that was proposed is none, because anyone could have written that.
  const { missionId: planned } = await anyone.submit(mission({ agents: [AGENT] }));
  await swarm.until(() => of('task_assigned').some(({ payload }) => payload.mission_id === planned));
  await before.kill();
  await swarm.startOrchestrator({}, verifying(ann.operator));
  await swarm.until(() => swarm.view.mission(planned)?.guarded === true);
  await expect(anyone.cancel(planned, 'enough')).rejects.toMatchObject({ code: 'request_void' });
  expect((await swarm.ended(missionId)).code).toBe('request_void');
  await swarm.startWorker();
  expect((await swarm.ended(planned)).status).toBe('completed');
});

describe('without operators', () => {
  test('no request is decided about, and a client that signs all the same is understood', async () => {
    swarm = await createRoleSwarm({ roster });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    expect((await clientOf(null).run(mission())).status).toBe('completed');
    expect(of('request_accepted')).toEqual([]);
    const { missionId } = await clientOf(ann).submit(mission({ approval: 'approval' }));
    await swarm.until(() => swarm.view.report(missionId)?.status === 'waiting_for_approval');
    await clientOf(ann).approve(missionId);
    expect(await swarm.ended(missionId)).toMatchObject({ status: 'completed', signed_by: null });
  });
});

test('a dead letter counts as handled only where an operator has signed that', async () => {
  await start();
  await swarm.startOrchestrator();
  const appender = swarm.log.createAppender('test');
  await appender.append({ topic: swarm.topics.coordination, partition: 0, key: 'k', event: statusRequest('lost') });
  await appender.close();
  const operators = join(mkdtempSync(join(tmpdir(), 'ravenhelm-operators-')), 'operators.yaml');
  writeFileSync(operators, `operators:\n  - name: ann\n    key: ${ann.publicKey}\n`);
  const trusting = clientOf(null);
  const careful = clientOf(ann, { operators });
  await until('the letter', async () => (await careful.deadLetters.list()).length === 1);
  const [letter] = await careful.deadLetters.list();
  if (letter === undefined) throw new TypeError('a letter');
  await trusting.deadLetters.discard([letter.id], { reason: 'hidden' });
  expect((await trusting.deadLetters.get(letter.id)).state).toBe('discarded');
  expect(await careful.deadLetters.get(letter.id)).toMatchObject({
    state: 'waiting',
    ignored: [{ event_type: 'dead_letter_discarded', by: 'host', code: 'unsigned' }],
  });
  // Who reads with the file and has no key cannot handle it.
  await expect(clientOf(null, { operators }).deadLetters.discard([letter.id], { reason: 'x' })).rejects.toMatchObject({
    code: 'request_void',
  });
  await careful.deadLetters.discard([letter.id], { reason: 'seen' });
  expect(await careful.deadLetters.get(letter.id)).toMatchObject({ state: 'discarded', handled: { by: 'ann' } });
});
