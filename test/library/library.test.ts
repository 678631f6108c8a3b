import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Logger } from '../../src/ports/logger.js';
import { startFakeOpenai } from '../support/fake-openai.js';
import {
  ClientError,
  createClient,
  createSwarm,
  defineAgent,
  memoryLog,
  OptionError,
  SandboxRequired,
  type AttemptReport,
  type PromptReport,
} from '../../src/index.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
const node = async (...args: readonly string[]) => (await execa(process.execPath, args, { cwd: project })).stdout;

const PLAYBOOK = { steps: [{ name: 'write', command: 'echo done > done.txt' }] };
const writer = defineAgent({
  name: 'writer',
  description: 'Writes.',
  prompt: 'Write.',
  playbooks: { write: PLAYBOOK },
});
const plan = { waves: [{ tasks: [{ agent: 'writer', description: 'Write.', playbook: 'write' }] }] };

describe('a program that embeds the swarm', () => {
  test('is 15 lines long and completes a verified task', async () => {
    const source = await readFile(`${project}/examples/embed.mjs`, 'utf8');
    expect(source.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('//'))).toHaveLength(15);
    expect(await node('examples/embed.mjs')).toBe('completed: deploy-greeter-wave1 verified');
  });

  test('finds its listeners, environment, V8 flags and exit code as they were', async () => {
    expect(JSON.parse(await node('test/library/side-effects.mjs'))).toEqual({ status: 'completed', changes: [] });
  });

  test('has its first task verified soon: the median of 20 is printed', async () => {
    const lines = (await node('test/library/first-task.mjs', '20')).split('\n');
    const times = lines.map((line): number => JSON.parse(line).verifiedMs).sort((a, b) => a - b);
    expect(times).toHaveLength(20);
    process.stdout.write(
      `from createSwarm to the first verified task: median ${times[10]?.toFixed(0)} ms, ` +
        `fastest ${times[0]?.toFixed(0)} ms, slowest ${times[19]?.toFixed(0)} ms of 20\n`,
    );
  }, 180_000);
});

test('a swarm says in its log by what the limits of calls hold', async () => {
  const lines: unknown[] = [];
  const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
  const logger: Logger = { ...silent, info: (fields) => void lines.push(fields) };
  await using swarm = await createSwarm({ log: memoryLog(), agents: [writer], logger });
  await using client = createClient(swarm);
  await client.run({ name: 'limits', brief: 'Write.', plan });
  expect(lines).toContainEqual({ line: expect.stringMatching(/^Limits: by /) });
});

test('updateAgents changes the agents of a running swarm, and a mission for a new one completes', async () => {
  const reader = defineAgent({
    name: 'reader',
    description: 'Reads.',
    prompt: 'Read.',
    playbooks: { write: PLAYBOOK },
  });
  const tasks = [{ agent: 'reader', description: 'Write.', playbook: 'write' }];
  await using swarm = await createSwarm({ log: memoryLog(), agents: [writer] });
  await using client = createClient(swarm);
  await swarm.updateAgents([writer, reader]);
  expect(swarm.agents.map(({ name }) => name)).toEqual(['reader', 'writer']);
  const report = await client.run({ name: 'reads', brief: 'Read.', plan: { waves: [{ tasks }] } });
  expect(report).toMatchObject({ status: 'completed', tasks: [{ agent: 'reader' }] });
  await expect(swarm.updateAgents([reader, reader])).rejects.toMatchObject({ code: 'config' });
  await swarm.updateAgents([reader]);
  expect(swarm.agents.map(({ name }) => name)).toEqual(['reader']);
});

test('updateAgents leaves the agents in force where the worker cannot use the models of one of them', async () => {
  const spec = { name: 'writer', description: 'Writes.', prompt: 'Write.', playbooks: { write: PLAYBOOK } };
  const other = defineAgent({ ...spec, name: 'reader' });
  await using swarm = await createSwarm({ log: memoryLog(), agents: [writer], serves: ['writer'] });
  await using client = createClient(swarm);
  const keyless = defineAgent({ ...spec, models: ['anthropic'] });
  await expect(swarm.updateAgents([keyless, other])).rejects.toMatchObject({
    code: 'config',
    message: expect.stringMatching(/^agent writer: .*; correct its models$/),
  });
  const unknown = defineAgent({ ...spec, models: ['crystal-ball'] });
  await expect(swarm.updateAgents([unknown])).rejects.toThrow(/crystal-ball/);
  expect(swarm.agents).toEqual([writer]);
  const report = await client.run({ name: 'writes', brief: 'Write.', plan });
  expect(report.status).toBe('completed');
  // Another process may have what this one does not serve.
  await swarm.updateAgents([writer, defineAgent({ ...spec, name: 'reader', models: ['anthropic'] })]);
  expect(swarm.agents.map(({ name }) => name)).toEqual(['reader', 'writer']);
});

