import type { AgentEvent, EventOf } from '../../src/domain/events.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const ROSTER = [agentSpec('cert_agent')];
/** A worker is missed soon; the orchestrator checks with each of its heartbeats. */
const TIMINGS = { withoutWorkerMs: 20, heartbeatMs: 20, silentMs: 2_000 };

const news = (swarm: RoleSwarm) =>
  swarm
    .eventsOf('task_progress')
    .filter(
      (event): event is EventOf<'task_progress'> =>
        event.event_type === 'task_progress' && event.source_agent === 'orchestrator',
    );
const report = (swarm: RoleSwarm, id: string) => swarm.view.report(id);

describe('a task whose agent no live worker serves', () => {
  let swarm: RoleSwarm;
  afterEach(() => swarm.close());

  test('says since when it waits, once, and takes it back when a worker is there', async () => {
    swarm = await createRoleSwarm({ roster: ROSTER });
    const beganMs = Date.now();
    await swarm.startOrchestrator(TIMINGS);
    const id = await swarm.submit();
    await swarm.until(() => report(swarm, id)?.unserved_agents.length === 1);
    const [agent] = report(swarm, id)?.unserved_agents ?? [];
    expect(agent).toMatchObject({ agent: 'cert_agent' });
    // Since the orchestrator has looked, for it has never seen one.
    expect(Date.parse(agent?.since ?? '')).toBeGreaterThanOrEqual(beganMs);
    expect(report(swarm, id)?.tasks[0]).toMatchObject({
      status: 'waiting',
      unserved_since: agent?.since,
      detail: expect.stringMatching(
        new RegExp(
          String.raw`^no live worker for cert_agent since \d\d:\d\d:\d\dZ; ` +
            'start one: npx ravenhelm --role worker --agents cert_agent$',
        ),
      ),
    });
    await swarm.startWorker();
    const ended = await swarm.ended(id);
    expect(ended).toMatchObject({ status: 'completed', unserved_agents: [] });
    expect(ended.tasks[0]?.unserved_since).toBeNull();
    expect(news(swarm).map(({ payload }) => payload.unserved_since === null)).toEqual([false, true]);
  });

  test('also when the worker dies while it runs: since its last sign of life', async () => {
    swarm = await createRoleSwarm({ roster: ROSTER });
    await swarm.startOrchestrator(TIMINGS);
    // It holds the step until it is killed.
    const worker = await swarm.startWorker(['cert_agent'], () => 'hang', { timings: { heartbeatMs: 20 } });
    const id = await swarm.submit();
    await swarm.until(() => report(swarm, id)?.tasks[0]?.status === 'running');
    expect(report(swarm, id)?.unserved_agents).toEqual([]);
    await worker.kill();
    await swarm.until(() => report(swarm, id)?.unserved_agents.length === 1);
    const lastSign =
      swarm
        .eventsOf('heartbeat')
        .filter((event: AgentEvent) => event.source_agent === 'process-2')
        .at(-1)?.timestamp ?? 0;
    const since = Date.parse(report(swarm, id)?.unserved_agents[0]?.since ?? '');
    expect(since).toBeGreaterThanOrEqual(lastSign);
    expect(report(swarm, id)?.tasks[0]).toMatchObject({
      status: 'running',
      unserved_since: new Date(since).toISOString(),
    });
    await swarm.startWorker();
    expect(await swarm.ended(id)).toMatchObject({ status: 'completed', unserved_agents: [] });
  });

  test('a new orchestrator does not call those silent whom it has not heard of yet', async () => {
    swarm = await createRoleSwarm({ roster: ROSTER });
    const first = await swarm.startOrchestrator(TIMINGS);
    const worker = await swarm.startWorker(['cert_agent'], () => 'hang', { timings: { heartbeatMs: 20 } });
    const id = await swarm.submit();
    await swarm.until(() => report(swarm, id)?.tasks[0]?.status === 'running');
    await first.kill();
    const heartbeats = swarm.eventsOf('heartbeat').length;
    await swarm.startOrchestrator({ ...TIMINGS, silentMs: 600_000 });
    await swarm.until(() => swarm.eventsOf('heartbeat').length > heartbeats + 20);
    expect(news(swarm)).toEqual([]);
    expect(report(swarm, id)?.tasks[0]?.status).toBe('running');
    await worker.kill();
  });
});

test("heartbeats tell the process's numbers and the steps that it has done", async () => {
  const swarm = await createRoleSwarm({ roster: ROSTER });
  await swarm.startOrchestrator();
  await swarm.startWorker(undefined, undefined, { timings: { heartbeatMs: 10 } });
  const { tasks } = await swarm.ended(await swarm.submit());
  const steps = tasks.reduce((total, task) => total + task.steps, 0);
  const done = () =>
    swarm
      .eventsOf('heartbeat')
      .some(
        (event) =>
          event.event_type === 'heartbeat' &&
          event.payload.steps_done === steps &&
          event.payload.memory_bytes === 1 &&
          event.payload.heap_used_bytes === 1,
      );
  await swarm.until(done);
  await swarm.close();
});
