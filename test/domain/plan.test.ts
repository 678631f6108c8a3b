import type { AgentSpec } from '../../src/domain/agent-spec.js';
import type { Plan } from '../../src/domain/events.js';
import { orderPlan } from '../../src/domain/plan-order.js';
import { describePlanProblem } from '../../src/domain/plan-problem.js';
import { validatePlan } from '../../src/domain/plan-rules.js';
import { buildPlan, continuePlan, taskId, verifyTask, type DraftTask, type PlanScope } from '../../src/domain/plan.js';

function agent(
  name: string,
  phase: number,
  dependsOn: readonly string[] = [],
  playbooks: readonly string[] = [],
): AgentSpec {
  const named = playbooks.map((playbook) => [playbook, { name: playbook, steps: [], acceptance: [] }]);
  return {
    name,
    digest: 'revision 1',
    description: `${name} works.`,
    phase,
    dependsOn,
    tools: [],
    models: null,
    concurrency: 1,
    timeoutSeconds: 300,
    maxSteps: 10,
    playbooks: Object.fromEntries(named),
    prompt: 'p',
  };
}

/** The twelve roles with the phases of the original DEPLOYMENT_ORDER. */
const TWELVE = [
  agent('cert_agent', 1),
  agent('env_agent', 1),
  agent('database_agent', 1),
  agent('proxy_agent', 2, ['cert_agent']),
  agent('cache_agent', 2),
  agent('secrets_agent', 2, ['proxy_agent']),
  agent('events_agent', 3, ['proxy_agent']),
  agent('observability_agent', 3, ['database_agent', 'proxy_agent']),
  agent('docker_agent', 3),
  agent('rag_agent', 4),
  agent('graph_agent', 4),
  agent('hlidskjalf_agent', 5, ['database_agent', 'cache_agent', 'events_agent', 'proxy_agent']),
];

const scopeOf = (
  agents: readonly string[] = TWELVE.map((spec) => spec.name),
  done: PlanScope['done'] = [],
): PlanScope => ({ roster: TWELVE, agents, done });
const task = (name: string, more: Partial<DraftTask> = {}): DraftTask => ({
  agent: name,
  description: 'Do it.',
  playbook: null,
  acceptance: [],
  timeoutSeconds: null,
  ...more,
});
const planOf = (waves: readonly (readonly DraftTask[])[], scope = scopeOf()): Plan =>
  buildPlan(
    {
      strategy: 's',
      risks: [],
      successCriteria: [],
      waves: waves.map((tasks, index) => ({ waveNumber: index + 1, rationale: 'r', tasks })),
    },
    scope,
  );
const agentsByWave = (plan: Plan) =>
  plan.waves.map((wave) => [wave.wave_number, wave.tasks.map((planned) => planned.agent).sort()]);
const words = (plan: Plan, scope = scopeOf()) => validatePlan(plan, scope).map(describePlanProblem);
const idsOf = (plan: Plan) => plan.waves.flatMap((wave) => wave.tasks.map((planned) => planned.task_id));
const dependenciesOf = (plan: Plan, id: string) =>
  plan.waves.flatMap((wave) => wave.tasks).find((planned) => planned.task_id === id)?.dependencies;

describe('task ids', () => {
  test('name the agent and the wave, and number further tasks of the agent in it', () => {
    expect([taskId('cert_agent', 1), taskId('cert_agent', 1, 2), taskId('cert_agent', 1, 3)]).toEqual([
      'deploy-cert_agent-wave1',
      'deploy-cert_agent-wave1-2',
      'deploy-cert_agent-wave1-3',
    ]);
  });

  test('follow from the draft', () => {
    const plan = planOf([[task('cert_agent'), task('env_agent'), task('cert_agent')], [task('cert_agent')]]);
    expect(idsOf(plan)).toEqual([
      'deploy-cert_agent-wave1',
      'deploy-env_agent-wave1',
      'deploy-cert_agent-wave1-2',
      'deploy-cert_agent-wave2',
    ]);
  });
});

describe('dependencies of tasks', () => {
  test('are the earlier tasks of the agents that the agent depends on, and its own', () => {
    const plan = planOf([
      [task('cert_agent'), task('cert_agent'), task('env_agent')],
      [task('proxy_agent')],
      [task('proxy_agent')],
    ]);
    expect(dependenciesOf(plan, 'deploy-proxy_agent-wave2')).toEqual([
      'deploy-cert_agent-wave1',
      'deploy-cert_agent-wave1-2',
    ]);
    expect(dependenciesOf(plan, 'deploy-proxy_agent-wave3')).toContain('deploy-proxy_agent-wave2');
  });

  test('pass through agents that are not planned, and stop at the nearest that are', () => {
    expect(
      dependenciesOf(planOf([[task('cert_agent')], [task('secrets_agent')]]), 'deploy-secrets_agent-wave2'),
    ).toEqual(['deploy-cert_agent-wave1']);
    const withProxy = planOf([[task('cert_agent')], [task('proxy_agent')], [task('secrets_agent')]]);
    expect(dependenciesOf(withProxy, 'deploy-secrets_agent-wave3')).toEqual(['deploy-proxy_agent-wave2']);
  });

  test('include tasks that were done under an earlier plan', () => {
    const scope = scopeOf(undefined, [{ taskId: 'deploy-cert_agent-wave1', agent: 'cert_agent' }]);
    const plan = planOf([[task('proxy_agent')]], scope);
    expect(dependenciesOf(plan, 'deploy-proxy_agent-wave1')).toEqual(['deploy-cert_agent-wave1']);
    expect(words(plan, scope)).toEqual([]);
  });
});

