/** Containers that may write to the workspace run no longer than the call that has started them. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { silentLogger } from '../../../src/ports/logger.js';
import { createEngineProxy } from '../../../src/tools/engine/proxy.js';
import { PROJECT_LABEL, projectName } from '../../../src/tools/engine/project.js';
import { stopLeftWriters, WRITES_LABEL } from '../../../src/tools/engine/writers.js';
import { NO_PROVISIONS } from '../../../src/tools/provisions.js';
import { until } from '../../contract/until.js';
import { createHarness, never, removeTemporaryDirectories, temporaryDirectory } from '../harness.js';
import { send } from './client.js';

const directory = temporaryDirectory();
const writer = 'a'.repeat(64);
const reader = 'b'.repeat(64);
const project = {
  ...{ name: projectName('m1'), workspace: '/w', holdsState: false, mayWrite: true, user: '1:1' },
  limits: { memory_mb: 64, processes: 10 },
};

const engine = {
  running: new Set<string>(),
  /** What it was asked to change, in order. */
  changes: [] as string[],
  /** Answers to a start that it holds back; null: it answers at once. */
  held: null as ServerResponse[] | null,
  stops: true,
  /** Whether it answers no list. */
  isSilent: false,
};
const mounts = (id: string) => [{ Type: 'bind', RW: id === writer }];
const described = (id: string) => ({
  Id: id,
  Config: { Labels: { [PROJECT_LABEL]: project.name }, User: '1:1' },
  Mounts: mounts(id),
  State: { Running: engine.running.has(id) },
});
const server = createServer((request, response) => {
  const [, id = '', action = ''] = /containers\/([ab]{64})\/(\w+)/.exec(request.url ?? '') ?? [];
  const answer = (status: number, value: unknown = {}) => response.writeHead(status).end(JSON.stringify(value));
  if (request.method === 'POST') {
    engine.changes.push(`${action} ${id.slice(0, 1)}`);
    if (action === 'start') {
      engine.running.add(id);
      if (engine.held !== null) return void engine.held.push(response);
    }
    if (action === 'stop' && engine.stops) engine.running.delete(id);
    return void answer(action === 'stop' && !engine.stops ? 500 : 204);
  }
  if (action === 'json') return void answer(200, described(id));
  if (engine.isSilent) return;
  const asked = decodeURIComponent(request.url ?? '');
  const listed = asked.includes(`"${PROJECT_LABEL}=${project.name}","${WRITES_LABEL}"`) ? [writer] : [];
  answer(
    200,
    listed.map((one) => ({
      Id: one,
      State: engine.running.has(one) ? 'running' : 'exited',
      Labels: { [PROJECT_LABEL]: project.name, [WRITES_LABEL]: 'true' },
    })),
  );
});
const address = { socketPath: join(directory, 'engine.sock') };
server.listen(address.socketPath);
await once(server, 'listening');

let made = 0;
async function proxyOf(mayWrite: boolean) {
  const path = join(directory, `${(made += 1)}.sock`);
  const proxy = createEngineProxy({ engine: address, project: { ...project, mayWrite }, logger: silentLogger });
  await proxy.listen(path);
  const post = (target: string, body?: unknown) => send(path, { method: 'POST', target, body });
  return { proxy, post };
}

beforeEach(() => {
  Object.assign(engine, { running: new Set(), changes: [], held: null, stops: true, isSilent: false });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  removeTemporaryDirectories();
});

test('they are stopped when the call ends, and others are not', async () => {
  const { proxy, post } = await proxyOf(true);
  await post(`/containers/${writer}/start`);
  await post(`/containers/${reader}/start`);
  await proxy.close();
  expect(engine.changes).toEqual(['start a', 'start b', 'stop a']);
  expect([...engine.running]).toEqual([reader]);
});

