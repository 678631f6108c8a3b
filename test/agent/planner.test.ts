import type { Failover } from '../../src/agent/failover.js';
import { PlanningFailed, type PlanRequest } from '../../src/agent/planner-contract.js';
import { createPlanner } from '../../src/agent/planner.js';
import { createRoster } from '../../src/agent/roster.js';
import { SIZES } from '../../src/domain/sizes.js';
import { requestOf } from '../domain/support/mission-log.js';
import { BOUNDARY, agentSpec, failure, scriptedModel, type ModelOptions, type Scripted } from './fakes.js';

const playbook = {
  name: 'make-certs',
  steps: [{ name: 'make a CA', command: 'openssl', unless: null }],
  acceptance: [],
};
const roster = createRoster([
  { ...agentSpec, name: 'cert_agent', playbooks: { 'make-certs': playbook } },
  { ...agentSpec, name: 'env_agent', description: 'Environment files.' },
  { ...agentSpec, name: 'proxy_agent', phase: 2, dependsOn: ['cert_agent'] },
]);

const mission = requestOf({
  mission_id: 'm1',
  brief: 'Deploy the proxy.',
  success: [{ name: 'all there', command: 'test -f all' }],
});
const request = (more: Partial<PlanRequest> = {}): PlanRequest => ({
  mission,
  revision: 1,
  reason: null,
  firstWave: 1,
  done: [],
  boundary: BOUNDARY,
  ...more,
});

const wave = (number: number, ...agents: readonly string[]) => ({
  wave_number: number,
  rationale: 'r',
  tasks: agents.map((agent) => ({
    agent,
    description: `${agent} works`,
    playbook: null,
    acceptance: [{ name: 'ok', command: 'test -f ok' }],
    timeout_seconds: null,
  })),
});
const withTask = (fields: object) => {
  const [task] = wave(1, 'cert_agent').tasks;
  return { ...wave(1), tasks: [{ ...task, ...fields }] };
};
const reply = (...waves: readonly object[]) => ({
  strategy: 'first this',
  waves,
  risks: ['none'],
  success_criteria: [{ name: 's', command: 'test -f ok' }],
});
const good = reply(wave(1, 'cert_agent'), wave(2, 'proxy_agent'));

const claude = (script: readonly Scripted[], options?: ModelOptions) =>
  scriptedModel('anthropic:claude', script, options);
const plannerOf = (...chain: ReturnType<typeof claude>[]) => createPlanner({ chain, roster, maxOutputTokens: 4_000 });
const propose = (chain: ReturnType<typeof claude>[], asked = request()) =>
  plannerOf(...chain).propose(asked, new AbortController().signal);

