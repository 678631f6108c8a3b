/** What the holder of a task counts and reports, in /metrics of its process. */
import type { EventOf, EventType } from '../../src/domain/events.js';
import type { WaitingCallReport } from '../../src/domain/report.js';
import type { ChatModel } from '../../src/ports/model.js';
import { until } from '../contract/until.js';
import { createMeasuredProcess, sumOf, type MeasuredProcess } from '../support/measured-process.js';
import { planningModel, unreachableAtFirst } from '../support/planning-model.js';
import { policyThatAsks } from '../support/asking-policy.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';
import type { Behaviour } from '../support/scripted-tools.js';

const AGENT = 'cert_agent';
const FINISH = JSON.stringify({ thought: 'done', action: { finish: { summary: 'done', outputs: [] } } });

let swarm: RoleSwarm;
let process: MeasuredProcess;
beforeEach(() => {
  process = createMeasuredProcess();
});
afterEach(() => swarm.close());

type SwarmOptions = Omit<Parameters<typeof createRoleSwarm>[0], 'roster'>;

/** A worker whose metrics are read, and an orchestrator whose are not. */
async function start(
  { behaviour, ...options }: SwarmOptions = {},
  agent: Parameters<typeof agentSpec>[1] = {},
  { timings = {} }: { readonly timings?: object } = {},
) {
  swarm = await createRoleSwarm({ roster: [agentSpec(AGENT, agent)], partitions: 1, ...options });
  await swarm.startOrchestrator();
  const worker = await swarm.startWorker(undefined, behaviour, { metrics: process.metrics, timings });
  process.watch(worker.role);
  return worker;
}

const becomes = (series: string, value: number, of = process) =>
  until(`${series} ${value}`, async () => (await of.value(series)) === value);
const steps = (outcome: string) => `ravenhelm_steps_total{agent="${AGENT}",outcome="${outcome}"}`;
const checks = (result: string) => `ravenhelm_checks_total{agent="${AGENT}",result="${result}"}`;
const attempts = (status: string, result: string) =>
  `ravenhelm_tasks_executed_total{agent="${AGENT}",status="${status}",result="${result}"}`;
const calls = (step: string) => `ravenhelm_approvals_total{subject="call",outcome="${step}"}`;
const of = <T extends EventType>(type: T): readonly EventOf<T>[] =>
  swarm.events.filter((event): event is EventOf<T> => event.event_type === type);

test('an attempt is counted with its result, its steps and checks, and how long each took and waited', async () => {
  await start();
  await swarm.ended(await swarm.submit());
  expect(await process.value(attempts('completed', 'verified'))).toBe(1);
  expect(await process.value(steps('ok'))).toBe(4);
  expect(await process.value(checks('passed'))).toBe(1);
  for (const name of ['task_seconds', 'step_seconds', 'task_queue_seconds', 'read_back_seconds']) {
    const counts = new RegExp(`^ravenhelm_${name}_count\\{.*\\} [1-9]`, 'm');
    expect(await process.text()).toMatch(counts);
  }
  expect(await process.value(`ravenhelm_task_queue_seconds_count{agent="${AGENT}"}`)).toBe(1);
});

test('a failed check and a failed command have different outcomes', async () => {
  await start({ behaviour: (command) => (command.endsWith('step 2') ? 'fail' : 'ok') });
  await swarm.ended(await swarm.submit({ retries: 0 }));
  const failed = of('tool_returned').filter(({ payload }) => payload.exit_code === 1);
  expect(failed.length).toBeGreaterThan(0);
  expect(await process.value(steps('command_failed'))).toBe(failed.length);
  expect(await process.value(steps('check_failed'))).toBeNull();
  const results = swarm.records.filter(
    ({ topic, content }) =>
      topic === swarm.topics.tasks(AGENT) && content.kind === 'event' && content.event.event_type === 'task_failed',
  );
  expect(await process.value(attempts('failed', 'gave_up'))).toBe(results.length);
  await swarm.close();

  process = createMeasuredProcess();
  await start({ behaviour: (command) => (command.includes('check') ? 'fail' : 'ok') });
  await swarm.ended(await swarm.submit({ retries: 0 }));
  expect(await process.value(steps('command_failed'))).toBeNull();
  expect(await process.value(steps('check_failed'))).toBeGreaterThan(0);
  expect(await process.value(checks('failed'))).toBe(await process.value(steps('check_failed')));
});

test('a cancelled attempt is counted', async () => {
  await start({ behaviour: (command) => (command.endsWith('step 2') ? 'hang' : 'ok') });
  const id = await swarm.submit();
  await swarm.until(() => swarm.ledger.starts.some((each) => each.endsWith('#2')));
  const payload = { mission_id: id, requested_by: 'ann', reason: 'r', signed: null };
  await swarm.append(swarm.createEvent({ type: 'mission_cancel_requested', from: 'ann', missionId: id, payload }), id);
  await becomes(attempts('cancelled', 'cancelled'), 1);
});