test('a start that is on its way when the call ends is awaited, then stopped', async () => {
  const { proxy, post } = await proxyOf(true);
  engine.held = [];
  const asked = post(`/containers/${writer}/start`);
  await until('the engine is asked', () => engine.held?.length === 1);
  const closed = proxy.close();
  await asked;
  expect(engine.changes).toEqual(['start a']);
  for (const response of engine.held) response.writeHead(204).end();
  await closed;
  expect(engine.changes).toEqual(['start a', 'stop a']);
});

test('one that cannot be stopped fails the call', async () => {
  const { proxy, post } = await proxyOf(true);
  await post(`/containers/${writer}/start`);
  engine.stops = false;
  await expect(proxy.close()).rejects.toMatchObject({
    code: 'workspace',
    message: expect.stringMatching(/aaaaaaaaaaaa still runs.*docker ps --filter label=ravenhelm.writes/),
  });
});

test('checks neither make nor use them', async () => {
  const { proxy, post } = await proxyOf(false);
  const HostConfig = { Binds: ['/workspace:/w'] };
  const create = `/containers/create?name=${project.name}-x`;
  expect(await post(create, { Image: 'i', User: '1:1', HostConfig })).toMatchObject({
    status: 403,
    body: expect.stringContaining('during checks'),
  });
  const uses = ['start', 'restart', 'unpause', 'attach?stream=1&stdin=1'].map((action) =>
    post(`/containers/${writer}/${action}`),
  );
  const exec = post(`/containers/${writer}/exec`, { Cmd: ['touch', '/w/x'] });
  for (const { status } of await Promise.all([...uses, exec])) expect(status).toBe(403);
  expect(await post(`/containers/${reader}/start`)).toMatchObject({ status: 204 });
  await proxy.close();
  expect(engine.changes).toEqual(['start b']);
});

test('those that a killed worker has left are stopped before checks, lists and baselines of the mission', async () => {
  const provisions = { ...NO_PROVISIONS, engine: { ok: true, value: address } } as const;
  const { executor, task } = await createHarness({ provisions });
  const place = task('judged', 'm1');
  const protection = { listed: [], named: [], changes: [], beside: { changes: [], creates: [] } };
  const call = { task: place, step: 1, claimOffset: 10, timeLimitMs: 30_000 };
  const left = async (work: () => Promise<unknown>) => {
    engine.running.add(writer);
    engine.changes = [];
    await work();
    expect(engine.changes).toEqual(['stop a']);
  };
  await left(() => executor.runChecks({ ...call, checks: [{ name: 'c', command: 'true' }] }, never));
  await left(() => executor.changedPaths(place, [], protection, never));
  await stopLeftWriters(provisions.engine, 'other');
});

test('those that an earlier attempt has left are stopped when the fence is taken, or it is not', async () => {
  const provisions = { ...NO_PROVISIONS, engine: { ok: true, value: address } } as const;
  const { executor, task } = await createHarness({ provisions });
  const place = task('fenced', 'm1', 2);
  engine.running.add(writer);
  await executor.takeFence(place, 10, never);
  expect(engine.changes).toEqual(['stop a']);
  engine.running.add(writer);
  engine.stops = false;
  await expect(executor.takeFence(place, 11, never)).rejects.toMatchObject({
    code: 'workspace',
    retriable: true,
    message: expect.stringContaining('still runs'),
  });
});

test('a worker that ends does not wait for an engine that is silent', async () => {
  const provisions = { ...NO_PROVISIONS, engine: { ok: true, value: address } } as const;
  const { executor, task } = await createHarness({ provisions });
  engine.isSilent = true;
  const stop = new AbortController();
  const begun = executor.takeFence(task('silent', 'm1', 2), 10, stop.signal);
  const asked = new Promise((resolve) => server.once('request', resolve));
  await asked;
  stop.abort(new Error('the process is shutting down'));
  await expect(begun).rejects.toThrow('the process is shutting down');
  server.closeAllConnections();
});

test('one that a call of this worker has started is not taken for left', async () => {
  const { proxy, post } = await proxyOf(true);
  await post(`/containers/${writer}/start`);
  await stopLeftWriters({ ok: true, value: address }, 'm1');
  expect(engine.changes).toEqual(['start a']);
  await proxy.close();
});
