/** A fetch on node:http: what fetch promises to the ollama package and to the adapter. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { createLeanFetch } from '../../src/models/lean-fetch.js';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

async function serve(answer: Answer) {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += String(part)));
    request.on('end', () => answer(request, response, body));
  });
  let connections = 0;
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listens on TCP
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${port}`, sockets, connections: () => connections };
}

const unused: typeof fetch = () => Promise.reject(new Error('not asked'));
const lean = () => createLeanFetch(unused);

test('method, headers and body arrive, and the answer is read as JSON', async () => {
  const { url } = await serve((request, response, body) => {
    const { method, headers, url: path } = request;
    const said = { method, path, body, type: headers['content-type'], length: headers['content-length'] };
    response.setHeader('x-two', ['a', 'b']).end(JSON.stringify(said));
  });
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '"ä"' };
  const response = await lean()(`${url}/api/chat?x=1`, init);
  expect([response.ok, response.status, response.statusText]).toEqual([true, 200, 'OK']);
  expect(response.headers.get('x-two')).toBe('a, b');
  expect(await response.json()).toEqual({
    ...{ method: 'POST', path: '/api/chat?x=1', body: '"ä"' },
    ...{ type: 'application/json', length: '4' },
  });
});

test('headers may be an object of the class Headers, or pairs', async () => {
  const { url } = await serve(({ headers }, response) => response.end(headers['x-own']));
  const send = lean();
  for (const headers of [new Headers({ 'X-Own': 'mine' }), [['X-Own', 'mine']] as [string, string][]])
    expect(await (await send(url, { headers })).text()).toBe('mine');
});

test('one connection serves all requests that follow one another', async () => {
  const { url, connections } = await serve((_, response) => response.end('x'));
  const send = lean();
  for (let asked = 0; asked < 5; asked += 1) await (await send(url)).text();
  expect(connections()).toBe(1);
});

test('a request on a kept connection that the server has closed is sent again', async () => {
  let answers = 0;
  const { url, connections } = await serve((request, response) => {
    answers += 1;
    if (answers === 2) return request.socket.destroy();
    response.end('x');
  });
  const send = lean();
  await (await send(url)).text();
  expect(await (await send(url, { method: 'POST', body: 'again' })).text()).toBe('x');
  expect([answers, connections()]).toEqual([3, 2]);
});

test('one on a new connection is not sent again', async () => {
  const { url, connections } = await serve((request) => request.socket.destroy());
  await expect(lean()(url)).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(connections()).toBe(1);
});

test('parts of the body are read as they arrive', async () => {
  let more: () => void = () => undefined;
  const { url } = await serve((_, response) => {
    response.write('one');
    more = () => response.end('two');
  });
  const reader = (await lean()(url)).body?.getReader();
  const text = async () => Buffer.from((await reader?.read())?.value ?? []).toString();
  expect(await text()).toBe('one');
  more();
  expect(await text()).toBe('two');
  expect(await reader?.read()).toEqual({ done: true, value: undefined });
});

test('a body that ends too soon is an error', async () => {
  const { url } = await serve((request, response) => {
    response.write('one');
    setImmediate(() => request.socket.destroy());
  });
  const response = await lean()(url);
  await expect(response.text()).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test("an abort rejects with the signal's reason: before the request, before the answer and in the body", async () => {
  const reason = new Error('enough');
  const { url } = await serve((request, response) => {
    if (request.url === '/body') response.write('one');
  });
  const send = lean();
  const before = AbortSignal.abort(reason);
  await expect(send(url, { signal: before })).rejects.toBe(reason);
  const waiting = new AbortController();
  const asked = send(url, { signal: waiting.signal });
  setImmediate(() => waiting.abort(reason));
  await expect(asked).rejects.toBe(reason);
  const reading = new AbortController();
  const reader = (await send(`${url}/body`, { signal: reading.signal })).body?.getReader();
  await reader?.read();
  const rest = reader?.read();
  reading.abort(reason);
  await expect(rest).rejects.toBe(reason);
});

test.each([
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
] as const)('a body that a proxy has encoded with %s is decoded', async (name, encode) => {
  const { url } = await serve((_, response) => response.setHeader('content-encoding', name).end(encode('plain')));
  expect(await (await lean()(url)).text()).toBe('plain');
});

test('an encoded body that ends too soon is an error', async () => {
  const { url } = await serve((request, response) => {
    response.setHeader('content-encoding', 'gzip').write(gzipSync('plain').subarray(0, 12));
    setImmediate(() => request.socket.destroy());
  });
  const response = await lean()(url);
  await expect(response.text()).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('a redirect, and what is no plain request, is left to the whole fetch', async () => {
  const { url } = await serve(({ url: path }, response) => {
    if (path === '/moved') response.end('here');
    else response.writeHead(307, { location: '/moved' }).end();
  });
  const send = createLeanFetch(fetch);
  expect(await (await send(url, { method: 'POST', body: 'x' })).text()).toBe('here');
  expect(await (await send(new Request(`${url}/moved`))).text()).toBe('here');
});

test('where nothing listens, the error names the address', async () => {
  const { url } = await serve((_, response) => response.end());
  closing.splice(0).forEach((close) => close());
  await expect(lean()(url)).rejects.toMatchObject({ code: 'ECONNREFUSED', address: '127.0.0.1' });
});

test('the rest of a body is given up', async () => {
  const closed = new Promise<void>((resolve) => {
    void serve((_, response) => {
      response.write('one');
      response.on('close', resolve);
    }).then(async ({ url }) => {
      const reader = (await lean()(url)).body?.getReader();
      await reader?.read();
      await reader?.cancel();
    });
  });
  await closed;
});
