/** A mission that uses the greater part of its budget: its orchestrator says so once, also across a take-over. */
import { eventLine } from '../../src/cli/event-line.js';
import { reportText } from '../../src/cli/report-text.js';
import type { EventOf } from '../../src/domain/events.js';
import type { ChatModel } from '../../src/ports/model.js';
import { planOf } from '../domain/support/mission-log.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const AGENTS = ['cert_agent', 'env_agent', 'proxy_agent', 'cache_agent'];
/** One wave after another. */
const PLAN = planOf(AGENTS.map((agent) => [agent]));

/** Each task takes one reply of 30 tokens, for 30 cents. */
const priced: ChatModel = {
  name: 'openai:priced',
  probe: async () => ({ usable: true }),
  worstCase: () => ({ tokens: 30, usd: 0.3 }),
  chat: async () => ({
    text: JSON.stringify({ thought: 'done', action: { finish: { summary: 'done', outputs: [] } } }),
    ...{ tokensIn: 20, tokensOut: 10, costUsd: 0.3, promptTruncated: false },
  }),
};

describe('a budget that is used', () => {
  let swarm: RoleSwarm;
  afterEach(() => swarm.close());
  const said = () =>
    swarm.events
      .filter((event): event is EventOf<'budget_used'> => event.event_type === 'budget_used')
      .map(({ payload: { budget, percent, used, limit } }) => [budget, percent, Number(used.toFixed(6)), limit]);
  const start = async () => {
    swarm = await createRoleSwarm({ roster: AGENTS.map((name) => agentSpec(name)), chain: [priced], partitions: 1 });
  };

  test('is said at 75 % and at 95 %, of each limit, in the log and to the readers', async () => {
    await start();
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const report = await swarm.ended(
      await swarm.submit({ plan: PLAN, budget: { usd: 1.25, tokens: 160, minutes: null } }),
    );
    expect(report.status).toBe('completed');
    expect(said()).toEqual([
      ['usd', 95, 1.2, 1.25],
      ['tokens', 75, 120, 160],
    ]);
    const lines = swarm.eventsOf('budget_used').map(eventLine);
    expect(lines[0]).toBe(`budget_used | orchestrator | ${report.mission_id} | 95 % of $1.25 ($1.20) is used`);
    const shown = reportText(report, { colors: false, columns: null, nowMs: 0, command: null });
    expect(shown).toContain('\nused: 95 % of $1.25 ($1.20), 75 % of 160 tokens (120)\n');
  });

  test('is not said again by an orchestrator that takes over, which says what is passed later', async () => {
    await start();
    const first = await swarm.startOrchestrator();
    await swarm.startWorker(['cert_agent', 'env_agent', 'proxy_agent']);
    const id = await swarm.submit({ plan: PLAN, budget: { usd: null, tokens: 120, minutes: null } });
    await swarm.until(() => swarm.view.report(id)?.tasks[2]?.status === 'unverified');
    await swarm.until(() => said().length === 1);
    await first.kill();
    await swarm.startOrchestrator();
    await swarm.startWorker(['cache_agent']);
    await swarm.ended(id);
    expect(said()).toEqual([
      ['tokens', 75, 90, 120],
      ['tokens', 95, 120, 120],
    ]);
  });

  test('of minutes is said when they have passed', async () => {
    await start();
    await swarm.startOrchestrator();
    const id = await swarm.submit({ plan: PLAN, budget: { usd: null, tokens: null, minutes: 0.01 } });
    const report = await swarm.ended(id);
    expect(report.reason).toContain('the budget of 0.01 minutes is used up');
    expect(said().at(-1)).toEqual(['minutes', 95, 0.0095, 0.01]);
    expect(report.budget_used).toMatchObject([{ budget: 'minutes', percent: 95 }]);
  });
});
