/** What a worker does with the policy's verdict on a call. */
import type { EventOf } from '../../src/domain/events.js';
import type { Policy } from '../../src/ports/policy.js';
import { policyOn } from '../support/asking-policy.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const AGENT = 'cert_agent';
const called = (swarm: RoleSwarm) =>
  swarm.events.filter((event): event is EventOf<'tool_called'> => event.event_type === 'tool_called');
const returned = (swarm: RoleSwarm) =>
  swarm.events.filter((event): event is EventOf<'tool_returned'> => event.event_type === 'tool_returned');

describe('a call that the policy stops', () => {
  let swarm: RoleSwarm;
  afterEach(() => swarm.close());

  const run = async (policy: Policy) => {
    swarm = await createRoleSwarm({ roster: [agentSpec(AGENT)], policy });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    return swarm.ended(await swarm.submit({ retries: 0 }));
  };

  test.each([
    ['deny', 'the policy denies it by the rule no-two (step 2 is not wanted)'],
    ['ask', 'after a person has approved it, by the rule no-two (step 2 is not wanted)'],
  ] as const)('%s: it is journaled with the rule, never started, and the model learns why', async (decision, words) => {
    const report = await run(policyOn('step 2', { decision, rule: 'no-two', reason: 'step 2 is not wanted' }));
    expect(report.status).toBe('failed');
    const all = called(swarm);
    const first = all.filter(({ payload }) => payload.attempt === 1 && payload.task_id === all[0]?.payload.task_id);
    expect(first.map(({ payload }) => [payload.step, payload.decision, payload.rule])).toEqual([
      [1, 'allow', 'default'],
      [2, decision, 'no-two'],
    ]);
    expect(swarm.ledger.starts.filter((start) => !start.endsWith('#1'))).toEqual([]);
    expect(returned(swarm).at(-1)?.payload).toMatchObject({ step: 2, outcome: 'refused', exit_code: null });
    expect(returned(swarm).at(-1)?.payload.observation).toContain(words);
  });

  test('a check that it stops runs neither before the first step nor at the end', async () => {
    const report = await run(policyOn('check', { decision: 'deny', rule: 'no-checks', reason: 'not wanted' }));
    expect(report.status).toBe('failed');
    expect(swarm.ledger.checks).toEqual([]);
    expect(swarm.ledger.before).toEqual([]);
    expect(called(swarm).findLast(({ payload }) => payload.tool === 'finish')?.payload).toMatchObject({
      decision: 'deny',
      rule: 'no-checks',
    });
  });

  test('calls that it allows run as without it', async () => {
    const report = await run(policyOn('nothing', { decision: 'deny', rule: 'x', reason: 'x' }));
    expect(report.status).toBe('completed');
    expect(called(swarm).map(({ payload }) => payload.decision)).toEqual(['allow', 'allow', 'allow', 'allow']);
  });
});
