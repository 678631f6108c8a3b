/** A mission that continues another one: what its attempts run, and in whose workspace, under whose fences. */
import { continuationOf } from '../../src/domain/continuation.js';
import type { AgentEvent, EventOf, Plan } from '../../src/domain/events.js';
import { WORKSPACE_OF } from '../../src/domain/requirements.js';
import type { MissionReport } from '../../src/domain/report.js';
import { planOf } from '../domain/support/mission-log.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';
import type { Behaviour } from '../support/scripted-tools.js';

const FIRST = 'deploy-first_agent-wave1';
const SECOND = 'deploy-second_agent-wave2';
/** The agents' playbooks do their work. */
function playbookPlan(...agents: readonly string[]): Plan {
  const plan = planOf(agents.map((agent) => [agent]));
  const waves = plan.waves.map((wave) => ({
    ...wave,
    tasks: wave.tasks.map((task) => ({ ...task, playbook: 'work' })),
  }));
  return { ...plan, waves };
}
const PLAN = playbookPlan('first_agent', 'second_agent');

describe('a mission that continues another one', () => {
  let swarm: RoleSwarm;
  let behaviour: Behaviour;
  afterEach(() => swarm.close());
  beforeEach(async () => {
    behaviour = () => 'ok';
    swarm = await createRoleSwarm({
      roster: ['first_agent', 'second_agent'].map((name) => agentSpec(name)),
      behaviour: (command, call) => behaviour(command, call),
      partitions: 4,
    });
    await swarm.startOrchestrator();
  });

  /** A mission of which the second task has failed. */
  async function halfDone(): Promise<string> {
    behaviour = (command) => (command === 'second_agent step 2' ? 'fail' : 'ok');
    const id = await swarm.submit({ plan: PLAN, retries: 0 });
    expect(await swarm.ended(id)).toMatchObject({ status: 'failed', tasks: [{ status: 'verified' }, {}] });
    behaviour = () => 'ok';
    return id;
  }

  async function retry(old: string, changed: Plan | null = null): Promise<MissionReport> {
    const mission = swarm.view.mission(old);
    if (mission === null) throw new Error(`no mission ${old}`);
    const { continues, plan } = continuationOf(mission, {
      again: new Set(),
      plan: changed,
      asOf: swarm.view.position(old),
    });
    swarm.ledger.starts.splice(0);
    swarm.ledger.checks.splice(0);
    swarm.ledger.baselines.splice(0);
    const workspace_of = mission.request.workspace_of ?? old;
    return swarm.ended(await swarm.submit({ plan, retries: 0, continues, workspace_of, requires: [WORKSPACE_OF] }));
  }

  const isOf =
    <T extends AgentEvent['event_type']>(type: T, id: string) =>
    (event: AgentEvent): event is EventOf<T> =>
      event.event_type === type && 'mission_id' in event.payload && event.payload.mission_id === id;
  /** As they were decided. */
  const assignmentsOf = (id: string) =>
    swarm.events.filter(isOf('task_assigned', id)).filter(({ payload }) => payload.source === null);
  /** Where a task of this mission is. */
  const partitionOf = (id: string, task: string) => {
    const topics = ['first_agent', 'second_agent'].map(swarm.topics.tasks);
    const found = swarm.records.filter(
      ({ topic, content }) =>
        topics.includes(topic) &&
        content.kind === 'event' &&
        isOf('task_assigned', id)(content.event) &&
        content.event.payload.task_id === task,
    );
    return [...new Set(found.map(({ partition }) => partition))];
  };
  const stepsOf = (place: string) => swarm.ledger.starts.filter((start) => start.startsWith(`${place}#`)).length;

  test('runs the checks of a carried task without its steps, then the others, in the old workspace', async () => {
    await swarm.startWorker();
    const old = await halfDone();
    const report = await retry(old);
    expect(report).toMatchObject({ status: 'completed', continues: old, workspace_of: old });
    expect(report.tasks).toMatchObject([
      { task_id: FIRST, status: 'verified', attempts: 2, carried: true, steps: 1 },
      { task_id: SECOND, status: 'verified', attempts: 2, carried: false },
    ]);
    expect(swarm.ledger.starts).toEqual([1, 2, 3].map((step) => `${old}/${SECOND}/2#${step}`));
    expect(swarm.ledger.checks).toEqual([`${old}/${FIRST}/2#1`, `${old}/${SECOND}/2#4`]);
    // The summary is that of the work, and its dependents receive it.
    expect(report.tasks[0]?.summary).toBe(swarm.view.report(old)?.tasks[0]?.summary);
  });

  test('runs a carried task again when a check of it fails, and says why', async () => {
    await swarm.startWorker();
    const old = await halfDone();
    let failures = 1;
    behaviour = (command) => (command === 'first_agent check' && failures-- > 0 ? 'fail' : 'ok');
    const report = await retry(old);
    expect(report).toMatchObject({
      status: 'completed',
      tasks: [
        { status: 'verified', attempts: 3, carried: false },
        { status: 'verified', attempts: 2 },
      ],
    });
    expect(stepsOf(`${old}/${FIRST}/2`)).toBe(0);
    expect(stepsOf(`${old}/${FIRST}/3`)).toBe(3);
    const [, again] = assignmentsOf(report.mission_id);
    expect(again?.payload).toMatchObject({ task_id: FIRST, attempt: 3, only: null, retry_count: 0 });
    expect(again?.payload.feedback).toContain('check done failed');
  });

  test('uses the fences of the old mission, in the partitions of its tasks', async () => {
    await swarm.startWorker();
    const old = await halfDone();
    expect(swarm.volume.fences.size).toBe(0);
    const report = await retry(old);
    const claims = new Map<string, number>(
      swarm.records.flatMap(({ content, offset, topic, partition }) =>
        content.kind === 'event' && content.event.event_type === 'partition_claimed'
          ? [[`${topic}/${partition}`, offset] as const]
          : [],
      ),
    );
    for (const [task, agent] of [
      [FIRST, 'first_agent'],
      [SECOND, 'second_agent'],
    ] as const) {
      expect(partitionOf(report.mission_id, task)).toEqual(partitionOf(old, task));
      const claim = claims.get(`${swarm.topics.tasks(agent)}/${partitionOf(old, task)[0]}`);
      expect(swarm.volume.fences.get(`${old}/${task}`)).toBe(claim);
    }
    expect([...swarm.volume.fences.keys()].some((key) => key.startsWith(report.mission_id))).toBe(false);
  });

  test.each<[string, Plan | null]>([
    ['the plan has the task', null],
    ['the changed plan does not have it', playbookPlan('first_agent')],
  ])('ends what a lost worker may still run before anything begins: %s', async (_, changed) => {
    const lost = await swarm.startWorker();
    behaviour = (command) => (command === 'second_agent step 2' ? 'hang' : 'ok');
    const old = await swarm.submit({ plan: PLAN, retries: 0 });
    await swarm.until(() => swarm.ledger.starts.includes(`${old}/${SECOND}/1#2`));
    await lost.kill();
    await swarm.append(
      swarm.createEvent({
        type: 'mission_cancel_requested',
        from: 'test',
        missionId: old,
        payload: { mission_id: old, requested_by: 'test', reason: 'it is stuck', signed: null },
      }),
      old,
    );
    await swarm.ended(old);
    behaviour = () => 'ok';
    await swarm.startWorker();
    const report = await retry(old, changed);
    expect(report.status).toBe('completed');
    const assigned = assignmentsOf(report.mission_id);
    expect(assigned.slice(0, 2).map(({ payload }) => [payload.task_id, payload.only])).toEqual([
      [SECOND, 'fence'],
      [FIRST, 'checks'],
    ]);
    expect(swarm.volume.fences.get(`${old}/${SECOND}`)).toBeGreaterThan(0);
    expect(stepsOf(`${old}/${SECOND}/2`)).toBe(0);
    expect(stepsOf(`${old}/${SECOND}/3`)).toBe(changed === null ? 3 : 0);
    // The proof is of the plan's tasks.
    expect(report.proof).toEqual({
      tasks: changed === null ? 2 : 1,
      verified: changed === null ? 2 : 1,
      held_before: 0,
      not_known: 0,
    });
  });

  test('ends what a lost worker may still run where the worker that took over never had the fence', async () => {
    const lost = await swarm.startWorker();
    behaviour = (command) => (command === 'second_agent step 2' ? 'hang' : 'ok');
    const waves = PLAN.waves.map((wave) => ({
      ...wave,
      tasks: wave.tasks.map((task) => ({ ...task, timeout_seconds: 10 })),
    }));
    const old = await swarm.submit({ plan: { ...PLAN, waves }, retries: 0 });
    await swarm.until(() => swarm.ledger.starts.includes(`${old}/${SECOND}/1#2`));
    swarm.volume.locked.add(`${old}/${SECOND}`);
    await lost.kill();
    await swarm.startWorker(undefined, undefined, { timings: { deadlineGraceMs: 10 } });
    expect(await swarm.ended(old)).toMatchObject({ status: 'failed', tasks: [{}, { status: 'failed', attempts: 1 }] });
    const failures = swarm.events.filter(isOf('task_failed', old)).map(({ payload }) => payload);
    expect(failures.map(({ code, steps, fenced }) => [code, steps, fenced])).toContainEqual(['timeout', 2, false]);
    swarm.volume.locked.clear();
    behaviour = () => 'ok';
    const report = await retry(old);
    expect(report.status).toBe('completed');
    expect(assignmentsOf(report.mission_id).map(({ payload }) => [payload.task_id, payload.only])).toEqual([
      [SECOND, 'fence'],
      [FIRST, 'checks'],
      [SECOND, null],
    ]);
  });
});
