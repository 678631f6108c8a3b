/** A call waits for a person, and the operators file changes, or a key expires, before its answer has been used. */
import { createVerifyAnswer, signAnswer } from '../../src/agent/call-answer.js';
import type { Operator } from '../../src/agent/signatures.js';
import { callsTable, callText } from '../../src/cli/call-text.js';
import type { EventOf, EventType } from '../../src/domain/events.js';
import type { WaitingCallReport } from '../../src/domain/report.js';
import { createMemoryLog, type MemoryLog } from '../../src/memory/memory-log.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { policyThatAsks } from '../support/asking-policy.js';
import { testOperator, type TestOperator } from '../support/operator.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';
import type { Behaviour } from '../support/scripted-tools.js';

const AGENT = 'cert_agent';
const HOUR_MS = 3_600_000;
const SWARM = { prefix: 'test', clusterId: 'kafka-a' };
const ann = testOperator('ann', { untilMs: Date.now() + HOUR_MS });
const bob = testOperator('bob');

/** What the processes that start from now on read as their operators file. */
let operators: readonly Operator[];
/** How far the log's clock is ahead of that of the processes, ms. */
let aheadMs: number;
let log: MemoryLog;
let swarm: RoleSwarm;
let id: string;
let orchestrator: Awaited<ReturnType<RoleSwarm['startOrchestrator']>>;
let worker: Awaited<ReturnType<RoleSwarm['startWorker']>>;

const verifyAnswer = () => createVerifyAnswer(operators, SWARM);
const startOrchestrator = async () => {
  orchestrator = await swarm.startOrchestrator({}, { verifyAnswer: verifyAnswer() });
};
const startWorker = async (behaviour?: Behaviour) => {
  worker = await swarm.startWorker(undefined, behaviour, { verifyAnswer: verifyAnswer() });
};

async function start(concurrency = 4, behaviour?: Behaviour): Promise<void> {
  operators = [ann.operator, bob.operator];
  aheadMs = 0;
  const clock = createSystemClock();
  log = createMemoryLog({ clock: { ...clock, now: () => clock.now() + aheadMs }, clusterId: SWARM.clusterId });
  const roster = [agentSpec(AGENT, { concurrency })];
  swarm = await createRoleSwarm({ roster, policy: policyThatAsks('step 2'), askMs: 24 * HOUR_MS, log });
  await startOrchestrator();
  await startWorker(behaviour);
  id = await swarm.submit({ retries: 0 });
}

afterEach(async () => {
  await swarm.close();
  await log.close();
});

const of = <T extends EventType>(type: T): readonly EventOf<T>[] =>
  swarm.events.filter((event): event is EventOf<T> => event.event_type === type);
const voids = () => of('approval_void').map(({ payload: { answered_by, code } }) => `${answered_by}: ${code}`);
const startsOfStep2 = () => swarm.ledger.starts.filter((each) => each.includes(id) && each.endsWith('#2'));
const waitingCall = () => swarm.view.report(id)?.waiting_calls.find(({ answered }) => !answered);

async function untilItWaits(): Promise<WaitingCallReport> {
  await swarm.until(() => waitingCall() !== undefined);
  const call = waitingCall();
  if (call === undefined) throw new TypeError('it waits');
  return call;
}

function approve(
  { mission_id, task_id, attempt, approval_id, digest }: WaitingCallReport,
  { signer }: TestOperator,
): Promise<void> {
  const about = { mission_id, task_id, attempt, approval_id, digest };
  const said = { approved: true, reason: '', answered_by: signer.name, answered_at: Date.now() };
  const payload = signAnswer({ ...about, ...said }, signer, SWARM);
  return swarm.append(swarm.createEvent({ type: 'call_answered', from: signer.name, missionId: id, payload }), id);
}

/** Nothing of the call has run, people see why, and the answer of another operator counts. */
async function expectItWaitsOn(because: string): Promise<void> {
  expect(startsOfStep2()).toEqual([]);
  const call = await untilItWaits();
  expect(call.void_answer).toEqual({ answered_by: 'ann', reason: expect.stringContaining(because) });
  expect(callText(call)).toContain(`the answer of ann does not count: ${call.void_answer?.reason}`);
  expect(callsTable([call], Date.now())).toContain('left; an answer is void');
  expect(swarm.view.report(id)?.tasks[0]?.status).toBe('paused');
  await approve(call, bob);
  expect((await swarm.ended(id)).status).toBe('completed');
  expect(of('tool_called').map(({ payload: { approved_by } }) => approved_by)).toContain('bob');
  expect(startsOfStep2()).toHaveLength(1);
}