test('a changed agent has its new secret in its next attempt, and its value is in no event', async () => {
  const value = 'a-value-that-must-not-show';
  const withSecret = (secrets: readonly string[]) =>
    defineAgent({
      name: 'writer',
      description: 'Writes.',
      prompt: 'Write.',
      secrets,
      playbooks: { write: { steps: [{ name: 'look', command: 'ls /run/secrets; cat /run/secrets/TOKEN || true' }] } },
    });
  await using swarm = await createSwarm({
    log: memoryLog(),
    agents: [withSecret([])],
    tools: { secrets: { TOKEN: value } },
  });
  await using client = createClient(swarm);
  const outputs = async () => {
    const { missionId } = await client.submit({ name: 'looks', brief: 'Look.', plan });
    const events: unknown[] = [];
    const report = await client.follow(missionId, { onEvent: (event) => void events.push(event) });
    expect(report.status).toBe('completed');
    const attempts: AttemptReport[] = [];
    await client.attempts(missionId, (attempt) => void attempts.push(attempt));
    const text = JSON.stringify([events, attempts]);
    expect(text).not.toContain(value);
    return text;
  };
  expect(await outputs()).not.toContain('[REDACTED');
  await swarm.updateAgents([withSecret(['TOKEN'])]);
  expect(await outputs()).toContain('TOKEN');
}, 60_000);

describe('a swarm with a policy that asks', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'ravenhelm-library-'));
    const rule = '{name: ask, decision: ask, reason: look, command: echo, matches: [echo a], not: [ls]}';
    await writeFile(join(dir, 'policy.yaml'), `rules:\n  - ${rule}\n`);
    const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    await writeFile(join(dir, 'operators.yaml'), `operators:\n  - {name: ann, key: ${key}}\n`);
  });
  afterAll(() => rm(dir, { recursive: true }));

  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const mission = { name: 'asks', brief: 'Write.', retries: 0, plan };

  test('lets a call run that the operator has approved with a key', async () => {
    const options = { policy: join(dir, 'policy.yaml'), operators: join(dir, 'operators.yaml') };
    await using swarm = await createSwarm({ log: memoryLog(), agents: [writer], ...options });
    await using client = createClient({ ...swarm, operator: { name: 'ann', key } });
    await using stranger = createClient(swarm);
    const { missionId } = await client.submit(mission);
    const leftMs: number[] = [];
    const report = client.follow(missionId, {
      onEvent(event) {
        if (event.event_type !== 'task_paused') return;
        leftMs.push(event.payload.expires_at - Date.now());
        const { approval_id } = event.payload;
        void stranger.approvals
          .approve(approval_id)
          .catch((error: unknown) => expect(error).toMatchObject({ code: 'answer_void' }))
          .then(() => client.approvals.approve(approval_id));
      },
    });
    expect((await report).status).toBe('completed');
    // It waits for a day.
    const hours = leftMs.map((each) => Math.round(each / 3_600_000));
    expect(new Set(hours)).toEqual(new Set([24]));
  });

  test('refuses it at once with onAsk: reject', async () => {
    const options = { policy: join(dir, 'policy.yaml'), onAsk: 'reject' as const };
    await using swarm = await createSwarm({ log: memoryLog(), agents: [writer], ...options });
    await using client = createClient(swarm);
    const report = await client.run(mission);
    expect(report.status).toBe('failed');
    expect(report.reason).toContain('by the rule ask');
  });

  test('names a key that is none', () => {
    expect(() =>
      createClient({ log: memoryLog(), agents: [writer], workspaceRoot: dir, operator: { name: 'ann', key: 'x' } }),
    ).toThrow(/operator\.key.*private Ed25519 key/);
  });
});

