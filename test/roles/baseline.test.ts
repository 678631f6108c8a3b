/** What a task's checks say before its first step, and what follows from it for its result. */
import type { EventOf } from '../../src/domain/events.js';
import { decodeBaseline } from '../../src/domain/baseline.js';
import type { ChatModel } from '../../src/ports/model.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const AGENT = 'cert_agent';
const agentWith = (...commands: readonly string[]) =>
  agentSpec(AGENT, {
    playbooks: {
      work: {
        name: 'work',
        steps: [1, 2].map((n) => ({ name: `step ${n}`, command: `step ${n}`, unless: null })),
        acceptance: commands.map((command) => ({ name: command, command })),
      },
    },
  });

const called = (swarm: RoleSwarm) =>
  swarm.events.filter((event): event is EventOf<'tool_called'> => event.event_type === 'tool_called');
const baselines = (swarm: RoleSwarm) =>
  called(swarm).map(({ payload: { attempt, step, baseline } }) => [
    attempt,
    step,
    baseline === null ? null : decodeBaseline(baseline)?.checks.map(({ workspace, empty }) => `${workspace} ${empty}`),
  ]);

describe('the baseline of a task', () => {
  let swarm: RoleSwarm;
  afterEach(() => swarm.close());

  const run = async (commands: readonly string[], request: Parameters<RoleSwarm['submit']>[0] = {}) => {
    swarm = await createRoleSwarm({ roster: [agentWith(...commands)] });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    return swarm.ended(await swarm.submit(request));
  };

  test('is in the first step of the attempt, once', async () => {
    const report = await run(['made it', 'held before', 'vacuous one']);
    expect(baselines(swarm)).toEqual([
      [1, 1, ['1 1', '0 1', '0 0']],
      [1, 2, null],
      [1, 3, null],
    ]);
    expect(report.tasks[0]?.checks.map(({ baseline }) => baseline)).toEqual([null, 'held_before', 'vacuous']);
    expect(report).toMatchObject({ proof: { tasks: 1, verified: 1, held_before: 0 }, tasks: [{ held_before: false }] });
  });

  test('a check that took too long before is not known to prove anything, and counted apart', async () => {
    const report = await run(['slow one']);
    expect(baselines(swarm)[0]).toEqual([1, 1, ['124 124']]);
    expect(report).toMatchObject({
      status: 'completed',
      proof: { tasks: 1, verified: 1, held_before: 0, not_known: 1 },
      tasks: [{ status: 'verified', held_before: false, checks: [{ baseline: 'not_known' }] }],
    });
    expect(swarm.ledger.late).toEqual(['slow one']);
  });

  test('one check that could have failed verifies the task, also if it held before', async () => {
    const report = await run(['held before', 'vacuous one']);
    expect(report).toMatchObject({
      status: 'completed',
      proof: { tasks: 1, verified: 1, held_before: 1 },
      tasks: [{ status: 'verified', held_before: true }],
    });
  });

  test.each([['vacuous one'], ['true'], ['step 9 || true']])('%j alone verifies nothing', async (command) => {
    const report = await run([command]);
    expect(report).toMatchObject({
      status: 'completed',
      proof: { tasks: 1, verified: 0, held_before: 0 },
      tasks: [{ status: 'unverified', held_before: false, checks: [{ exit_code: 0, baseline: 'vacuous' }] }],
    });
  });

  test('success checks have none, and their form says what they prove', async () => {
    const report = await run(['made it'], {
      success: [
        { name: 'real', command: 'vacuous for the tools of this test' },
        { name: 'nothing', command: 'exit 0' },
      ],
    });
    expect(report.success.map(({ baseline }) => baseline)).toEqual([null, 'vacuous']);
    expect(swarm.ledger.baselines).toHaveLength(1);
    expect(report.tasks.map(({ status }) => status)).toEqual(['verified', 'verified']);
  });

  test('is that of the first attempt in every later one', async () => {
    let failures = 1;
    swarm = await createRoleSwarm({
      roster: [agentWith('made it')],
      behaviour: (command) => (command === 'step 2' && failures-- > 0 ? 'fail' : 'ok'),
    });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const report = await swarm.ended(await swarm.submit());
    expect(report).toMatchObject({ status: 'completed', tasks: [{ attempts: 2 }] });
    expect(swarm.ledger.baselines.map((key) => key.slice(key.lastIndexOf('/')))).toEqual(['/1']);
    expect(baselines(swarm).filter(([, step]) => step === 1)).toEqual([
      [1, 1, ['1 1']],
      [2, 1, ['1 1']],
    ]);
  });

  test('is not taken again by a worker that takes over after the first step', async () => {
    swarm = await createRoleSwarm({
      roster: [agentWith('held before')],
      behaviour: (command) => (command === 'step 2' ? 'hang' : 'ok'),
    });
    await swarm.startOrchestrator();
    const first = await swarm.startWorker();
    const id = await swarm.submit();
    await swarm.until(() => swarm.ledger.starts.length === 2);
    await first.kill();
    await swarm.startWorker(undefined, () => 'ok');
    await swarm.ended(id);
    expect(swarm.ledger.baselines).toHaveLength(1);
    // The playbook gives up a step in doubt, and the second attempt has the baseline of the first.
    expect(baselines(swarm).filter(([, , baseline]) => baseline !== null)).toEqual([
      [1, 1, ['0 1']],
      [2, 1, ['0 1']],
    ]);
  });

  test('is taken while the first model call is under way', async () => {
    let asked = () => undefined as void;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const model: ChatModel = {
      name: 'slow',
      probe: async () => ({ usable: true }),
      worstCase: () => ({ tokens: 10, usd: 0 }),
      async chat() {
        asked();
        // It answers only when the baseline is there: the test ends only if the two overlap.
        await swarm.until(() => swarm.ledger.baselines.length > 0);
        return {
          text: JSON.stringify({ thought: 'done', action: { finish: { summary: 'done', outputs: [] } } }),
          tokensIn: 1,
          tokensOut: 1,
          costUsd: 0,
          promptTruncated: false,
        };
      },
    };
    swarm = await createRoleSwarm({ roster: [agentWith('made it')], chain: [model] });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const id = await swarm.submit();
    await isAsked;
    expect((await swarm.ended(id)).status).toBe('completed');
  });
});

