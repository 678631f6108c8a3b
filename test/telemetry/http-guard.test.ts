import { networkInterfaces } from 'node:os';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { isLoopback, type HttpAddress } from '../../src/telemetry/http-address.js';
import { HttpAddressUnusable, openHttpEndpoint, type HttpEndpointOptions } from '../../src/telemetry/http-endpoint.js';
import { signatureHeaders } from '../../src/telemetry/http-signature.js';
import { refusalOf, SECURITY_HEADERS } from '../../src/telemetry/http-guard.js';
import { requestText, sendRaw } from '../support/raw-http.js';

const TOKEN = '0123456789abcdef0123456789abcdef';
const LOOPBACK = { host: '127.0.0.1', port: 0 };
const ALL: HttpAddress = { host: '0.0.0.0', port: 0 };

function open(options: Partial<HttpEndpointOptions> = {}) {
  return openHttpEndpoint({
    address: LOOPBACK,
    token: null,
    hosts: [],
    live: () => ({ reasons: [] }),
    ready: () => ({ reasons: [] }),
    metrics: { contentType: 'text/plain', text: async () => 'metric 1\n' },
    failed: (error) => expect(error).toBeUndefined(),
    ...options,
  });
}

/** The status of a request with these headers; the Host is localhost unless one is given. */
async function statusOf(url: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  return (await sendRaw(url, requestText('GET', '/livez', { host: 'localhost', ...headers }))).status;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('a request that is signed with the token', () => {
  const signed = { method: 'GET', authority: 'localhost', path: '/livez' };
  const now = () => Date.now();
  const status = async (headers: Readonly<Record<string, string>>, path = '/livez', method = 'GET') => {
    const { url, close } = await open({ token: TOKEN });
    try {
      return (await sendRaw(url, requestText(method, path, { host: 'localhost', ...headers }))).status;
    } finally {
      await close();
    }
  };

  test('is answered as one that has it', async () => {
    expect(await status(signatureHeaders(TOKEN, signed, now()))).toBe(200);
    expect(await status(signatureHeaders(TOKEN, signed, now() - 290_000))).toBe(200);
  });

  test('is refused when it is of another token, server, path, method or time, or has been changed', async () => {
    const headers = signatureHeaders(TOKEN, signed, now());
    const refused = [
      status(signatureHeaders(`${TOKEN}x`, signed, now())),
      status(signatureHeaders(TOKEN, { ...signed, authority: 'worker.example:9464' }, now())),
      status(headers, '/readyz'),
      status(headers, '/livez', 'HEAD'),
      status(signatureHeaders(TOKEN, signed, now() - 310_000)),
      status(signatureHeaders(TOKEN, signed, now() + 310_000)),
      status({ ...headers, 'signature-input': headers['signature-input']?.replace(/created=\d+/, 'created=1') ?? '' }),
      status({ ...headers, 'signature-input': 'sig1=("@method");created=1' }),
      status({ ...headers, signature: 'sig1=:AAAA:' }),
      status({ signature: headers['signature'] ?? '' }),
    ];
    expect(new Set(await Promise.all(refused))).toEqual(new Set([401]));
  });
});

describe('which addresses only this computer can reach', () => {
  test.each(['127.0.0.1', '127.8.9.10', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost', 'LocalHost'])(
    '%s is loopback',
    (host) => expect(isLoopback(host)).toBe(true),
  );

  test.each(['0.0.0.0', '::', '10.0.0.5', '192.168.1.1', 'fe80::1', '127.1', '2130706433', 'localhost.evil', 'worker'])(
    '%s is not',
    (host) => expect(isLoopback(host)).toBe(false),
  );
});

describe('an address that other computers can reach', () => {
  test('is not listened on without a token', async () => {
    for (const host of ['0.0.0.0', '::', 'worker.example.net']) {
      const failure = await open({ address: { host, port: 0 } }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(HttpAddressUnusable);
      expect(String(failure)).toContain('there is no token');
    }
  });

  test('answers with the token only, on every path', async () => {
    const { url, close } = await open({ address: ALL, token: TOKEN });
    for (const path of ['/livez', '/readyz', '/metrics', '/nothing']) {
      const without = await fetch(url + path);
      expect([without.status, without.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="ravenhelm"']);
    }
    expect((await fetch(`${url}/metrics`, { headers: bearer(TOKEN) })).status).toBe(200);
    expect((await fetch(`${url}/nothing`, { headers: bearer(TOKEN) })).status).toBe(404);
    for (const wrong of ['', TOKEN.slice(1), `${TOKEN}0`, TOKEN.toUpperCase()])
      expect(await statusOf(url, bearer(wrong))).toBe(401);
    for (const authorization of [TOKEN, `Basic ${TOKEN}`, `Bearer ${TOKEN} ${TOKEN}`, `Bearer "${TOKEN}"`])
      expect(await statusOf(url, { authorization })).toBe(401);
    expect(await statusOf(url, { authorization: `bearer ${TOKEN}` })).toBe(200); // schemes have no case (RFC 9110)
    await close();
  });
});

describe('the Host of a request', () => {
  test('is one: a request with two is refused, whichever of them is right', async () => {
    const { url, close } = await open();
    const { host } = new URL(url);
    const lines = ['GET /livez HTTP/1.1', 'connection: close'];
    const statusWith = async (...hosts: readonly string[]) =>
      (await sendRaw(url, [...lines, ...hosts.map((one) => `host: ${one}`), '', ''].join('\r\n'))).status;
    expect(await statusWith(host)).toBe(200);
    for (const hosts of [
      [host, 'evil.example'],
      ['evil.example', host],
      [host, host],
    ])
      expect([400, 403]).toContain(await statusWith(...hosts));
    await close();
  });

  test('is a name of loopback, of the address, or one that was given', async () => {
    const { url, close } = await open({ address: ALL, token: TOKEN, hosts: ['Worker.example.net'] });
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const own = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
    const port = new URL(url).port;
    for (const host of [
      'localhost',
      `localhost:${port}`,
      '127.0.0.1:1',
      '[::1]:9',
      'worker.example.net',
      'WORKER.example.net:80',
    ])
      expect([host, await statusOf(url, { host, ...bearer(TOKEN) })]).toEqual([host, 200]);
    // The address that the client has connected to, as a scraper that finds processes by address has it.
    if (own !== undefined)
      expect(await statusOf(`http://${own}:${port}`, { host: `${own}:${port}`, ...bearer(TOKEN) })).toBe(200);
    for (const host of [
      '',
      '0.0.0.0',
      'evil.example',
      'localhost.evil.example',
      'localhost.',
      '198.51.100.7',
      'a b',
      'localhost:x',
    ])
      expect([host, await statusOf(url, { host, ...bearer(TOKEN) })]).toEqual([host, 403]);
    await close();
  });

  test('may be the IPv6 address of loopback, where there is IPv6', async () => {
    const address = { host: '::1', port: 0 };
    const probe = createServer().listen(address);
    const hasIpv6 = await Promise.race([
      once(probe, 'listening').then(() => true),
      once(probe, 'error').then(() => false),
    ]);
    probe.close();
    if (!hasIpv6) {
      await expect(open({ address })).rejects.toThrow('no such address');
      return;
    }
    const { url, close } = await open({ address });
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await close();
  });
});

test('a foreign Origin is refused, its own is not', async () => {
  const { url, close } = await open();
  const { host } = new URL(url);
  for (const origin of [
    'null',
    'https://evil.example',
    `https://${host}`,
    'http://localhost:1',
    `${url}.evil.example`,
    '',
  ])
    expect([origin, await statusOf(url, { host, origin })]).toEqual([origin, 403]);
  expect(await statusOf(url, { host, origin: url })).toBe(200);
  const answer = await sendRaw(url, requestText('GET', '/livez', { host, origin: url }));
  expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  await close();
});

const HOST = { host: 'localhost' };
/** Each kind of answer, and the text that sends for it. */
const ANSWERS: readonly (readonly [number, string])[] = [
  [200, requestText('GET', '/metrics', HOST)],
  [200, requestText('HEAD', '/livez', HOST)],
  [403, requestText('GET', '/livez', { host: 'echo-me.example' })],
  [403, requestText('GET', '/livez', {}, { version: '1.0' })],
  [404, requestText('GET', '/echo-me', HOST)],
  [404, requestText('GET', '/livez?echo-me', HOST)],
  [404, requestText('GET', '//livez', HOST)],
  [404, requestText('GET', '/livez/', HOST)],
  [404, requestText('GET', '/%6civez', HOST)],
  [404, requestText('GET', '/%c0echo-me', HOST)],
  [404, requestText('GET', 'http://echo-me.example/livez', HOST)],
  [404, requestText('OPTIONS', '*', HOST)],
  [405, requestText('POST', '/livez', HOST, { body: 'echo-me' })],
  [405, requestText('DELETE', '/readyz', HOST)],
  [405, requestText('TRACE', '/readyz', { ...HOST, 'echo-me': 'echo-me' })],
  [400, 'GET /livez HTTP/1.1\r\nhost: localhost\r\necho me: echo-me\r\n\r\n'],
  [400, 'echo-me\r\n\r\n'],
  [400, requestText('POST', '/livez', { ...HOST, 'content-length': '1', 'transfer-encoding': 'chunked' })],
  [431, requestText('GET', '/livez', { ...HOST, padding: 'echo-me'.repeat(2_000) })],
];

test('a header whose name is none is refused, whichever version of Node has read it', () => {
  const statusWith = (...names: readonly string[]) => {
    const headers = Object.fromEntries([['host', 'localhost'], ...names.map((name) => [name, 'x'])]);
    const rules = { token: null, hosts: [], paths: ['/livez'] };
    const request = { method: 'GET', target: '/livez', headers, hostHeaders: ['localhost'] };
    return refusalOf({ ...request, localAddress: '127.0.0.1', nowMs: 0 }, rules)?.status;
  };
  expect(statusWith('x-request-id', 'x_1', "!#$%&'*+-.^_`|~09az")).toBeUndefined();
  for (const name of ['echo me', 'host ', ' host', 'a\tb', 'a:b', 'a(b)', 'é', ''])
    expect([name, statusWith(name)]).toEqual([name, 400]);
});

test.each(ANSWERS)(
  'an answer with status %i has the security headers and no text of the request',
  async (status, text) => {
    const { url, close } = await open();
    const answer = await sendRaw(url, text);
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject(SECURITY_HEADERS);
    expect(JSON.stringify(answer)).not.toContain('echo');
    for (const name of ['server', 'x-powered-by', 'set-cookie']) expect(answer.headers).not.toHaveProperty(name);
    if (status === 405) expect(answer.headers['allow']).toBe('GET, HEAD');
    await close();
  },
);

test('an answer that cannot be made is reported to the process, not to the client', async () => {
  const reported: unknown[] = [];
  const failing = { contentType: 'text/plain', text: () => Promise.reject(new Error('inner words')) };
  const { url, close } = await open({ metrics: failing, failed: (error) => reported.push(error) });
  const answer = await fetch(`${url}/metrics`);
  expect([answer.status, await answer.json()]).toEqual([500, { error: 'the answer could not be made' }]);
  expect(reported).toEqual([new Error('inner words')]);
  await close();
});

describe('a client that is slow or greedy', () => {
  test.each([
    ['sends nothing', ''],
    ['does not end its headers', 'GET /livez HTTP/1.1\r\nhost: localhost\r\n'],
    ['stays connected after its answer', 'GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n'],
  ])('is disconnected when it %s', async (_, text) => {
    const { url, close } = await open({ limits: { requestMs: 50, idleMs: 100 } });
    await sendRaw(url, text); // returns when the server has closed the connection
    await close();
  });

  test('takes no more connections than there may be', async () => {
    const { url, close } = await open({ limits: { connections: 2 } });
    const address = { host: '127.0.0.1', port: Number(new URL(url).port) };
    const held = [connect(address), connect(address)];
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    // Its third connection is closed without an answer; node counts the first two when it accepts them, in order.
    const third = await sendRaw(url, requestText('GET', '/livez', HOST)).catch(() => ({ status: 0 }));
    expect(third.status).toBe(0);
    for (const socket of held) socket.destroy();
    await close();
  });
});
