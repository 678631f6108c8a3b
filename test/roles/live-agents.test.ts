/** Agents that come, change and go while the roles run. */
import { createLiveAgents, type ChangingAgents } from '../../src/agent/live-agents.js';
import type { EventOf, Plan, PlanTask } from '../../src/domain/events.js';
import { createPlaybookModel } from '../../src/models/playbook.js';
import type { ChatModel, ChatRequest } from '../../src/ports/model.js';
import type { ToolCall } from '../../src/ports/tools.js';
import { planOf } from '../domain/support/mission-log.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const CERT = agentSpec('cert_agent');
const MAIL = agentSpec('mail_agent');
const revised = (digest: string) =>
  agentSpec('cert_agent', {
    digest,
    playbooks: {
      work: {
        name: 'work',
        steps: [{ name: 'work', command: `${digest} step`, unless: null }],
        acceptance: [{ name: 'done', command: `${digest} check` }],
      },
    },
  });

/** One wave for each agent. */
const planFor = (...agents: readonly string[]): Plan => {
  const plan = planOf(agents.map((agent) => [agent]));
  const withPlaybook = (task: PlanTask) => ({ ...task, playbook: 'work' });
  return { ...plan, waves: plan.waves.map((wave) => ({ ...wave, tasks: wave.tasks.map(withPlaybook) })) };
};
const assigned = (swarm: RoleSwarm) => swarm.eventsOf('task_assigned') as readonly EventOf<'task_assigned'>[];

/** The playbook's model, which notes mission and system text of each turn. */
function notingModel(note: (text: string) => void): ChatModel {
  const model = createPlaybookModel();
  return {
    ...model,
    chat(request: ChatRequest, signal) {
      note(JSON.stringify([request.turn?.task.mission_id, request.messages]));
      return model.chat(request, signal);
    },
  };
}
const dayOf = (text: string) => /It is (\w+)\./.exec(text)?.[1];