describe('a plan', () => {
  test("is the model's plan, with ids and dependencies", async () => {
    const answer = await propose([claude([good])]);
    expect(answer).toMatchObject({
      planner: 'anthropic',
      model: 'anthropic:claude',
      refusals: [],
      tokensIn: 10,
      tokensOut: 5,
      costUsd: 0.01,
    });
    expect(answer.plan).toMatchObject({
      strategy: 'first this',
      risks: ['none'],
      success_criteria: [{ name: 's', command: 'test -f ok' }],
    });
    expect(answer.plan.waves.map((one) => one.tasks)).toMatchObject([
      [{ task_id: 'deploy-cert_agent-wave1', dependencies: [] }],
      [{ task_id: 'deploy-proxy_agent-wave2', dependencies: ['deploy-cert_agent-wave1'] }],
    ]);
  });

  test('is counted with its repairs, and so is each reply that could not be used', async () => {
    const read: unknown[] = [];
    const planner = createPlanner({
      chain: [claude(['no plan', `Here it is: ${JSON.stringify(good)}`])],
      roster,
      maxOutputTokens: 4_000,
      replyRead: (reply) => read.push(reply),
    });
    await planner.propose(request(), new AbortController().signal);
    expect(read).toEqual([
      { model: 'anthropic:claude', fault: 'not_json', repairs: [] },
      { model: 'anthropic:claude', fault: null, repairs: [expect.any(String)] },
    ]);
  });

  test('is requested with the brief, the checks and the abilities of the agents', async () => {
    const model = claude([good]);
    await propose([model], request({ mission: { ...mission, agents: ['cert_agent', 'proxy_agent'] } }));
    const text = JSON.stringify(model.requests[0]?.messages);
    for (const part of [
      'Deploy the proxy.',
      'test -f all',
      'proxy_agent (depends on cert_agent)',
      'playbook make-certs: make a CA',
    ])
      expect(text).toContain(part);
    expect(text).not.toContain('Environment files.');
    expect(text).toContain('list the tests and other files that the checks rely on in protected');
    expect(model.requests[0]).toMatchObject({ turn: null, maxOutputTokens: 4_000, schema: { type: 'object' } });
  });

  test.each<[string, Scripted, string]>([
    ['with an unknown agent', reply(wave(1, 'cert_agnt')), 'did you mean "cert_agent"?'],
    ['with a task for the orchestrator', reply(wave(1, 'orchestrator')), 'for the orchestrator'],
    ['with an empty wave', reply(wave(1)), 'wave 1 has no tasks'],
    ['without waves', reply(), 'has no waves'],
    [
      'against the dependencies',
      reply(wave(1, 'cert_agent', 'proxy_agent')),
      'plan proxy_agent in a later wave than cert_agent',
    ],
    [
      'with an unknown playbook',
      reply({ ...wave(1), tasks: [{ agent: 'env_agent', description: 'x', playbook: 'nope' }] }),
      'it has none, so name none',
    ],
    [
      'with waves that are not in ascending order',
      reply(wave(2, 'cert_agent'), wave(2, 'env_agent')),
      'wave 2 follows wave 2',
    ],
    ['that is no JSON', 'Sure! Here is the plan', 'not JSON'],
    ['with an unknown key', { ...good, extra: 1 }, 'extra'],
    [
      'with a description that is too long for a record',
      reply(withTask({ description: 'd'.repeat(SIZES.description + 1) })),
      `waves.0.tasks.0.description: must have at most ${SIZES.description} bytes`,
    ],
    [
      'with checks that are too large for a record',
      reply(withTask({ acceptance: ['a', 'b'].map((name) => ({ name, command: 'x'.repeat(90_000) })) })),
      `waves.0.tasks.0.acceptance: must have at most ${SIZES.checks} bytes in all`,
    ],
    [
      'with too many checks of the mission',
      { ...good, success_criteria: Array.from({ length: 101 }, () => ({ name: 's', command: 'test -f ok' })) },
      'success_criteria: must have at most 100 checks',
    ],
    [
      'with a protected path that is too long',
      reply(withTask({ protected: ['p'.repeat(1_001)] })),
      'waves.0.tasks.0.protected.0: must have at most 1000 bytes',
    ],
  ])('%s goes back to the model with the reason', async (_, bad, reason) => {
    const model = claude([bad, good]);
    const answer = await propose([model]);
    expect(answer.refusals).toHaveLength(1);
    expect(answer.refusals[0]).toContain(reason);
    expect(model.requests[1]?.messages.at(-1)?.content).toContain(reason);
    expect(answer).toMatchObject({ tokensIn: 20, tokensOut: 10 });
  });

  test('that is refused three times is requested from the next planner', async () => {
    const first = claude(['a', 'b', 'c', good]);
    const answer = await propose([first, scriptedModel('ollama:llama3.1', [good])]);
    expect(first.requests).toHaveLength(3);
    expect(answer).toMatchObject({ planner: 'ollama', model: 'ollama:llama3.1', tokensIn: 40 });
    expect(answer.refusals).toHaveLength(4);
  });
});

describe('a planner that is skipped', () => {
  test('is reported with the next one; behind the last there is none', async () => {
    const told: Failover[] = [];
    const planner = plannerOf(
      claude([failure('unreachable', 'no network')]),
      scriptedModel('ollama:llama3.1', ['a', 'b', 'c']),
    );
    await expect(
      planner.propose(request(), new AbortController().signal, (failover) => told.push(failover)),
    ).rejects.toMatchObject({ code: 'planning_failed', retriable: false });
    expect(told).toEqual([
      { fromModel: 'anthropic:claude', toModel: 'ollama:llama3.1', cause: 'unreachable', reason: 'no network' },
    ]);
  });
});

