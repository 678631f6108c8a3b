/** What of an agent's requests reaches a container engine, and as what. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { silentLogger, type Logger } from '../../../src/ports/logger.js';
import { refusalOf } from '../../../src/tools/engine/answers.js';
import { createEngineProxy, type EngineProxy } from '../../../src/tools/engine/proxy.js';
import type { Project } from '../../../src/tools/engine/project.js';
import { removeTemporaryDirectories, temporaryDirectory } from '../harness.js';
import { send, sendRaw } from './client.js';
import { startRecordingEngine, type RecordingEngine } from './recording-engine.js';
import { allowedRows, refusedRows } from './table.js';

const project: Project = {
  name: 'ravenhelm-m1',
  workspace: '/srv/workspaces/m1',
  holdsState: false,
  mayWrite: true,
  user: '61337:61337',
  limits: { memory_mb: 512, processes: 100 },
};
const directory = temporaryDirectory();
const socket = join(directory, 'docker.sock');
const engine: RecordingEngine = await startRecordingEngine(directory, project);
const proxy: EngineProxy = createEngineProxy({ engine: engine.address, project, logger: silentLogger });
await proxy.listen(socket);

afterEach(() => void engine.taken());
afterAll(async () => {
  await proxy.close();
  await engine.close();
  removeTemporaryDirectories();
});

/** What the proxy asks for itself. */
const isLookup = ({ method, target }: { method: string; target: string }) =>
  method === 'GET' && /^(\/v1\.41)?\/(containers|exec|networks|volumes)\/[^/]+(\/json)?(\?all=true&.*)?$/.test(target);

describe('the proxy of the engine passes on', () => {
  test.each(allowedRows(engine.world))('$name', async (row) => {
    const answer = await send(socket, row);
    expect(answer).toMatchObject({ status: 200 });
    const sent = engine.taken().at(-1);
    expect(sent).toMatchObject({ method: row.method, target: row.as ?? row.target });
    if (row.sends === undefined) expect(sent?.body).toBe('');
    else expect(JSON.parse(sent?.body ?? '')).toMatchObject(row.sends);
    if (row.withholds !== undefined) expect(sent?.body).not.toContain(row.withholds);
  });
});

describe('the proxy of the engine refuses', () => {
  test.each(refusedRows(engine.world))('$name', async (row) => {
    const { status, body } = await send(socket, row);
    expect([status, JSON.parse(body)]).toEqual([row.status, { message: expect.stringMatching(row.why) }]);
    expect(engine.taken().filter((one) => !isLookup(one))).toEqual([]);
  });
});