describe('agents that change while the roles run', () => {
  let swarm: RoleSwarm;
  afterEach(() => swarm.close());

  /** Both roles with agents that a test changes; topics of cert_agent and mail_agent are there. */
  async function start(first: readonly ReturnType<typeof agentSpec>[], behaviour?: (command: string) => 'ok' | 'hang') {
    swarm = await createRoleSwarm({ roster: [CERT, MAIL], ...(behaviour === undefined ? {} : { behaviour }) });
    const agents: ChangingAgents = createLiveAgents(first, async () => undefined);
    await swarm.startOrchestrator({}, { roster: agents });
    const worker = await swarm.startWorker(undefined, undefined, { roster: agents, timings: { revisionMs: 200 } });
    return { agents, worker };
  }

  test('a mission for an agent that comes later waits, says for what, and completes', async () => {
    const { agents } = await start([CERT]);
    const id = await swarm.submit({ agents: ['cert_agent', 'mail_agent'] });
    await swarm.until(() => (swarm.view.report(id)?.planner_wait ?? null) !== null);
    expect(swarm.view.report(id)?.planner_wait).toMatchObject({
      code: 'unknown_agents',
      error: expect.stringContaining('does not know: mail_agent; put mail_agent.md where it reads its agents'),
    });
    agents.set([CERT, MAIL]);
    expect((await swarm.ended(id)).status).toBe('completed');
  });

  test('a planned task waits in the same way, while others of the mission run', async () => {
    const { agents } = await start([CERT]);
    const id = await swarm.submit({ plan: planFor('cert_agent', 'mail_agent') });
    await swarm.until(() => swarm.view.report(id)?.tasks[0]?.status === 'verified');
    await swarm.until(() => swarm.view.report(id)?.unserved_agents.length === 1);
    expect(swarm.view.report(id)).toMatchObject({
      status: 'running',
      unserved_agents: [{ agent: 'mail_agent', unknown: true }],
    });
    agents.set([CERT, MAIL]);
    expect(await swarm.ended(id)).toMatchObject({ status: 'completed', unserved_agents: [] });
  });

  test('what runs ends with the revision that it began with, and the next task has the new one', async () => {
    let running = false;
    const { agents, worker } = await start([revised('monday')], (command) =>
      command === 'monday step' && !running ? ((running = true), 'hang') : 'ok',
    );
    const first = await swarm.submit({ agents: ['cert_agent'] });
    await swarm.until(() => running);
    agents.set([revised('tuesday')]);
    const second = await swarm.submit({ agents: ['cert_agent'] });
    await swarm.until(() => assigned(swarm).some(({ payload }) => payload.agent_digest === 'tuesday'));
    worker.tools.release();
    const reports = [await swarm.ended(first), await swarm.ended(second)];
    expect(reports.map(({ status, tasks }) => [status, tasks[0]?.attempts])).toEqual([
      ['completed', 1],
      ['completed', 1],
    ]);
    expect(reports.map(({ tasks }) => tasks[0]?.checks.map(({ command }) => command))).toEqual([
      ['monday check'],
      ['tuesday check'],
    ]);
  });

  test('prompt and network of a changed file hold for the next attempt; the open one keeps its own', async () => {
    const prompts: string[] = [];
    const calls: ToolCall[] = [];
    const chain = [notingModel((text) => void prompts.push(text))];
    const host = (name: string) => ({ host: name, port: 443, addresses: [] });
    const monday = { ...revised('monday'), prompt: 'It is Monday.', network: [host('monday.example')] };
    const tuesday = { ...revised('tuesday'), prompt: 'It is Tuesday.', network: [host('tuesday.example')] };
    let running = false;
    swarm = await createRoleSwarm({
      roster: [CERT],
      chain,
      behaviour(command, call) {
        if (call !== undefined) calls.push(call);
        return command === 'monday step' && !running ? ((running = true), 'hang') : 'ok';
      },
    });
    const agents = createLiveAgents([monday], async () => undefined);
    await swarm.startOrchestrator({}, { roster: agents });
    const worker = await swarm.startWorker(undefined, undefined, { roster: agents });
    const first = await swarm.submit({ plan: planFor('cert_agent') });
    await swarm.until(() => running);
    agents.set([tuesday]);
    const second = await swarm.submit({ plan: planFor('cert_agent') });
    worker.tools.release();
    const reports = [await swarm.ended(first), await swarm.ended(second)];
    expect(reports.map(({ status }) => status)).toEqual(['completed', 'completed']);
    const hostsOf = (id: string) =>
      new Set(calls.filter(({ task }) => task.missionId === id).map(({ network }) => network?.hosts[0]?.host));
    expect([hostsOf(first), hostsOf(second)]).toEqual([new Set(['monday.example']), new Set(['tuesday.example'])]);
    const daysOf = (id: string) => new Set(prompts.filter((text) => text.includes(id)).map(dayOf));
    expect([daysOf(first), daysOf(second)]).toEqual([new Set(['Monday']), new Set(['Tuesday'])]);
  });

  test('an attempt that was queued before a change runs with the revision of its assignment', async () => {
    let running = false;
    const monday = { ...revised('monday'), concurrency: 1 };
    const { agents, worker } = await start([monday], (command) =>
      command === 'monday step' && !running ? ((running = true), 'hang') : 'ok',
    );
    const ids = [await swarm.submit({ agents: ['cert_agent'] }), await swarm.submit({ agents: ['cert_agent'] })];
    await swarm.until(() => running && swarm.eventsOf('task_accepted').length >= 2);
    agents.set([revised('tuesday')]);
    worker.tools.release();
    const reports = await Promise.all(ids.map((id) => swarm.ended(id)));
    expect(reports.map(({ tasks }) => [tasks[0]?.attempts, tasks[0]?.checks[0]?.command])).toEqual([
      [1, 'monday check'],
      [1, 'monday check'],
    ]);
  });

  test('a worker that reads a changed file later than the orchestrator waits for it instead of failing', async () => {
    swarm = await createRoleSwarm({ roster: [CERT] });
    const slow = createLiveAgents([revised('monday')], async () => slow.set([revised('tuesday')]));
    await swarm.startOrchestrator({}, { roster: [revised('tuesday')] });
    await swarm.startWorker(undefined, undefined, { roster: slow });
    const report = await swarm.ended(await swarm.submit({ retries: 0 }));
    expect(report).toMatchObject({ status: 'completed', tasks: [{ attempts: 1 }] });
  });

  test('a revision that does not come fails the attempt for a retry', async () => {
    swarm = await createRoleSwarm({ roster: [CERT] });
    await swarm.startOrchestrator({}, { roster: [revised('tuesday')] });
    const never = createLiveAgents([revised('monday')], async () => undefined);
    await swarm.startWorker(undefined, undefined, { roster: never, timings: { revisionMs: 100 } });
    const report = await swarm.ended(await swarm.submit({ retries: 0 }));
    expect(report).toMatchObject({ status: 'failed' });
    expect(report.reason).toContain('give the orchestrator and the workers of cert_agent the same file');
  });

  test('an agent whose file is gone is served until its attempts have ended, then its group is left', async () => {
    let running = false;
    const { agents, worker } = await start([CERT, MAIL], (command) =>
      command === 'cert_agent step 1' && !running ? ((running = true), 'hang') : 'ok',
    );
    const id = await swarm.submit({ plan: planFor('cert_agent') });
    await swarm.until(() => running);
    agents.set([MAIL]);
    expect(worker.role.health().held.some(({ topic }) => topic === swarm.topics.tasks('cert_agent'))).toBe(true);
    worker.tools.release();
    expect((await swarm.ended(id)).status).toBe('completed');
    const holdsCert = () => worker.role.health().held.some(({ topic }) => topic === swarm.topics.tasks('cert_agent'));
    await swarm.until(() => !holdsCert());
    expect(worker.role.health().missing).toEqual([]);
    const later = await swarm.submit({ plan: planFor('cert_agent') });
    await swarm.until(() => swarm.view.report(later)?.unserved_agents.length === 1);
    agents.set([CERT, MAIL]);
    expect((await swarm.ended(later)).status).toBe('completed');
  });

  test('more of its tasks run at once when the concurrency rises', async () => {
    let started = 0;
    const one = agentSpec('cert_agent', { digest: 'one', concurrency: 1 });
    const { agents, worker } = await start([one], (command) =>
      command === 'cert_agent step 1' ? ((started += 1), 'hang') : 'ok',
    );
    const ids = [
      await swarm.submit({ plan: planFor('cert_agent') }),
      await swarm.submit({ plan: planFor('cert_agent') }),
    ];
    await swarm.until(() => swarm.eventsOf('task_accepted').length >= 2 && started === 1);
    agents.set([{ ...one, concurrency: 2 }]);
    await swarm.until(() => started === 2);
    worker.tools.release();
    expect((await Promise.all(ids.map((id) => swarm.ended(id)))).map(({ status }) => status)).toEqual([
      'completed',
      'completed',
    ]);
  });
});