describe('a swarm and its client in this process', () => {
  test('run a mission whose plan the client approves, and end with await using', async () => {
    const swarm = await createSwarm({ log: memoryLog(), agents: [writer] });
    const client = createClient(swarm);
    const submitted = await client.submit({ name: 'ask', brief: 'Write.', approval: 'approval', plan });
    const report = await client.follow(submitted.missionId, {
      onEvent(event) {
        if (event.event_type === 'plan_proposed') void client.approve(submitted.missionId);
      },
    });
    expect(report).toMatchObject({ status: 'completed', tasks: [{ agent: 'writer' }] });
    expect(await client.reports()).toEqual([await client.report(submitted.missionId)]);
    expect(await client.processes({ timeoutMs: 500 })).toHaveLength(2);
    await expect(client.cancel(submitted.missionId, 'too late')).rejects.toMatchObject({ code: 'mission_ended' });
    await expect(client.report('nothing')).rejects.toBeInstanceOf(ClientError);
    await client[Symbol.asyncDispose]();
    await swarm[Symbol.asyncDispose]();
    await swarm.close(); // a second time does nothing
  });

  test('list the files that a task has left, and copy them', async () => {
    await using swarm = await createSwarm({ log: memoryLog(), agents: [writer] });
    await using client = createClient(swarm);
    const tasks = [{ agent: 'writer', description: 'Write.', playbook: 'write', artifacts: ['*.txt', '*.log'] }];
    const { mission_id: id } = await client.run({ name: 'files', brief: 'Write.', plan: { waves: [{ tasks }] } });
    const listed = await client.artifacts(id);
    expect(listed).toEqual({
      artifacts: [
        {
          ...{ task_id: 'deploy-writer-wave1', path: 'done.txt', bytes: 5, host: hostname() },
          sha256: createHash('sha256').update('done\n').digest('hex'),
          place: join(swarm.workspaceRoot, id, 'done.txt'),
        },
      ],
      warnings: ['deploy-writer-wave1: *.log matched no file'],
    });
    const to = await mkdtemp(join(tmpdir(), 'ravenhelm-copies-'));
    const copied = await client.copyArtifacts(id, { to });
    expect(copied).toEqual([
      {
        ...listed.artifacts[0],
        ...{ outcome: 'copied', to: join(to, 'deploy-writer-wave1/done.txt'), from: 'the volume', why: null },
      },
    ]);
    expect(await readFile(join(to, 'deploy-writer-wave1/done.txt'), 'utf8')).toBe('done\n');
    await writeFile(join(swarm.workspaceRoot, id, 'done.txt'), 'DONE\n');
    expect(await client.copyArtifacts(id, { to })).toMatchObject([{ outcome: 'same' }]);
    await writeFile(join(to, 'deploy-writer-wave1/done.txt'), 'mine');
    expect(await client.copyArtifacts(id, { to })).toMatchObject([{ outcome: 'other' }]);
    expect(await client.copyArtifacts(id, { to, force: true })).toMatchObject([{ outcome: 'changed', from: null }]);
    expect(await readFile(join(to, 'deploy-writer-wave1/done.txt'), 'utf8')).toBe('mine');
    await expect(client.copyArtifacts(id, Object({ to, forse: true }))).rejects.toBeInstanceOf(OptionError);
    await rm(to, { recursive: true });
  });

  test('give the prompt of each step, rebuilt from the log, to those who ask for it', async () => {
    const swarm = await createSwarm({ log: memoryLog(), agents: [writer] });
    const client = createClient(swarm);
    const { mission_id } = await client.run({ name: 'prompts', brief: 'Write.', plan });
    const shown: (PromptReport | undefined)[] = [];
    const take = ({ steps }: AttemptReport) => void shown.push(...steps.map(({ prompt }) => prompt));
    await client.attempts(mission_id, take, { prompts: true });
    expect(shown.length).toBeGreaterThan(0);
    for (const prompt of shown)
      expect(prompt).toMatchObject({
        state: 'exact',
        messages: [{ role: 'system', content: expect.stringContaining('# Tools') }, { role: 'user' }],
      });
    shown.length = 0;
    await client.attempts(mission_id, take);
    expect(new Set(shown)).toEqual(new Set([undefined]));
    await client[Symbol.asyncDispose]();
    await swarm[Symbol.asyncDispose]();
  });

  test('mark every event and the report without a sandbox, also what a separate client asks', async () => {
    const log = memoryLog();
    await using swarm = await createSwarm({ log, agents: [writer], tools: { sandbox: false } });
    await using client = createClient({ log, agents: [writer], workspaceRoot: swarm.workspaceRoot });
    const marks: (readonly [string, string | null])[] = [];
    const { missionId } = await client.submit({ name: 'off', brief: 'Write.', plan });
    const report = await client.follow(missionId, {
      onEvent: ({ event_type, sandbox }) => void marks.push([event_type, sandbox]),
    });
    expect(report).toMatchObject({ status: 'completed', sandbox_off: true, tasks: [{ sandbox_off: true }] });
    expect(marks.filter(([, mark]) => mark !== 'off')).toEqual([]);
    expect(marks.map(([type]) => type)).toContain('mission_requested');
    expect(marks.length).toBeGreaterThan(8);
    const steps: boolean[] = [];
    await client.attempts(missionId, (attempt) => void steps.push(...attempt.steps.map((step) => step.sandbox_off)));
    expect(new Set(steps)).toEqual(new Set([true]));
  });

  test('mount the key of a workspace for the agents that name it, and for the success checks', async () => {
    const does = (name: string, command: string, secretsKey?: boolean) =>
      defineAgent({
        name,
        description: name,
        ...(secretsKey === undefined ? {} : { secretsKey }),
        playbooks: { work: { steps: [{ name, command }], acceptance: [{ name, command }] } },
      });
    const agents = [
      does('keeper', 'test -s "$KEYS"/secrets.key', true),
      does('outsider', 'test ! -e /keys && test -z "${KEYS-}"'),
    ];
    const wave = (agent: string) => ({ tasks: [{ agent, description: 'Look.', playbook: 'work' }] });
    await using swarm = await createSwarm({ log: memoryLog(), agents });
    await using client = createClient(swarm);
    const look = (name: string, waves: readonly ReturnType<typeof wave>[], command: string) =>
      client.run({ name, brief: 'Look.', retries: 0, plan: { waves }, success: [{ name, command }] });
    expect(await look('both', [wave('keeper'), wave('outsider')], 'test -s /keys/secrets.key')).toMatchObject({
      status: 'completed',
    });
    expect(await look('without', [wave('outsider')], 'test ! -e /keys')).toMatchObject({ status: 'completed' });
  });

  test('give agents the secrets that the program passes, and read no environment', async () => {
    process.env['DEPLOY_PIN'] = 'canary-environment';
    const agent = defineAgent({
      name: 'deployer',
      description: 'Deploys.',
      secrets: ['DEPLOY_PIN'],
      playbooks: {
        work: { steps: [{ name: 'show', command: 'cat /run/secrets/DEPLOY_PIN; wc -c < /run/secrets/DEPLOY_PIN' }] },
      },
    });
    const deploy = { tasks: [{ agent: 'deployer', description: 'Deploy.', playbook: 'work' }] };
    const outputs = async (secrets: Record<string, string>) => {
      await using swarm = await createSwarm({ log: memoryLog(), agents: [agent], tools: { secrets } });
      await using client = createClient(swarm);
      const mission = { name: 'deploy', brief: 'Deploy.', retries: 0, plan: { waves: [deploy] } };
      const { mission_id, status } = await client.run(mission);
      const steps: unknown[] = [];
      await client.attempts(mission_id, (attempt) => void steps.push(...attempt.steps, attempt));
      return [status, JSON.stringify(steps)];
    };
    expect(await outputs({ DEPLOY_PIN: 'canary-of-the-program' })).toEqual([
      'completed',
      expect.stringMatching(/^(?!.*canary).*redacted: configured secret\]21/),
    ]);
    expect(await outputs({})).toEqual(['failed', expect.stringContaining('the secret DEPLOY_PIN is not set')]);
    delete process.env['DEPLOY_PIN'];
  });

  test('begin nothing that costs once the daily cap is reached, and say until when', async () => {
    const models = await startFakeOpenai({
      apiKey: 'key',
      reply: () => JSON.stringify({ thought: 'Done.', action: { tool: 'finish', arguments: { summary: 'Done.' } } }),
    });
    await using swarm = await createSwarm({
      log: memoryLog(),
      agents: [writer],
      models: { workers: ['openai'], openaiApiKey: 'key', openaiBaseUrl: models.baseUrl },
      dailyCap: { tokens: 1 },
    });
    await using client = createClient(swarm);
    const task = { agent: 'writer', description: 'Write.' };
    const mission = { name: 'capped', brief: 'Write.', plan: { waves: [{ tasks: [task] }, { tasks: [task] }] } };
    const { missionId } = await client.submit(mission);
    const until = new AbortController();
    const follow = client.follow(missionId, {
      signal: until.signal,
      onEvent: ({ event_type }) => event_type === 'mission_waits' && until.abort(),
    });
    await expect(follow).rejects.toThrow();
    const { waits_for, tasks } = await client.report(missionId);
    expect(waits_for?.reason).toMatch(/^the daily cap of the swarm is reached: \d+ of 1 tokens spent on /);
    expect(waits_for?.until).toMatch(/T00:00:00\.000Z$/);
    expect(tasks.map(({ status }) => status)).toEqual(['unverified', 'waiting']);
    await models.close();
  });

  test('name the file and the problem of a mission object that is wrong', async () => {
    const client = createClient({ log: memoryLog(), agents: [writer], workspaceRoot: '/tmp' });
    const mission = { name: 'typo', brief: 'Write.', agents: ['writr'] };
    await expect(client.submit(mission)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('the mission typo: unknown agent "writr"; did you mean "writer"?'),
    });
  });
});

