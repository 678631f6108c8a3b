/** What the holder of a mission counts and reports, in /metrics of its process. */
import type { PayloadOf } from '../../src/domain/events.js';
import { missionReadings } from '../../src/roles/orchestrator/mission-readings.js';
import { createWaitingForPerson } from '../../src/roles/orchestrator/waiting-for-person.js';
import { until } from '../contract/until.js';
import { cancelRequested, underWay } from '../domain/support/mission-log.js';
import { createMeasuredProcess, sumOf, type MeasuredProcess } from '../support/measured-process.js';
import { planningModel, unreachableAtFirst } from '../support/planning-model.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';
import type { Behaviour } from '../support/scripted-tools.js';

const AGENT = 'cert_agent';
const NO_BUDGET = { usd: null, tokens: null, minutes: null };
const FINISH = JSON.stringify({ thought: 'done', action: { finish: { summary: 'done', outputs: [] } } });
const BARE = { playbooks: {} };

const CAP = { usd: null, tokens: 200 };

/** A model that finishes in one reply of so many tokens. */
const spending = (tokens: number, costUsd: number) => ({
  name: 'm',
  probe: async () => ({ usable: true as const }),
  worstCase: () => ({ tokens, usd: costUsd }),
  chat: async () => ({ text: FINISH, tokensIn: tokens, tokensOut: 0, costUsd, promptTruncated: false }),
});

let swarm: RoleSwarm;
let process: MeasuredProcess;
beforeEach(() => {
  process = createMeasuredProcess();
});
afterEach(() => swarm.close());

type SwarmOptions = Omit<Parameters<typeof createRoleSwarm>[0], 'roster'>;
type Own = NonNullable<Parameters<RoleSwarm['startOrchestrator']>[1]>;

/** An orchestrator whose metrics are read, and a worker whose are not. */
async function start(
  { agents = [agentSpec(AGENT)], behaviour, ...options }: SwarmOptions & { agents?: ReturnType<typeof agentSpec>[] },
  timings: object = {},
  own: Own = {},
) {
  swarm = await createRoleSwarm({ roster: agents, partitions: 1, ...options });
  const orchestrator = await swarm.startOrchestrator(timings, { metrics: process.metrics, ...own });
  process.watch(orchestrator.role);
  const worker = await swarm.startWorker(undefined, behaviour);
  return { orchestrator, worker };
}

const becomes = (series: string, value: number, of = process) =>
  until(`${series} ${value}`, async () => (await of.value(series)) === value);
const missions = (state: string) => `ravenhelm_missions{state="${state}"}`;
const waiting = (reason: string) => `ravenhelm_missions_waiting_for_person{reason="${reason}"}`;
const longest = (reason: string) => `ravenhelm_waiting_for_person_longest_seconds{reason="${reason}"}`;
const plans = (step: string) => `ravenhelm_approvals_total{subject="plan",outcome="${step}"}`;
const ends = (status: string) => `ravenhelm_mission_seconds_count{status="${status}"}`;

const byAnn = (mission_id: string) => ({ mission_id, signed: null });
const approve = (id: string, revision = 1) =>
  swarm.append(
    swarm.createEvent({
      type: 'plan_approved',
      from: 'ann',
      missionId: id,
      payload: { ...byAnn(id), revision, approved_by: 'ann', plan_digest: null },
    }),
    id,
  );
const pausing = (id: string, payload: Omit<PayloadOf<'mission_pause_requested'>, 'mission_id' | 'signed'>) =>
  swarm.append(
    swarm.createEvent({
      type: 'mission_pause_requested',
      from: 'ann',
      missionId: id,
      payload: { ...byAnn(id), ...payload },
    }),
    id,
  );