describe('a plan is refused', () => {
  test.each<[string, Plan, string]>([
    ['without waves', planOf([]), 'no waves'],
    ['with an empty wave', planOf([[task('cert_agent')], []]), 'wave 2 has no tasks'],
    ['with an unknown agent', planOf([[task('cert_agnt')]]), 'did you mean "cert_agent"?'],
    ['with a task for the orchestrator', planOf([[task('orchestrator')]]), 'for the orchestrator'],
    ['with an unknown playbook', planOf([[task('cert_agent', { playbook: 'nope' })]]), 'has no playbook "nope"'],
    [
      'with an agent beside one it depends on',
      planOf([[task('cert_agent'), task('proxy_agent')]]),
      'plan proxy_agent in a later wave than cert_agent',
    ],
    [
      'with an agent before one it depends on',
      planOf([[task('proxy_agent')], [task('cert_agent')]]),
      'proxy_agent (wave 1) depends on cert_agent (wave 2)',
    ],
    [
      'with an agent before one it depends on through an unplanned one',
      planOf([[task('secrets_agent')], [task('cert_agent')]]),
      'secrets_agent (wave 1) depends on cert_agent (wave 2)',
    ],
  ])('%s', (_, plan, reason) => {
    expect(words(plan).join('\n')).toContain(reason);
  });

  test('with an agent that does not take part', () => {
    const scope = scopeOf(['cert_agent']);
    expect(words(planOf([[task('env_agent')]], scope), scope)).toEqual([
      'env_agent does not take part in this mission; its agents are: cert_agent.',
    ]);
  });

  test('with wave numbers that do not rise', () => {
    const plan = planOf([[task('cert_agent')], [task('proxy_agent')]]);
    const falling = { ...plan, waves: plan.waves.map((wave) => ({ ...wave, wave_number: 1 })) };
    expect(words(falling).join()).toContain('wave 1 follows wave 1');
  });

  test('with a task id that repeats', () => {
    const plan = planOf([[task('cert_agent')]]);
    const doubled = { ...plan, waves: plan.waves.map((wave) => ({ ...wave, tasks: [...wave.tasks, ...wave.tasks] })) };
    expect(words(doubled)).toEqual(['two tasks have the id deploy-cert_agent-wave1; ids are unique within a mission.']);
  });

  test('with a task that waits for one of the same wave or for none that exists', () => {
    const plan = planOf([[task('cert_agent'), task('env_agent')]]);
    const waiting = {
      ...plan,
      waves: plan.waves.map((wave) => ({
        ...wave,
        tasks: wave.tasks.map((planned) => ({
          ...planned,
          dependencies: ['deploy-env_agent-wave1', 'deploy-x-wave0'],
        })),
      })),
    };
    expect(words(waiting)).toHaveLength(4);
  });

  test('with every problem at once, each at its place', () => {
    const problems = validatePlan(planOf([[task('no_agent'), task('orchestrator')], []]), scopeOf());
    expect(problems.map((problem) => problem.path.join('.'))).toEqual([
      'waves.1.tasks',
      'waves.0.tasks.0.agent',
      'waves.0.tasks.1.agent',
    ]);
  });
});

describe('a plan is accepted', () => {
  test('when an agent works again in a later wave than those that needed it first', () => {
    expect(words(planOf([[task('cert_agent')], [task('proxy_agent')], [task('cert_agent')]]))).toEqual([]);
  });

  test('with a note on the dependencies that no agent of the mission covers', () => {
    const scope = scopeOf(['secrets_agent', 'events_agent']);
    const plan = planOf([[task('secrets_agent')], [task('events_agent')]], scope);
    expect(words(plan, scope)).toEqual([]);
    expect(plan.notes).toEqual([
      "dependencies outside the mission's agents count as satisfied: " +
        'secrets_agent needs proxy_agent, events_agent needs proxy_agent',
    ]);
  });
});