test('each step and each attempt is counted once in the swarm, also after a worker was killed', async () => {
  let hung = 0;
  const hangsOnce: Behaviour = (command) => (command.endsWith('step 2') && hung++ === 0 ? 'hang' : 'ok');
  const worker = await start({ behaviour: hangsOnce });
  const id = await swarm.submit();
  await swarm.until(() => swarm.ledger.starts.some((each) => each.endsWith('#2')));
  await worker.kill();
  const next = createMeasuredProcess();
  const second = await swarm.startWorker(undefined, hangsOnce, { metrics: next.metrics });
  next.watch(second.role);
  expect((await swarm.ended(id)).status).toBe('completed');
  const both = [process, next];
  expect(await process.value(steps('ok'))).toBe(1);
  const outcomes = of('tool_returned').map(({ payload }) => payload.outcome);
  for (const outcome of new Set(outcomes))
    expect(await sumOf(both, steps(outcome))).toBe(outcomes.filter((each) => each === outcome).length);
  expect(await sumOf(both, steps('unknown'))).toBe(1);
  expect(await sumOf(both, attempts('completed', 'verified'))).toBe(1);
});

test('what runs and what waits for a slot is reported while it does', async () => {
  const worker = await start(
    { behaviour: (command) => (command.endsWith('step 2') ? 'hang' : 'ok') },
    { concurrency: 1 },
  );
  const ids = [await swarm.submit(), await swarm.submit(), await swarm.submit()];
  await becomes(`ravenhelm_tasks_queued{agent="${AGENT}"}`, 2);
  expect(await process.value(`ravenhelm_tasks_running{agent="${AGENT}"}`)).toBe(1);
  for (const id of ids) {
    await until('it hangs', () => swarm.ledger.starts.some((each) => each.startsWith(id) && each.endsWith('#2')));
    worker.tools.release();
    await swarm.ended(id);
  }
  await becomes(`ravenhelm_tasks_running{agent="${AGENT}"}`, 0);
  expect(await process.value(`ravenhelm_tasks_queued{agent="${AGENT}"}`)).toBe(0);
  expect(await process.value(`ravenhelm_task_queue_seconds_count{agent="${AGENT}"}`)).toBe(3);
});

test('a task that goes to its next model is counted, and replies that can be read', async () => {
  const finishing: ChatModel = {
    ...planningModel('openai:there', []),
    chat: async () => ({ text: FINISH, tokensIn: 1, tokensOut: 1, costUsd: 0, promptTruncated: false }),
  };
  const gone = unreachableAtFirst(planningModel('ollama:gone', []), 1e9);
  await start({ chain: [gone, finishing] }, { playbooks: {} });
  await swarm.ended(await swarm.submit());
  const series = 'ravenhelm_model_failovers_total{from="ollama:gone",to="openai:there",cause="unreachable"}';
  expect(await process.value(series)).toBe(1);
  expect(await process.value('ravenhelm_replies_total{model="openai:there",result="read"}')).toBe(1);
  expect(await process.value(attempts('completed', 'unverified'))).toBe(1);
});

describe('a call that a person must approve', () => {
  async function asked(askMs: number): Promise<{ readonly id: string; readonly call: WaitingCallReport }> {
    swarm = await createRoleSwarm({
      ...{ roster: [agentSpec(AGENT)], partitions: 1, policy: policyThatAsks('step 2'), askMs },
    });
    const orchestrator = await swarm.startOrchestrator({}, { metrics: process.metrics });
    const worker = await swarm.startWorker(undefined, undefined, { metrics: process.metrics });
    process.watch(orchestrator.role, worker.role);
    const id = await swarm.submit({ retries: 0 });
    const waiting = () => swarm.view.report(id)?.waiting_calls[0];
    await swarm.until(() => waiting() !== undefined || swarm.eventsOf('task_resumed').length > 0);
    const call = waiting();
    if (call === undefined) throw new TypeError('it waits');
    return { id, call };
  }
  const answer = (id: string, { task_id, attempt, approval_id, digest }: WaitingCallReport, approved: boolean) => {
    const by = { answered_by: 'ann', answered_at: Date.now(), signature: null, key_id: null, cluster: null };
    const payload = { mission_id: id, task_id, attempt, approval_id, digest, approved, reason: '', ...by };
    return swarm.append(swarm.createEvent({ type: 'call_answered', from: 'ann', missionId: id, payload }), id);
  };
  const waiting = 'ravenhelm_missions_waiting_for_person{reason="call"}';

  test('is counted when it is asked and approved, and its mission waits meanwhile', async () => {
    const { id, call } = await asked(3_600_000);
    await becomes(waiting, 1);
    expect(await process.value('ravenhelm_waiting_for_person_longest_seconds{reason="call"}')).toBeGreaterThanOrEqual(
      0,
    );
    expect(await process.value(calls('asked'))).toBe(1);
    expect(await process.value('ravenhelm_policy_decisions_total{decision="ask"}')).toBe(1);
    await answer(id, call, true);
    await swarm.ended(id);
    expect([await process.value(calls('approved')), await process.value(calls('rejected'))]).toEqual([1, null]);
    expect(await process.value(waiting)).toBe(0);
  });

  test('is counted when it is rejected', async () => {
    const { id, call } = await asked(3_600_000);
    await answer(id, call, false);
    await becomes(calls('rejected'), 1);
    await becomes(steps('refused'), 1);
  });

  test('is counted when no answer came in time', async () => {
    await asked(300);
    await becomes(calls('not_run'), 1);
    expect(await process.value(calls('rejected'))).toBeNull();
  });
});
