/** A call that the policy asks about: it waits for a person, runs once when approved, and never otherwise. */
import { setTimeout as delay } from 'node:timers/promises';
import { createVerifyAnswer, signAnswer } from '../../src/agent/call-answer.js';
import type { EventOf, EventType, PayloadOf } from '../../src/domain/events.js';
import { callDigest, isDigestOf } from '../../src/agent/call-digest.js';
import { callText } from '../../src/cli/call-text.js';
import type { WaitingCallReport } from '../../src/domain/report.js';
import type { VerifyAnswer } from '../../src/domain/waiting-call.js';
import type { ChatModel } from '../../src/ports/model.js';
import { policyThatAsks } from '../support/asking-policy.js';
import { testOperator } from '../support/operator.js';
import type { Behaviour } from '../support/scripted-tools.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const AGENT = 'cert_agent';
const HOUR_MS = 3_600_000;
const withChecks = (...commands: readonly string[]) => ({
  playbooks: {
    work: {
      name: 'work',
      steps: [{ name: 'step', command: 'work', unless: null }],
      acceptance: commands.map((command) => ({ name: command, command })),
    },
  },
});

describe('a call that the policy asks about', () => {
  let swarm: RoleSwarm;
  let id: string;
  afterEach(() => swarm.close());

  const of = <T extends EventType>(type: T): readonly EventOf<T>[] =>
    swarm.events.filter((event): event is EventOf<T> => event.event_type === type);

  async function start(
    options: {
      readonly askMs?: number;
      readonly verifyAnswer?: VerifyAnswer;
      readonly words?: string;
      readonly trusting?: boolean;
      readonly chain?: readonly ChatModel[];
    } = {},
    request: Partial<PayloadOf<'mission_requested'>> = {},
    agent: Parameters<typeof agentSpec>[1] = {},
    behaviour?: Behaviour,
  ) {
    const { words = 'step 2', askMs = HOUR_MS, trusting = false, ...others } = options;
    swarm = await createRoleSwarm({
      roster: [agentSpec(AGENT, agent)],
      policy: policyThatAsks(words),
      askMs,
      ...others,
    });
    await swarm.startOrchestrator({}, trusting ? { verifyAnswer: () => null } : {});
    const worker = await swarm.startWorker(undefined, behaviour);
    id = await swarm.submit({ retries: 0, ...request });
    return worker;
  }

  async function untilItWaits(): Promise<WaitingCallReport> {
    const waiting = () => swarm.view.report(id)?.waiting_calls.find(({ answered }) => !answered);
    await swarm.until(() => waiting() !== undefined);
    const call = waiting();
    if (call === undefined) throw new TypeError('it waits');
    return call;
  }

  const answerTo = (call: WaitingCallReport, changes: Partial<PayloadOf<'call_answered'>> = {}) =>
    swarm.createEvent({
      type: 'call_answered',
      from: 'ann',
      missionId: id,
      payload: {
        mission_id: id,
        task_id: call.task_id,
        attempt: call.attempt,
        approval_id: call.approval_id,
        digest: call.digest,
        approved: true,
        reason: '',
        answered_by: 'ann',
        answered_at: Date.now(),
        signature: null,
        key_id: null,
        cluster: null,
        ...changes,
      },
    });
  const answer = (call: WaitingCallReport, changes: Partial<PayloadOf<'call_answered'>> = {}) =>
    swarm.append(answerTo(call, changes), id);

  test('it is proposed, not called; the mission names it exactly, and nothing of it runs', async () => {
    await start();
    const call = await untilItWaits();
    expect(call).toMatchObject({
      agent: AGENT,
      tool: 'execute_terminal_command',
      arguments: { command: `${AGENT} step 2` },
      rule: 'ask-two',
      reason: 'step 2 matters',
      step: 2,
    });
    expect(of('call_proposed').map(({ payload }) => payload.step)).toEqual([2]);
    expect(of('tool_called').map(({ payload }) => payload.step)).toEqual([1]);
    expect(swarm.ledger.starts.filter((each) => each.endsWith('#2'))).toEqual([]);
    expect(swarm.view.report(id)?.tasks[0]?.status).toBe('paused');
  });

  test('approved, it runs as it was proposed, and the record names the person', async () => {
    await start();
    const call = await untilItWaits();
    await answer(call);
    expect((await swarm.ended(id)).status).toBe('completed');
    const [proposed] = of('call_proposed');
    const calls = of('tool_called').filter(({ payload }) => payload.step === 2);
    expect(calls.map(({ payload }) => payload)).toEqual([
      expect.objectContaining({
        tool: proposed?.payload.tool,
        arguments: proposed?.payload.arguments,
        decision: 'ask',
        approval_id: call.approval_id,
        approved_by: 'ann',
        refused_because: null,
      }),
    ]);
    expect(swarm.ledger.starts.filter((each) => each.endsWith('#2'))).toHaveLength(1);
    expect(of('task_resumed')).toHaveLength(1);
  });

  test('rejected, it does not run, and the model reads why', async () => {
    await start();
    await answer(await untilItWaits(), { approved: false, reason: 'use the staging key' });
    await swarm.until(() => of('tool_returned').some(({ payload }) => payload.step === 2));
    expect(swarm.ledger.starts.filter((each) => each.endsWith('#2'))).toEqual([]);
    const outcome = of('tool_returned').find(({ payload }) => payload.step === 2)?.payload;
    expect(outcome?.outcome).toBe('refused');
    expect(outcome?.observation).toContain('ann rejected it: use the staging key');
    expect(outcome?.observation).toContain('A changed call is a new call');
  });

  test('changed after a rejection it is another call: a person is asked again, the old answer is void', async () => {
    const commands = ['cert_agent step 2', 'cert_agent step 2 --staging'];
    const model: ChatModel = {
      name: 'changing',
      probe: async () => ({ usable: true }),
      worstCase: () => ({ tokens: 0, usd: 0 }),
      async chat() {
        const command = commands.shift();
        const finish = { finish: { summary: 'done', outputs: [] } };
        const action = command === undefined ? finish : { execute_terminal_command: { command } };
        const text = JSON.stringify({ thought: 'next', action });
        return { text, tokensIn: 1, tokensOut: 1, costUsd: 0, promptTruncated: false };
      },
    };
    await start({ chain: [model] });
    const first = await untilItWaits();
    await answer(first, { approved: false, reason: 'use the staging key' });
    await swarm.until(() => of('task_paused').length === 2);
    const second = await untilItWaits();
    expect(second.arguments).toEqual({ command: 'cert_agent step 2 --staging' });
    expect(of('call_proposed')).toHaveLength(2);
    expect(second.approval_id).not.toBe(first.approval_id);
    expect(second.digest).not.toBe(first.digest);
    await answer(first);
    await swarm.until(() => of('approval_void').length === 1);
    expect(of('approval_void')[0]?.payload.code).toBe('used');
    await answer(second, { digest: first.digest });
    await swarm.until(() => of('approval_void').length === 2);
    expect(of('approval_void')[1]?.payload.code).toBe('changed');
    expect(swarm.ledger.starts).toEqual([]);
    await answer(second);
    expect((await swarm.ended(id)).status).toBe('completed');
    expect(swarm.ledger.starts).toHaveLength(1);
  });

  test('the deadline of its task runs on with what it had left, however long the person took', async () => {
    const limits: number[] = [];
    const worker = await start({}, {}, { timeoutSeconds: 4 }, (command, call) => {
      if (command.endsWith('step 2')) limits.push(call?.timeLimitMs ?? 0);
      return command.endsWith('step 1') ? 'hang' : 'ok';
    });
    await swarm.until(() => swarm.ledger.starts.length === 1);
    await delay(1_500);
    worker.tools.release();
    const call = await untilItWaits();
    const { remaining_ms: left = 0 } = of('call_proposed')[0]?.payload ?? {};
    expect(left).toBeLessThanOrEqual(2_500);
    await delay(4_100);
    await answer(call);
    expect((await swarm.ended(id)).status).toBe('completed');
    expect(limits).toHaveLength(1);
    expect(limits[0]).toBeGreaterThan(0);
    expect(limits[0]).toBeLessThanOrEqual(left);
  }, 30_000);

  test('without an answer in time it is refused', async () => {
    await start({ askMs: 30 });
    expect((await swarm.ended(id)).status).toBe('failed');
    const outcome = of('tool_returned').find(({ payload }) => payload.step === 2)?.payload;
    expect(outcome).toMatchObject({ outcome: 'refused' });
    expect(outcome?.observation).toContain('no person approved it in time');
  });

  test('a task that waits holds no slot: another task of the agent runs meanwhile', async () => {
    await start({}, {}, { concurrency: 1 });
    await untilItWaits();
    const other = await swarm.submit({ retries: 0 });
    await swarm.until(() => of('call_proposed').length === 2);
    expect(of('call_proposed').map(({ payload }) => payload.mission_id)).toEqual([id, other]);
  });

  test.each([
    ['another digest', { digest: 'f'.repeat(64) }, 'changed'],
    ['another id', { approval_id: 'another' }, 'unknown'],
  ] as const)('an answer with %s is recorded as void, and the call waits on', async (_, changes, code) => {
    await start();
    const call = await untilItWaits();
    await answer(call, changes);
    await swarm.until(() => of('approval_void').length === 1);
    expect(of('approval_void')[0]?.payload).toMatchObject({ code, answered_by: 'ann' });
    expect(of('call_decided')).toEqual([]);
    await answer(call);
    expect((await swarm.ended(id)).status).toBe('completed');
  });

  test('a second answer is void: the first one counts', async () => {
    await start();
    const call = await untilItWaits();
    await answer(call, { approved: false, reason: 'no' });
    await answer(call);
    await swarm.until(() => of('approval_void').length === 1);
    expect(of('approval_void')[0]?.payload.code).toBe('used');
    expect(swarm.ledger.starts.filter((each) => each.endsWith('#2'))).toEqual([]);
  });

  test('a decision on the tasks topic without a source is void, and recorded', async () => {
    await start();
    const call = await untilItWaits();
    const task = swarm.records.find(
      ({ content }) => content.kind === 'event' && content.event.event_type === 'call_proposed',
    );
    const event = swarm.createEvent({
      type: 'call_decided',
      from: 'mallory',
      missionId: id,
      payload: {
        ...answerTo(call).payload,
        agent: AGENT,
        owner: 'mallory',
        target_partition: task?.partition ?? 0,
        answer_id: 'forged',
        source: null,
      },
    });
    const appender = swarm.log.createAppender('mallory');
    await appender.append({ topic: swarm.topics.tasks(AGENT), partition: task?.partition ?? 0, key: id, event });
    await appender.close();
    await swarm.until(() => of('approval_void').length === 1);
    expect(of('approval_void')[0]?.payload).toMatchObject({ code: 'no_source', answer_id: 'forged' });
    expect(swarm.ledger.starts.filter((each) => each.endsWith('#2'))).toEqual([]);
  });

  test('an answer that cannot be verified is void; one that can counts', async () => {
    await start({ verifyAnswer: ({ signature }) => (signature === 'good' ? null : 'unsigned') });
    const call = await untilItWaits();
    await answer(call);
    await swarm.until(() => of('approval_void').length === 1);
    expect(of('approval_void')[0]?.payload.code).toBe('unsigned');
    await answer(call, { signature: 'good' });
    expect((await swarm.ended(id)).status).toBe('completed');
  });

  describe('where answers must be signed', () => {
    const ann = testOperator('ann');
    const SWARM = { prefix: 'test', clusterId: 'kafka-a' };
    const verifyAnswer = createVerifyAnswer([ann.operator], SWARM);
    const signed = (call: WaitingCallReport, changes: Partial<PayloadOf<'call_answered'>> = {}, on = SWARM) => {
      const event = answerTo(call, changes);
      return { ...event, payload: { ...event.payload, ...signAnswer(event.payload, ann.signer, on) } };
    };
    const codes = () => of('approval_void').map(({ payload }) => payload.code);

    test('a signed answer counts; unsigned, forged and changed ones are void, and recorded', async () => {
      await start({ verifyAnswer });
      const call = await untilItWaits();
      await answer(call);
      await answer(call, { signature: 'AAAA' });
      const good = signed(call);
      const changed = { ...good, event_id: 'changed', payload: { ...good.payload, approved: false } };
      await swarm.append(changed, id);
      await swarm.until(() => codes().length === 3);
      expect(codes()).toEqual(['unsigned', 'forged', 'forged']);
      await swarm.append(good, id);
      expect((await swarm.ended(id)).status).toBe('completed');
    });

    test('a signed answer about one call is void for the next one, as it is and with its id', async () => {
      await start({ verifyAnswer, words: 'step' });
      const first = await untilItWaits();
      const good = signed(first);
      await swarm.append(good, id);
      await swarm.until(() => of('call_proposed').length === 2 && of('task_paused').length === 2);
      const second = await untilItWaits();
      expect(second.approval_id).not.toBe(first.approval_id);
      await swarm.append({ ...good, event_id: 'replayed' }, id);
      const { approval_id, digest } = second;
      await swarm.append({ ...good, event_id: 'moved', payload: { ...good.payload, approval_id, digest } }, id);
      await swarm.until(() => codes().length === 2);
      expect(codes()).toEqual(['used', 'forged']);
      expect(swarm.ledger.starts.filter((each) => each.endsWith('#2'))).toEqual([]);
    });

    test('one that was signed for another cluster or another prefix is void, and the call waits on', async () => {
      await start({ verifyAnswer });
      const call = await untilItWaits();
      await swarm.append(signed(call, {}, { ...SWARM, clusterId: 'kafka-b' }), id);
      await swarm.append(signed(call, {}, { ...SWARM, prefix: 'other' }), id);
      await swarm.until(() => codes().length === 2);
      expect(codes()).toEqual(['other_cluster', 'forged']);
      expect(swarm.ledger.starts.filter((each) => each.endsWith('#2'))).toEqual([]);
      await swarm.append(signed(await untilItWaits()), id);
      expect((await swarm.ended(id)).status).toBe('completed');
    });

    test('with four eyes the answer of who has requested the mission is void; another operator is asked', async () => {
      const strict = testOperator('ann', { fourEyes: true });
      const bob = testOperator('bob', { fourEyes: true });
      const of2 = (call: WaitingCallReport, { signer }: typeof bob, changes = {}) => {
        const event = answerTo(call, { answered_by: signer.name, ...changes });
        return { ...event, payload: { ...event.payload, ...signAnswer(event.payload, signer, SWARM) } };
      };
      await start(
        { verifyAnswer: createVerifyAnswer([strict.operator, bob.operator], SWARM) },
        { requested_by: 'ann' },
      );
      const call = await untilItWaits();
      await swarm.append(of2(call, strict), id);
      await swarm.until(() => codes().length === 1);
      expect(codes()).toEqual(['own_mission']);
      expect((await untilItWaits()).void_answer).toMatchObject({ answered_by: 'ann' });
      expect(swarm.ledger.starts.filter((each) => each.endsWith('#2'))).toEqual([]);
      await swarm.append(of2(await untilItWaits(), bob), id);
      expect((await swarm.ended(id)).status).toBe('completed');
    });

    test('a worker refuses one for another cluster that an orchestrator has let pass', async () => {
      await start({ verifyAnswer, trusting: true });
      await swarm.append(signed(await untilItWaits(), {}, { ...SWARM, clusterId: 'kafka-b' }), id);
      await swarm.until(() => codes().length === 1);
      expect(of('approval_void')[0]?.payload).toMatchObject({ code: 'other_cluster', owner: null });
      expect(swarm.ledger.starts.filter((each) => each.endsWith('#2'))).toEqual([]);
      await swarm.append(signed(await untilItWaits()), id);
      expect((await swarm.ended(id)).status).toBe('completed');
    });

    test('a worker verifies what an orchestrator has let pass, and the call waits on', async () => {
      await start({ verifyAnswer, trusting: true });
      const call = await untilItWaits();
      await answer(call);
      await swarm.until(() => codes().length === 1);
      expect(of('approval_void')[0]?.payload).toMatchObject({ code: 'unsigned', owner: null });
      expect(swarm.ledger.starts.filter((each) => each.endsWith('#2'))).toEqual([]);
      await swarm.append(signed(await untilItWaits()), id);
      expect((await swarm.ended(id)).status).toBe('completed');
    });
  });

  test('a worker that takes over waits on, and runs it after the approval', async () => {
    const worker = await start();
    const call = await untilItWaits();
    await worker.kill();
    const claims = of('partition_claimed').length;
    await swarm.startWorker();
    await swarm.until(() => of('task_paused').length === 2 && of('partition_claimed').length > claims);
    await answer(call);
    expect((await swarm.ended(id)).status).toBe('completed');
    expect(of('call_proposed')).toHaveLength(1);
    expect(swarm.ledger.starts.filter((each) => each.endsWith('#2'))).toHaveLength(1);
  });

  test('a worker that knows other secrets than the proposer refuses it, and its task continues', async () => {
    const worker = await start();
    const call = await untilItWaits();
    await worker.kill();
    await swarm.startWorker(undefined, undefined, { redact: (text) => text.replaceAll('step 2', '[redacted: x]') });
    await answer(call);
    await swarm.ended(id);
    expect(swarm.ledger.starts.filter((each) => each.endsWith('#2'))).toEqual([]);
    const outcome = of('tool_returned').find(({ payload }) => payload.step === 2)?.payload;
    expect(outcome?.observation).toContain('what is a secret for the worker that would run it');
  });

  test('a finish whose checks are asked about waits, too', async () => {
    await start({ words: 'check' });
    const call = await untilItWaits();
    expect(call.tool).toBe('finish');
    // What is approved are the checks that it runs.
    expect(call.checks).toEqual([expect.stringContaining('check')]);
    expect(callText(call)).toContain(call.checks[0] ?? '-');
    expect(callDigest({ ...call, checks: [] })).not.toBe(call.digest);
    expect(swarm.ledger.checks).toEqual([]);
    await answer(call);
    expect((await swarm.ended(id)).status).toBe('completed');
    expect(swarm.ledger.checks).toHaveLength(1);
  });

  test('a person sees the inputs that it has as variables, and approves it with them', async () => {
    const inputs = [
      { name: 'domain', type: 'string', value: 'a.example', description: 'where' },
      { name: 'token', type: 'secret', value: 'DEPLOY_TOKEN', description: '' },
    ];
    await start({}, { inputs, requires: ['inputs'] }, { secrets: ['DEPLOY_TOKEN'] });
    const call = await untilItWaits();
    expect(call.digest).toMatch(/^v3:/);
    expect(isDigestOf(call.digest, call)).toBe(true);
    // What another program shows as the inputs of this call is another call.
    expect(isDigestOf(call.digest, { ...call, inputs: [] })).toBe(false);
    expect(callText(call)).toContain('input $INPUT_DOMAIN:\n    a.example\n');
    expect(callText(call)).toContain("input $INPUT_TOKEN_FILE:\n    the file of the worker's secret DEPLOY_TOKEN\n");
    await answer(call);
    expect((await swarm.ended(id)).status).toBe('completed');
    expect(swarm.ledger.starts.filter((each) => each.endsWith('#2'))).toHaveLength(1);
  });

  test('a finish that was approved runs no check that the task has changed meanwhile', async () => {
    const worker = await start({ words: 'tests/' }, {}, withChecks('sh tests/run.sh'));
    const call = await untilItWaits();
    worker.tools.changed.push('tests/run.sh (content)');
    await answer(call);
    expect(await swarm.ended(id)).toMatchObject({
      status: 'failed',
      tasks: [{ status: 'failed', changed_paths: ['tests/run.sh (content)'] }],
    });
    expect(swarm.ledger.before).toEqual([]);
    expect(swarm.ledger.checks).toEqual([]);
    expect(of('task_failed')[0]?.payload.code).toBe('protected');
  });

  test('a check that is asked about leaves the others their baseline', async () => {
    await start({ words: 'asked' }, {}, withChecks('vacuous one', 'asked one', 'held before'));
    await answer(await untilItWaits());
    const report = await swarm.ended(id);
    expect(swarm.ledger.before).toEqual(['vacuous one', 'held before']);
    const first = of('tool_called').find(({ payload }) => payload.baseline !== null);
    expect(JSON.parse(first?.payload.baseline ?? '{}').checks).toMatchObject([
      { decision: 'allow', rule: expect.any(String) },
      { workspace: -1, empty: -1, decision: 'ask', rule: expect.any(String) },
      { decision: 'allow', rule: expect.any(String) },
    ]);
    const decisions = of('tool_called').map(({ payload }) => payload.check_decisions);
    const [allowed, asked] = [expect.any(String), expect.any(String)];
    const at = (moment: string) => [
      { check: 'vacuous one', moment, decision: 'allow', rule: allowed },
      { check: 'asked one', moment, decision: 'ask', rule: asked },
      { check: 'held before', moment, decision: 'allow', rule: allowed },
    ];
    expect(decisions[0]).toEqual(at('before'));
    expect(decisions.at(-1)).toEqual(at('end'));
    expect(decisions.slice(1, -1).filter((between) => between !== null)).toEqual([]);
    expect(of('call_proposed').map(({ payload }) => payload.check_decisions)).toEqual([at('end')]);
    expect(report.tasks[0]?.checks.map(({ command, baseline }) => [command, baseline])).toEqual([
      ['vacuous one', 'vacuous'],
      ['asked one', null],
      ['held before', 'held_before'],
    ]);
  });

  test.each([
    { commands: ['asked, vacuous'], status: 'unverified', verdicts: ['vacuous'], late: ['asked, vacuous'] },
    { commands: ['asked one'], status: 'verified', verdicts: [null], late: ['asked one'] },
    { commands: ['asked, true', 'true'], status: 'verified', verdicts: [null, 'vacuous'], late: ['asked, true'] },
    {
      commands: ['asked, vacuous', 'made it'],
      status: 'verified',
      verdicts: ['vacuous', null],
      late: ['asked, vacuous'],
    },
  ])(
    'the checks $commands run in an empty directory when they are approved: the task is $status',
    async ({ commands, status, verdicts, late }) => {
      await start({ words: 'asked' }, {}, withChecks(...commands));
      const call = await untilItWaits();
      expect(swarm.ledger.late).toEqual([]);
      await answer(call);
      const report = await swarm.ended(id);
      expect(report.tasks[0]).toMatchObject({ status, checks: verdicts.map((baseline) => ({ baseline })) });
      expect(swarm.ledger.late).toEqual(late);
    },
  );

  test('an approved check of a task that has done nothing has held before', async () => {
    const finishing = { name: 'work', steps: [], acceptance: [{ name: 'asked', command: 'asked one' }] };
    await start({ words: 'asked' }, {}, { playbooks: { work: finishing } });
    await answer(await untilItWaits());
    const report = await swarm.ended(id);
    expect(report.tasks[0]).toMatchObject({ status: 'verified', held_before: true });
  });

  test('where an approved check fails, none is run in an empty directory', async () => {
    await start({ words: 'asked' }, {}, withChecks('asked one', 'fails'), (command) =>
      command === 'fails' ? 'fail' : 'ok',
    );
    const call = await untilItWaits();
    await answer(call);
    const outcome = () => of('tool_returned').find(({ payload }) => payload.step === call.step);
    await swarm.until(() => outcome() !== undefined);
    expect(outcome()?.payload).toMatchObject({ outcome: 'error', checks: [{ exit_code: 0 }, { exit_code: 1 }] });
    expect(swarm.ledger.late).toEqual([]);
  });

  test("a mission's own checks wait, too", async () => {
    await start({ words: 'whole' }, { success: [{ name: 'whole', command: 'whole' }] });
    await answer(await untilItWaits());
    expect((await swarm.ended(id)).status).toBe('completed');
  });

  test('a mission that is cancelled ends although a call waits', async () => {
    await start();
    await untilItWaits();
    const payload = { mission_id: id, requested_by: 'ann', reason: 'enough', signed: null };
    await swarm.append(
      swarm.createEvent({ type: 'mission_cancel_requested', from: 'ann', missionId: id, payload }),
      id,
    );
    expect(await swarm.ended(id)).toMatchObject({ status: 'cancelled', waiting_calls: [] });
  });
});
