/** The engine as a command in the sandbox has it. */
import { chmodSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SANDBOX_ACCOUNT } from '../../../src/tools/account.js';
import { projectName } from '../../../src/tools/engine/project.js';
import { findEngine } from '../../../src/tools/engine/upstream.js';
import { NO_PROVISIONS } from '../../../src/tools/provisions.js';
import { until } from '../../contract/until.js';
import { placeForUser, runAsUser } from '../as-user.js';
import { createHarness, never, removeTemporaryDirectories, temporaryDirectory, type Harness } from '../harness.js';
import { startRecordingEngine, type RecordingEngine } from './recording-engine.js';

const asRoot = process.getuid?.() === 0 ? test : test.skip;

const limits = { memory_mb: 1, processes: 1 };
const project = { name: projectName('m1'), workspace: '/', holdsState: false, mayWrite: true, user: '1:1', limits };
const engine: RecordingEngine = await startRecordingEngine(temporaryDirectory(), project);

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness({ provisions: { ...NO_PROVISIONS, engine: { ok: true, value: engine.address } } });
});
afterAll(async () => {
  await engine.close();
  removeTemporaryDirectories();
});

/** Asks for a container with the whole workspace, and for one with all of the computer. */
const ASK = `
  const http = require('node:http');
  const ask = (Binds) => new Promise((done) => {
    const request = http.request({
      socketPath: process.env.DOCKER_HOST.slice(7), method: 'POST',
      path: '/containers/create?name=' + process.env.COMPOSE_PROJECT_NAME + '-web-1',
      headers: { 'content-type': 'application/json' },
    }, (answer) => { answer.resume(); answer.on('end', () => done(answer.statusCode)); });
    request.end(JSON.stringify({ Image: 'i', HostConfig: { Binds } }));
  });
  ask(['/workspace:/w:ro']).then((first) => ask(['/:/w:ro']).then((second) => console.log(first, second)));
`.replaceAll('\n', ' ');
const COMMAND = `stat -c %F /var/run/docker.sock; echo "$COMPOSE_PROJECT_NAME $DOCKER_HOST"; node -e "${ASK}"`;
const SEEN = `socket\n${project.name} unix:///var/run/docker.sock\n200 403\n`;
/** As root and as another user. */
const PLACES = ['/run', `/run/user/${process.getuid?.()}`, tmpdir()].filter((place) => existsSync(place));
const sockets = () =>
  PLACES.flatMap((place) =>
    readdirSync(place)
      .filter((name) => name.startsWith('ravenhelm-engine-'))
      .map((name) => join(place, name)),
  );

test('a command reaches the engine by its socket, for the project and the workspace of its mission', async () => {
  const task = { ...harness.task('docks'), permissions: { docker: true } };
  expect(await harness.sh(COMMAND, { task })).toMatchObject({ stdout: SEEN, stderr: '' });
  const created = JSON.parse(engine.taken().find(({ method }) => method === 'POST')?.body ?? '');
  expect(created.HostConfig.Mounts).toEqual([
    { Type: 'bind', Source: harness.workspace(), Target: '/w', ReadOnly: true },
  ]);
  expect(created.HostConfig.Memory).toBe(1_024 * 1024 * 1024);
});

asRoot('the same where the worker is not root', async () => {
  const place = placeForUser();
  const asUser = await startRecordingEngine(temporaryDirectory(), project);
  // The worker's user may open it, as a member of the group docker may.
  chmodSync(asUser.address.socketPath, 0o666);
  chmodSync(dirname(asUser.address.socketPath), 0o755);
  const module = `
    const engine = { ok: true, value: ${JSON.stringify(asUser.address)} };
    const provisions = { secrets: new Map(), mounts: new Map(), engine };
    const own = createToolExecutor({ ...system, workspaceRoot: root, sandbox, clock, logger, provisions });
    const permissions = { docker: true };
    console.log(JSON.stringify(await own.run({ task: { ...task, permissions }, step: 1, claimOffset: 1,
      timeLimitMs: 20000, tool: 'execute_terminal_command',
      arguments: { command: ${JSON.stringify(COMMAND)} } }, never)));`;
  const { observation } = JSON.parse(await runAsUser(place, module));
  expect(JSON.parse(observation)).toMatchObject({ stdout: SEEN, stderr: '' });
  const created = JSON.parse(asUser.taken().find(({ method }) => method === 'POST')?.body ?? '');
  expect(created.HostConfig.Mounts).toMatchObject([{ Source: join(place.root, 'm1') }]);
  await asUser.close();
});

