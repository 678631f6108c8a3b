import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentSpec } from '../../src/domain/agent-spec.js';
import { agentSpec } from '../support/role-swarm.js';
import { ConfigError } from '../../src/agent/config-error.js';
import { digestOfSpec } from '../../src/agent/agent-digest.js';
import { loadRoster, rosterOf } from '../../src/agent/roster.js';

const TOOLS = ['execute_terminal_command', 'workspace_read', 'workspace_write', 'workspace_list'];

const dirs: string[] = [];
afterEach(async () => {
  await Promise.all(dirs.splice(0).map((dir) => rm(dir, { recursive: true })));
});

async function directory(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'roster-'));
  dirs.push(dir);
  await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(dir, name), content)));
  return dir;
}

const agentFile = (name: string, more: readonly string[] = [], prompt = 'You do it.') =>
  [
    '---',
    `name: ${name}`,
    `description: ${name} works.`,
    'phase: 1',
    'tools: [workspace_read]',
    ...more,
    '---',
    prompt,
  ].join('\n');

/** The problems as "file:line:column: text", without the directory. */
async function problemsOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  return problemsIn(await directory(files));
}

async function problemsIn(dir: string): Promise<readonly string[]> {
  const error = await loadRoster(dir, { tools: TOOLS }).then(
    () => null,
    (failure: unknown) => failure,
  );
  if (!(error instanceof ConfigError)) throw new Error(`expected a ConfigError, got ${String(error)}`);
  return error.message.replaceAll(`${dir}/`, '').split('\n');
}

