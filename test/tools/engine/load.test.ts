/** What many requests, and clients that are gone, cost the engine and the worker. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, Server } from 'node:net';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { silentLogger } from '../../../src/ports/logger.js';
import { MEMORY_LABEL } from '../../../src/tools/engine/container-body.js';
import { createEngineProxy } from '../../../src/tools/engine/proxy.js';
import { PROJECT_LABEL } from '../../../src/tools/engine/project.js';
import { createTurns } from '../../../src/tools/engine/turns.js';
import { until } from '../../contract/until.js';
import { removeTemporaryDirectories, temporaryDirectory } from '../harness.js';
import { send } from './client.js';

const directory = temporaryDirectory();
const own = 'a'.repeat(64);
const project = {
  ...{ name: 'ravenhelm-m1', workspace: '/w', holdsState: false, mayWrite: true, user: '1:1' },
  limits: { memory_mb: 64, processes: 10 },
};
const held: ServerResponse[] = [];
let holdsInspect = false;
let open = 0;
let answerBytes = 0;
/** Labels of what the engine has of each kind. */
let listed: readonly object[] = [];
let created = 0;
/** Logs never end here. */
const engine = createServer((request, response) => {
  const path = request.url ?? '';
  if (path.includes('/logs')) {
    open += 1;
    response.once('close', () => (open -= 1));
    response.writeHead(200).flushHeaders();
  } else if (path.endsWith('/json') && path.includes(own)) {
    if (holdsInspect) held.push(response);
    else inspected(response);
  } else if (path.includes('/create')) {
    created += 1;
    listed = [...listed, { [MEMORY_LABEL]: '16' }];
    response.end('{}');
  } else if (answerBytes > 0) response.end(JSON.stringify('x'.repeat(answerBytes)));
  else {
    const list = listed.map((labels) => ({ Labels: { [PROJECT_LABEL]: project.name, ...labels } }));
    response.end(JSON.stringify(path.startsWith('/volumes') ? { Volumes: list } : list));
  }
});
const inspected = (response: ServerResponse) =>
  response.end(JSON.stringify({ Id: own, Config: { Labels: { [PROJECT_LABEL]: project.name } } }));
engine.listen(join(directory, 'engine.sock'));
await once(engine, 'listening');
const socket = join(directory, 'docker.sock');
const listen = jest.spyOn(Server.prototype, 'listen');
const proxy = createEngineProxy({
  engine: { socketPath: join(directory, 'engine.sock') },
  project,
  logger: silentLogger,
});
await proxy.listen(socket);
const listening = listen.mock.contexts[0] as Server;
listen.mockRestore();

afterAll(async () => {
  await proxy.close();
  engine.closeAllConnections();
  engine.close();
  removeTemporaryDirectories();
});

const ping = async () => (await send(socket, { method: 'GET', target: '/_ping' })).status;
const follow = `GET /containers/${own}/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n`;

test('a connection has a bounded number of requests to the engine, which end with it', async () => {
  const client = connect(socket);
  client.write(follow.repeat(300));
  await until('all places are taken', () => open === 128);
  expect(await ping()).toBe(503);
  expect(open).toBe(128);
  client.destroy();
  await until('no request is open', () => open === 0);
  expect(await ping()).toBe(200);
});

test('a client that is gone before its answer begins leaves nothing open', async () => {
  holdsInspect = true;
  const client = connect(socket);
  client.write(follow);
  await until('the engine is asked whose the container is', () => held.length > 0);
  client.destroy();
  await ping();
  holdsInspect = false;
  for (const response of held.splice(0)) inspected(response);
  await ping();
  await ping();
  expect(open).toBe(0);
});

test('a socket that cannot take a connection does not end the worker', async () => {
  expect(listening.emit('error', new Error('accept EMFILE'))).toBe(true);
  expect(await ping()).toBe(200);
});

test('an answer that is too large for the worker is refused', async () => {
  answerBytes = 5 * 1024 * 1024;
  const { status, body } = await send(socket, { method: 'GET', target: '/networks' });
  expect([status, body]).toEqual([502, expect.stringContaining('has more than 4194304 bytes')]);
});

describe('what a project may have', () => {
  const make = (kind: string, body: object) => send(socket, { method: 'POST', target: `/${kind}/create`, body });
  beforeEach(() => {
    answerBytes = 0;
    created = 0;
  });

  test.each([
    ['containers', 50, { Image: 'i' }],
    ['networks', 10, { Name: `${project.name}_n` }],
    ['volumes', 50, { Name: `${project.name}_v` }],
  ])('%s: at most %i', async (kind, most, body) => {
    listed = Array.from({ length: most - 1 }, () => ({ [MEMORY_LABEL]: '1' }));
    // Asked for at once: each is counted after the one before it was made.
    const answers = await Promise.all([make(kind, body), make(kind, body), make(kind, body)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403, 403]);
    expect(created).toBe(1);
  });

  test('memory of all containers: that of four calls', async () => {
    listed = Array.from({ length: 15 }, () => ({ [MEMORY_LABEL]: '16' }));
    expect(await make('containers', { Image: 'i', HostConfig: { Memory: 32 * 1024 * 1024 } })).toMatchObject({
      status: 403,
      body: expect.stringContaining('would have 272 MiB of memory, of 256'),
    });
    expect(await make('containers', { Image: 'i' })).toMatchObject({ status: 200 });
    expect(await make('containers', { Image: 'i' })).toMatchObject({ status: 403 });
  });
});

test('a body has 64 KiB at most', async () => {
  const body = { Image: 'i', Labels: { a: 'x'.repeat(65_536) } };
  const { status } = await send(socket, { method: 'POST', target: `/containers/create?name=${project.name}-a`, body });
  expect(status).toBe(413);
});

test('at most so many turns are taken at once, and each is taken in its order', async () => {
  const inTurn = createTurns(2);
  const order: string[] = [];
  let running = 0;
  const work = (name: string) =>
    inTurn(async () => {
      running += 1;
      expect(running).toBeLessThanOrEqual(2);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(name);
      running -= 1;
      if (name === 'b') throw new Error('b fails');
    });
  await Promise.allSettled(['a', 'b', 'c', 'd'].map(work));
  expect(order).toEqual(['a', 'b', 'c', 'd']);
});