test('requests and ends of missions are counted, with how long they took', async () => {
  await start({ behaviour: (command) => (command.includes('check') ? 'fail' : 'ok') });
  await swarm.ended(await swarm.submit({ retries: 0 }));
  await becomes(ends('failed'), 1);
  expect(await process.value('ravenhelm_missions_requested_total')).toBe(1);
  expect(await process.value('ravenhelm_mission_seconds_sum{status="failed"}')).toBeGreaterThan(0);
  expect(await process.value(ends('completed'))).toBeNull();
});

test('a retry is counted for its agent', async () => {
  let failed = false;
  const failsOnce: Behaviour = (command) => {
    if (!command.includes('check') || failed) return 'ok';
    failed = true;
    return 'fail';
  };
  await start({ behaviour: failsOnce });
  expect((await swarm.ended(await swarm.submit({ retries: 2 }))).status).toBe('completed');
  expect(await process.value(`ravenhelm_task_retries_total{agent="${AGENT}"}`)).toBe(
    swarm.eventsOf('task_retry_scheduled').length,
  );
  expect(swarm.eventsOf('task_retry_scheduled')).toHaveLength(1);
});

test('missions are counted by state while they are open', async () => {
  const { worker } = await start({ behaviour: (command) => (command.endsWith('step 2') ? 'hang' : 'ok') });
  const [first, second] = [await swarm.submit(), await swarm.submit()];
  await becomes(missions('working'), 2);
  await pausing(first, { number: 1, requested_by: 'ann', reason: 'lunch' });
  await becomes(missions('paused'), 1);
  expect(await process.value(missions('working'))).toBe(1);
  await until('both hang', () => swarm.ledger.starts.filter((each) => each.endsWith('#2')).length === 2);
  worker.tools.release();
  await swarm.ended(second);
  await becomes(missions('working'), 0);
  expect(await process.value(missions('paused'))).toBe(1);
});

test('a plan that waits for approval is counted with its age; a take-over keeps the age and counts once', async () => {
  const { orchestrator } = await start({});
  const id = await swarm.submit({ approval: 'approval' });
  await becomes(waiting('plan'), 1);
  expect(await process.value(missions('waiting_for_person'))).toBe(1);
  await until('it has waited', async () => ((await process.value(longest('plan'))) ?? 0) > 0.05);
  await orchestrator.role.stop(0);
  expect(await process.value(waiting('plan'))).toBeNull();
  expect(await process.value(missions('waiting_for_person'))).toBeNull();

  const next = createMeasuredProcess();
  const { role } = await swarm.startOrchestrator({}, { metrics: next.metrics });
  next.watch(role);
  await becomes(waiting('plan'), 1, next);
  expect(await next.value(longest('plan'))).toBeGreaterThan(0.05);
  await approve(id);
  await swarm.ended(id);
  await becomes(ends('completed'), 1, next);
  const processes = [process, next];
  expect(await sumOf(processes, 'ravenhelm_missions_requested_total')).toBe(1);
  expect(await sumOf(processes, plans('asked'))).toBe(1);
  expect(await sumOf(processes, plans('approved'))).toBe(1);
  expect([await next.value(waiting('plan')), await next.value(longest('plan'))]).toEqual([0, 0]);
});

test('a rejected plan is counted; a plan that needs no approval is not', async () => {
  await start({ plannerChain: [planningModel('openai:planner', [[AGENT]])] });
  await swarm.ended(await swarm.submit());
  expect(await process.value(plans('asked'))).toBeNull();
  const id = await swarm.submit({ approval: 'approval' });
  await becomes(waiting('plan'), 1);
  const payload = { ...byAnn(id), revision: 1, rejected_by: 'ann', reason: 'no', plan_digest: null };
  await swarm.append(swarm.createEvent({ type: 'plan_rejected', from: 'ann', missionId: id, payload }), id);
  await becomes(plans('rejected'), 1);
});

