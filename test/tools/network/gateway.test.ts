import { jest } from '@jest/globals';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { MOST_SINGLE } from '../../../src/tools/network/connection-log.js';
import { createDeferred } from '../../../src/domain/deferred.js';
import { createOutbound, NETWORK_TIMINGS } from '../../../src/tools/network/outbound.js';
import { clock } from '../harness.js';
import { ask, closeAll, listenHttp, listenTcp, localhost, named, say, testGateway } from './support.js';

afterEach(closeAll);

const LOCAL = { localhost: ['127.0.0.1'] };
const echo = (socket: Socket) => void socket.pipe(socket);

describe('the HTTP proxy of a call', () => {
  test('passes a request on, with its body, and the answer back', async () => {
    const port = await listenHttp((request, response) => {
      response.setHeader('X-Seen', `${request.method} ${request.url} ${request.headers.host}`);
      request.pipe(response);
    });
    const gateway = await testGateway([localhost(port)], LOCAL);
    const sent = { method: 'POST', body: 'a body', headers: { 'Content-Length': '6' } };
    const answer = await ask(gateway, `http://localhost:${port}/a?b=c`, sent);
    expect(answer).toMatchObject({ status: 200, body: 'a body' });
    expect(answer.headers['x-seen']).toBe(`POST /a?b=c localhost:${port}`);
    const chunked = await ask(gateway, `http://LOCALHOST.:${port}/`, { method: 'PUT', body: 'of unknown length' });
    expect(chunked).toMatchObject({ status: 200, body: 'of unknown length' });
    await gateway.close();
    expect(gateway.connections).toEqual([
      expect.objectContaining({
        host: 'localhost',
        port,
        address: '127.0.0.1',
        outcome: 'ended',
        reason: null,
        count: 1,
      }),
      expect.objectContaining({ host: 'localhost', outcome: 'ended' }),
    ]);
    expect(gateway.connections[0]?.bytesSent).toBeGreaterThan(50);
    expect(gateway.connections[0]?.bytesReceived).toBeGreaterThan(50);
  });

  test('tunnels with CONNECT, and counts the bytes of both directions', async () => {
    const port = await listenTcp(echo);
    const gateway = await testGateway([localhost(port)], LOCAL);
    const socket = connect(gateway.proxy);
    socket.write(`CONNECT localhost:${port} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\nearly `);
    socket.end('late');
    let text = '';
    for await (const part of socket) text += String(part);
    expect(text).toBe('HTTP/1.1 200 Connection Established\r\n\r\nearly late');
    await gateway.close();
    expect(gateway.connections).toEqual([
      expect.objectContaining({ outcome: 'ended', bytesSent: 10, bytesReceived: 10 }),
    ]);
  });

  test.each([
    ['another host', 'evil.example:443'],
    ['another port', 'localhost:1'],
    ['an address of the host', '127.0.0.1:PORT'],
    ['the same address in another form', '2130706433:PORT'],
    ['the same address in octal digits', '0177.0.0.1:PORT'],
    ['the same address in hexadecimal digits', '0x7f.1:PORT'],
    ['a mapped address', '[::ffff:127.0.0.1]:PORT'],
    ['an address that has an IPv4 address in it', '[64:ff9b::7f00:1]:PORT'],
    ['a name below it', 'localhost.evil.example:PORT'],
    ['the metadata service', '169.254.169.254:80'],
  ])('refuses %s, looks no name up, and records it', async (_what, target) => {
    const port = await listenTcp(echo);
    const gateway = await testGateway([localhost(port)], LOCAL);
    const authority = target.replace('PORT', String(port));
    const answer = await say(gateway.proxy, `CONNECT ${authority} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(answer).toContain(`It may reach: localhost:${port}.`);
    expect((await ask(gateway, `http://${authority}/`)).status).toBe(403);
    await gateway.close();
    expect(gateway.asked).toEqual([]);
    const refused = { outcome: 'refused', reason: "not in the agent's network", address: null, bytesSent: 0 };
    expect(gateway.connections).toEqual([expect.objectContaining(refused), expect.objectContaining(refused)]);
  });

  test('repeats nothing of a refused request', async () => {
    const gateway = await testGateway([localhost(1)], LOCAL);
    const answer = await ask(gateway, 'http://marker-host.example/marker-path', {
      headers: { 'X-A': 'marker-header' },
    });
    expect(answer.status).toBe(403);
    expect(JSON.stringify(answer)).not.toContain('marker');
  });

  test('goes by the address of a request, not by its Host header', async () => {
    const port = await listenHttp((request, response) => response.end(request.headers.host));
    const gateway = await testGateway([localhost(port)], LOCAL);
    expect((await ask(gateway, `http://localhost:${port}/`, { headers: { Host: 'evil.example' } })).body).toBe(
      `localhost:${port}`,
    );
    expect((await ask(gateway, 'http://evil.example/', { headers: { Host: `localhost:${port}` } })).status).toBe(403);
  });

  test('is no server: it takes no path, and no https address', async () => {
    const gateway = await testGateway([localhost(443)], LOCAL);
    expect((await ask(gateway, '/')).status).toBe(400);
    expect((await ask(gateway, 'https://localhost/')).status).toBe(400);
    expect(await say(gateway.proxy, 'CONNECT localhost HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(gateway.connections).toEqual([]);
  });

  test.each([
    ['two lengths', 'Content-Length: 4\r\nContent-Length: 30\r\n'],
    ['a length and chunks', 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n'],
    ['an unknown coding', 'Transfer-Encoding: chunked, identity\r\n'],
  ])('passes no request on that two readers would end in different places: %s', async (_what, headers) => {
    const seen: string[] = [];
    const port = await listenHttp((request, response) => {
      seen.push(request.url ?? '');
      response.end();
    });
    const gateway = await testGateway([localhost(port)], LOCAL);
    const hidden = `GET http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n`;
    const head = `POST http://localhost:${port}/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}\r\n0\r\n\r\n`;
    expect(await say(gateway.proxy, `${head}${hidden}`)).toMatch(/^HTTP\/1\.1 400 /);
    expect(seen).toEqual([]);
  });

  test('passes no header on that is for one connection', async () => {
    const port = await listenHttp((request, response) => response.end(JSON.stringify(request.headers)));
    const gateway = await testGateway([localhost(port)], LOCAL);
    const headers = {
      'Proxy-Authorization': 'Basic x',
      Connection: 'X-Mine, upgrade',
      'X-Mine': '1',
      Upgrade: 'websocket',
      'X-Other': '2',
    };
    const seen: unknown = JSON.parse((await ask(gateway, `http://localhost:${port}/`, { headers })).body);
    expect(seen).toEqual({ host: `localhost:${port}`, 'x-other': '2', via: '1.1 ravenhelm', connection: 'close' });
  });

  test.each(['000', '099', '101'])('answers 502 to a host that answers with the status %s', async (status) => {
    const port = await listenTcp((socket) => void socket.write(`HTTP/1.1 ${status} x\r\nContent-Length: 0\r\n\r\n`));
    const gateway = await testGateway([localhost(port)], LOCAL);
    expect((await ask(gateway, `http://localhost:${port}/`)).status).toBe(502);
    expect((await ask(gateway, 'http://evil.example/')).status).toBe(403);
  });

  test('keeps no socket of a refused client that stays', async () => {
    const gateway = await testGateway([localhost(1)], LOCAL);
    const clients = Array.from({ length: 20 }, () => connect({ path: gateway.proxy, allowHalfOpen: true }));
    await Promise.all(
      clients.map(async (client) => {
        let text = '';
        client.on('data', (part: Buffer) => {
          text += part.toString();
        });
        client.write('CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n');
        await once(client, 'end');
        expect(text).toMatch(/^HTTP\/1\.1 403 /);
      }),
    );
    // Their own direction is still open: only a peer that is gone breaks it.
    await Promise.all(
      clients.map(async (client) => {
        const broken = new Promise((resolve) => client.once('error', resolve));
        client.write('x');
        expect(await broken).toMatchObject({ code: 'EPIPE' });
      }),
    );
  });

  test('answers a client that has closed its direction after the request', async () => {
    const port = await listenHttp((request, response) => {
      request.resume();
      request.on('end', () => setImmediate(() => response.end('late')));
    });
    const gateway = await testGateway([localhost(port)], LOCAL);
    const socket = connect({ path: gateway.proxy, allowHalfOpen: true });
    socket.end(`GET http://localhost:${port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    let text = '';
    for await (const part of socket) text += String(part);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*late/);
  });

  test('keeps the length of a body, whatever Connection names', async () => {
    const port = await listenHttp((request, response) => {
      response.setHeader('X-Length', request.headers['content-length'] ?? 'none');
      request.pipe(response);
    });
    const gateway = await testGateway([localhost(port)], LOCAL);
    const head = `POST http://localhost:${port}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n`;
    const text = await say(gateway.proxy, `${head}Connection: content-length, close\r\n\r\nbody`);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*X-Length: 4\r\n[^]*body/);
  });

  test.each([
    ["/a/../b?x='", "/a/../b?x='"],
    ['?q', '/?q'],
    ['/%7e#part', '/%7e'],
    ['', '/'],
  ])('passes the path %j on as it is written', async (written, path) => {
    const port = await listenHttp((request, response) => response.end(request.url));
    const gateway = await testGateway([localhost(port)], LOCAL);
    expect((await ask(gateway, `http://localhost:${port}${written}`)).body).toBe(path);
  });

  test('does not follow a redirect: the next request is judged by itself', async () => {
    const port = await listenHttp((_request, response) => {
      response.writeHead(302, { Location: 'http://169.254.169.254/latest/' });
      response.end();
    });
    const gateway = await testGateway([localhost(port)], LOCAL);
    const { status, headers } = await ask(gateway, `http://localhost:${port}/`);
    expect([status, headers.location]).toEqual([302, 'http://169.254.169.254/latest/']);
    expect((await ask(gateway, headers.location ?? '')).status).toBe(403);
  });

  test('answers 502 where a host cannot be reached', async () => {
    const gateway = await testGateway([localhost(1), named('gone.example', 80)], LOCAL);
    expect(await ask(gateway, 'http://localhost:1/')).toMatchObject({
      status: 502,
      body: expect.stringContaining('ECONNREFUSED'),
    });
    expect((await ask(gateway, 'http://gone.example/')).status).toBe(502);
    await gateway.close();
    expect(gateway.connections).toEqual([
      expect.objectContaining({ outcome: 'failed', reason: 'ECONNREFUSED' }),
      expect.objectContaining({ outcome: 'failed', reason: 'lookup: ENOTFOUND' }),
    ]);
  });

  test('ends a request whose head does not come, and one that is too large', async () => {
    const timings = { ...NETWORK_TIMINGS, headMs: 200 };
    const gateway = await testGateway([localhost(1)], LOCAL, { timings });
    expect(await say(gateway.proxy, 'GET http://localhost:1/ HTTP/1.1\r\nX: ')).toMatch(/^HTTP\/1\.1 408 /);
    const large = `GET http://localhost:1/ HTTP/1.1\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`;
    expect(await say(gateway.proxy, large)).toMatch(/^HTTP\/1\.1 431 /);
    expect(gateway.connections).toEqual([]);
  });
});

describe('the other socket of a call', () => {
  test('passes on what follows the name of a host, and one end of the stream at a time', async () => {
    const port = await listenTcp((socket) => {
      let text = '';
      socket.on('data', (part: Buffer) => {
        text += part.toString();
      });
      socket.on('end', () => socket.end(`all of ${text}`));
    });
    const gateway = await testGateway([localhost(port)], LOCAL);
    const socket = connect({ path: gateway.direct, allowHalfOpen: true });
    socket.end(`localhost:${port}\nhello`);
    let answer = '';
    for await (const part of socket) answer += String(part);
    expect(answer).toBe('all of hello');
  });

  test.each([
    ['another host', 'evil.example:443\n', 1],
    ['an address of the host', '127.0.0.1:PORT\n', 1],
    ['another port', 'localhost:1\n', 1],
    ['a name without a port', 'proxy\n', 0],
    ['nothing', '\n', 0],
    ['a line that is too long', 'a'.repeat(400), 0],
  ])('refuses %s, looks no name up, and records a host that was asked for', async (_what, text, asked) => {
    const port = await listenTcp(echo);
    const gateway = await testGateway([localhost(port)], LOCAL);
    expect(await say(gateway.direct, text.replace('PORT', String(port)))).toBe('');
    await gateway.close();
    expect(gateway.asked).toEqual([]);
    const refused = { outcome: 'refused', reason: "not in the agent's network", address: null, bytesReceived: 0 };
    expect(gateway.connections).toEqual(Array.from({ length: asked }, () => expect.objectContaining(refused)));
  });

  test('waits for a first line for a limited time', async () => {
    const gateway = await testGateway([localhost(1)], LOCAL, { timings: { ...NETWORK_TIMINGS, headMs: 50 } });
    expect(await say(gateway.direct, 'local')).toBe('');
  });
});

describe('a name', () => {
  test.each([
    ['private', '10.0.0.5'],
    ['loopback', '127.0.0.1'],
    ['metadata', '169.254.169.254'],
    ['special', '::ffff:127.0.0.1'],
  ])('that leads to a %s address is refused', async (kind, address) => {
    const port = await listenTcp(echo);
    const gateway = await testGateway([{ host: 'a.example', port, addresses: [] }], { 'a.example': [address] });
    expect(await ask(gateway, `http://a.example:${port}/`)).toMatchObject({
      status: 403,
      body: expect.stringContaining('not public'),
    });
    expect(await say(gateway.direct, `a.example:${port}\n`)).toBe('');
    await gateway.close();
    const reason = `its name leads to an address that is ${kind}: ${address}`;
    expect(gateway.connections).toEqual([
      expect.objectContaining({ outcome: 'refused', reason }),
      expect.objectContaining({ outcome: 'refused', reason }),
    ]);
  });

  test('leads only to those of its addresses that are allowed', async () => {
    const port = await listenTcp((socket) => socket.end('reached'));
    const names = { 'db.internal': ['10.255.255.1', '127.0.0.1'] };
    const gateway = await testGateway([named('db.internal', port)], names);
    expect(await say(gateway.direct, `db.internal:${port}\n`)).toBe('reached');
    await gateway.close();
    expect(gateway.connections).toEqual([expect.objectContaining({ address: '127.0.0.1', outcome: 'ended' })]);
  });

  test('that has another address at each lookup is connected to the one that was checked', async () => {
    const port = await listenTcp((socket) => socket.end('an internal service'));
    const answers = [['192.0.2.1'], ['127.0.0.1'], ['127.0.0.1']];
    let lookups = 0;
    const gateway = await testGateway(
      [{ host: 'rebind.example', port, addresses: ['192.0.2.1'] }],
      {},
      {
        timings: { ...NETWORK_TIMINGS, connectMs: 300 },
        lookup: async () => answers[lookups++] ?? [],
      },
    );
    expect(await say(gateway.direct, `rebind.example:${port}\n`)).toBe('');
    expect(lookups).toBe(1);
    expect(await say(gateway.direct, `rebind.example:${port}\n`)).toBe('');
    await gateway.close();
    expect(gateway.connections.map(({ outcome, address }) => [outcome, address])).toEqual([
      ['failed', null],
      ['refused', null],
    ]);
  });

  test('is looked up once at a time, however many connections ask for it', async () => {
    const port = await listenTcp(echo);
    const lookup = createDeferred<readonly string[]>();
    let lookups = 0;
    const outbound = createOutbound({
      hosts: [localhost(port)],
      log: { add: () => undefined, close: () => undefined },
      clock,
      timings: NETWORK_TIMINGS,
      lookup: () => {
        lookups += 1;
        return lookup.promise;
      },
    });
    const opening = Promise.all([1, 2, 3].map(() => outbound.open('localhost', port)));
    lookup.resolve(['127.0.0.1']);
    expect((await opening).map(({ remoteAddress }) => remoteAddress)).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1']);
    expect(lookups).toBe(1);
    await outbound.close();
  });
});

describe('the end of a call', () => {
  test('closes every connection, records it, and removes the sockets', async () => {
    const port = await listenTcp(echo);
    const gateway = await testGateway([localhost(port)], LOCAL);
    const direct = connect(gateway.direct);
    direct.write(`localhost:${port}\nhello`);
    const tunnel = connect(gateway.proxy);
    tunnel.write(`CONNECT localhost:${port} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const idle = connect(gateway.proxy);
    for (const socket of [direct, tunnel, idle]) socket.on('error', () => undefined);
    await Promise.all([once(direct, 'data'), once(tunnel, 'data'), once(idle, 'connect')]);
    const closed = Promise.all([direct, tunnel, idle].map((socket) => once(socket, 'close')));
    await gateway.close();
    await closed;
    expect(gateway.connections.map(({ outcome, bytesSent }) => [outcome, bytesSent]).toSorted()).toEqual([
      ['ended', 0],
      ['ended', 5],
    ]);
    expect(existsSync(dirname(gateway.proxy))).toBe(false);
  });

  test('ends a connection that is being made', async () => {
    const asked = createDeferred<void>();
    const gateway = await testGateway(
      [named('slow.example', 9)],
      {},
      {
        lookup: () => {
          asked.resolve();
          return new Promise(() => undefined);
        },
      },
    );
    const waiting = say(gateway.direct, 'slow.example:9\n');
    await asked.promise;
    await gateway.close();
    expect(await waiting).toBe('');
    expect(gateway.connections).toEqual([
      expect.objectContaining({ host: 'slow.example', outcome: 'failed', reason: 'lookup: ETIMEDOUT', address: null }),
    ]);
  });

  test('leaves no listener of a connection that has failed', async () => {
    const closing = jest.spyOn(AbortSignal.prototype, 'addEventListener');
    const removing = jest.spyOn(AbortSignal.prototype, 'removeEventListener');
    const gateway = await testGateway([localhost(1)], LOCAL);
    expect(await say(gateway.direct, 'localhost:1\n')).toBe('');
    const added = closing.mock.calls.length;
    const removed = removing.mock.calls.length;
    jest.restoreAllMocks();
    expect(added).toBeGreaterThan(0);
    expect(removed).toBe(added);
  });

  test('an idle connection is closed before', async () => {
    const port = await listenTcp(echo);
    const gateway = await testGateway([localhost(port)], LOCAL, { timings: { ...NETWORK_TIMINGS, idleMs: 100 } });
    expect(await say(gateway.direct, `localhost:${port}\nhello`)).toBe('hello');
  });
});

describe('many connections', () => {
  test('are recorded one by one at first, and then added up', async () => {
    const port = await listenTcp((socket) => socket.end('.'));
    const gateway = await testGateway([localhost(port)], LOCAL);
    const total = MOST_SINGLE + 30;
    for (let index = 0; index < total; index += 10)
      await Promise.all(Array.from({ length: 10 }, () => say(gateway.direct, `localhost:${port}\n`)));
    for (let index = 0; index < 20; index += 1) await ask(gateway, `http://host-${index}.example/`);
    await gateway.close();
    const singles = gateway.connections.filter(({ count }) => count === 1);
    const sums = gateway.connections.filter(({ count }) => count > 1);
    expect(singles).toHaveLength(MOST_SINGLE);
    expect(
      sums.map(({ host, port: at, outcome, count, bytesReceived }) => [host, at, outcome, count, bytesReceived]),
    ).toEqual([
      ['localhost', port, 'ended', 30, 30],
      [null, null, 'refused', 20, 0],
    ]);
  });

  test('at the same time have a limit', async () => {
    const port = await listenTcp(echo);
    const gateway = await testGateway([localhost(port)], LOCAL);
    const sockets = Array.from({ length: 256 }, () => {
      const socket = connect(gateway.direct);
      socket.on('error', () => undefined);
      socket.write(`localhost:${port}\nx`);
      return socket;
    });
    await Promise.all(sockets.map((socket) => once(socket, 'data')));
    expect(await ask(gateway, `http://localhost:${port}/`)).toMatchObject({
      status: 403,
      body: 'A call may have 256 connections at the same time.\n',
    });
  });
});
