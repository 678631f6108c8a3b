/** Requests without a valid signature, of which no mission takes note: a person sees them, a flood fills nothing. */
import { createVerifyAnswer } from '../../src/agent/call-answer.js';
import { createVerifyRequest, signRequest } from '../../src/agent/request-signature.js';
import type { AgentEvent } from '../../src/domain/events.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import type { Logger } from '../../src/ports/logger.js';
import { noMetrics } from '../../src/ports/metrics.js';
import { createPrometheus } from '../../src/telemetry/prometheus.js';
import { until } from '../contract/until.js';
import { testOperator } from '../support/operator.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const ann = testOperator('ann');
const SWARM = { prefix: 'test', clusterId: null };
const verifying = {
  verifyRequest: createVerifyRequest([ann.operator], SWARM),
  verifyAnswer: createVerifyAnswer([ann.operator], SWARM),
};
const newId = () => createMissionId({ nowMs: Date.now(), partition: 0, random: Math.random });

let swarm: RoleSwarm;
afterEach(() => swarm.close());

/** What it warns of, and what it counts, as type and code. */
function observed() {
  const warned: object[] = [];
  const counted: string[] = [];
  const logger: Logger = {
    debug() {},
    info() {},
    error() {},
    warn: (fields, name) => void (name === 'request.void' && warned.push(fields)),
    child: () => logger,
  };
  const metrics = { ...noMetrics, requestVoid: (type: string, code: string) => void counted.push(`${type} ${code}`) };
  return { warned, counted, logger, metrics };
}

async function start(own: object = verifying) {
  swarm = await createRoleSwarm({ roster: [agentSpec('writer')] });
  const seen = observed();
  await swarm.startOrchestrator({}, { ...own, logger: seen.logger, metrics: seen.metrics });
  return seen;
}

const cancelOf = (mission_id: string) =>
  swarm.createEvent({
    type: 'mission_cancel_requested',
    from: 'rogue',
    missionId: mission_id,
    payload: { mission_id, requested_by: 'ann', reason: 'r', signed: null },
  });
const signedCancelOf = (missionId: string) => signRequest(cancelOf(missionId), ann.signer, SWARM);
const answerOf = (mission_id: string) =>
  swarm.createEvent({
    type: 'call_answered',
    from: 'rogue',
    missionId: mission_id,
    payload: {
      ...{ mission_id, task_id: 't', attempt: 1, approval_id: 'a', digest: 'd', approved: true, reason: '' },
      ...{ answered_by: 'ann', answered_at: Date.now(), signature: null, key_id: null, cluster: null },
    },
  });
const write = (event: AgentEvent, missionId: string) => swarm.append(event, missionId);

test('each of them about an unknown or an ended mission is counted, and few are logged in a minute', async () => {
  const { warned, counted } = await start();
  const unknown = newId();
  await write(cancelOf(unknown), unknown);
  await write(answerOf(unknown), unknown);
  const ended = await swarm.submit();
  expect((await swarm.ended(ended)).code).toBe('request_void');
  await write(cancelOf(ended), ended);
  for (let more = 0; more < 30; more += 1) await write(cancelOf(unknown), unknown);
  await until('all are counted', () => counted.length === 34);
  expect(counted.slice(0, 4).toSorted()).toEqual([
    'call_answered unsigned',
    'mission_cancel_requested unsigned',
    'mission_cancel_requested unsigned',
    'mission_requested unsigned',
  ]);
  expect(warned).toHaveLength(10);
  expect(warned[0]).toMatchObject({
    ...{ event_type: 'mission_cancel_requested', mission_id: unknown, requested_by: 'ann', code: 'unsigned' },
    why: expect.stringContaining('not signed'),
  });
});

test('what is signed about such a mission is no attack', async () => {
  const { warned, counted } = await start();
  const unknown = newId();
  await write(signedCancelOf(unknown), unknown);
  await write(cancelOf(unknown), unknown);
  await until('one is counted', () => counted.length > 0);
  expect(counted).toEqual(['mission_cancel_requested unsigned']);
  expect(warned).toHaveLength(1);
});

test('nothing needs a signature without operators', async () => {
  const { warned, counted } = await start({});
  const missionId = await swarm.submit();
  const unknown = newId();
  await write(cancelOf(unknown), unknown);
  await write(cancelOf(missionId), missionId);
  await swarm.ended(missionId);
  expect([warned, counted]).toEqual([[], []]);
});

test('a code that a stranger has made up does not become a label', async () => {
  const { counted } = await start({});
  const missionId = await swarm.submit({ approval: 'approval' });
  await swarm.until(() => swarm.view.report(missionId)?.status === 'waiting_for_approval');
  const call = { task_id: 't', attempt: 1, approval_id: 'a', answer_id: 'b', answered_by: 'ann' };
  const payload = { mission_id: missionId, ...call, code: 'made-up-4711', reason: 'r', owner: null };
  await write(swarm.createEvent({ type: 'approval_void', from: 'rogue', missionId, payload }), missionId);
  await until('it is counted', () => counted.length > 0);
  expect(counted).toEqual(['call_answered other']);
});

test('the metric names type and code', async () => {
  const { metrics, text } = createPrometheus({ version: '1.2.3', readings: () => [] });
  metrics.requestVoid('plan_approved', 'forged');
  expect(await text()).toContain('ravenhelm_void_requests_total{type="plan_approved",code="forged"} 1');
});
