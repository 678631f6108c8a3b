/** A worker that runs commands without a sandbox marks its events, and the report says which tasks it did. */
import type { AgentEvent } from '../../src/domain/events.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

const [A, B] = ['a_agent', 'b_agent'] as const;

describe('a worker without a sandbox', () => {
  test('marks every event that it writes, and no other process does', async () => {
    const swarm = await createRoleSwarm({ roster: [agentSpec(A)] });
    await swarm.startOrchestrator();
    await swarm.startWorker([A], undefined, { sandbox: 'off' });
    const report = await swarm.ended(await swarm.submit({ success: [{ name: 'whole', command: 'check all' }] }));
    const byWorker = ({ source_agent }: AgentEvent) => source_agent === A || source_agent === 'process-2';
    const marks = (events: readonly AgentEvent[]) => [...new Set(events.map(({ sandbox }) => sandbox))];
    const mine = swarm.events.filter(byWorker);
    expect(new Set(mine.map(({ event_type }) => event_type)).size).toBeGreaterThanOrEqual(9);
    expect(marks(mine)).toEqual(['off']);
    expect(marks(swarm.events.filter((event) => !byWorker(event)))).toEqual([null]);
    expect(report).toMatchObject({ sandbox_off: true, tasks: [{ sandbox_off: true }, { sandbox_off: true }] });
  });

  test('marks its own tasks in the report only', async () => {
    const swarm = await createRoleSwarm({ roster: [agentSpec(A), agentSpec(B)] });
    await swarm.startOrchestrator();
    await swarm.startWorker([A], undefined, { sandbox: 'off' });
    await swarm.startWorker([B]);
    const { tasks, sandbox_off } = await swarm.ended(await swarm.submit());
    expect(sandbox_off).toBe(true);
    expect(tasks.map(({ agent, sandbox_off: off }) => [agent, off])).toEqual([
      [A, true],
      [B, false],
    ]);
  });

  test("an orchestrator's mark says nothing about the tasks", async () => {
    const swarm = await createRoleSwarm({ roster: [agentSpec(A)] });
    await swarm.startOrchestrator({}, { sandbox: 'off' });
    await swarm.startWorker();
    expect(await swarm.ended(await swarm.submit())).toMatchObject({
      sandbox_off: false,
      tasks: [{ sandbox_off: false }],
    });
    expect(swarm.eventsOf('task_assigned').at(-1)).toMatchObject({ sandbox: 'off' });
  });

  test('is named by the result of the worker that takes its task over', async () => {
    const swarm = await createRoleSwarm({ roster: [agentSpec(A)] });
    await swarm.startOrchestrator();
    const hangs = (command: string) => (command.endsWith('step 2') ? 'hang' : 'ok');
    const first = await swarm.startWorker([A], hangs, { sandbox: 'off' });
    const id = await swarm.submit({ retries: 0 });
    await swarm.until(() => swarm.eventsOf('tool_called').length === 2);
    await first.kill();
    await swarm.startWorker([A], () => 'ok');
    await swarm.ended(id);
    const result = swarm.records.find(
      ({ topic, content }) =>
        topic === swarm.topics.coordination &&
        content.kind === 'event' &&
        /^task_(com|fai)/.test(content.event.event_type),
    );
    expect(result?.content).toMatchObject({ event: { sandbox: 'off', payload: { attempt: 1 } } });
    expect(swarm.eventsOf('tool_returned').map(({ sandbox }) => sandbox)).toContain(null);
  });
});
