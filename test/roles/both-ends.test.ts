/** Missions whose numbers are at an end of their ranges work. Reading them is tested in test/ranges. */
import type { AgentSpec } from '../../src/domain/agent-spec.js';
import { RANGES } from '../../src/domain/ranges.js';
import type { ChatModel } from '../../src/ports/model.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const AGENT = 'cert_agent';
const FINISH = JSON.stringify({ thought: 'done', action: { finish: { summary: 'done', outputs: [] } } });
/** Finishes at once, and says that it has used so many tokens. */
const finishing = (tokens: number, worst: number): ChatModel => ({
  name: 'm',
  probe: async () => ({ usable: true }),
  worstCase: () => ({ tokens: worst, usd: 0 }),
  chat: async () => ({ text: FINISH, tokensIn: tokens, tokensOut: 0, costUsd: 0, promptTruncated: false }),
});

describe('a mission', () => {
  let swarm: RoleSwarm;
  afterEach(() => swarm.close());

  async function run(
    agent: Partial<AgentSpec>,
    request: Parameters<RoleSwarm['submit']>[0],
    chain?: readonly ChatModel[],
  ) {
    swarm = await createRoleSwarm({
      roster: [agentSpec(AGENT, agent)],
      ...(chain === undefined ? {} : { chain }),
    });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    return swarm.ended(await swarm.submit(request));
  }
  const most = {
    phase: RANGES['agent phase'].most,
    concurrency: RANGES['agent concurrency'].most,
    timeoutSeconds: RANGES['agent timeout_seconds'].most,
    maxSteps: RANGES['agent max_steps'].most,
  };
  const mostBudget = {
    usd: RANGES['mission budget.usd'].most,
    tokens: RANGES['mission budget.tokens'].most,
    minutes: RANGES['mission budget.minutes'].most,
  };

  test('with the largest of all numbers completes', async () => {
    const report = await run(most, { retries: RANGES['mission retries'].most, budget: mostBudget });
    expect(report).toMatchObject({ status: 'completed', tasks: [{ status: 'verified' }] });
  });

  test('counts the largest number of tokens exactly', async () => {
    const tokens = RANGES['mission budget.tokens'].most;
    const report = await run(most, { budget: mostBudget, retries: 0 }, [finishing(tokens, tokens)]);
    expect(report).toMatchObject({ status: 'completed', tokens });
  });

  test('with the least retries, phase, concurrency and number of steps completes in one step', async () => {
    const least = {
      phase: RANGES['agent phase'].least,
      concurrency: RANGES['agent concurrency'].least,
      maxSteps: RANGES['agent max_steps'].least,
    };
    const report = await run(least, { retries: RANGES['mission retries'].least }, [finishing(1, 1)]);
    expect(report).toMatchObject({ status: 'completed', tasks: [{ status: 'verified', steps: 1 }] });
  });

  test('with the least tokens completes where its model uses no more, and says so where it may use more', async () => {
    const budget = { usd: null, tokens: RANGES['mission budget.tokens'].least, minutes: null };
    expect(await run({}, { budget }, [finishing(1, 1)])).toMatchObject({ status: 'completed', tokens: 1 });
    await swarm.close();
    const failed = await run({}, { budget, retries: 0 }, [finishing(2, 2)]);
    expect(failed).toMatchObject({ status: 'failed', reason: expect.stringContaining('2 tokens of 1') });
  });

  test('with the least time has it: one that takes longer says so', async () => {
    const timeoutSeconds = RANGES['agent timeout_seconds'].least;
    expect(await run({ timeoutSeconds }, { retries: 0 }, [finishing(1, 1)])).toMatchObject({ status: 'completed' });
    await swarm.close();
    const slow: ChatModel = {
      ...finishing(1, 1),
      chat: (_, signal) =>
        new Promise((__, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
    };
    const failed = await run({ timeoutSeconds }, { retries: 0 }, [slow]);
    expect(failed.status).toBe('failed');
    expect(failed.reason).toContain('m had not replied after 1 s');
  });
});