describe('a refusal repeats nothing of its request', () => {
  const CANARY = 'canary-text';
  /** Each copy of the value in which one text or one name has the canary in it. */
  function* withCanary(value: unknown): Generator {
    if (typeof value === 'string') yield `${value}${CANARY}`;
    if (typeof value === 'number' || typeof value === 'boolean') yield CANARY;
    if (Array.isArray(value))
      for (const [at, part] of value.entries()) for (const each of withCanary(part)) yield value.with(at, each);
    else if (typeof value === 'object' && value !== null)
      for (const [name, part] of Object.entries(value)) {
        const { [name]: _, ...others } = value as Record<string, unknown>;
        yield { ...others, [`${name}${CANARY}`]: part };
        yield { ...value, [`${CANARY}${name}`]: 'x' };
        for (const each of withCanary(part)) yield { ...value, [name]: each };
      }
  }
  /** Of a target, the same: in each name of the path, and in each parameter's name and value. */
  const targets = (target: string) =>
    [...target.matchAll(/[\w.-]+/g)].map(
      ({ 0: { length }, index }) => target.slice(0, index + length) + CANARY + target.slice(index + length),
    );

  test.each([...refusedRows(engine.world), ...allowedRows(engine.world)])(
    '$name',
    async ({ method, target, body }) => {
      const bodies = [...withCanary(body)].map((each) => ({ method, target, body: each }));
      const asked = [...targets(target).map((each) => ({ method, target: each, body })), ...bodies];
      asked.push({ method: `${method}${CANARY.toUpperCase()}`, target, body });
      const answers = await Promise.all(asked.map(async (one) => ({ ...(await send(socket, one)), one })));
      const refusals = answers.filter(({ status }) => status !== 200);
      expect(refusals.length).toBeGreaterThan(0);
      expect(refusals.filter((refusal) => refusal.body.toLowerCase().includes(CANARY))).toEqual([]);
    },
    60_000,
  );

  test('nor what the engine answers where it should be JSON, nor the text of another error', () => {
    const quoting = new SyntaxError(`Unexpected token 'c', "${CANARY}" is not valid JSON`);
    expect(refusalOf(quoting)).toEqual({ status: 502, text: expect.not.stringContaining(CANARY) });
    const reset = Object.assign(new Error(`read ECONNRESET ${CANARY}`), { code: 'ECONNRESET' });
    expect(refusalOf(reset)).toEqual({ status: 502, text: expect.stringMatching(/cannot be used: ECONNRESET"/) });
  });

  test('the log of the program has what it was about', async () => {
    const lines: object[] = [];
    const path = join(directory, 'about.sock');
    const logger: Logger = { ...silentLogger, info: (line: object) => void lines.push(line) };
    const logged = createEngineProxy({ engine: engine.address, project, logger });
    await logged.listen(path);
    const target = `/containers/create?name=${project.name}-x`;
    await send(path, { method: 'POST', target, body: { Image: 'i', HostConfig: { [CANARY]: true } } });
    await send(path, { method: 'GET', target: `/networks/${CANARY}` });
    await logged.close();
    expect(lines).toMatchObject([{ about: `HostConfig.${CANARY}` }, { about: CANARY }, {}]);
  });
});

describe('on the wire', () => {
  const raw = async (...lines: readonly string[]) => {
    const got = await sendRaw(socket, lines.join('\r\n'));
    return { got, status: [...got.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, code]) => Number(code)) };
  };
  const EMPTY = ['', ''];
  const own = engine.world.own;
  const create = `POST /containers/create?name=${project.name}-w HTTP/1.1`;
  const json = 'Content-Type: application/json';
  const container = (host: string) => `{"Image":"localhost/image:1","HostConfig":{${host}}}`;
  const created = (body: string) =>
    raw(create, 'Host: d', json, `Content-Length: ${body.length}`, 'Connection: close', '', body);

  test('what is judged is what is sent: of repeated names the last, of unset ones nothing', async () => {
    expect((await created(container('"Privileged":true,"Privileged":false'))).status).toEqual([200]);
    expect(engine.taken().at(-1)?.body).not.toContain('Privileged');
    expect((await created(container('"Privileged":false,"Privileged":true'))).status).toEqual([403]);
    expect((await created(container('"Privileged":false,"privileged":true'))).status).toEqual([403]);
    expect((await created(container('"Privile\\u0067ed":true'))).status).toEqual([403]);
    expect((await created(container('"privileged":false,"__proto__":{"Privileged":true}'))).status).toEqual([403]);
    expect(engine.taken().filter(({ method }) => method === 'POST')).toEqual([]);
  });

  test('a body in chunks is judged as a whole', async () => {
    const chunks = ['{"Image":"localhost/image:1","HostCon', 'fig":{"Privileged":tr', 'ue}}'];
    const coded = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
    const head = [create, 'Host: d', json, 'Transfer-Encoding: chunked', 'Connection: close'];
    expect((await raw(...head, '', `${coded}0\r\n\r\n`)).status).toEqual([403]);
    const harmless = coded.replace('tr\r\n', 'fa\r\n').replace('4\r\nue}}', '5\r\nlse}}');
    expect((await raw(...head, '', `${harmless}0\r\n\r\n`)).status).toEqual([200]);
    expect(engine.taken().at(-1)?.body).toContain('no-new-privileges');
  });

  test.each<[string, readonly string[]]>([
    ['two lengths', [create, 'Host: d', 'Content-Length: 2', 'Content-Length: 40', '', '{}']],
    ['a length and chunks', [create, 'Host: d', 'Content-Length: 5', 'Transfer-Encoding: chunked', '', '0', ...EMPTY]],
    ['an unknown coding', [create, 'Host: d', 'Transfer-Encoding: chunked, identity', '', '0', ...EMPTY]],
    ['a line that continues', ['GET /_ping HTTP/1.1', 'Host: d', ' x: y', ...EMPTY]],
    ['a space before a colon', ['GET /_ping HTTP/1.1', 'Host : d', ...EMPTY]],
    ['no host', ['GET /_ping HTTP/1.1', ...EMPTY]],
    ['another version', ['GET /_ping HTTP/3.0', ...EMPTY]],
    ['spaces in the path', ['GET /_ping /containers/json HTTP/1.1', 'Host: d', ...EMPTY]],
    ['a head that is too large', ['GET /_ping HTTP/1.1', 'Host: d', `X: ${'x'.repeat(20_000)}`, ...EMPTY]],
    ['a tunnel', ['CONNECT 127.0.0.1:80 HTTP/1.1', 'Host: d', ...EMPTY]],
    ['another protocol', ['GET /_ping HTTP/1.1', 'Host: d', 'Connection: Upgrade', 'Upgrade: h2c', ...EMPTY]],
    [
      'a stream of a request that has none',
      [`GET /_ping HTTP/1.1`, 'Host: d', 'Connection: Upgrade', 'Upgrade: tcp', ...EMPTY],
    ],
  ])('a request with %s reaches no engine', async (_, lines) => {
    const { status } = await raw(...lines);
    expect(status.every((code) => code >= 400)).toBe(true);
    expect(engine.taken()).toEqual([]);
  });

  test('a second request on a connection is judged too', async () => {
    const { status } = await raw(
      'GET /_ping HTTP/1.1',
      'Host: d',
      '',
      'POST /swarm/init HTTP/1.1',
      'Host: d',
      'Connection: close',
      ...EMPTY,
    );
    expect(status).toEqual([200, 403]);
    expect(engine.taken().map(({ target }) => target)).toEqual(['/_ping']);
  });

  test('no header of the client reaches the engine, and no other answer than that of the project', async () => {
    const { got } = await raw(
      'GET /containers/json HTTP/1.1',
      'Host: evil',
      'X-Registry-Auth: x',
      'Connection: close',
      ...EMPTY,
    );
    expect(JSON.parse(got.slice(got.indexOf('\r\n\r\n') + 4))).toEqual([
      { Id: expect.any(String), State: 'running', Labels: { 'com.docker.compose.project': project.name } },
    ]);
    const info = await send(socket, { method: 'GET', target: '/info' });
    expect(JSON.parse(info.body)).toEqual({ ServerVersion: '1', Swarm: { LocalNodeState: 'inactive' } });
  });

  test('a body that is too large, or nested too deeply, is refused', async () => {
    const large = await created(`{"Image":"${'x'.repeat(1_100_000)}"}`);
    expect(large.status).toEqual([413]);
    const deep = await created(container(`"X":${'['.repeat(300_000)}${']'.repeat(300_000)}`));
    expect(deep.status[0]).toBeGreaterThanOrEqual(400);
    expect(engine.taken()).toEqual([]);
  });

  const upgrade = ['Host: d', 'Connection: Upgrade', 'Upgrade: tcp'];
  test('a command becomes a stream in both directions, whose body is judged', async () => {
    const start = `POST /exec/${engine.world.ownExec}/start HTTP/1.1`;
    const got = await sendThenEnd([start, ...upgrade, 'Content-Length: 16', '', '{"Detach":false}hello'].join('\r\n'));
    expect(got).toMatch(/^HTTP\/1.1 101 UPGRADED\r\n[\s\S]*\r\n\r\nhello$/);
    expect(engine.taken().at(-1)).toMatchObject({ body: '{"Detach":false}' });
    const attach = await sendThenEnd(
      [`POST /containers/${own}/attach?stream=1&stdin=1 HTTP/1.1`, ...upgrade, '', 'typed'].join('\r\n'),
    );
    expect(attach).toMatch(/101 UPGRADED[\s\S]*typed$/);
    engine.taken();
    const foreign = await raw(`POST /containers/${engine.world.foreign}/attach HTTP/1.1`, ...upgrade, ...EMPTY);
    expect(foreign.status).toEqual([404]);
    const body = await raw(start, ...upgrade, 'Content-Length: 19', '', '{"Privileged":true}');
    expect([body.status, body.got]).toEqual([[403], expect.stringContaining('the body has a field that')]);
    const chunked = await raw(start, ...upgrade, 'Transfer-Encoding: chunked', '', '0', ...EMPTY);
    expect(chunked.status).toEqual([400]);
    expect(engine.taken().filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  test('a close of the proxy ends every connection, streams too', async () => {
    const path = join(directory, 'second.sock');
    const second = createEngineProxy({ engine: engine.address, project, logger: silentLogger });
    await second.listen(path);
    const attach = [`POST /containers/${own}/attach?stream=1 HTTP/1.1`, ...upgrade, ...EMPTY].join('\r\n');
    const idle = ['GET /_ping HTTP/1.1', 'Host: d', ...EMPTY].join('\r\n');
    const open = [sendRaw(path, attach), sendRaw(path, idle)];
    while (engine.taken().filter(({ method }) => method === 'POST').length === 0)
      await new Promise((resolve) => setImmediate(resolve));
    await second.close();
    expect(await Promise.all(open)).toHaveLength(2);
  });

  /** Ends its own direction at once, as docker's client does when its input ends. */
  async function sendThenEnd(bytes: string): Promise<string> {
    const connection = connect({ path: socket, allowHalfOpen: true });
    let got = '';
    connection.on('data', (part) => (got += part.toString('latin1')));
    connection.end(bytes);
    await once(connection, 'close');
    return got;
  }
});

test('a workspace with the state of the swarm is mounted by no container', async () => {
  const path = join(directory, 'given.sock');
  const given = createEngineProxy({
    engine: engine.address,
    project: { ...project, holdsState: true },
    logger: silentLogger,
  });
  await given.listen(path);
  const target = `/containers/create?name=${project.name}-s`;
  for (const HostConfig of [
    { Binds: ['/workspace:/w:ro'] },
    { Mounts: [{ Type: 'bind', Source: '/workspace', Target: '/w', ReadOnly: true }] },
  ])
    expect(await send(path, { method: 'POST', target, body: { Image: 'i', HostConfig } })).toMatchObject({
      status: 403,
      body: expect.stringContaining('no container may see'),
    });
  const volume = { Type: 'volume', Source: engine.world.volume, Target: '/v' };
  const body = { Image: 'i', HostConfig: { Mounts: [volume] } };
  expect(await send(path, { method: 'POST', target, body })).toMatchObject({ status: 200 });
  await given.close();
});

test('requests are counted in the log of the program, with a line for each up to a bound', async () => {
  const lines: [object, string][] = [];
  const path = join(directory, 'logged.sock');
  const log = (line: object, event: string) => void lines.push([line, event]);
  const logger: Logger = { ...silentLogger, debug: log, info: log };
  const logged = createEngineProxy({ engine: engine.address, project, logger });
  await logged.listen(path);
  for (let index = 0; index < 150; index += 1) {
    await send(path, { method: 'GET', target: '/_ping' });
    await send(path, { method: 'POST', target: '/swarm/init' });
  }
  await logged.close();
  expect(lines).toHaveLength(201);
  expect(lines[1]).toEqual([
    { project: project.name, method: 'POST', target: '/swarm/init', reason: expect.stringContaining('not for agents') },
    'engine.refused',
  ]);
  expect(lines.at(-1)).toEqual([{ project: project.name, passed: 150, refused: 150, failed: 0 }, 'engine.used']);
});
