/** A mission that a person pauses: its attempts end the step that runs, and wait; a resume continues them. */
import type { EventOf, EventType } from '../../src/domain/events.js';
import { agentSpec, createRoleSwarm, type RoleSwarm, type RunningWorker } from '../support/role-swarm.js';
import { policyThatAsks } from '../support/asking-policy.js';
import type { Behaviour } from '../support/scripted-tools.js';
import { planningModel } from '../support/planning-model.js';

const AGENT = 'cert_agent';

interface Start {
  readonly concurrency?: number;
  /** Of the worker. */
  readonly timings?: object;
}

describe('a paused mission', () => {
  let swarm: RoleSwarm;
  let id: string;
  let other: string;
  afterEach(() => swarm.close());

  const of = <T extends EventType>(type: T): readonly EventOf<T>[] =>
    swarm.events.filter((event): event is EventOf<T> => event.event_type === type);
  const by = (number: number) => ({ mission_id: id, number, requested_by: 'ann', signed: null });
  const pause = (number = 1) => {
    const payload = { ...by(number), reason: 'lunch' };
    return swarm.append(
      swarm.createEvent({ type: 'mission_pause_requested', from: 'ann', missionId: id, payload }),
      id,
    );
  };
  const resume = (number = 1) =>
    swarm.append(
      swarm.createEvent({ type: 'mission_resume_requested', from: 'ann', missionId: id, payload: by(number) }),
      id,
    );
  const stepsOf = (type: 'tool_called' | 'tool_returned') =>
    of(type).flatMap(({ payload }) => (payload.mission_id === id ? [payload.step] : []));
  const started = (step: number) => swarm.until(() => swarm.ledger.starts.some((each) => each.endsWith(`#${step}`)));
  const waits = () =>
    swarm.until(() => swarm.view.report(id)?.tasks[0]?.detail === 'waits before step 3: the mission is paused');

  let orchestrator: Awaited<ReturnType<RoleSwarm['startOrchestrator']>>;

  /** Its second step runs until it is released, the first time. */
  async function start({ concurrency = 4, timings = {} }: Start = {}): Promise<RunningWorker> {
    let calls = 0;
    const step2Hangs: Behaviour = (command) => (command.endsWith('step 2') && calls++ === 0 ? 'hang' : 'ok');
    swarm = await createRoleSwarm({ roster: [agentSpec(AGENT, { concurrency })], partitions: 1 });
    orchestrator = await swarm.startOrchestrator();
    const worker = await swarm.startWorker([AGENT], step2Hangs, { timings });
    id = await swarm.submit({ retries: 0 });
    await started(2);
    return worker;
  }

  /** Paused while its second step runs. */
  async function pausedInStep2(options?: Start): Promise<RunningWorker> {
    const worker = await start(options);
    await pause();
    await swarm.until(() => of('task_suspended').length === 2); // the decision, and the order in the task's partition
    // The worker has read the order when it accepts what follows it.
    other = await swarm.submit({ retries: 0 });
    await swarm.until(() => of('task_accepted').some(({ payload }) => payload.mission_id === other));
    return worker;
  }

  /** Paused while its second step runs, which then ends. */
  async function pausedAfterStep2(options?: Start): Promise<RunningWorker> {
    const worker = await pausedInStep2(options);
    worker.tools.release();
    await waits();
    return worker;
  }

  test('lets the running step end and begins no other, until it is resumed', async () => {
    await pausedAfterStep2();
    await swarm.until(() => stepsOf('tool_returned').length === 2); // in another topic than what says that it waits
    expect(stepsOf('tool_called')).toEqual([1, 2]);
    expect(swarm.view.report(id)).toMatchObject({ status: 'paused', pause: { by: 'ann', reason: 'lunch' } });
    await resume();
    expect((await swarm.ended(id)).status).toBe('completed');
    expect(stepsOf('tool_called')).toEqual([1, 2, 3, 4]);
    const attempts = of('task_assigned').filter(({ payload }) => payload.mission_id === id && payload.source === null);
    expect(attempts).toHaveLength(1);
    expect(swarm.ledger.starts.filter((each) => each.startsWith(id) && each.endsWith('#2'))).toHaveLength(1);
  });

  test('holds no slot: a task of another mission runs meanwhile', async () => {
    await pausedAfterStep2({ concurrency: 1 });
    await swarm.until(() => swarm.ledger.starts.some((each) => each.startsWith(other) && each.endsWith('#1')));
    expect(stepsOf('tool_called')).toEqual([1, 2]);
  });

  test('survives a take-over of its worker and of its orchestrator', async () => {
    const worker = await pausedAfterStep2();
    await worker.kill();
    await orchestrator.kill();
    await swarm.startWorker([AGENT], () => 'ok');
    await swarm.startOrchestrator();
    const third = await swarm.submit({ retries: 0 });
    expect((await swarm.ended(third)).status).toBe('completed');
    expect(stepsOf('tool_called')).toEqual([1, 2]);
    expect(swarm.view.report(id)?.status).toBe('paused');
    await resume();
    expect((await swarm.ended(id)).status).toBe('completed');
    expect(stepsOf('tool_called')).toEqual([1, 2, 3, 4]);
  });

  test('waits across a restart of every process', async () => {
    const worker = await pausedAfterStep2();
    await worker.role.stop(0);
    await orchestrator.role.stop(0);
    await swarm.startOrchestrator();
    await swarm.startWorker([AGENT], () => 'ok');
    const third = await swarm.submit({ retries: 0 });
    expect((await swarm.ended(third)).status).toBe('completed');
    expect(stepsOf('tool_called')).toEqual([1, 2]);
    await resume();
    expect((await swarm.ended(id)).status).toBe('completed');
  });

  test('keeps no attempt open without end: it ends, and another one follows when the mission is resumed', async () => {
    const worker = await pausedInStep2({ timings: { suspendedMs: 1 } });
    worker.tools.release();
    await swarm.until(() => of('task_failed').length > 0);
    expect(of('task_failed')[0]?.payload).toMatchObject({ code: 'paused', attempt: 1, steps: 2, retriable: true });
    await swarm.until(() => swarm.view.report(id)?.tasks[0]?.status === 'waiting');
    expect(swarm.view.report(id)?.status).toBe('paused');
    await resume();
    expect((await swarm.ended(id)).status).toBe('completed');
    expect(swarm.view.report(id)?.tasks[0]?.attempts).toBe(2);
  });

  test('in which a call waits for a person takes the answer, and runs the call when it is resumed', async () => {
    swarm = await createRoleSwarm({
      roster: [agentSpec(AGENT)],
      partitions: 1,
      policy: policyThatAsks('step 2'),
      askMs: 3_600_000,
    });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    id = await swarm.submit({ retries: 0 });
    await swarm.until(() => of('task_paused').length > 0);
    await pause();
    await swarm.until(() => of('task_suspended').length === 2);
    const [call] = of('task_paused');
    if (call === undefined) throw new TypeError('a call waits');
    const { task_id, attempt, approval_id, digest } = call.payload;
    const said = { approved: true, reason: '', answered_by: 'ann', answered_at: Date.now() };
    const payload = {
      mission_id: id,
      task_id,
      attempt,
      approval_id,
      digest,
      ...said,
      signature: null,
      key_id: null,
      cluster: null,
    };
    await swarm.append(swarm.createEvent({ type: 'call_answered', from: 'ann', missionId: id, payload }), id);
    await swarm.until(() => of('call_decided').length === 2); // the decision, and its order
    other = await swarm.submit({ retries: 0 });
    await swarm.until(() => of('task_paused').some(({ payload }) => payload.mission_id === other));
    expect(stepsOf('tool_called')).toEqual([1]);
    expect(swarm.view.report(id)?.status).toBe('paused');
    await resume();
    expect((await swarm.ended(id)).status).toBe('completed');
    expect(stepsOf('tool_called')).toEqual([1, 2, 3, 4]);
  });

  test('is cancelled while it is paused', async () => {
    await pausedAfterStep2();
    const payload = { mission_id: id, requested_by: 'ann', reason: 'enough', signed: null };
    await swarm.append(
      swarm.createEvent({ type: 'mission_cancel_requested', from: 'ann', missionId: id, payload }),
      id,
    );
    expect((await swarm.ended(id)).status).toBe('cancelled');
    expect(stepsOf('tool_called')).toEqual([1, 2]);
  });

  test('before its plan is made calls no planner, and calls it when it is resumed', async () => {
    const plannerChain = [planningModel('planner', [[AGENT]])];
    swarm = await createRoleSwarm({ roster: [agentSpec(AGENT)], plannerChain });
    id = await swarm.submit({ planner: null });
    await pause();
    await swarm.startOrchestrator();
    await swarm.startWorker();
    other = await swarm.submit({ planner: 'order' });
    expect((await swarm.ended(other)).status).toBe('completed');
    expect(of('plan_requested').filter(({ payload }) => payload.mission_id === id)).toEqual([]);
    await resume();
    expect((await swarm.ended(id)).status).toBe('completed');
    expect(of('plan_requested').filter(({ payload }) => payload.mission_id === id)).toHaveLength(1);
  });
});