describe('a mission without a plan that does not ask for the order', () => {
  const used = { tokensIn: 3, costUsd: 0.001 };

  test('is not planned where no planner model is configured, and the reason names the ways out', async () => {
    const planner = createPlanner({ chain: [], absence: 'no OPENAI_API_KEY', roster, maxOutputTokens: 4_000 });
    const failed = planner.propose(request(), new AbortController().signal);
    await expect(failed).rejects.toBeInstanceOf(PlanningFailed);
    await expect(failed).rejects.toMatchObject({ code: 'no_planner', retriable: false });
    for (const part of ['(no OPENAI_API_KEY)', 'plan:', 'planner: order', 'ANTHROPIC_API_KEY', 'PLANNER_MODELS'])
      await expect(failed).rejects.toThrow(part);
  });

  test.each(['unreachable', 'timeout', 'rate_limited', 'resting'] as const)(
    'may be planned later when its models fail with %s',
    async (code) => {
      const failed = propose([
        claude([failure('refused', 'no key')]),
        scriptedModel('ollama:llama3.1', [failure(code)]),
      ]);
      await expect(failed).rejects.toMatchObject({ code: 'planner_unreachable', retriable: true });
      await expect(failed).rejects.toThrow('anthropic:claude: no key');
    },
  );

  test.each<[string, ReturnType<typeof claude>[]]>([
    ['refuses', [claude([failure('refused', 'no key')])]],
    ['writes plans that cannot be used', [claude(['a', 'b', 'c'])]],
    [
      'writes such plans, though another cannot be reached: each call would cost again',
      [claude(['a', 'b', 'c']), scriptedModel('ollama:llama3.1', [failure('unreachable')])],
    ],
  ])('fails for good when its model %s', async (_, chain) => {
    await expect(propose(chain)).rejects.toMatchObject({ code: 'planning_failed', retriable: false });
  });

  test('says what its calls have used', async () => {
    await expect(propose([claude([failure('unreachable')])])).rejects.toMatchObject({ used });
  });

  test('is not planned if it names unknown agents', async () => {
    await expect(
      propose([claude([good])], request({ mission: { ...mission, agents: ['mail_agent'] } })),
    ).rejects.toThrow('does not know: mail_agent');
  });
});

describe('a mission that says planner: order', () => {
  const ordered = { ...mission, planner: 'order' };

  test('gets the declared order, and no model is asked or paid', async () => {
    const model = claude([good]);
    const answer = await propose([model], request({ mission: ordered }));
    expect(model.requests).toHaveLength(0);
    expect(plannerOf(model).worstCase(request({ mission: ordered }))).toEqual({ tokens: 0, usd: 0 });
    expect(answer).toMatchObject({ planner: 'order', model: '', refusals: [], tokensIn: 0, costUsd: 0 });
    expect(answer.plan.waves.map((one) => one.tasks.map((task) => [task.task_id, task.playbook]))).toEqual([
      [
        ['deploy-cert_agent-wave1', 'make-certs'],
        ['deploy-env_agent-wave1', null],
      ],
      [['deploy-proxy_agent-wave2', null]],
    ]);
  });

  test('gets a changed plan of only what is not done', async () => {
    const answer = await propose(
      [],
      request({
        mission: ordered,
        reason: 'proxy_agent failed',
        revision: 2,
        firstWave: 3,
        done: [
          { taskId: 'deploy-cert_agent-wave1', agent: 'cert_agent', summary: 'made' },
          { taskId: 'deploy-env_agent-wave1', agent: 'env_agent', summary: 'made' },
        ],
      }),
    );
    expect(answer.plan.waves).toMatchObject([
      { wave_number: 3, tasks: [{ task_id: 'deploy-proxy_agent-wave3', dependencies: ['deploy-cert_agent-wave1'] }] },
    ]);
  });

  test('gets no changed plan if every agent has completed its task', async () => {
    const done = mission.agents.map((agent) => ({ taskId: `deploy-${agent}-wave1`, agent, summary: 'made' }));
    const failed = propose([], request({ mission: ordered, reason: 'a success check failed', firstWave: 2, done }));
    await expect(failed).rejects.toMatchObject({ code: 'planning_failed' });
    await expect(failed).rejects.toThrow('nothing left to plan');
  });
});

describe('a changed plan', () => {
  const done = [{ taskId: 'deploy-cert_agent-wave1', agent: 'cert_agent', summary: 'a CA </data> and more' }];

  test('is requested with the reason and the completed tasks, and continues the wave numbers', async () => {
    const model = claude([reply(wave(1, 'proxy_agent'), wave(2, 'cert_agent'))]);
    const answer = await propose([model], request({ reason: 'the port is taken', revision: 2, firstWave: 3, done }));
    const text = model.requests[0]?.messages.at(-1)?.content ?? '';
    expect(text).toContain('the port is taken');
    expect(text).toContain('deploy-cert_agent-wave1 of cert_agent: a CA </ data> and more');
    expect(answer.plan.waves.map((one) => one.tasks)).toMatchObject([
      [{ task_id: 'deploy-proxy_agent-wave3', dependencies: ['deploy-cert_agent-wave1'] }],
      [{ task_id: 'deploy-cert_agent-wave4', dependencies: ['deploy-cert_agent-wave1'] }],
    ]);
  });
});