test('a command of another agent has none, and no socket is left after a call', async () => {
  const before = sockets();
  const { stdout } = await harness.sh('ls /var 2>/dev/null; echo "${DOCKER_HOST-none}"', {
    task: harness.task('other'),
  });
  expect(stdout).toBe('none\n');
  const task = { ...harness.task('leaves'), permissions: { docker: true } };
  const running = harness.sh('until [ -e go ]; do sleep 0.05; done', { task });
  await until('its socket', () => sockets().length > before.length);
  writeFileSync(join(harness.workspace(), 'go'), '');
  await running;
  expect(sockets()).toEqual(before);
  expect(engine.taken()).toEqual([]);
});

test('its socket lies in no directory that another sandbox mounts, whatever TMPDIR says', async () => {
  await harness.executor.prepareWorkspace(harness.task());
  const usual = process.env.TMPDIR;
  process.env.TMPDIR = harness.workspace();
  try {
    const task = { ...harness.task('inside'), permissions: { docker: true } };
    expect(await harness.sh('find /workspace -name "ravenhelm-engine-*"; echo searched', { task })).toMatchObject({
      stdout: 'searched\n',
    });
  } finally {
    if (usual === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = usual;
  }
});

asRoot('nor in what another agent mounts, and only the account of the call can open it', async () => {
  const mounts = new Map([['/run', { ok: true, value: '/run' } as const]]);
  const engineOf = { ok: true, value: engine.address } as const;
  const other = await createHarness({ provisions: { ...NO_PROVISIONS, mounts, engine: engineOf } });
  const before = sockets();
  const task = { ...other.task('mounted'), permissions: { docker: true } };
  const running = other.sh('until [ -e go ]; do sleep 0.05; done', { task });
  const made = () => sockets().filter((path) => !before.includes(path));
  await until('its socket', () => made().some((path) => existsSync(join(path, 'docker.sock'))));
  const [directory = ''] = made();
  await until('its mode', () => (statSync(join(directory, 'docker.sock')).mode & 0o777) === 0o600);
  await until('its owner', () => statSync(join(directory, 'docker.sock')).uid === SANDBOX_ACCOUNT.uid);
  expect(directory).not.toMatch(/^\/run/);
  writeFileSync(join(other.workspace(), 'go'), '');
  await running;
});

test('checks have it too', async () => {
  const task = { ...harness.task('checked'), permissions: { docker: true } };
  const checks = [{ name: 'c', command: 'test -S /var/run/docker.sock' }];
  const call = { task, step: 1, claimOffset: 10, timeLimitMs: 30_000, checks };
  expect(await harness.executor.runChecks(call, never)).toMatchObject({ passed: true });
});

test('without an engine, or without the sandbox, the agent’s tasks fail with the reason', async () => {
  const nowhere = await findEngine('unix:///nowhere/docker.sock');
  expect(nowhere).toEqual({
    ok: false,
    problem: expect.stringMatching(/^docker: no engine answers at unix:.* \(no such file or directory\); start Docker/),
  });
  expect(await findEngine('tcp://127.0.0.1:2375')).toMatchObject({
    problem: expect.stringContaining('unix:///PATH only'),
  });
  expect(await findEngine(`unix://${engine.address.socketPath}`)).toEqual({ ok: true, value: engine.address });
  engine.taken();
  const without = await createHarness({ provisions: { ...NO_PROVISIONS, engine: nowhere } });
  const docks = (of: Harness) => of.sh('true', { task: { ...of.task(), permissions: { docker: true } } });
  await expect(docks(without)).rejects.toMatchObject({
    code: 'permission',
    message: expect.stringContaining('no engine'),
  });
  const off = await createHarness({
    sandbox: 'off',
    provisions: { ...NO_PROVISIONS, engine: { ok: true, value: engine.address } },
  });
  await expect(docks(off)).rejects.toMatchObject({ message: expect.stringContaining('in the sandbox only') });
});
