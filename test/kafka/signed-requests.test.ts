/** A broker that checks rights cannot tell event types apart: with operators, what a stolen principal asks is void. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEventFactory } from '../../src/domain/event-factory.js';
import type { AgentEvent, EventOf } from '../../src/domain/events.js';
import { parseMissionId } from '../../src/domain/mission-id.js';
import type { WatchReader } from '../../src/domain/topic-names.js';
import type { Client, Swarm } from '../../src/index.js';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import { createSystemIds } from '../../src/telemetry/system-clock.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import { testOperator } from '../support/operator.js';
import { startFakeOllama, type FakeOllama } from '../support/fake-ollama.js';
import { readTopic } from '../support/read-topic.js';
import { describeWithSecuredBroker } from '../support/secured-broker.js';
import { createSecuredSwarm, missionFor, names, type SecuredSwarm } from '../support/secured-swarm.js';

const createEvent = createEventFactory({ clock: systemClock, ids: createSystemIds() });
const ann = testOperator('ann');
const operatorKey = { operator: { name: 'ann', key: ann.privateKey } };
const TASK = { agent: 'first', description: 'Write.', playbook: 'write', acceptance: [] };
/** As a planner's model writes it. */
const REPLY = {
  strategy: 'as the brief asks',
  waves: [{ wave_number: 1, rationale: 'r', tasks: [TASK] }],
  risks: [],
  success_criteria: [],
};
/** The same as the log has it. */
const PLAN = {
  ...REPLY,
  notes: [],
  waves: REPLY.waves.map((wave) => ({
    ...wave,
    tasks: wave.tasks.map((task) => ({
      ...task,
      ...{
        task_id: 'deploy-first-wave1',
        timeout_seconds: null,
        dependencies: [],
        protected: [],
        changes: [],
        artifacts: [],
      },
    })),
  })),
};

const eventsIn = async (log: KafkaLog, topic: string, reader?: WatchReader) =>
  (await readTopic(log, topic, reader)).flatMap(({ content }) => (content.kind === 'event' ? [content.event] : []));