const REMOVED = 'the operators file does not have';
const EXPIRED = 'had expired';

test('an operator who was removed after the proposal approves nothing', async () => {
  await start();
  const call = await untilItWaits();
  await Promise.all([orchestrator.kill(), worker.kill()]);
  operators = [bob.operator];
  await startOrchestrator();
  await startWorker();
  await approve(call, ann);
  await swarm.until(() => voids().length === 1);
  expect(voids()).toEqual(['ann: unknown_key']);
  expect(of('call_decided')).toEqual([]);
  await expectItWaitsOn(REMOVED);
});

test('a key that has expired after the proposal, by the clock of the log, approves nothing', async () => {
  await start();
  const call = await untilItWaits();
  aheadMs = 2 * HOUR_MS;
  await approve(call, ann);
  await swarm.until(() => voids().length === 1);
  expect(voids()).toEqual(['ann: key_expired']);
  expect(of('call_decided')).toEqual([]);
  await expectItWaitsOn(EXPIRED);
});

test('an answer in time whose decision reaches the task after until is void for its worker', async () => {
  await start();
  const call = await untilItWaits();
  await orchestrator.kill();
  await approve(call, ann);
  aheadMs = 2 * HOUR_MS;
  await startOrchestrator();
  await swarm.until(() => voids().length === 1);
  expect(of('call_decided').map(({ payload: { answered_by, source } }) => [answered_by, source !== null])).toEqual([
    ['ann', false],
    ['ann', true],
  ]);
  expect(of('approval_void').map(({ payload: { code, owner } }) => [code, owner])).toEqual([['key_expired', null]]);
  await expectItWaitsOn(EXPIRED);
});

test('an operator who is removed after the answer and before its decision approves nothing', async () => {
  await start();
  const call = await untilItWaits();
  await Promise.all([orchestrator.kill(), worker.kill()]);
  await approve(call, ann);
  operators = [bob.operator];
  await startOrchestrator();
  await startWorker();
  await swarm.until(() => voids().length === 1);
  expect(voids()).toEqual(['ann: unknown_key']);
  await expectItWaitsOn(REMOVED);
});

test('an operator who is removed after the decision and before the worker has read it approves nothing', async () => {
  await start();
  const call = await untilItWaits();
  await worker.kill();
  await approve(call, ann);
  await swarm.until(() => of('call_decided').some(({ payload: { source } }) => source !== null));
  operators = [bob.operator];
  await startWorker();
  await swarm.until(() => voids().length === 1);
  expect(voids()).toEqual(['ann: unknown_key']);
  await expectItWaitsOn(REMOVED);
});

test('an operator who is removed while the approved call waits for a slot approves nothing', async () => {
  let other = '';
  await start(1, (_, call) => (call?.task.missionId === other ? 'hang' : 'ok'));
  const call = await untilItWaits();
  other = await swarm.submit({ retries: 0 });
  await swarm.until(() => swarm.ledger.starts.some((each) => each.includes(other)));
  await approve(call, ann);
  await swarm.until(() => of('call_decided').some(({ payload: { source } }) => source !== null));
  await worker.kill();
  operators = [bob.operator];
  await startWorker();
  await swarm.until(() => voids().length === 1);
  expect(voids()).toEqual(['ann: unknown_key']);
  await expectItWaitsOn(REMOVED);
});

test('a key that expires while the approved call waits for a slot has approved it', async () => {
  let other = '';
  await start(1, (_, call) => (call?.task.missionId === other ? 'hang' : 'ok'));
  const call = await untilItWaits();
  other = await swarm.submit({ retries: 0 });
  await swarm.until(() => swarm.ledger.starts.some((each) => each.includes(other)));
  await approve(call, ann);
  await swarm.until(() => of('call_decided').some(({ payload: { source } }) => source !== null));
  aheadMs = 2 * HOUR_MS;
  worker.tools.release();
  expect((await swarm.ended(id)).status).toBe('completed');
  expect(voids()).toEqual([]);
  expect(startsOfStep2()).toHaveLength(1);
});