describe('the sandbox in a program that embeds the swarm', () => {
  test('cannot be turned off with NODE_ENV=production', async () => {
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    try {
      const off = createSwarm({ log: memoryLog(), agents: [writer], tools: { sandbox: false } });
      await expect(off).rejects.toBeInstanceOf(SandboxRequired);
      await expect(off).rejects.toMatchObject({ code: 'sandbox_required', retriable: false });
      await (await createSwarm({ log: memoryLog(), agents: [writer], roles: ['orchestrator'] })).close();
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });

  test('is not turned off by the environment or by a file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ravenhelm-library-'));
    try {
      await writeFile(join(directory, '.env'), 'RAVENHELM_SANDBOX=off\n');
      await writeFile(join(directory, 'ravenhelm.yaml'), 'ravenhelm_sandbox: off\n');
      const { stdout } = await execa(process.execPath, [join(project, 'test/library/in-sandbox.mjs')], {
        cwd: directory,
        env: { RAVENHELM_SANDBOX: 'off' },
      });
      expect(JSON.parse(stdout)).toEqual({ status: 'completed', sandbox_off: false });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('an option that is wrong', () => {
  const log = memoryLog();
  test.each([
    ['createSwarm: drainMs', { log, agents: [writer], drainMs: -1 }],
    ['createSwarm: agents', { log, agents: [] }],
    ['createSwarm: log', { log: 'kafka', agents: [writer] }],
    ['createSwarm: models.workers', { log, agents: [writer], models: { workers: [] } }],
    ['createSwarm: tools.sandbox', { log, agents: [writer], tools: { sandbox: 'off' } }],
    ['createSwarm: dailyCap.usd', { log, agents: [writer], dailyCap: { usd: 0 } }],
    ['createSwarm: dailyCap.tokens', { log, agents: [writer], dailyCap: { tokens: 1.5 } }],
    ['createSwarm: dailyCap.euros', { log, agents: [writer], dailyCap: { euros: 5 } }],
    ['createSwarm: drainMS', { log, agents: [writer], drainMS: 1 }],
  ])('is named: %s', async (option, options) => {
    const failure = await createSwarm(Object(options)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OptionError);
    expect(failure).toMatchObject({ code: 'option_invalid', option });
  });

  test('has its nearest name suggested', () => {
    expect(() => createClient(Object({ log, agents: [writer], workspaceRot: '/tmp' }))).toThrow('workspaceR');
  });

  test('of an agent is named without a line', () => {
    expect(() => defineAgent({ name: 'Writer', description: 'x', prompt: 'x' })).toThrow(
      /^defineAgent Writer: .*lower-case letters/,
    );
  });
});

test('the public API is what etc/ravenhelm.api.md says; npm run api writes it', async () => {
  const report = await node(
    '-e',
    "import('./scripts/steps/api-report.mjs').then(async (m) => console.log(await m.apiReport()))",
  );
  expect(report.trim()).toBe((await readFile(`${project}/etc/ravenhelm.api.md`, 'utf8')).trim());
  // A union whole, and types that the exported ones name.
  for (const outcome of ['record', 'refused', 'left']) expect(report).toContain(`readonly outcome: '${outcome}'`);
  for (const type of ['Proof', 'Question', 'Baseline', 'GroupOptions', 'LogAdmin'])
    expect(report).toMatch(new RegExp(`^export interface ${type} `, 'm'));
});

test('each error that an exported declaration names is exported', async () => {
  const [exports = ''] = (await readFile(`${project}/etc/ravenhelm.api.md`, 'utf8')).split('## Types that these name');
  const named = [...exports.matchAll(/ejects with ([^.;:]*)/g)].flatMap(
    ([, text = '']) => text.match(/\b[A-Z]\w+/g) ?? [],
  );
  expect(named).toEqual(expect.arrayContaining(['BrokerUnreachable', 'UnknownModel', 'NoModel', 'SchemaIncompatible']));
  const names = JSON.parse(
    await node('-e', "import('ravenhelm').then((m) => console.log(JSON.stringify(Object.keys(m))))"),
  );
  expect(named.filter((name) => !names.includes(name))).toEqual([]);
});