describeWithSecuredBroker('a swarm with operators, on a broker that checks rights', () => {
  let secured: SecuredSwarm;
  let operator: Client;
  /** Of a person who handles dead letters. */
  let letters: Client;
  /** Has the rights of a worker of the first agent, and no operator's key. */
  let rogue: { readonly log: KafkaLog; readonly client: Client };
  let dir: string;
  /** Answers when answerPlanner is called. */
  let planner: FakeOllama;
  let answerPlanner: (text: string) => void;
  const roles: Swarm[] = [];
  const logs: KafkaLog[] = [];
  const logOf = async (user: string) => {
    const log = await secured.openLog(user);
    logs.push(log);
    return log;
  };
  const partitionOf = (missionId: string) => parseMissionId(missionId)?.partition ?? 0;
  const write = async (events: readonly AgentEvent[], missionId: string) => {
    const appender = rogue.log.createAppender('rogue');
    const place = { topic: names.coordination, partition: partitionOf(missionId), key: missionId };
    await Promise.all(events.map((event) => appender.append({ ...place, event })));
    await appender.close();
  };
  const requestOf = async (missionId: string) => {
    const found = (await eventsIn(secured.log, names.coordination)).find(
      (event): event is EventOf<'mission_requested'> =>
        event.event_type === 'mission_requested' && event.payload.mission_id === missionId,
    );
    if (found === undefined) throw new TypeError('it was asked for');
    return found;
  };
  /** Absent: this client has not read of it yet. */
  const reportOf = async (missionId: string) =>
    (await operator.reports()).find(({ mission_id }) => mission_id === missionId);
  const voidOf = async (missionId: string) =>
    (await operator.report(missionId)).void_requests.map(({ type, code, requested_by }) => [type, code, requested_by]);
  const started = async () =>
    (await readTopic(secured.log, names.tasks('first'))).flatMap(({ content }) =>
      content.kind === 'event' && content.event.event_type === 'tool_called' ? [content.event.payload.mission_id] : [],
    );

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'ravenhelm-signed-'));
    const operators = join(dir, 'operators.yaml');
    writeFileSync(operators, `operators:\n  - name: ann\n    key: ${ann.publicKey}\n`);
    secured = await createSecuredSwarm();
    operator = secured.clientOn(await logOf('client'), operatorKey);
    const log = await logOf('worker');
    rogue = { log, client: secured.clientOn(log) };
    const answer = new Promise<string>((resolve) => {
      answerPlanner = resolve;
    });
    planner = await startFakeOllama({ reply: () => answer });
    const models = { planner: ['ollama:qwen3:8b'], ollamaHost: planner.url };
    roles.push(await secured.swarmOn(await logOf('orchestrator'), { roles: ['orchestrator'], operators, models }));
    const policy = join(dir, 'policy.yaml');
    const rule = '{name: ask, decision: ask, reason: look, command: asked, matches: [asked x], not: [ls]}';
    writeFileSync(policy, `default: allow\nrules:\n  - ${rule}\n`);
    const worker = { roles: ['worker'] as const, serves: ['first'], operators, policy };
    roles.push(await secured.swarmOn(await logOf('worker'), worker));
    letters = secured.clientOn(await logOf('operator'), { ...operatorKey, operators });
  }, 400_000);
  afterAll(async () => {
    await Promise.all([operator?.close(), letters?.close(), rogue?.client.close()]);
    for (const role of roles) await role.close();
    for (const log of logs) await log.close();
    await secured?.close();
    await planner?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test("an operator's mission runs, and says who has signed it", async () => {
    expect(await operator.run(missionFor('first'))).toMatchObject({
      status: 'completed',
      signed_by: { name: 'ann', key_id: ann.signer.keyId },
    });
  }, 120_000);

  test('it is signed for this cluster; what an operator has signed for another one is void', async () => {
    const elsewhere = secured.clientOn({ ...(await logOf('client')), clusterId: 'another-cluster' }, operatorKey);
    const { missionId } = await elsewhere.submit(missionFor('first'));
    expect(await operator.follow(missionId)).toMatchObject({ status: 'failed', code: 'request_void', tasks: [] });
    expect(await voidOf(missionId)).toEqual([['mission_requested', 'other_cluster', 'ann']]);
    await elsewhere.close();
    const { missionId: here } = await operator.submit(missionFor('first'));
    expect((await requestOf(here)).payload.signed?.cluster).toBe(secured.log.clusterId);
    expect(secured.log.clusterId).toMatch(/^[\w-]{22}$/);
    await operator.follow(here);
  }, 120_000);

  test("a rogue's mission is void and recorded, and nothing of it runs", async () => {
    const { missionId } = await rogue.client.submit(missionFor('first'));
    expect(await operator.follow(missionId)).toMatchObject({ status: 'failed', code: 'request_void', tasks: [] });
    expect(await voidOf(missionId)).toEqual([['mission_requested', 'unsigned', expect.any(String)]]);
    expect(await started()).not.toContain(missionId);
  }, 120_000);

  test("a rogue's mission is not accepted under an owner that a worker can read", async () => {
    const { missionId: signed } = await operator.submit(missionFor('first'));
    await operator.follow(signed);
    // What this principal may read.
    const seen = (topic: string) => eventsIn(rogue.log, topic, 'worker-first');
    const read = [...(await seen(names.tasks('first'))), ...(await seen(names.status))];
    const owner =
      read.flatMap(({ event_type, payload }) =>
        event_type === 'task_assigned' && payload.mission_id === signed ? [payload.owner] : [],
      )[0] ?? '';
    expect(owner).not.toBe('');
    const mission_id = `${signed.slice(0, -4)}bbbb`;
    const like = (await requestOf(signed)).payload;
    const request = createEvent({
      type: 'mission_requested',
      from: 'rogue',
      missionId: mission_id,
      payload: { ...like, mission_id, signed: null },
    });
    const about = { mission_id, owner, request_id: request.event_id, request_type: request.event_type };
    const acceptance = createEvent({
      type: 'request_accepted',
      from: 'orchestrator',
      missionId: mission_id,
      payload: { ...about, requested_by: 'ann', signed_by: null, key_id: null },
    });
    // In one batch: the holder folds both before it decides.
    await write([request, acceptance], mission_id);
    expect(await operator.follow(mission_id)).toMatchObject({ status: 'failed', code: 'request_void', tasks: [] });
    expect(await started()).not.toContain(mission_id);
    const owners = (await eventsIn(secured.log, names.coordination)).flatMap(({ event_type, payload }) =>
      event_type === 'partition_claimed' ? [payload.owner] : [],
    );
    expect(owners.filter((each) => JSON.stringify(read).includes(each))).toEqual([]);
  }, 120_000);

  test("a rogue's plan does not count while the planner thinks", async () => {
    const { missionId } = await operator.submit({ name: 'task', brief: 'Write.', agents: ['first'] });
    await until('the planner is asked', () => planner.requests.length === 1);
    const [claim] = (await eventsIn(rogue.log, names.tasks('first'), 'worker-first')).flatMap(
      ({ event_type, payload }) => (event_type === 'task_assigned' ? [payload.owner] : []),
    );
    const forged = [null, claim ?? ''].map((owner) =>
      createEvent({
        type: 'plan_proposed',
        from: 'planner',
        missionId,
        payload: {
          ...{ mission_id: missionId, revision: 1, planner: 'rogue', model: 'forged', refusals: [], owner },
          ...{ tokens_in: 0, tokens_out: 0, cost_usd: 0 },
          plan: PLAN,
        },
      }),
    );
    await write(forged, missionId);
    answerPlanner(JSON.stringify(REPLY));
    const { status, reason, tasks } = await operator.follow(missionId);
    const plannedBy = tasks.map((task) => task.planned_by);
    expect({ status, reason, plannedBy }).toEqual({
      status: 'completed',
      reason: null,
      plannedBy: ['ollama:qwen3:8b'],
    });
  }, 120_000);

  test("an operator's mission under a rogue's id is void, with its signature", async () => {
    const { missionId: signed } = await operator.submit(missionFor('first'));
    await operator.follow(signed);
    const original = await requestOf(signed);
    const mission_id = `${signed.slice(0, -4)}aaaa`;
    await write(
      [{ ...original, correlation_id: mission_id, payload: { ...original.payload, mission_id } }],
      mission_id,
    );
    expect(await operator.follow(mission_id)).toMatchObject({ status: 'failed', code: 'request_void' });
    expect(await voidOf(mission_id)).toEqual([['mission_requested', 'forged', 'ann']]);
    expect(await started()).not.toContain(mission_id);
  }, 120_000);

  test("a rogue's answers about a plan are void and recorded; the operator's approval counts", async () => {
    const { missionId } = await operator.submit({ ...missionFor('first'), approval: 'approval' });
    const isWaiting = async () => (await reportOf(missionId))?.status === 'waiting_for_approval';
    await until('the plan', isWaiting);
    const from = { from: 'ann', missionId };
    const about = { mission_id: missionId, signed: null };
    const good = (await operator.report(missionId)).signed_by;
    const key = { signed_by: 'ann', key_id: good?.key_id ?? '' };
    const stolen = { ...key, signature: Buffer.alloc(64, 1).toString('base64'), cluster: null };
    const asked: readonly EventOf<'plan_approved' | 'plan_rejected' | 'mission_cancel_requested'>[] = [
      createEvent({
        type: 'plan_approved',
        ...from,
        payload: { ...about, revision: 1, approved_by: 'policy', plan_digest: null },
      }),
      createEvent({
        type: 'plan_approved',
        ...from,
        payload: { ...about, revision: 1, approved_by: 'ann', plan_digest: null, signed: stolen },
      }),
      createEvent({
        type: 'plan_rejected',
        ...from,
        payload: { ...about, revision: 1, rejected_by: 'ann', reason: 'r', plan_digest: null },
      }),
      createEvent({
        type: 'mission_cancel_requested',
        ...from,
        payload: { ...about, requested_by: 'ann', reason: 'r' },
      }),
    ];
    for (const event of asked) await write([event], missionId);
    await until('all are refused', async () => (await voidOf(missionId)).length === asked.length);
    expect(await voidOf(missionId)).toEqual([
      ['plan_approved', 'unsigned', 'policy'],
      ['plan_approved', 'forged', 'ann'],
      ['plan_rejected', 'unsigned', 'ann'],
      ['mission_cancel_requested', 'unsigned', 'ann'],
    ]);
    expect(await isWaiting()).toBe(true);
    expect(await started()).not.toContain(missionId);
    await operator.approve(missionId);
    expect((await operator.follow(missionId)).status).toBe('completed');
  }, 120_000);

  test("a rogue's answer and its request of another attempt are void and recorded", async () => {
    // No worker serves the second agent: the attempt stays open.
    const { missionId } = await operator.submit({ ...missionFor('second'), onFailure: 'ask', retries: 0 });
    const assigned = async () => (await reportOf(missionId))?.tasks.find(({ attempts }) => attempts === 1);
    await until('the attempt', async () => (await assigned()) !== undefined);
    const task_id = (await assigned())?.task_id ?? '';
    const from = { from: 'ann', missionId };
    const about = { mission_id: missionId, signed: null };
    const retry = { ...about, task_id, attempt: 1, requested_by: 'ann', reason: 'r' };
    await write([createEvent({ type: 'task_retry_requested', ...from, payload: retry })], missionId);
    await until('it is refused', async () => (await voidOf(missionId)).length === 1);
    expect((await assigned())?.attempts).toBe(1);
    // A worker's login can make the mission ask, and not answer.
    const used = { steps: 0, model: '', tokens_in: 0, tokens_out: 0, cost_usd: 0, duration_ms: 0, used_up_by: null };
    const failed = {
      mission_id: missionId,
      task_id,
      attempt: 1,
      owner: 'mallory',
      error: 'e',
      code: 'gave_up',
      ...used,
    };
    const failure = { ...failed, retriable: false, checks: [], changed_paths: [], fenced: true, artifacts: null };
    await write([createEvent({ type: 'task_failed', from: 'second', missionId, payload: failure })], missionId);
    await until('the question', async () => (await reportOf(missionId))?.question?.number === 1);
    const answer = { ...about, number: 1, answer: 'mine', answered_by: 'ann' };
    await write([createEvent({ type: 'attention_answered', ...from, payload: answer })], missionId);
    await until('both are refused', async () => (await voidOf(missionId)).length === 2);
    expect(await voidOf(missionId)).toEqual([
      ['task_retry_requested', 'unsigned', 'ann'],
      ['attention_answered', 'unsigned', 'ann'],
    ]);
    expect((await reportOf(missionId))?.question?.number).toBe(1);
    await operator.cancel(missionId, 'enough');
    expect((await operator.follow(missionId)).status).toBe('cancelled');
  }, 120_000);

  test("a rogue's approvals of a call that waits are void and recorded, and the call does not run", async () => {
    const check = { name: 'asked', command: 'asked x || true' };
    const task = { agent: 'first', description: 'Write.', playbook: 'write', acceptance: [check] };
    const asking = { ...missionFor('first'), retries: 0, plan: { waves: [{ tasks: [task] }] } };
    const { missionId } = await operator.submit(asking);
    const waiting = async () => (await reportOf(missionId))?.waiting_calls[0];
    await until('the call', async () => (await waiting()) !== undefined);
    const call = await waiting();
    if (call === undefined) throw new TypeError('it waits');
    const { task_id, attempt, approval_id, digest } = call;
    const payload = {
      ...{ mission_id: missionId, task_id, attempt, approval_id, digest, approved: true, reason: '' },
      ...{ answered_by: 'ann', answered_at: Date.now(), signature: null, key_id: null, cluster: null },
    };
    const forged = { ...payload, signature: Buffer.alloc(64, 1).toString('base64'), key_id: ann.signer.keyId };
    for (const said of [payload, forged])
      await write([createEvent({ type: 'call_answered', from: 'ann', missionId, payload: said })], missionId);
    const refusals = async () =>
      (await eventsIn(secured.log, names.coordination)).flatMap((event) =>
        event.event_type === 'approval_void' && event.payload.mission_id === missionId ? [event.payload.code] : [],
      );
    await until('both are refused', async () => (await refusals()).length === 2);
    expect(await refusals()).toEqual(['unsigned', 'forged']);
    // Nor does it count under the name of the holder, on the topic of the agent, which the rogue may write.
    const appender = rogue.log.createAppender('rogue');
    const place = (await readTopic(secured.log, names.tasks('first'))).find(
      ({ content }) => content.kind === 'event' && content.event.event_type === 'call_proposed',
    );
    const decision = createEvent({
      type: 'call_decided',
      from: 'orchestrator',
      missionId,
      payload: {
        ...payload,
        ...{ owner: 'orchestrator', agent: 'first', target_partition: place?.partition ?? 0 },
        ...{ answer_id: 'an-answer', source: null },
      },
    });
    const at = { topic: names.tasks('first'), partition: place?.partition ?? 0, key: place?.key ?? '' };
    await appender.append({ ...at, event: decision });
    await appender.close();
    expect((await waiting())?.approval_id).toBe(approval_id);
    await operator.approvals.approve(approval_id);
    expect((await operator.follow(missionId)).status).toBe('completed');
    const approvers: unknown[] = [];
    await operator.attempts(missionId, ({ steps }) => void approvers.push(...steps.map((step) => step.approval)));
    expect(approvers).toContainEqual(expect.objectContaining({ approved_by: 'ann' }));
  }, 120_000);

  test("a rogue's word that a dead letter was handled is void and recorded, and the letter waits", async () => {
    await secured.writeGarbage(names.tasks('first'));
    await until('the letter', async () => (await letters.deadLetters.list()).length === 1);
    const [letter] = await letters.deadLetters.list();
    if (letter === undefined || letter.origin === null) throw new TypeError('it has an origin');
    const [partition = 0, offset = 0] = letter.id.split('-').map(Number);
    const about = {
      letter_id: letter.id,
      origin_topic: letter.origin.topic,
      origin_partition: letter.origin.partition,
      origin_offset: letter.origin.offset,
      origin_timestamp: Date.parse(letter.origin.time),
      signed: null,
    };
    const marks = [
      createEvent({
        type: 'dead_letter_redriven',
        from: 'ann',
        payload: {
          ...about,
          redriven_by: 'ann',
          how: 'record',
          ...{ target_topic: names.tasks('first'), target_partition: partition, target_offset: offset },
        },
      }),
      createEvent({
        type: 'dead_letter_discarded',
        from: 'ann',
        payload: { ...about, discarded_by: 'ann', reason: 'r', taken_over: false },
      }),
    ];
    const appender = rogue.log.createAppender('rogue');
    const place = { topic: names.deadLetters, partition, key: letter.id };
    for (const event of marks) await appender.append({ ...place, event });
    await appender.close();
    const details = await letters.deadLetters.get(letter.id);
    expect(details).toMatchObject({
      state: 'waiting',
      ignored: [
        { event_type: 'dead_letter_redriven', by: 'ann', code: 'unsigned' },
        { event_type: 'dead_letter_discarded', by: 'ann', code: 'unsigned' },
      ],
    });
    await letters.deadLetters.discard([letter.id], { reason: 'garbage' });
    expect((await letters.deadLetters.get(letter.id)).state).toBe('discarded');
  }, 120_000);
});