describe('the roster', () => {
  test('reads every key of an agent', async () => {
    const dir = await directory({
      'a_agent.md': agentFile(
        'a_agent',
        [
          'models: [ollama:llama3.1, playbook]',
          'concurrency: 2',
          'timeout_seconds: 60',
          'max_steps: 7',
          'secrets_key: true',
          'secrets: [DEPLOY_TOKEN, B2]',
          'mounts: [{ path: /srv/data, mode: ro }]',
          'docker: true',
          'playbooks:',
          '  make-a:',
          '    steps:',
          '      - name: make',
          '        command: touch a',
          '        unless: test -f a',
          '      - { name: show, command: ls }',
          '    acceptance:',
          '      - { name: there, command: test -f a }',
          '    changes: [./a]',
        ],
        'You make a.\n\n---\nAnd a rule above.',
      ),
    });
    const { agents } = await loadRoster(dir, { tools: TOOLS });
    expect(agents).toEqual([
      {
        name: 'a_agent',
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        description: 'a_agent works.',
        phase: 1,
        dependsOn: [],
        tools: ['workspace_read'],
        models: ['ollama:llama3.1', 'playbook'],
        concurrency: 2,
        timeoutSeconds: 60,
        maxSteps: 7,
        secretsKey: true,
        secrets: ['DEPLOY_TOKEN', 'B2'],
        mounts: [{ path: '/srv/data', mode: 'ro' }],
        docker: true,
        playbooks: {
          'make-a': {
            name: 'make-a',
            steps: [
              { name: 'make', command: 'touch a', unless: 'test -f a' },
              { name: 'show', command: 'ls', unless: null },
            ],
            acceptance: [{ name: 'there', command: 'test -f a' }],
            changes: ['a'],
          },
        },
        prompt: 'You make a.\n\n---\nAnd a rule above.',
      },
    ]);
  });

  test('the digest of an agent is the sha256 of its file: any change of the file changes it', async () => {
    const text = agentFile('a_agent');
    const digestOf = async (content: string) =>
      (await loadRoster(await directory({ 'a_agent.md': content }), { tools: TOOLS })).agents[0]?.digest;
    expect(await digestOf(text)).toBe(createHash('sha256').update(text).digest('hex'));
    expect(await digestOf(text)).toBe(await digestOf(text));
    expect(await digestOf(text.replace('phase: 1', 'phase: 1 # first'))).not.toBe(await digestOf(text));
    expect(await digestOf(text.replaceAll('\n', '\r\n'))).not.toBe(await digestOf(text));
  });

  test('the digest of an agent defined in code depends on its fields, not on their order', () => {
    const spec = agentSpec('a_agent', { playbooks: { p: { name: 'p', steps: [], acceptance: [] } } });
    const reversed = Object.fromEntries(Object.entries(spec).reverse());
    expect(digestOfSpec({ ...spec, ...reversed })).toBe(digestOfSpec(spec));
    const inOtherOrder: AgentSpec = Object.assign({ ...reversed }, spec);
    expect(Object.keys(inOtherOrder)[0]).toBe('prompt');
    expect(digestOfSpec(inOtherOrder)).toBe(digestOfSpec(spec));
    expect(digestOfSpec({ ...spec, maxSteps: spec.maxSteps + 1 })).not.toBe(digestOfSpec(spec));
    expect(digestOfSpec({ ...spec, playbooks: {} })).not.toBe(digestOfSpec(spec));
  });

  test('lists each agent after those that it depends on', async () => {
    const dir = await directory({
      'a_agent.md': agentFile('a_agent', ['depends_on: [b_agent]']),
      'b_agent.md': agentFile('b_agent', ['depends_on: [c_agent]']),
      'c_agent.md': agentFile('c_agent'),
      'README.md': '# Agents',
    });
    expect((await loadRoster(dir, { tools: TOOLS })).names).toEqual(['c_agent', 'b_agent', 'a_agent']);
  });

  test('ignores names that start with a dot, such as the lock files of Emacs', async () => {
    const dir = await directory({ 'a_agent.md': agentFile('a_agent') });
    await symlink('me@host.123:456', join(dir, '.#a_agent.md'));
    expect((await loadRoster(dir, { tools: TOOLS })).names).toEqual(['a_agent']);
  });

  test('has each name once', () => {
    const twice = [agentSpec('a_agent'), agentSpec('b_agent'), agentSpec('a_agent')];
    expect(() =>
      rosterOf(twice, (_name, message, fix) => ({ file: '', line: null, column: null, message, fix })),
    ).toThrow('agents: the name "a_agent" is used twice, and both agents would share a topic');
  });

  test('returns a subset, and reports unknown agents', async () => {
    const roster = await loadRoster(
      await directory({ 'a_agent.md': agentFile('a_agent'), 'b_agent.md': agentFile('b_agent') }),
      { tools: TOOLS },
    );
    expect(roster.subset(['b_agent']).names).toEqual(['b_agent']);
    expect(roster.byName('a_agent')?.phase).toBe(1);
    expect(() => roster.subset(['b_agnet'], '--agents')).toThrow(
      '--agents: unknown agent "b_agnet"; did you mean "b_agent"?',
    );
  });

  test("contains the project's twelve agents, and a thirteenth after its file is added", async () => {
    const dir = await directory({});
    await cp('agents', dir, { recursive: true });
    expect((await loadRoster(dir, { tools: TOOLS })).agents).toHaveLength(12);
    await writeFile(
      join(dir, 'mail_agent.md'),
      agentFile('mail_agent', ['depends_on: [cert_agent, hlidskjalf_agent]']),
    );
    const { names } = await loadRoster(dir, { tools: TOOLS });
    expect(names).toHaveLength(13);
    expect(names.at(-1)).toBe('mail_agent');
  });
});

