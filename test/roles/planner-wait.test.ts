import { planningModel, unreachableAtFirst } from '../support/planning-model.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

const roster = [agentSpec('cert_agent')];
const model = planningModel('openai:planner', [['cert_agent']]);
const SOON = { plannerBackoff: { baseMs: 20, maxMs: 40 } };
/** No test waits for it: a retry that it begins means that the wait was not taken over. */
const NEVER = { plannerBackoff: { baseMs: 1e9, maxMs: 1e9 } };

describe('a mission without a plan', () => {
  test('waits until its planner can be reached, says so, and runs what the planner says', async () => {
    const planner = unreachableAtFirst(model, 3);
    const swarm = await createRoleSwarm({ roster, plannerChain: [planner] });
    await swarm.startOrchestrator(SOON);
    await swarm.startWorker();
    const id = await swarm.submit();
    expect(await swarm.ended(id)).toMatchObject({
      status: 'completed',
      planner_wait: null,
      tasks: [{ status: 'verified', playbook: 'work', planned_by: 'openai:planner' }],
    });
    expect(planner.calls()).toBe(4);
    const waits = swarm.events.flatMap((event) => (event.event_type === 'plan_failed' ? [event.payload] : []));
    expect(waits.map(({ revision, code }) => [revision, code])).toEqual([
      [1, 'planner_unreachable'],
      [2, 'planner_unreachable'],
      [3, 'planner_unreachable'],
    ]);
    for (const { retry_in_ms, error } of waits) {
      expect(retry_in_ms).toBeGreaterThanOrEqual(0);
      expect(retry_in_ms).toBeLessThanOrEqual(40);
      expect(error).toContain('openai:planner: connection refused');
    }
  });

  test('waits on when another orchestrator takes over, and is planned once', async () => {
    const planner = unreachableAtFirst(model, 2);
    const swarm = await createRoleSwarm({ roster, plannerChain: [planner] });
    const first = await swarm.startOrchestrator(SOON);
    await swarm.startWorker();
    const id = await swarm.submit();
    await swarm.until(() => swarm.eventsOf('plan_failed').length > 0);
    await first.kill();
    expect(swarm.view.report(id)?.planner_wait?.calls).toBeGreaterThanOrEqual(1);
    await swarm.startOrchestrator(SOON);
    expect((await swarm.ended(id)).status).toBe('completed');
    expect(swarm.eventsOf('plan_approved')).toHaveLength(1);
  });

  test('fails with the code planner_unreachable when it has waited long enough', async () => {
    const swarm = await createRoleSwarm({ roster, plannerChain: [unreachableAtFirst(model, 1e9)] });
    await swarm.startOrchestrator({ ...SOON, plannerWaitMs: 100 });
    const id = await swarm.submit();
    expect(await swarm.ended(id)).toMatchObject({
      status: 'failed',
      code: 'planner_unreachable',
      reason: expect.stringContaining('openai:planner: connection refused'),
      tasks: [],
    });
    expect(swarm.eventsOf('plan_failed').length).toBeGreaterThan(1);
  });

  test('asks a person where it says so, when half of its time is used up', async () => {
    const swarm = await createRoleSwarm({ roster, plannerChain: [unreachableAtFirst(model, 1)] });
    await swarm.startOrchestrator(NEVER);
    await swarm.startWorker();
    const id = await swarm.submit({ on_failure: 'ask', budget: { usd: null, tokens: null, minutes: 0.05 } });
    await swarm.until(() => swarm.view.report(id)?.status === 'needs_attention');
    await swarm.append(
      swarm.createEvent({
        type: 'attention_answered',
        from: 'ann',
        missionId: id,
        payload: { mission_id: id, number: 1, answer: 'it is up again', answered_by: 'ann', signed: null },
      }),
      id,
      0,
    );
    expect((await swarm.ended(id)).status).toBe('completed');
  });

  test('fails with the code no_planner where no planner model is configured; nothing runs', async () => {
    const swarm = await createRoleSwarm({ roster, plannerChain: [] });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const id = await swarm.submit();
    expect(await swarm.ended(id)).toMatchObject({
      status: 'failed',
      code: 'no_planner',
      reason: expect.stringMatching(/plan:.*planner: order.*PLANNER_MODELS/),
      tasks: [],
    });
    expect(swarm.eventsOf('task_assigned')).toEqual([]);
  });

  test('gets the declared order where it asks for it, though a planner model is there', async () => {
    const planner = unreachableAtFirst(model, 0);
    const swarm = await createRoleSwarm({ roster, plannerChain: [planner] });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const id = await swarm.submit({ planner: 'order' });
    expect(await swarm.ended(id)).toMatchObject({ status: 'completed', tasks: [{ planned_by: 'order' }] });
    expect(planner.calls()).toBe(0);
  });
});
