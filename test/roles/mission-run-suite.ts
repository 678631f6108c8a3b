import { createCoordinationView } from '../../src/domain/coordination-view.js';
import { createPlaybookModel } from '../../src/models/playbook.js';
import type { CircuitListener, CircuitNews } from '../../src/ports/circuits.js';
import type { Log } from '../../src/ports/log.js';
import { ModelError, type ChatModel } from '../../src/ports/model.js';
import { planningModel } from '../support/planning-model.js';
import { policyThatAsks } from '../support/asking-policy.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

/** Gives each test a new log, or a new prefix on a shared one. */
export interface LogUnderTest {
  open(): Promise<{ readonly log: Log; readonly prefix: string }>;
  close(log: Log): Promise<void>;
}

const roster = [agentSpec('cert_agent'), agentSpec('proxy_agent', { dependsOn: ['cert_agent'], phase: 2 })];
const success = [{ name: 'platform is whole', command: 'check all' }];

/** What the roles promise on any log. */
export function missionRunSuite(logUnderTest: LogUnderTest): void {
  let swarm: RoleSwarm;
  let log: Log;
  const create = async (options: Omit<Parameters<typeof createRoleSwarm>[0], 'log' | 'prefix'>) => {
    const opened = await logUnderTest.open();
    log = opened.log;
    return createRoleSwarm({ ...options, ...opened });
  };
  afterEach(async () => {
    await swarm.close();
    await logUnderTest.close(log);
  });

  test('runs in waves and completes when every check has passed', async () => {
    swarm = await create({ roster });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const report = await swarm.ended(await swarm.submit({ success }));
    expect(report.status).toBe('completed');
    expect(report.tasks.map((task) => [task.task_id, task.status, task.steps])).toEqual([
      ['deploy-cert_agent-wave1', 'verified', 4],
      ['deploy-proxy_agent-wave2', 'verified', 4],
      ['verify-proxy_agent-wave3', 'verified', 1],
    ]);
    expect(report.success.map((check) => check.exit_code)).toEqual([0]);
    expect(new Set(swarm.ledger.starts).size).toBe(swarm.ledger.starts.length);
  });

  test('shows watchers everything that the original events show', async () => {
    swarm = await create({ roster });
    const worker = await swarm.startWorker();
    await swarm.startOrchestrator();
    const holds = () =>
      swarm.events.some((event) => event.event_type === 'heartbeat' && event.payload.partitions.length === 4);
    await swarm.until(holds);
    const id = await swarm.submit();
    await swarm.until(() => swarm.eventsOf('squad_ready').length > 0);
    await swarm.ended(id);
    await worker.role.stop(1000);
    await swarm.until(() => swarm.eventsOf('service_stopped').length > 0);
    const seen = new Set(swarm.events.map((event) => event.event_type));
    for (const type of [
      'service_starting',
      'service_ready',
      'squad_ready',
      'heartbeat',
      'task_accepted',
      'task_started',
      'task_progress',
      'dependency_required',
      'dependency_satisfied',
      'request_status',
      'status_report',
    ] as const) {
      expect(seen).toContain(type);
    }
  });

  test('reports every skipped model, the planner’s too, and continues', async () => {
    const gone: ChatModel = {
      name: 'ollama:llama3.1',
      probe: async () => ({ usable: true }),
      worstCase: () => ({ tokens: 0, usd: 0 }),
      chat: async () => {
        throw new ModelError('unreachable', 'ollama:llama3.1: connection refused');
      },
    };
    swarm = await create({
      roster,
      chain: [gone, createPlaybookModel()],
      plannerChain: [gone, planningModel('openai:there', [['cert_agent'], ['proxy_agent']])],
    });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const id = await swarm.submit();
    expect((await swarm.ended(id)).status).toBe('completed');
    const common = {
      mission_id: id,
      from_model: 'ollama:llama3.1',
      reason: 'connection refused',
      cause: 'unreachable',
    };
    const ofTask = (agent: string, task_id: string) => ({
      ...common,
      task_id,
      attempt: 1,
      step: 1,
      revision: null,
      agent,
      to_model: 'playbook',
    });
    expect(swarm.eventsOf('model_failed_over').map(({ payload }) => payload)).toEqual([
      { ...common, task_id: null, attempt: null, step: null, revision: 1, agent: 'planner', to_model: 'openai:there' },
      ofTask('cert_agent', 'deploy-cert_agent-wave1'),
      ofTask('proxy_agent', 'deploy-proxy_agent-wave2'),
    ]);
    // Watchers show what counts.
    const view = createCoordinationView();
    const counted = swarm.records
      .filter(({ topic }) => topic === swarm.topics.coordination)
      .flatMap(({ partition, offset, timestampMs, content }) =>
        content.kind === 'event' ? (view.apply(partition, { offset, timestampMs, event: content.event }) ?? []) : [],
      );
    expect(counted.filter((event) => event.event_type === 'model_failed_over')).toHaveLength(3);
    expect(
      swarm.records.filter(
        ({ topic, content }) =>
          content.kind === 'event' &&
          content.event.event_type === 'model_failed_over' &&
          topic !== swarm.topics.coordination,
      ),
    ).toEqual([]);
    expect(swarm.records.filter(({ topic }) => topic === swarm.topics.deadLetters)).toEqual([]);
  });

  test.each(['worker', 'orchestrator'] as const)(
    'the status topic shows each change of a circuit breaker, until its %s has stopped',
    async (kind) => {
      const listeners = new Set<CircuitListener>();
      const circuits: CircuitNews = {
        subscribe(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      };
      swarm = await create({ roster, circuits });
      const { role } = kind === 'worker' ? await swarm.startWorker() : await swarm.startOrchestrator();
      const change = {
        endpoint: 'ollama at http://x',
        model: 'ollama:llama3.1',
        from: 'closed',
        to: 'open',
        reason: 'connection refused',
        failures: 5,
      } as const;
      for (const listener of listeners) listener({ ...change, openMs: 20_000 });
      await swarm.until(() => swarm.eventsOf('circuit_changed').length > 0);
      const told = swarm.records.find(
        ({ content }) => content.kind === 'event' && content.event.event_type === 'circuit_changed',
      );
      expect(told).toMatchObject({
        topic: swarm.topics.status,
        key: 'process-1',
        content: { event: { payload: { ...change, worker_id: 'process-1', open_ms: 20_000 } } },
      });
      await role.stop(0);
      expect(listeners.size).toBe(0);
    },
  );

  test('a worker that cannot do its work says so', async () => {
    swarm = await create({ roster, degradedReason: 'the sandbox cannot be built' });
    await swarm.startWorker();
    await swarm.until(() =>
      swarm.events.some(
        (event) =>
          event.event_type === 'service_unhealthy' && event.payload.error_message === 'the sandbox cannot be built',
      ),
    );
  });

  test('a task without a live worker waits and says so, and runs once there is one', async () => {
    swarm = await create({ roster });
    await swarm.startOrchestrator({ withoutWorkerMs: 20, acceptMs: 40 });
    const id = await swarm.submit();
    await swarm.until(
      () => swarm.view.report(id)?.tasks[0]?.detail.startsWith('no live worker for cert_agent') ?? false,
    );
    expect(swarm.view.report(id)?.tasks[0]?.status).toBe('waiting');
    await swarm.startWorker();
    const report = await swarm.ended(id);
    expect(report.status).toBe('completed');
    expect(swarm.eventsOf('task_failed')).toEqual([]);
  });

  test('a failing task is tried again, then the planner is asked once, and the next wave never starts', async () => {
    swarm = await create({ roster, behaviour: (command) => (command.startsWith('cert_agent step 2') ? 'fail' : 'ok') });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const report = await swarm.ended(await swarm.submit({ retries: 1 }));
    expect(report.status).toBe('failed');
    expect(report.reason).toContain('deploy-cert_agent-wave');
    expect(swarm.eventsOf('plan_requested')).toHaveLength(2);
    expect(swarm.eventsOf('task_started').every((event) => event.source_agent === 'cert_agent')).toBe(true);
  });

  test('a mission that asks continues with the answer, which its agents receive', async () => {
    let fixed = false;
    swarm = await create({
      roster,
      behaviour: (command) => (command.startsWith('cert_agent step 2') && !fixed ? 'fail' : 'ok'),
    });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const id = await swarm.submit({ retries: 1, on_failure: 'ask' });
    await swarm.until(() => swarm.view.report(id)?.status === 'needs_attention');
    expect(swarm.eventsOf('task_retry_scheduled')).toHaveLength(2);
    fixed = true;
    await swarm.append(
      swarm.createEvent({
        type: 'attention_answered',
        from: 'person',
        missionId: id,
        payload: { mission_id: id, number: 1, answer: 'it is fixed', answered_by: 'person', signed: null },
      }),
      id,
    );
    expect((await swarm.ended(id)).status).toBe('completed');
    const answers = swarm.events.flatMap((event) =>
      event.event_type === 'task_assigned' && event.payload.agent === 'cert_agent' ? [event.payload.answer] : [],
    );
    expect(answers.at(-1)).toBe('it is fixed');
  });

  test('waits for approval, and a rejection leads to another plan', async () => {
    swarm = await create({ roster });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const id = await swarm.submit({ approval: 'approval' });
    await swarm.until(() => swarm.view.report(id)?.status === 'waiting_for_approval');
    await swarm.append(
      swarm.createEvent({
        type: 'plan_rejected',
        from: 'person',
        missionId: id,
        payload: {
          mission_id: id,
          revision: 1,
          rejected_by: 'person',
          reason: 'too early',
          signed: null,
          plan_digest: null,
        },
      }),
      id,
    );
    await swarm.until(() => swarm.view.plan(id)?.revision === 2);
    await swarm.append(
      swarm.createEvent({
        type: 'plan_approved',
        from: 'person',
        missionId: id,
        payload: { mission_id: id, revision: 2, approved_by: 'person', signed: null, plan_digest: null },
      }),
      id,
    );
    expect((await swarm.ended(id)).status).toBe('completed');
  });

  test('cancel stops what runs, and nothing of it continues', async () => {
    swarm = await create({ roster, behaviour: (command) => (command.endsWith('step 2') ? 'hang' : 'ok') });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const id = await swarm.submit();
    await swarm.until(() => swarm.ledger.starts.some((start) => start.endsWith('#2')));
    await swarm.append(
      swarm.createEvent({
        type: 'mission_cancel_requested',
        from: 'person',
        missionId: id,
        payload: { mission_id: id, requested_by: 'person', reason: 'enough', signed: null },
      }),
      id,
    );
    const report = await swarm.ended(id);
    expect(report.status).toBe('cancelled');
    await swarm.until(() =>
      swarm.events.some((event) => event.event_type === 'tool_returned' && event.payload.outcome === 'aborted'),
    );
    expect(swarm.ledger.starts.filter((start) => start.endsWith('#3'))).toEqual([]);
  });

  test('a worker that takes a task over does not repeat finished steps', async () => {
    let hung = false;
    const hangOnce = (command: string) =>
      command.endsWith('step 3') && !hung ? ((hung = true), 'hang' as const) : ('ok' as const);
    swarm = await create({
      roster: [
        agentSpec('cert_agent', {
          playbooks: {
            work: {
              name: 'work',
              acceptance: [{ name: 'done', command: 'check' }],
              steps: [1, 2, 3].map((n) => ({ name: `step ${n}`, command: `step ${n}`, unless: `unless ${n}` })),
            },
          },
        }),
      ],
      behaviour: (command) => (command.startsWith('unless') ? 'fail' : hangOnce(command)),
    });
    await swarm.startOrchestrator();
    const first = await swarm.startWorker();
    const id = await swarm.submit();
    await swarm.until(() => hung);
    const before = [...swarm.ledger.starts];
    await first.kill();
    await swarm.startWorker();
    const report = await swarm.ended(id);
    expect(report.status).toBe('completed');
    expect(report.tasks[0]?.attempts).toBe(1);
    expect(swarm.ledger.starts.slice(0, before.length)).toEqual(before);
    expect(new Set(swarm.ledger.starts).size).toBe(swarm.ledger.starts.length);
  });

  test('a take-over while an idempotent call is in doubt repeats it and continues in the same attempt', async () => {
    let hung = false;
    const steps = [1, 2, 3].map((n) => ({ name: `step ${n}`, command: `step ${n}`, unless: `unless ${n}` }));
    const behaviour = (command: string) => {
      if (command === 'unless 2' && !hung) return ((hung = true), 'hang' as const);
      return command.startsWith('unless') ? ('fail' as const) : ('ok' as const);
    };
    swarm = await create({
      roster: [
        agentSpec('cert_agent', {
          playbooks: { work: { name: 'work', acceptance: [{ name: 'done', command: 'check' }], steps } },
        }),
      ],
      behaviour,
    });
    await swarm.startOrchestrator();
    const first = await swarm.startWorker();
    const id = await swarm.submit();
    await swarm.until(() => hung);
    await first.kill();
    await swarm.startWorker();
    const report = await swarm.ended(id);
    expect(report.status).toBe('completed');
    expect(report.tasks[0]?.attempts).toBe(1);
    expect(new Set(swarm.ledger.starts).size).toBe(swarm.ledger.starts.length);
  });

  test('a call that waits outlives its worker and its orchestrator, and runs once when it is approved', async () => {
    const policy = policyThatAsks('step 2');
    swarm = await create({ roster: [agentSpec('cert_agent')], policy, askMs: 3_600_000 });
    const orchestrator = await swarm.startOrchestrator();
    const worker = await swarm.startWorker();
    const id = await swarm.submit({ retries: 0 });
    const waiting = () => swarm.view.report(id)?.waiting_calls[0];
    await swarm.until(() => waiting() !== undefined);
    await worker.kill();
    await orchestrator.kill();
    const { task_id, attempt, approval_id, digest } = waiting() ?? {
      task_id: '',
      attempt: 0,
      approval_id: '',
      digest: '',
    };
    const said = {
      approved: true,
      reason: '',
      answered_by: 'ann',
      answered_at: Date.now(),
      signature: null,
      key_id: null,
      cluster: null,
    };
    const payload = { mission_id: id, task_id, attempt, approval_id, digest, ...said };
    await swarm.append(swarm.createEvent({ type: 'call_answered', from: 'ann', missionId: id, payload }), id);
    await swarm.startWorker();
    await swarm.startOrchestrator();
    expect((await swarm.ended(id)).status).toBe('completed');
    const calls = swarm.events.filter((event) => event.event_type === 'tool_called' && event.payload.step === 2);
    expect(calls.map(({ payload: call }) => call)).toEqual([
      expect.objectContaining({ approval_id, approved_by: 'ann' }),
    ]);
    expect(swarm.ledger.starts.filter((start) => start.endsWith('#2'))).toHaveLength(1);
  });

  test('an orchestrator that takes over finishes the mission', async () => {
    swarm = await create({ roster, behaviour: (command) => (command.endsWith('step 2') ? 'hang' : 'ok') });
    const first = await swarm.startOrchestrator();
    const worker = await swarm.startWorker();
    const id = await swarm.submit({ success });
    await swarm.until(() => swarm.ledger.starts.some((start) => start.endsWith('#2')));
    await first.kill();
    worker.tools.release();
    await swarm.startOrchestrator();
    await swarm.until(() => swarm.ledger.starts.some((start) => start.includes('proxy_agent') && start.endsWith('#2')));
    worker.tools.release();
    const report = await swarm.ended(id);
    expect(report.status).toBe('completed');
    expect(report.tasks.map((task) => task.attempts)).toEqual([1, 1, 1]);
    expect(new Set(swarm.ledger.starts).size).toBe(swarm.ledger.starts.length);
  });
}