test('a question waits for a person', async () => {
  await start({ behaviour: (command) => (command.includes('check') ? 'fail' : 'ok') });
  const id = await swarm.submit({ retries: 0, on_failure: 'ask' });
  await swarm.until(() => swarm.view.report(id)?.status === 'needs_attention');
  await becomes(waiting('question'), 1);
  expect(await process.value(longest('question'))).toBeGreaterThanOrEqual(0);
  const payload = { ...byAnn(id), requested_by: 'ann', reason: 'r' };
  await swarm.append(swarm.createEvent({ type: 'mission_cancel_requested', from: 'ann', missionId: id, payload }), id);
  await becomes(waiting('question'), 0);
  await becomes(ends('cancelled'), 1);
});

test('a planner that goes to its next model is counted', async () => {
  const plan = planningModel('openai:there', [[AGENT]]);
  await start({ plannerChain: [unreachableAtFirst(planningModel('ollama:gone', []), 1e9), plan] });
  await swarm.ended(await swarm.submit());
  const series = 'ravenhelm_model_failovers_total{from="ollama:gone",to="openai:there",cause="unreachable"}';
  expect(await process.value(series)).toBe(1);
});

test('what ended attempts have used is compared with the budgets of open missions, and with the day', async () => {
  const later = agentSpec('later_agent', { ...BARE, dependsOn: [AGENT], phase: 2 });
  const agents = [agentSpec(AGENT, BARE), later];
  swarm = await createRoleSwarm({ roster: agents, partitions: 1, chain: [spending(250, 0.5)] });
  const { role } = await swarm.startOrchestrator({}, { metrics: process.metrics });
  process.watch(role);
  await swarm.startWorker([AGENT]); // the second task waits for a worker
  await swarm.submit({ budget: { ...NO_BUDGET, tokens: 1_000, usd: 4 } });
  await becomes('ravenhelm_budget_used_tokens', 250);
  expect(await process.value('ravenhelm_budget_limit_tokens')).toBe(1_000);
  expect(await process.value('ravenhelm_budget_used_usd')).toBe(0.5);
  expect(await process.value('ravenhelm_budget_limit_usd')).toBe(4);
  expect(await process.value('ravenhelm_budget_used_highest_ratio{limit="tokens"}')).toBe(0.25);
  expect(await process.value('ravenhelm_budget_used_highest_ratio{limit="usd"}')).toBe(0.125);
  expect(await process.value('ravenhelm_spent_today_tokens')).toBe(250);
  expect(await process.value('ravenhelm_spent_today_usd')).toBe(0.5);
});

test('a mission whose planner thinks is planning', async () => {
  const plan = planningModel('openai:planner', [[AGENT]]);
  let answer = () => {};
  const asked = new Promise<void>((resolve) => (answer = resolve));
  const chat: typeof plan.chat = (request, signal) => asked.then(() => plan.chat(request, signal));
  await start({ plannerChain: [{ ...plan, chat }] });
  const id = await swarm.submit();
  await becomes(missions('planning'), 1);
  answer();
  await swarm.ended(id);
  await becomes(missions('planning'), 0);
});

test('a mission that waits because the cap of the day is reached', async () => {
  await start({ agents: [agentSpec(AGENT, BARE)], chain: [spending(250, 0.5)] }, {}, { dailyCap: CAP });
  await swarm.ended(await swarm.submit());
  await swarm.submit();
  await becomes(missions('waiting_for_cap'), 1);
  expect(await process.value('ravenhelm_spent_today_tokens')).toBe(250);
});

test('a mission that a person has cancelled is ending while attempts are open', () => {
  const log = underWay();
  log.when(cancelRequested('wrong cluster'));
  const readings = missionReadings(log.state, createWaitingForPerson(), 0);
  const open = readings.filter(({ gauge, value }) => gauge === 'missions' && value > 0);
  expect(open).toEqual([{ gauge: 'missions', labels: { state: 'ending' }, value: 1 }]);
});

test('an own decision is timed until it is read back', async () => {
  await start({});
  await swarm.ended(await swarm.submit());
  expect(await process.value('ravenhelm_read_back_seconds_count{appender="coordination"}')).toBeGreaterThan(0);
});