describe('holders of a mission with different agents', () => {
  let swarm: RoleSwarm;
  afterEach(() => swarm.close());

  const PLANS = { plan: planFor('cert_agent', 'mail_agent') };
  const waits = (id: string) => {
    const report = swarm.view.report(id);
    return report?.planner_wait?.code === 'unknown_agents' || report?.unserved_agents[0]?.unknown === true;
  };

  test.each([
    ['with a plan', PLANS],
    ['without one', { agents: ['cert_agent', 'mail_agent'] }],
  ])('an older roster lets a mission %s wait, and the next holder completes it', async (_, request) => {
    swarm = await createRoleSwarm({ roster: [CERT, MAIL] });
    const older = await swarm.startOrchestrator({}, { roster: [CERT] });
    await swarm.startWorker();
    const id = await swarm.submit(request);
    await swarm.until(() => waits(id));
    await older.kill();
    await swarm.startOrchestrator({}, { roster: [CERT, MAIL] });
    expect(await swarm.ended(id)).toMatchObject({ status: 'completed', unserved_agents: [], planner_wait: null });
  });

  test('an older roster that takes a mission over fails nothing of it either', async () => {
    let running = false;
    swarm = await createRoleSwarm({ roster: [CERT, MAIL] });
    const newer = await swarm.startOrchestrator({}, { roster: [CERT, MAIL] });
    const worker = await swarm.startWorker(undefined, (command) =>
      command === 'cert_agent step 1' && !running ? ((running = true), 'hang') : 'ok',
    );
    const id = await swarm.submit({ ...PLANS, retries: 0 });
    await swarm.until(() => running);
    await newer.kill();
    const older = await swarm.startOrchestrator({}, { roster: [CERT] });
    worker.tools.release();
    await swarm.until(() => waits(id) && swarm.view.report(id)?.tasks[0]?.status === 'verified');
    expect(swarm.view.report(id)).toMatchObject({ status: 'running', tasks: [{}, { attempts: 0 }] });
    await older.kill();
    await swarm.startOrchestrator({}, { roster: [CERT, MAIL] });
    expect((await swarm.ended(id)).status).toBe('completed');
  });

  test.each([
    ['with a plan', PLANS],
    ['without one', { agents: ['mail_agent'] }],
  ])('the wait of a mission %s ends with its minutes, with a code and what to do', async (_, request) => {
    swarm = await createRoleSwarm({ roster: [CERT, MAIL] });
    await swarm.startOrchestrator({}, { roster: [CERT] });
    await swarm.startWorker(['cert_agent']);
    const id = await swarm.submit({ ...request, budget: { usd: null, tokens: null, minutes: 0.02 } });
    expect(await swarm.ended(id)).toMatchObject({
      status: 'failed',
      code: 'unknown_agents',
      reason:
        'the budget of 0.02 minutes is used up; it needs agents that the orchestrator does not have (mail_agent); ' +
        'put mail_agent.md where the orchestrator and a worker read their agents, then submit the mission again',
    });
  });

  test('a mission whose agent no live worker serves ends with its minutes in the same way', async () => {
    swarm = await createRoleSwarm({ roster: [CERT, MAIL] });
    await swarm.startOrchestrator({ withoutWorkerMs: 20, heartbeatMs: 20, silentMs: 2_000 });
    await swarm.startWorker(['cert_agent']);
    const id = await swarm.submit({ ...PLANS, budget: { usd: null, tokens: null, minutes: 0.02 } });
    expect(await swarm.ended(id)).toMatchObject({
      status: 'failed',
      code: 'no_worker',
      reason: expect.stringContaining(
        'no live worker serves mail_agent; start one (npx ravenhelm --role worker --agents mail_agent)',
      ),
    });
  });
});