describe("an agent's file is refused", () => {
  test.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
    [
      'with an unknown key',
      { 'a_agent.md': agentFile('a_agent', ['timeout_second: 3']) },
      ['a_agent.md:6:1: unknown key "timeout_second"; did you mean "timeout_seconds"?'],
    ],
    [
      'with a misspelled secrets_key',
      { 'a_agent.md': agentFile('a_agent', ['secret_key: true']) },
      ['a_agent.md:6:1: unknown key "secret_key"; did you mean "secrets_key"?'],
    ],
    [
      'with a secrets_key that is neither true nor false',
      { 'a_agent.md': agentFile('a_agent', ['secrets_key: yes']) },
      ['a_agent.md:6:1: "secrets_key" is "yes"; give true or false'],
    ],
    [
      "with a secret's name that is no name of a variable",
      { 'a_agent.md': agentFile('a_agent', ['secrets:', '  - DEPLOY_TOKEN', '  - deploy-token']) },
      [
        'a_agent.md:8:5: "secrets[1]": a secret\'s name must be upper-case letters, digits and _, ' +
          'starting with a letter; change it (it is "deploy-token")',
      ],
    ],
    [
      "with the name of a secret's file",
      { 'a_agent.md': agentFile('a_agent', ['secrets: [TOKEN_FILE]']) },
      [
        'a_agent.md:6:11: "secrets[0]": must not end in _FILE: that variable names the file of a secret; ' +
          'change it (it is "TOKEN_FILE")',
      ],
    ],
    [
      "with a secret of the swarm's own",
      { 'a_agent.md': agentFile('a_agent', ['secrets: [KAFKA_SASL_PASSWORD]']) },
      [
        'a_agent.md:6:11: "secrets[0]": must not be the swarm\'s own: an agent with it could write any event; ' +
          'change it (it is "KAFKA_SASL_PASSWORD")',
      ],
    ],
    [
      'with a secret named twice',
      { 'a_agent.md': agentFile('a_agent', ['secrets: [TOKEN, B, TOKEN]']) },
      ['a_agent.md:6:21: the secret "TOKEN" is named twice; name it once'],
    ],
    [
      'with a mount that can be written',
      { 'a_agent.md': agentFile('a_agent', ['mounts:', '  - path: /srv', '    mode: rw']) },
      ['a_agent.md:8:5: "mounts[0].mode" is "rw"; did you mean "ro"?'],
    ],
    [
      'with a mount twice, or in another one',
      {
        'a_agent.md': agentFile('a_agent', [
          'mounts:',
          ...['/a', '/a/b', '/a'].map((path) => `  - { path: ${path}, mode: ro }`),
        ]),
      },
      [
        'a_agent.md:8:5: "/a/b" is in the mount "/a"; name one of them',
        'a_agent.md:9:5: "/a" is in the mount "/a"; name one of them',
      ],
    ],
    [
      'with an unknown key deep inside',
      {
        'a_agent.md': agentFile('a_agent', [
          'playbooks:',
          '  p:',
          '    steps:',
          '      - name: x',
          '        comand: y',
        ]),
      },
      [
        'a_agent.md:9:9: "playbooks.p.steps[0].command" is missing; add it (text)',
        'a_agent.md:10:9: unknown key "comand"; did you mean "command"?',
      ],
    ],
    [
      'with an unknown tool',
      { 'a_agent.md': agentFile('a_agent').replace('[workspace_read]', '[workspace_read, workspace_rite]') },
      ['a_agent.md:5:25: unknown tool "workspace_rite"; did you mean "workspace_write"?'],
    ],
    [
      'with an unknown dependency',
      { 'a_agent.md': agentFile('a_agent', ['depends_on:', '  - b_agent']), 'bb_agent.md': agentFile('bb_agent') },
      ['a_agent.md:7:5: unknown agent "b_agent"; did you mean "bb_agent"?'],
    ],
    [
      'with a name that differs from the file name',
      { 'a_agent.md': agentFile('b_agent') },
      [
        'a_agent.md:2:1: the name "b_agent" differs from the file\'s name "a_agent"; rename the file to ' +
          'b_agent.md or the agent to a_agent',
      ],
    ],
    [
      'with a wrong type',
      { 'a_agent.md': agentFile('a_agent', ['concurrency: many']) },
      ['a_agent.md:6:1: "concurrency" is "many"; give a number'],
    ],
    [
      'with a number that is too small',
      { 'a_agent.md': agentFile('a_agent', ['max_steps: 0']) },
      ['a_agent.md:6:1: "max_steps": must be a whole number from 1 to 10000 steps; change it (it is 0)'],
    ],
    [
      'without a prompt',
      { 'a_agent.md': agentFile('a_agent', [], '') },
      ['a_agent.md:7:1: the prompt is missing; write the prompt below the front matter'],
    ],
    [
      'with more text than the journal takes',
      { 'a_agent.md': agentFile('a_agent', [], 'a'.repeat(65_533)) },
      [
        'a_agent.md:7:1: the prompt and the names of hosts, secrets and mounts have 65537 bytes as JSON; ' +
          '65536 are allowed; shorten the prompt: what only some tasks need belongs into their descriptions, or into ' +
          'a file of a mount',
      ],
    ],
    [
      'without front matter',
      { 'a_agent.md': 'You do it.' },
      [
        "a_agent.md:1:1: the front matter is missing; start the file with a line of ---, the agent's " +
          'keys and another line of ---',
      ],
    ],
    [
      'with a duplicate key',
      { 'a_agent.md': agentFile('a_agent', ['phase: 2']) },
      ['a_agent.md:6:1: this is not valid YAML: Map keys must be unique; correct the line'],
    ],
    [
      'with the name of the orchestrator',
      { 'orchestrator.md': agentFile('orchestrator') },
      ['orchestrator.md:2:1: the name "orchestrator" is reserved; choose another name'],
    ],
  ])('%s', async (_, files, problems) => {
    expect(await problemsOf(files)).toEqual(problems);
  });

  test('with a cycle of dependencies', async () => {
    const problems = await problemsOf({
      'a_agent.md': agentFile('a_agent', ['depends_on: [b_agent]']),
      'b_agent.md': agentFile('b_agent', ['depends_on: [c_agent]']),
      'c_agent.md': agentFile('c_agent', ['depends_on: [a_agent]']),
    });
    expect(problems).toEqual([
      'a_agent.md:6:14: depends_on has a cycle: a_agent → b_agent → c_agent → a_agent; remove one of ' +
        'these dependencies',
    ]);
  });

  test('with the name of another agent', async () => {
    const problems = await problemsOf({ 'a_agent.md': agentFile('a_agent'), 'b_agent.md': agentFile('a_agent') });
    expect(problems.join('\n')).toContain('b_agent.md:2:1: the name "a_agent" is already used by');
  });

  test('if it cannot be read; it still counts by its file name', async () => {
    const dir = await directory({ 'a_agent.md': agentFile('a_agent', ['depends_on: [gone_agent]']) });
    await mkdir(join(dir, 'b_agent.md'));
    await symlink('nowhere', join(dir, 'gone_agent.md'));
    expect(await problemsIn(dir)).toEqual([
      'b_agent.md: the file cannot be read: it is a directory; correct or remove it',
      'gone_agent.md: the file cannot be read: its link points to a file that does not exist; correct or remove it',
    ]);
  });

  test.each([
    ['a NUL', 'name: \u0000secret'],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0x41])],
  ])('when it holds %s', async (_, content) => {
    const dir = await directory({});
    await writeFile(join(dir, 'a_agent.md'), content);
    expect(await problemsIn(dir)).toEqual([
      'a_agent.md: this is not a text file (UTF-8); save it as UTF-8, or remove it',
    ]);
  });

  test('with all problems of all files at once', async () => {
    const problems = await problemsOf({
      'a_agent.md': agentFile('a_agent', ['x: 1', 'y: 2']),
      'b_agent.md': agentFile('b_agent', ['depends_on: [absent_agent]']),
    });
    expect(problems.map((problem) => problem.split(': ')[0])).toEqual([
      'a_agent.md:6:1',
      'a_agent.md:7:1',
      'b_agent.md:6:14',
    ]);
  });

  test('if the directory does not exist or is empty', async () => {
    await expect(loadRoster('/nowhere/agents', { tools: TOOLS })).rejects.toThrow(
      '/nowhere/agents: the directory of agents does not exist; create one file per agent (name.md) ' +
        'there, or set --agents-dir to another directory',
    );
    await expect(loadRoster(await directory({}), { tools: TOOLS })).rejects.toThrow('contains no agents');
    await expect(loadRoster('package.json', { tools: TOOLS })).rejects.toThrow(
      'package.json: this is not a directory; create one file',
    );
  });
});

test('every agent of the project has its own prompt and description', async () => {
  const { agents } = await loadRoster('agents', { tools: TOOLS });
  expect(new Set(agents.map((agent) => agent.description)).size).toBe(agents.length);
  expect(await readFile('agents/cert_agent.md', 'utf8')).toContain(
    agents.find((agent) => agent.name === 'cert_agent')?.prompt.slice(0, 40),
  );
});