describe('the order plan', () => {
  test('puts the twelve agents into five waves, with secrets_agent in the third, behind the proxy it needs', () => {
    const plan = orderPlan(scopeOf());
    expect(agentsByWave(plan)).toEqual([
      [1, ['cert_agent', 'database_agent', 'env_agent']],
      [2, ['cache_agent', 'proxy_agent']],
      [3, ['docker_agent', 'events_agent', 'observability_agent', 'secrets_agent']],
      [4, ['graph_agent', 'rag_agent']],
      [5, ['hlidskjalf_agent']],
    ]);
    expect(words(plan)).toEqual([]);
  });

  test('leaves no gap for phases without agents', () => {
    expect(agentsByWave(orderPlan(scopeOf(['rag_agent', 'hlidskjalf_agent'])))).toEqual([
      [1, ['rag_agent']],
      [2, ['hlidskjalf_agent']],
    ]);
  });

  test('plans what is not done, from the wave that follows', () => {
    const scope = scopeOf(
      ['cert_agent', 'proxy_agent', 'env_agent'],
      [{ taskId: 'deploy-cert_agent-wave1', agent: 'cert_agent' }],
    );
    const plan = orderPlan(scope, 4);
    expect(idsOf(plan)).toEqual(['deploy-env_agent-wave4', 'deploy-proxy_agent-wave5']);
    expect(dependenciesOf(plan, 'deploy-proxy_agent-wave5')).toEqual(['deploy-cert_agent-wave1']);
  });

  test("takes an agent's only playbook and says so, and none of several", () => {
    const roster = [agent('one_agent', 1, [], ['only']), agent('two_agent', 1, [], ['a', 'b'])];
    const tasks = orderPlan({ roster, agents: ['one_agent', 'two_agent'], done: [] }).waves.flatMap(
      (wave) => wave.tasks,
    );
    expect(tasks.map((planned) => planned.playbook)).toEqual(['only', null]);
    expect(tasks[0]?.description).toContain("Playbook only is the agent's only one");
  });
});

describe('a changed plan', () => {
  test('continues the wave numbers, with ids and dependencies that follow', () => {
    const plan = continuePlan(planOf([[task('cert_agent'), task('cert_agent')], [task('proxy_agent')]]), 6);
    expect(idsOf(plan)).toEqual(['deploy-cert_agent-wave6', 'deploy-cert_agent-wave6-2', 'deploy-proxy_agent-wave7']);
    expect(dependenciesOf(plan, 'deploy-proxy_agent-wave7')).toEqual([
      'deploy-cert_agent-wave6',
      'deploy-cert_agent-wave6-2',
    ]);
  });

  test('keeps ids apart when the new numbers overlap the old ones', () => {
    const plan = continuePlan(planOf([[task('cert_agent')], [task('cert_agent')], [task('cert_agent')]]), 2);
    expect(plan.waves.map((wave) => wave.tasks[0]?.dependencies)).toEqual([
      [],
      ['deploy-cert_agent-wave2'],
      ['deploy-cert_agent-wave2', 'deploy-cert_agent-wave3'],
    ]);
  });
});

describe('the verify task', () => {
  const checks = [{ name: 'all there', command: 'test -f a' }];
  const plan = planOf([[task('cert_agent')], [task('proxy_agent')]]);

  test('is run by hlidskjalf_agent in the wave behind the last, when it takes part', () => {
    const verify = verifyTask(plan, checks, ['cert_agent', 'hlidskjalf_agent']);
    expect(verify).toMatchObject({
      waveNumber: 3,
      task: {
        task_id: 'verify-hlidskjalf_agent-wave3',
        acceptance: checks,
        dependencies: [],
      },
    });
  });

  test('is run by the last agent of the plan otherwise', () => {
    expect(verifyTask(plan, checks, ['cert_agent', 'proxy_agent'])?.task.task_id).toBe('verify-proxy_agent-wave3');
  });

  test('is left out when there is nothing to check', () => {
    expect(verifyTask(plan, [], ['cert_agent'])).toBeNull();
  });
});

describe('what a task protects', () => {
  const changing = (changes: readonly string[]) => task('env_agent', { changes });
  const keeping = task('cert_agent', { protected: ['tests/a.mjs'] });

  test.each([['tests/a.mjs'], ['./tests'], ['/workspace/tests/'], ['.']])(
    'is changed by no other task of its wave, such as one that changes %s',
    (path) => {
      expect(words(planOf([[keeping, changing([path])]]))).toEqual([
        expect.stringContaining('"tests/a.mjs" is protected, and deploy-env_agent-wave1 of the same wave changes it'),
      ]);
    },
  );

  test('may be changed in another wave, and what is beside it or below it in the same', () => {
    expect(words(planOf([[keeping], [changing(['tests'])]]))).toEqual([]);
    expect(words(planOf([[keeping, changing(['tests/b.mjs', 'tests/a.mjs/deep'])]]))).toEqual([]);
  });

  test('is changed by no playbook either', () => {
    const env = TWELVE.find(({ name }) => name === 'env_agent') ?? agent('env_agent', 1);
    const playbook = { name: 'write', steps: [], acceptance: [], changes: ['tests'] };
    const roster = [...TWELVE.filter((spec) => spec !== env), { ...env, playbooks: { write: playbook } }];
    const scope = { ...scopeOf(), roster };
    expect(words(planOf([[keeping, task('env_agent', { playbook: 'write' })]], scope), scope)).toHaveLength(1);
  });
});
