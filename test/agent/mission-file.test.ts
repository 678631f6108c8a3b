import { readFile } from 'node:fs/promises';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { ConfigError } from '../../src/agent/config-error.js';
import { missionJsonSchema } from '../../src/agent/mission-file.js';
import { parseMissionFile } from '../support/parse-mission-file.js';
import { createRoster, loadRoster } from '../../src/agent/roster.js';
import { agentSpec } from './fakes.js';

const roster = createRoster([
  {
    ...agentSpec,
    name: 'cert_agent',
    playbooks: { 'platform-certificates': { name: 'platform-certificates', steps: [], acceptance: [] } },
  },
  { ...agentSpec, name: 'env_agent' },
  { ...agentSpec, name: 'proxy_agent', phase: 2, dependsOn: ['cert_agent'] },
]);
const mission = (...lines: readonly string[]) =>
  parseMissionFile(['name: hello', 'brief: Deploy.', ...lines].join('\n'), 'hello.yaml', roster);

function problemsOf(...lines: readonly string[]): readonly string[] {
  try {
    mission(...lines);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('a mission file', () => {
  test('needs only a name and a brief', () => {
    expect(mission()).toEqual({
      name: 'hello',
      brief: 'Deploy.',
      approval: 'none',
      retries: 2,
      onFailure: 'fail',
      budget: { usd: null, tokens: null, minutes: null },
      limits: {},
      trust: { brief: true, workspace: false },
      agents: ['cert_agent', 'env_agent', 'proxy_agent'],
      success: [],
      plan: null,
      planner: null,
      snapshots: null,
      inputs: [],
      variables: [],
    });
  });

  test('may ask for the declared order, or for a model, instead of a plan', () => {
    expect(mission('planner: order')).toMatchObject({ plan: null, planner: 'order' });
    expect(mission('planner: model')).toMatchObject({ plan: null, planner: null });
    expect(problemsOf('planner: ordr')).toEqual(['hello.yaml:3:1: "planner" is "ordr"; did you mean "order"?']);
    expect(
      problemsOf('planner: order', 'plan: { waves: [{ tasks: [{ agent: cert_agent, description: d }] }] }'),
    ).toEqual(['hello.yaml:3:1: the mission has a plan and names a planner; leave one of them out']);
  });

  test('artifacts: patterns within the workspace, each problem at its line', () => {
    const plan = (...artifacts: readonly string[]) => [
      'plan:',
      '  waves:',
      '    - tasks:',
      '        - agent: cert_agent',
      '          description: Make it.',
      '          artifacts:',
      ...artifacts.map((pattern) => `            - ${pattern}`),
    ];
    expect(mission(...plan('./report//*.md', 'dist/**', 'dist/**')).plan?.waves[0]?.tasks[0]?.artifacts).toEqual([
      'report/*.md',
      'dist/**',
    ]);
    const [absolute, outside, ...none] = problemsOf(...plan("'/etc/passwd'", "'a/../../b'"));
    expect(absolute).toMatch(/^hello\.yaml:9:15: "\/etc\/passwd" is absolute; give a pattern relative/);
    expect(outside).toMatch(/^hello\.yaml:10:15: "a\/..\/..\/b" may lead out of the workspace; /);
    expect(none).toEqual([]);
    expect(problemsOf(...plan('a', "' '"))).toEqual([expect.stringMatching(/^hello\.yaml:10:15: .*empty/)]);
    expect(problemsOf(...plan(...Array.from({ length: 101 }, (_, at) => `a${at}`)))).toEqual([
      expect.stringContaining('must name at most 100 patterns'),
    ]);
    expect(problemsOf(...plan(...Array.from({ length: 80 }, (_, at) => `a${at}`.padEnd(990, 'x'))))[0]).toContain(
      'the paths in protected, changes and artifacts must have at most 65536 bytes in all',
    );
  });

  test('artifacts may have the values of inputs', () => {
    const task = '{ agent: cert_agent, description: d, artifacts: ["${{ inputs.site }}/*.pem"] }';
    const withSite = (site: string) =>
      mission(`inputs: [{ name: site, default: ${site} }]`, `plan: { waves: [{ tasks: [${task}] }] }`);
    expect(withSite('www').plan?.waves[0]?.tasks[0]?.artifacts).toEqual(['www/*.pem']);
    expect(() => withSite('../www')).toThrow('may lead out of the workspace');
  });

  test('may use every key of the format', () => {
    const read = mission(
      'approval: approval',
      'retries: 0',
      'on_failure: ask',
      'snapshots: true',
      'budget: { usd: 1, tokens: 200000, minutes: 0.5 }',
      'limits: { memory_mb: 512, processes: 64 }',
      'trust: { brief: false, workspace: true }',
      'agents: [proxy_agent, cert_agent]',
      'plan:',
      '  waves:',
      '    - tasks:',
      '        - agent: cert_agent',
      '          description: Make it.',
      '          playbook: platform-certificates',
      '          timeout_seconds: 60',
      '          acceptance: [{ name: there, command: test -f a }]',
      '        - { agent: cert_agent, description: Make another. }',
      '    - rationale: needs it',
      '      tasks: [{ agent: proxy_agent, description: Use it. }]',
      'success: [{ name: all, command: test -d . }]',
    );
    expect(read).toMatchObject({
      approval: 'approval',
      retries: 0,
      onFailure: 'ask',
      snapshots: true,
      budget: { usd: 1, tokens: 200_000, minutes: 0.5 },
      limits: { memory_mb: 512, processes: 64 },
      trust: { brief: false, workspace: true },
      agents: ['cert_agent', 'proxy_agent'],
      success: [{ name: 'all', command: 'test -d .' }],
    });
    expect(read.plan?.waves).toMatchObject([
      {
        wave_number: 1,
        tasks: [
          {
            task_id: 'deploy-cert_agent-wave1',
            playbook: 'platform-certificates',
            timeout_seconds: 60,
            acceptance: [{ name: 'there', command: 'test -f a' }],
            dependencies: [],
          },
          { task_id: 'deploy-cert_agent-wave1-2', playbook: null, timeout_seconds: null },
        ],
      },
      {
        wave_number: 2,
        rationale: 'needs it',
        tasks: [
          {
            task_id: 'deploy-proxy_agent-wave2',
            dependencies: ['deploy-cert_agent-wave1', 'deploy-cert_agent-wave1-2'],
          },
        ],
      },
    ]);
  });

  test('lists dependencies on agents that do not take part', () => {
    const read = mission(
      'agents: [proxy_agent]',
      'plan: { waves: [{ tasks: [{ agent: proxy_agent, description: x }] }] }',
    );
    expect(read.plan?.notes).toEqual([
      "dependencies outside the mission's agents count as satisfied: proxy_agent needs cert_agent",
    ]);
  });

  test.each(['missions/hello.yaml', 'missions/ravenhelm-platform.yaml'])(
    'of the project can be read: %s',
    async (file) => {
      const tools = ['execute_terminal_command', 'workspace_read', 'workspace_write', 'workspace_list'];
      expect(
        parseMissionFile(await readFile(file, 'utf8'), file, await loadRoster('agents', { tools })).plan?.waves.length,
      ).toBeGreaterThan(0);
    },
  );
});

describe('a mission file is refused', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['with an unknown key', ['sucess: []'], ['hello.yaml:3:1: unknown key "sucess"; did you mean "success"?']],
    [
      'with an unknown key of a task',
      [
        'plan:',
        '  waves:',
        '    - tasks:',
        '        - agent: env_agent',
        '          desciption: x',
        '          description: y',
      ],
      ['hello.yaml:7:11: unknown key "desciption"; did you mean "description"?'],
    ],
    [
      'with an unknown approval mode',
      ['approval: aproval'],
      ['hello.yaml:3:1: "approval" is "aproval"; did you mean "approval"?'],
    ],
    ['with retries in words', ['retries: two'], ['hello.yaml:3:1: "retries" is "two"; give a number']],
    ['with an empty key', ['success:'], ['hello.yaml:3:1: "success" is empty; give a list']],
    [
      'with a budget of nothing',
      ['budget: { usd: 0 }'],
      ['hello.yaml:3:11: "budget.usd": must be from 0.000001 to 1000000 US dollars; change it (it is 0)'],
    ],
    [
      'a number without an end',
      ['budget: { usd: .inf }'],
      ['hello.yaml:3:11: "budget.usd" is Infinity; give a number with an end'],
    ],
    ['a merge key', ['budget: { <<: 1 }'], ['hello.yaml:3:11: merge keys (<<) are not read; write the keys out']],
    [
      'with an unknown agent',
      ['agents: [cert_agent, env_agnt]'],
      ['hello.yaml:3:22: unknown agent "env_agnt"; did you mean "env_agent"?'],
    ],
    [
      'with the orchestrator as an agent',
      ['agents: [orchestrator]'],
      ['hello.yaml:3:10: the orchestrator is not an agent and cannot run tasks; leave it out'],
    ],
    [
      'with an agent that is named twice',
      ['agents: [env_agent, env_agent]'],
      ['hello.yaml:3:21: the agent "env_agent" is named twice; name it once'],
    ],
    [
      'with a wave without tasks',
      ['plan:', '  waves:', '    - tasks: []'],
      ['hello.yaml:5:7: "plan.waves[0].tasks": a wave needs at least one task; change it (it is a list)'],
    ],
    [
      'with an unknown agent in the plan',
      ['plan: { waves: [{ tasks: [{ agent: cert_agnt, description: x }] }] }'],
      ['hello.yaml:3:29: unknown agent "cert_agnt"; did you mean "cert_agent"?'],
    ],
    [
      'with a task for an agent that does not take part',
      ['agents: [env_agent]', 'plan: { waves: [{ tasks: [{ agent: cert_agent, description: x }] }] }'],
      ['hello.yaml:4:29: cert_agent does not take part in this mission; its agents are: env_agent'],
    ],
    [
      'with an unknown playbook',
      ['plan: { waves: [{ tasks: [{ agent: cert_agent, description: x, playbook: platform-certs }] }] }'],
      ['hello.yaml:3:64: cert_agent has no playbook "platform-certs"; use one of: platform-certificates'],
    ],
    [
      'with a plan against the dependencies',
      [
        'plan:',
        '  waves:',
        '    - tasks:',
        '        - { agent: cert_agent, description: x }',
        '        - { agent: proxy_agent, description: x }',
      ],
      [
        'hello.yaml:7:13: proxy_agent (wave 1) depends on cert_agent (wave 1); plan proxy_agent in a ' +
          'later wave than cert_agent',
      ],
    ],
    [
      'with a line that is not YAML',
      ['agents: [cert_agent'],
      [
        'hello.yaml:3:20: this is not valid YAML: Flow sequence in block collection must be sufficiently ' +
          'indented and end with a ]; correct the line',
      ],
    ],
  ])('%s', (_, lines, problems) => {
    expect(problemsOf(...lines)).toEqual(problems);
  });

  test.each<[string, string, string]>([
    [
      'with several documents',
      'name: x\nbrief: y\n---\nname: z\n',
      'x.yaml:3:1: a second YAML document starts here; keep one document in the file and remove the others',
    ],
    [
      'with a line that is too far to the right',
      'name: x\n brief: y\n',
      'x.yaml:1:7: this is not valid YAML: Nested mappings are not allowed in compact mappings; correct ' +
        'the line: the indentation of this line or the next is probably wrong, or a value with a colon ' +
        'needs quotes',
    ],
    [
      'with a line that is too far to the left',
      'plan:\n    waves: []\n  risks: []\n',
      'x.yaml:3:1: this is not valid YAML: All mapping items must start at the same column; correct the ' +
        'line: the indentation of this line or the next is probably wrong',
    ],
    [
      'with a misplaced item',
      'plan:\n  waves:\n    - tasks:\n      - agent: x\n     risks: []\n',
      'x.yaml:5:1: this is not valid YAML: Sequence item without - indicator; correct the line: the ' +
        'indentation of this line or the next is probably wrong',
    ],
    [
      'with a key without a colon',
      'name: x\nbrief\nretries: 1\n',
      'x.yaml:2:1: this is not valid YAML: Implicit keys need to be on a single line; correct the line: ' +
        'the indentation of this line or the next is probably wrong, or a colon is missing',
    ],
    [
      'with tabs',
      'plan:\n  waves:\n\t- tasks: []\n\t- tasks: []\n',
      'x.yaml:3:1: this is not valid YAML: tabs are not allowed as indentation; indent with spaces',
    ],
    [
      'with a very long tag',
      `name: !${'x'.repeat(300)} y\n`,
      `x.yaml:1:7: this is not valid YAML: Unresolved tag: !${'x'.repeat(82)}…; correct the line`,
    ],
  ])('%s, once', (_, content, problem) => {
    expect(() => parseMissionFile(content, 'x.yaml', roster)).toThrow(
      new RegExp(`^${problem.replace(/[[\](){}.*+?|^$]/g, '\\$&')}$`),
    );
  });

  test.each<[string, readonly string[]]>([
    ['key', [`${'k'.repeat(300)}: 1`]],
    ['value', [`approval: ${'k'.repeat(300)}`]],
    ['name of an agent', [`agents: [${'k'.repeat(300)}]`]],
    ["name of a task's agent", [`plan: { waves: [{ tasks: [{ agent: ${'k'.repeat(300)}, description: x }] }] }`]],
    [
      'name of a playbook',
      [`plan: { waves: [{ tasks: [{ agent: cert_agent, description: x, playbook: ${'k'.repeat(300)} }] }] }`],
    ],
    ['alias', [`agents: *${'k'.repeat(300)}`]],
  ])('without repeating a long %s', (_, lines) => {
    expect(problemsOf(...lines).join('\n')).toMatch(/[^k]k{30,79}…/);
  });

  test('with a value that starts with *', () => {
    expect(problemsOf('agents: [*all]')).toEqual([
      'hello.yaml:1:1: Unresolved alias (the anchor must be set before the alias): all; put a value that ' +
        'starts with * in quotes',
    ]);
  });

  test('with an unknown agent; only existing ones are suggested', () => {
    expect(
      problemsOf(
        'agents: [env_agent, cert_agnt]',
        'plan: { waves: [{ tasks: [{ agent: cert_agnt, description: x }] }] }',
      ),
    ).toEqual([
      'hello.yaml:3:21: unknown agent "cert_agnt"; did you mean "cert_agent"?',
      'hello.yaml:4:29: unknown agent "cert_agnt"; use one of: env_agent',
    ]);
    expect(
      problemsOf('agents: [slow_agent]', 'plan: { waves: [{ tasks: [{ agent: slow_agent, description: x }] }] }'),
    ).toEqual([
      'hello.yaml:3:10: unknown agent "slow_agent"; use one of: cert_agent, env_agent, proxy_agent',
      'hello.yaml:4:29: unknown agent "slow_agent"; use one of: cert_agent, env_agent, proxy_agent',
    ]);
  });

  test('without a brief', () => {
    expect(() => parseMissionFile('name: x', 'x.yaml', roster)).toThrow(
      'x.yaml:1:1: "brief" is missing; add it (text)',
    );
  });

  test('if it is empty', () => {
    expect(() => parseMissionFile('', 'x.yaml', roster)).toThrow(
      'x.yaml:1:1: the file is empty; give keys with values',
    );
  });
});

describe('the published JSON Schema', () => {
  test('matches the code (npm run schema:mission)', async () => {
    expect(JSON.parse(await readFile('missions/mission.schema.json', 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(missionJsonSchema())),
    );
  });

  test.each(['missions/hello.yaml', 'missions/ravenhelm-platform.yaml'])('accepts %s', async (file) => {
    const valid = new Ajv({ allowUnionTypes: true }).compile(missionJsonSchema());
    expect(valid(parse(await readFile(file, 'utf8')))).toBe(true);
  });

  test('refuses an unknown key', () => {
    expect(new Ajv({ allowUnionTypes: true }).compile(missionJsonSchema())({ name: 'x', brief: 'y', extra: 1 })).toBe(
      false,
    );
  });
});