describe('a protected file that was changed', () => {
  let swarm: RoleSwarm;
  afterEach(() => swarm.close());
  const failures = () => swarm.events.flatMap((event) => (event.event_type === 'task_failed' ? [event.payload] : []));

  const run = async (request: Parameters<RoleSwarm['submit']>[0]) => {
    swarm = await createRoleSwarm({ roster: [agentWith('made it')] });
    await swarm.startOrchestrator();
    const worker = await swarm.startWorker();
    worker.tools.changed.push('tests/a.mjs (content)');
    return swarm.ended(await swarm.submit(request));
  };
  const plan = (protectedPaths: string[], acceptance: { name: string; command: string }[] = []) => ({
    strategy: 's',
    risks: [],
    notes: [],
    success_criteria: [],
    waves: [
      {
        wave_number: 1,
        rationale: '',
        tasks: [
          {
            task_id: 'deploy-cert_agent-wave1',
            agent: AGENT,
            description: 'work',
            playbook: 'work',
            acceptance,
            timeout_seconds: null,
            protected: protectedPaths,
            changes: [],
            artifacts: [],
            dependencies: [],
          },
        ],
      },
    ],
  });

  test('fails the task at once with its name, and no check is run', async () => {
    const report = await run({ plan: plan(['tests']) });
    expect(report).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('tests/a.mjs (content)'),
      tasks: [{ status: 'failed', attempts: 1, changed_paths: ['tests/a.mjs (content)'] }],
    });
    expect(swarm.ledger.checks).toEqual([]);
    const returned = swarm.events.flatMap((event) => (event.event_type === 'tool_returned' ? [event.payload] : []));
    expect(returned.at(-1)?.changed_paths).toEqual(['tests/a.mjs (content)']);
    expect(failures()[0]).toMatchObject({ code: 'protected', retriable: false });
  });

  test.each([
    ['steps', { maxSteps: 1 }, 'ok'],
    ['gave_up', {}, 'fail'],
    ['timeout', { timeoutSeconds: 1 }, 'hang'],
  ] as const)('is found also where the attempt ends by %s', async (code, agent, how) => {
    swarm = await createRoleSwarm({
      roster: [{ ...agentWith('made it'), ...agent }],
      behaviour: (command) => (command.startsWith('step') ? how : 'ok'),
    });
    await swarm.startOrchestrator();
    const worker = await swarm.startWorker();
    worker.tools.changed.push('tests/a.mjs (content)');
    const report = await swarm.ended(await swarm.submit({ retries: 2 }));
    expect(report).toMatchObject({
      status: 'failed',
      tasks: [{ status: 'failed', attempts: 1, changed_paths: ['tests/a.mjs (content)'] }],
    });
    expect(swarm.eventsOf('plan_requested')).toHaveLength(1);
    const [failed] = failures();
    expect(failed).toMatchObject({ code: 'protected', retriable: false });
    expect(failed?.error).toMatch(/^protected files are not as they were before the task: tests\/a\.mjs \(content\); /);
    expect(failed?.error).toContain({ steps: 'max_steps', gave_up: 'step 1', timeout: 'deadline' }[code]);
  });

  test('that cannot be compared leaves the failure as it is, and says so', async () => {
    swarm = await createRoleSwarm({ roster: [{ ...agentWith('made it'), maxSteps: 1 }] });
    await swarm.startOrchestrator();
    const worker = await swarm.startWorker();
    worker.tools.onCompare(() => {
      throw new Error('EIO');
    });
    const report = await swarm.ended(await swarm.submit({ plan: plan(['tests']) }));
    expect(report).toMatchObject({ status: 'failed', tasks: [{ changed_paths: [] }] });
    const [failed] = failures();
    expect(failed).toMatchObject({ code: 'steps', retriable: true });
    expect(failed?.error).toContain('whether its protected files were changed is not known: EIO');
  });

  test('is compared again by the process that takes over from one that was ending', async () => {
    swarm = await createRoleSwarm({ roster: [{ ...agentWith('made it'), maxSteps: 1 }] });
    await swarm.startOrchestrator();
    const first = await swarm.startWorker();
    first.tools.changed.push('tests/a.mjs (content)');
    const stops: Promise<void>[] = [];
    first.tools.onCompare(() => {
      if (stops.length === 0) stops.push(first.role.stop(0));
      return new Promise(() => undefined);
    });
    const id = await swarm.submit();
    await swarm.until(() => stops.length > 0);
    await Promise.all(stops);
    expect(failures()).toEqual([]);
    const second = await swarm.startWorker();
    second.tools.changed.push('tests/a.mjs (content)');
    await swarm.ended(id);
    expect(failures()[0]).toMatchObject({ code: 'protected', attempt: 1 });
  });

  test('leads to no changed plan, which would build on it', async () => {
    const report = await run({ plan: plan(['tests']), retries: 2 });
    expect(report.status).toBe('failed');
    expect(swarm.eventsOf('plan_requested')).toEqual([]);
  });
});
