/** Artifacts with workers as separate processes, each with its own workspace root: they share no volume. */
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describeWithBroker } from '../support/broker.js';
import { requestText, sendRaw } from '../support/raw-http.js';
import { createSwarmProcesses, type SwarmProcess, type SwarmProcesses } from '../support/swarm-processes.js';
import { is } from '../support/is-event.js';

const agent = (name: string, phase: number) => `---
name: ${name}
description: Writes a report.
phase: ${phase}
depends_on: []
tools: [execute_terminal_command]
concurrency: 2
timeout_seconds: 60
max_steps: 20
playbooks:
  report:
    steps:
      - { name: write, command: 'mkdir -p report/deep && echo ${name} > report/${name}.md' }
      - { name: count, command: 'seq 50000 > report/deep/numbers; seq 50000' }
    changes: [report]
    acceptance: [{ name: written, command: test -s report/${name}.md }]
  fragile:
    steps:
      - { name: write, command: 'mkdir -p report && echo ${name} > report/${name}.md' }
      - { name: go, command: test -f report/go }
    changes: [report]
---
You write a report.
`;

const MISSION = `
name: reports
brief: Write reports.
retries: 0
budget: { minutes: 5 }
plan:
  waves:
    - tasks:
        - agent: first_agent
          description: Write.
          playbook: report
          artifacts: ['report/*.md', 'report/deep/**', '*.log']
        - { agent: second_agent, description: Write., playbook: report, artifacts: [report] }
`;
const TOKEN = 'token-of-the-workers-0123456789abcdef';
const FIRST = 'deploy-first_agent-wave1';
const SECOND = 'deploy-second_agent-wave1';
const NUMBERS = Array.from({ length: 50_000 }, (_, at) => `${at + 1}\n`).join('');
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describeWithBroker('artifacts', () => {
  let swarm: SwarmProcesses;
  let workers: Record<'first_agent' | 'second_agent', SwarmProcess>;
  const rootOf = (name: string) => join(swarm.dir, `root-${name}`);
  const out = () => join(swarm.dir, 'out');
  const startWorker = (name: string): SwarmProcess => {
    Object.assign(swarm.env, { WORKSPACE_ROOT: rootOf(name), RAVENHELM_HTTP: '127.0.0.1:0' });
    const worker = swarm.start('--role', 'worker', '--agents', name);
    // What commands of a person see: another root, where no mission's files are.
    Object.assign(swarm.env, { WORKSPACE_ROOT: join(swarm.dir, 'root-of-person') });
    delete swarm.env['RAVENHELM_HTTP'];
    return worker;
  };
  const isOf = ({ pid }: SwarmProcess, id: string) => id.startsWith(`worker-${hostname()}-${pid}-`);
  const heartbeatOf = (worker: SwarmProcess) =>
    swarm.until(() => swarm.events.filter(is('heartbeat')).find(({ payload }) => isOf(worker, payload.worker_id)));
  const addressOf = async (worker: SwarmProcess) => (await heartbeatOf(worker)).payload.http_address ?? '';

  beforeAll(async () => {
    swarm = await createSwarmProcesses({
      agents: { first_agent: agent('first_agent', 1), second_agent: agent('second_agent', 1) },
      mission: MISSION,
      env: { RAVENHELM_HTTP_TOKEN: TOKEN },
    });
    const own = join(swarm.dir, 'root-of-person');
    Object.assign(swarm.env, { WORKSPACE_ROOT: own });
    expect(await swarm.run('init')).toMatchObject({ code: 0 });
    // The same marker in each, as if a volume were copied: otherwise a worker would refuse the mission.
    await mkdir(join(own, '.ravenhelm'), { recursive: true });
    await writeFile(join(own, '.ravenhelm/workspace-id'), 'marker-of-all-roots\n');
    for (const name of ['first_agent', 'second_agent']) await cp(own, rootOf(name), { recursive: true });
    await swarm.watch(['first_agent', 'second_agent']);
    swarm.start('--role', 'orchestrator');
  }, 180_000);
  afterAll(() => swarm.close());

  beforeEach(async () => {
    Object.assign(swarm.env, { RAVENHELM_HTTP_TOKEN: TOKEN });
    await writeFile(join(swarm.dir, 'mission.yaml'), MISSION);
    workers = { first_agent: startWorker('first_agent'), second_agent: startWorker('second_agent') };
    await Promise.all(Object.values(workers).map(heartbeatOf));
  }, 180_000);
  afterEach(async () => {
    await Promise.all(Object.values(workers).map((worker) => worker.terminate()));
    for (const name of ['out', 'here', 'third']) await rm(join(swarm.dir, name), { recursive: true, force: true });
  }, 60_000);

  const ran = async (...words: string[]) => {
    const { code, stdout, stderr } = await swarm.run(...words, '--wait', '--json');
    if (stdout === '') throw new Error(`${words.join(' ')} ends with ${code}: ${stderr}`);
    return JSON.parse(stdout);
  };

  test('lie with two workers, are listed, and fetched from them; a dead worker’s are named with its host', async () => {
    const report = await ran('submit', 'mission.yaml');
    const { mission_id: id } = report;
    expect(report.status).toBe('completed');
    const numbers = { path: 'report/deep/numbers', bytes: NUMBERS.length, digest: sha256(NUMBERS) };
    expect(report.tasks.map(({ artifacts }: { artifacts: unknown }) => artifacts)).toEqual([
      {
        worker_id: expect.stringMatching(/^worker-/),
        host: hostname(),
        directory: join(rootOf('first_agent'), id),
        files: [numbers, { path: 'report/first_agent.md', bytes: 12, digest: sha256('first_agent\n') }],
        unmatched: ['*.log'],
        left_out: [],
        left_out_count: 0,
      },
      expect.objectContaining({
        directory: join(rootOf('second_agent'), id),
        files: [numbers, { path: 'report/second_agent.md', bytes: 13, digest: sha256('second_agent\n') }],
      }),
    ]);
    const status = await swarm.run('status', id);
    expect(status.stdout).toContain(`artifact: report/first_agent.md  12 bytes, sha256 ${sha256('first_agent\n')}`);
    expect(status.stdout).toContain(`artifacts: ${FIRST}: *.log matched no file`);

    const listed = await swarm.run('artifacts', 'reports');
    expect(listed).toMatchObject({ code: 0, stderr: `warning: ${FIRST}: *.log matched no file\n` });
    expect(listed.stdout.split('\n').map((line) => line.split(/ +/))).toEqual([
      [FIRST, 'report/deep/numbers', String(NUMBERS.length), sha256(NUMBERS)],
      [FIRST, 'report/first_agent.md', '12', sha256('first_agent\n')],
      [SECOND, 'report/deep/numbers', String(NUMBERS.length), sha256(NUMBERS)],
      [SECOND, 'report/second_agent.md', '13', sha256('second_agent\n')],
      [''],
    ]);

    // From both workers; the person's own root has nothing.
    const copied = await swarm.run('artifacts', 'last', '--to', 'out');
    expect(copied).toMatchObject({ code: 0, stderr: `warning: ${FIRST}: *.log matched no file\n` });
    expect(await readFile(join(out(), FIRST, 'report/deep/numbers'), 'utf8')).toBe(NUMBERS);
    expect(await readFile(join(out(), SECOND, 'report/second_agent.md'), 'utf8')).toBe('second_agent\n');

    // Again: they are there. A changed copy is kept, or replaced when asked.
    const again = await swarm.run('artifacts', id, '--to', 'out');
    expect(again.code).toBe(0);
    expect(again.stdout.match(/\(was there\)/g)).toHaveLength(4);
    await writeFile(join(out(), FIRST, 'report/first_agent.md'), 'mine');
    const kept = await swarm.run('artifacts', id, '--to', 'out');
    expect(kept).toMatchObject({ code: 2, stderr: expect.stringContaining('another file is there; --force') });
    expect(await readFile(join(out(), FIRST, 'report/first_agent.md'), 'utf8')).toBe('mine');
    expect((await swarm.run('artifacts', id, '--to', 'out', '--force')).code).toBe(0);
    expect(await readFile(join(out(), FIRST, 'report/first_agent.md'), 'utf8')).toBe('first_agent\n');

    // Changed in the workspace since, also by a link to the same content.
    await rm(out(), { recursive: true });
    await writeFile(join(rootOf('second_agent'), id, 'report/second_agent.md'), 'SECOND_AGENT\n');
    const changed = await swarm.run('artifacts', id, '--to', 'out', '--json');
    expect(changed.code).toBe(1);
    const outcomes = ({ stdout }: { stdout: string }) =>
      JSON.parse(stdout).artifacts.map(({ path, outcome }: { path: string; outcome: string }) => [path, outcome]);
    expect(outcomes(changed)).toEqual([
      ['report/deep/numbers', 'copied'],
      ['report/first_agent.md', 'copied'],
      ['report/deep/numbers', 'copied'],
      ['report/second_agent.md', 'changed'],
    ]);
    expect(await readdir(join(out(), SECOND, 'report'))).toEqual(['deep']);
    expect((await swarm.run('artifacts', id, '--to', 'out')).stderr).toMatch(
      /^changed: .*second_agent\.md: on .*second_agent\.md: the file has changed \(since its task ended\)$/m,
    );

    // The wrong token is said; nothing of the endpoint is asked without one.
    await rm(out(), { recursive: true });
    Object.assign(swarm.env, { RAVENHELM_HTTP_TOKEN: 'another-token-0123456789abcdefghijkl' });
    expect(await swarm.run('artifacts', id, '--to', 'out')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('RAVENHELM_HTTP_TOKEN'),
    });
    Object.assign(swarm.env, { RAVENHELM_HTTP_TOKEN: TOKEN });

    // Without its worker, a file is named by host and path; the others are copied.
    await workers.first_agent.kill();
    const dead = await swarm.run('artifacts', id, '--to', 'out');
    expect(dead.code).toBe(1);
    const path = `${id}/report/first_agent.md`;
    expect(dead.stderr).toContain(
      `not here: ${FIRST}/report/first_agent.md: on ${hostname()}: ${rootOf('first_agent')}/${path}`,
    );
    await writeFile(join(rootOf('second_agent'), id, 'report/second_agent.md'), 'second_agent\n');
    expect((await swarm.run('artifacts', id, '--to', 'out')).code).toBe(3);
    expect(await readFile(join(out(), SECOND, 'report/second_agent.md'), 'utf8')).toBe('second_agent\n');

    // Where the volume is, no worker is needed; nor is the one that listed them where another one sees its root.
    await workers.second_agent.kill();
    Object.assign(swarm.env, { WORKSPACE_ROOT: rootOf('first_agent') });
    const local = await swarm.run('artifacts', id, '--to', 'here');
    expect(local.stdout).toContain(join(swarm.dir, 'here', FIRST, 'report/first_agent.md'));
    const third = startWorker('first_agent');
    workers.first_agent = third;
    await heartbeatOf(third);
    const fromThird = await swarm.run('artifacts', id, '--to', 'third');
    expect(fromThird.stdout).toContain(join(swarm.dir, 'third', FIRST, 'report/first_agent.md'));
  }, 300_000);

  test('a worker serves what a mission’s event lists, by digest, and nothing else', async () => {
    const report = await ran('submit', 'mission.yaml');
    const { mission_id: id } = report;
    const address = await addressOf(workers.first_agent);
    expect(address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    const url = `http://${address}`;
    const authorization = `Bearer ${TOKEN}`;
    const ask = (target: string, headers: Record<string, string> = { authorization }) =>
      sendRaw(url, requestText('GET', target, { host: address, ...headers }));
    const digest = sha256('first_agent\n');
    const good = await ask(`/artifacts/${id}/${FIRST}/${digest}`);
    expect([good.status, good.body, good.headers['content-length']]).toEqual([200, 'first_agent\n', '12']);
    expect((await ask(`/artifacts/${id}/${FIRST}/${digest}`, {})).status).toBe(401);
    // In the workspace, but listed by no event; known to another mission or task; paths of any kind.
    await writeFile(join(rootOf('first_agent'), id, 'private.txt'), 'private');
    await writeFile(join(rootOf('first_agent'), id, 'report/later.md'), 'later');
    for (const target of [
      `/artifacts/${id}/${FIRST}/${sha256('private')}`,
      `/artifacts/${id}/${FIRST}/${sha256('later')}`,
      `/artifacts/${id}/${SECOND}/${digest}`,
      `/artifacts/${id}x/${FIRST}/${digest}`,
      `/artifacts/../${id}/${FIRST}/${digest}`,
      `/artifacts/${id}/${FIRST}/report/first_agent.md`,
      `/artifacts/${id}/${FIRST}/..%2f..%2f${digest}`,
      `/artifacts/..%2f${id}/${FIRST}/${digest}`,
      `/artifacts/./${FIRST}/${digest}`,
    ])
      expect([target, (await ask(target)).status]).toEqual([target, 404]);
    // What was listed, replaced by a link to a file with the same content, and by one on its way.
    const report1 = join(rootOf('first_agent'), id, 'report/first_agent.md');
    await writeFile(join(swarm.dir, 'outside'), 'first_agent\n');
    await rm(report1);
    await symlink(join(swarm.dir, 'outside'), report1);
    expect(await ask(`/artifacts/${id}/${FIRST}/${digest}`)).toMatchObject({
      status: 410,
      body: JSON.stringify({ error: 'the file has changed' }),
    });
  }, 240_000);

  test('whole outputs are fetched from the worker, too; without it they are named with its place', async () => {
    const { mission_id: id } = await ran('submit', 'mission.yaml');
    const show = () => swarm.run('show', id, 'first_agent', '--step', '2', '--output');
    const numbersIn = ({ stdout }: { stdout: string }) => stdout.split('\n').filter((line) => /^ {6}\d+$/.test(line));
    const shown = await show();
    expect([shown.code, shown.stderr]).toEqual([0, '']);
    expect(
      numbersIn(shown)
        .map((line) => `${line.trim()}\n`)
        .join(''),
    ).toBe(NUMBERS);
    await workers.first_agent.kill();
    const dead = await show();
    expect(dead.code).toBe(0);
    expect(numbersIn(dead).length).toBeLessThan(10_000);
    expect(dead.stderr).toMatch(
      new RegExp(
        `^the whole output of ${FIRST} step 2 is with worker-${hostname()}-${workers.first_agent.pid}-\\w+, in ` +
          `WORKSPACE_ROOT/\\.ravenhelm/runs/${id}/${FIRST}/outputs/a1-s2\\.stdout: .+\\n$`,
      ),
    );
  }, 240_000);

  test('of a directory from --workspace are read there, and served by the workers', async () => {
    const own = join(swarm.dir, 'own');
    await mkdir(own);
    const { mission_id: id } = await ran('submit', 'mission.yaml', '--workspace', own);
    expect((await swarm.run('artifacts', id, '--to', 'out')).code).toBe(0);
    const address = await addressOf(workers.first_agent);
    const digest = sha256('first_agent\n');
    const headers = { host: address, authorization: `Bearer ${TOKEN}` };
    const ask = (target: string) => sendRaw(`http://${address}`, requestText('GET', target, headers));
    const served = await ask(`/artifacts/${id}/${FIRST}/${digest}`);
    expect([served.status, served.body]).toEqual([200, 'first_agent\n']);
    const output = `/outputs/${id}/${FIRST}/1/2/stdout/${sha256(NUMBERS)}`;
    const answer = await ask(output);
    expect([answer.status, answer.body]).toEqual([200, NUMBERS]);
    expect((await ask(`${output.slice(0, -64)}${digest}`)).status).toBe(410);
  }, 240_000);

  test('of a failed mission are there, and so are those of the mission that continues it', async () => {
    const fragile = MISSION.replace(
      /playbook: report, artifacts: \[report\]/,
      'playbook: fragile, artifacts: [report]',
    );
    await writeFile(join(swarm.dir, 'mission.yaml'), fragile);
    const failed = await ran('submit', 'mission.yaml');
    expect(failed.status).toBe('failed');
    const old = failed.mission_id;
    expect((await swarm.run('artifacts', old, '--to', 'old')).code).toBe(0);
    expect(await readFile(join(swarm.dir, 'old', SECOND, 'report/second_agent.md'), 'utf8')).toBe('second_agent\n');
    await writeFile(join(rootOf('second_agent'), old, 'report/go'), '');
    const next = await ran('retry', old);
    expect(next).toMatchObject({ status: 'completed', continues: old });
    const rows = next.tasks.map(
      ({ task_id, artifacts }: { task_id: string; artifacts: { files: { path: string }[] } }) => [
        task_id,
        ...artifacts.files.map(({ path }) => path),
      ],
    );
    expect(rows).toEqual([
      [FIRST, 'report/deep/numbers', 'report/first_agent.md'],
      [SECOND, 'report/go', 'report/second_agent.md'],
    ]);
    expect((await swarm.run('artifacts', 'last', '--to', 'new')).code).toBe(0);
    expect(await readFile(join(swarm.dir, 'new', FIRST, 'report/first_agent.md'), 'utf8')).toBe('first_agent\n');
    // Those of the mission before are still served.
    expect((await swarm.run('artifacts', old, '--to', 'again')).code).toBe(0);
  }, 240_000);
});