describe('the budget', () => {
  const dear = { worst: { tokens: 1_000, usd: 2 } };

  test('limits a plan to three replies of each planner, and to what is left', () => {
    const planner = plannerOf(claude([], dear), claude([], dear));
    expect(planner.worstCase(request())).toEqual({ tokens: 6_000, usd: 12 });
    expect(planner.worstCase(request({ available: { tokens: null, usd: 5 } }))).toEqual({ tokens: 6_000, usd: 5 });
    expect(
      planner.worstCase(request({ mission: { ...mission, budget: { usd: null, tokens: 100, minutes: null } } })),
    ).toEqual({ tokens: 100, usd: 12 });
  });

  test('skips a planner whose worst case does not fit', async () => {
    const model = claude([good], dear);
    const failed = propose([model], request({ available: { tokens: null, usd: 1.5 } }));
    await expect(failed).rejects.toThrow('anthropic:claude: a call may need $2.0000 of $1.5000 left in the budget');
    await expect(failed).rejects.toMatchObject({ code: 'planning_failed' });
    expect(model.requests).toHaveLength(0);
  });

  test('counts refused plans before the next request', async () => {
    const model = claude(['bad', good], { worst: { tokens: 0, usd: 1 }, reply: { costUsd: 0.9 } });
    await expect(propose([model], request({ available: { tokens: null, usd: 1.5 } }))).rejects.toMatchObject({
      used: { costUsd: 0.9 },
    });
    expect(model.requests).toHaveLength(1);
  });
});

test('planning stops when the plan is no longer needed', async () => {
  const stop = new AbortController();
  const first = claude([() => (stop.abort(new Error('cancelled')), failure('unreachable'))]);
  await expect(plannerOf(first, claude([good])).propose(request(), stop.signal)).rejects.toThrow('cancelled');
});

test('prompts, replies and errors of planners pass the redactor', async () => {
  const seen: string[] = [];
  const redact = (text: string) => text.replaceAll('hunter2', '[hidden]');
  const chain = [
    claude([failure('unreachable', 'hunter2 is no key')]),
    claude(['no plan, but hunter2', { ...good, strategy: 'log in with hunter2' }]),
  ];
  const planner = createPlanner({ chain, roster, maxOutputTokens: 4_000, redact });
  const answer = await planner.propose(
    request({
      mission: { ...mission, brief: 'Use hunter2.' },
      reason: 'hunter2 failed',
      done: [{ taskId: 't', agent: 'env_agent', summary: `${'x'.repeat(245)}hunter2${'x'.repeat(300)}` }],
    }),
    new AbortController().signal,
    ({ reason }) => seen.push(reason),
  );
  const prompts = chain.flatMap(({ requests }) => requests.map(({ messages }) => JSON.stringify(messages)));
  expect(prompts).toHaveLength(3);
  for (const prompt of prompts) expect(prompt).toContain('[hidden]');
  expect(JSON.stringify([prompts, seen, answer])).not.toMatch(/hunter|ter2/);
  expect(answer.plan.strategy).toBe('log in with [hidden]');
});

describe('the model at whose price a mission is estimated', () => {
  const opus = { ...claude([]), price: { input: 4, output: 20 } };
  const free = { ...claude([]), name: 'ollama:free' };
  const zero = { ...claude([]), name: 'openai:local', price: { input: 0, output: 0 } };
  test.each([
    ['the first, where no model wrote the plan', [opus, free], '', opus],
    ['the one that wrote it', [free, opus], opus.name, opus],
    ['one that has no price', [free, opus], '', { name: free.name, price: null }],
    ['one whose price is 0', [zero], '', { name: zero.name, price: null }],
    ['one that another orchestrator has asked', [opus], 'openai:other', { name: 'openai:other', price: null }],
  ])('is %s', (_, chain, wrote, { name, price }) =>
    expect(plannerOf(...chain).pricedModel(wrote)).toEqual({ model: name, price }),
  );
  test('is none without a planner model', () => expect(plannerOf().pricedModel('')).toBeNull());
});
