/** What a mission has cost, beside the same tokens at the planner's price: in its last event, report and metrics. */
import { reportText } from '../../src/cli/report-text.js';
import { continuationOf } from '../../src/domain/continuation.js';
import type { Plan } from '../../src/domain/events.js';
import type { MissionReport } from '../../src/domain/report.js';
import { WORKSPACE_OF } from '../../src/domain/requirements.js';
import { noMetrics, type MissionEnd } from '../../src/ports/metrics.js';
import type { ChatModel, ModelPrice } from '../../src/ports/model.js';
import { createPrometheus } from '../../src/telemetry/prometheus.js';
import { planOf } from '../domain/support/mission-log.js';
import { planningModel } from '../support/planning-model.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';
import type { Behaviour } from '../support/scripted-tools.js';

const AGENTS = ['cert_agent', 'env_agent'];
const OPUS = { input: 4, output: 20 };

/** A plan of two waves for 1,000 tokens of a prompt and 500 of a reply. */
function planner(name: string, price?: ModelPrice): ChatModel {
  const model = planningModel(
    name,
    AGENTS.map((agent) => [agent]),
  );
  return {
    ...model,
    ...(price === undefined ? {} : { price }),
    chat: async (request, signal) => ({
      ...(await model.chat(request, signal)),
      ...{ tokensIn: 1_000, tokensOut: 500, costUsd: 0.014 },
    }),
  };
}

/** Each task takes one reply. */
const worker: ChatModel = {
  name: 'openai:small',
  price: { input: 0.2, output: 1 },
  probe: async () => ({ usable: true }),
  worstCase: () => ({ tokens: 2_500, usd: 0.01 }),
  chat: async () => ({
    text: JSON.stringify({ thought: 'done', action: { finish: { summary: 'done', outputs: [] } } }),
    ...{ tokensIn: 2_000, tokensOut: 100, costUsd: 0.0005, promptTruncated: false },
  }),
};

const checked = (): Plan => {
  const plan = planOf(AGENTS.map((agent) => [agent]));
  const waves = plan.waves.map((wave) => ({
    ...wave,
    tasks: wave.tasks.map((task) => ({ ...task, acceptance: [{ name: 'done', command: `${task.agent} check` }] })),
  }));
  return { ...plan, waves };
};

const shown = (report: MissionReport) =>
  reportText(report, { colors: false, columns: null, nowMs: 0, command: null })
    .split('\n')
    .filter((line) => line.startsWith('cost: '));

describe("a mission's cost beside the planner's price", () => {
  let swarm: RoleSwarm;
  let behaviour: Behaviour;
  const counted: (number | null)[][] = [];
  afterEach(() => swarm.close());

  async function start(plannerChain: readonly ChatModel[]): Promise<void> {
    behaviour = () => 'ok';
    counted.length = 0;
    swarm = await createRoleSwarm({
      roster: AGENTS.map((name) => agentSpec(name)),
      chain: [worker],
      plannerChain,
      behaviour: (command, call) => behaviour(command, call),
      partitions: 1,
    });
    const missionEnded = ({ costUsd, atPlannerPriceUsd }: MissionEnd) =>
      void counted.push([costUsd, atPlannerPriceUsd]);
    await swarm.startOrchestrator({}, { metrics: { ...noMetrics, missionEnded } });
    await swarm.startWorker();
  }

  test('has the planner and every task, to the cent', async () => {
    await start([planner('anthropic:opus', OPUS)]);
    const report = await swarm.ended(await swarm.submit());
    expect(report.cost_usd).toBeCloseTo(0.015, 9);
    expect(report.at_planner_price).toEqual({
      model: 'anthropic:opus',
      ...{ usd_per_million_in: 4, usd_per_million_out: 20, tokens_in: 5_000, tokens_out: 700, unmeasured: 0 },
      usd: 0.034, // (5000 × 4 + 700 × 20) / 1,000,000
    });
    expect(report.tokens).toBe(5_700);
    expect(shown(report)).toEqual(["cost: $0.01; the same tokens at anthropic:opus's price: about $0.03 (estimate)"]);
    await swarm.until(() => counted.length > 0);
    expect(counted).toEqual([[report.cost_usd, 0.034]]);
  });

  test("of a person's plan is that at the price of the first planner model, which is not asked", async () => {
    await start([planner('anthropic:opus', OPUS), planner('openai:other', { input: 1, output: 1 })]);
    const report = await swarm.ended(await swarm.submit({ plan: checked() }));
    expect(report.at_planner_price).toMatchObject({ model: 'anthropic:opus', tokens_in: 4_000, tokens_out: 200 });
    expect(report.at_planner_price?.usd).toBeCloseTo(0.02, 9);
  });

  test('says that there is no price, and nothing where there is no planner model', async () => {
    await start([planner('ollama:free')]);
    const free = await swarm.ended(await swarm.submit());
    expect(free.at_planner_price?.usd).toBeNull();
    expect(shown(free)).toEqual(["cost: $0.01; no estimate at the planner's price: no price for ollama:free"]);
    await swarm.close();
    await start([]);
    const none = await swarm.ended(await swarm.submit({ plan: checked() }));
    expect(none.at_planner_price).toBeNull();
    expect(shown(none)).toEqual([]);
    await swarm.until(() => counted.length > 0);
    expect(counted).toEqual([[none.cost_usd, null]]);
  });

  test('of a mission that continues another one has its own tokens only', async () => {
    await start([planner('anthropic:opus', OPUS)]);
    behaviour = (command) => (command === 'env_agent check' ? 'fail' : 'ok');
    const old = await swarm.submit({
      plan: checked(),
      retries: 0,
      budget: { usd: null, tokens: 15_000, minutes: null },
    });
    expect((await swarm.ended(old)).status).toBe('failed');
    behaviour = () => 'ok';
    const mission = swarm.view.mission(old);
    if (mission === null) throw new TypeError('the mission has ended and is known');
    const { continues, plan } = continuationOf(mission, {
      ...{ again: new Set<string>(), plan: null, asOf: swarm.view.position(old) },
    });
    const report = await swarm.ended(
      await swarm.submit({ plan, continues, workspace_of: old, requires: [WORKSPACE_OF] }),
    );
    expect(report.tasks.map(({ carried }) => carried)).toEqual([true, false]);
    expect(report.at_planner_price).toMatchObject({ tokens_in: 2_000, tokens_out: 100, unmeasured: 0, usd: 0.01 });
  });
});

test('metrics have the sums, and apart those of missions without an estimate', async () => {
  const { metrics, text } = createPrometheus({ version: '1.2.3', readings: () => [] });
  const end = { status: 'completed', durationMs: 1_000 } as const;
  metrics.missionEnded({ ...end, costUsd: 0.25, atPlannerPriceUsd: 5 });
  metrics.missionEnded({ ...end, costUsd: 0.5, atPlannerPriceUsd: 2.5 });
  metrics.missionEnded({ ...end, costUsd: 1, atPlannerPriceUsd: null });
  const lines = (await text()).split('\n');
  expect(lines).toContain('ravenhelm_mission_cost_usd_total{estimate="yes"} 0.75');
  expect(lines).toContain('ravenhelm_mission_cost_usd_total{estimate="no"} 1');
  expect(lines).toContain('ravenhelm_mission_cost_at_planner_price_usd_total 7.5');
});
