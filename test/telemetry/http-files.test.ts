import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHttpEndpoint, type HttpEndpoint, type HttpEndpointOptions } from '../../src/telemetry/http-endpoint.js';
import type { FileRoute } from '../../src/telemetry/http-files.js';
import { requestText, sendRaw } from '../support/raw-http.js';

const CONTENT = Buffer.alloc(300_000, 'abc');
const DIGEST = createHash('sha256').update(CONTENT).digest('hex');
let dir: string;
let endpoint: HttpEndpoint | null = null;
const failures: unknown[] = [];
beforeEach(async () => {
  failures.length = 0;
  dir = await mkdtemp(join(tmpdir(), 'ravenhelm-http-'));
  await writeFile(join(dir, 'a'), CONTENT);
});
afterEach(async () => {
  await endpoint?.close();
  await rm(dir, { recursive: true, force: true });
});

const listen = async (route: FileRoute['open'], more: Partial<HttpEndpointOptions> = {}) => {
  endpoint = await openHttpEndpoint({
    address: { host: '127.0.0.1', port: 0 },
    token: null,
    hosts: [],
    live: () => ({ reasons: [] }),
    ready: () => ({ reasons: [] }),
    metrics: { contentType: 'text/plain', text: async () => '' },
    failed: (error) => failures.push(error),
    files: [{ prefix: '/files/', form: /^\/files\/([a-z]+)\/(\d+)$/, open: route }],
    ...more,
  });
  return endpoint;
};
const opened = async (bytes = CONTENT.length) => ({ file: await open(join(dir, 'a')), bytes, digest: DIGEST });

test('a file is streamed with its length and its digest; HEAD has the same without it', async () => {
  const asked: (readonly string[])[] = [];
  const { url } = await listen(async (groups) => {
    asked.push(groups);
    return opened();
  });
  const answer = await fetch(`${url}/files/abc/7`);
  expect(answer.status).toBe(200);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-length': '300000',
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'repr-digest': `sha-256=:${Buffer.from(DIGEST, 'hex').toString('base64')}:`,
  });
  expect(Buffer.from(await answer.arrayBuffer()).equals(CONTENT)).toBe(true);
  expect(asked).toEqual([['abc', '7']]);
  const head = await fetch(`${url}/files/abc/7`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '300000', '']);
  expect(failures).toEqual([]);
});

test('an empty file is one, too', async () => {
  const { url } = await listen(() => opened(0));
  const answer = await fetch(`${url}/files/a/1`);
  expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '0', '']);
});

test.each(['/files/../files/a/1', '/files/a/%31', '/files/a/1/', '/files/a/1?x', '/files/A/1', '/files//1', '/files/'])(
  'only whole paths of the form lead anywhere: %s',
  async (target) => {
    const { url } = await listen(() => opened());
    const answer = await sendRaw(url, requestText('GET', target, { host: '127.0.0.1' }));
    expect([answer.status, JSON.parse(answer.body)]).toEqual([404, { error: 'there is nothing here' }]);
  },
);

test('the guards are those of the other paths: host, origin, method and token', async () => {
  const token = 'x'.repeat(32);
  const { url } = await listen(() => opened(), { token });
  const ask = async (headers: Record<string, string>, method = 'GET') =>
    (await sendRaw(url, requestText(method, '/files/a/1', { host: '127.0.0.1', ...headers }))).status;
  const authorization = `Bearer ${token}`;
  expect(await ask({})).toBe(401);
  expect(await ask({ authorization: 'Bearer wrong' })).toBe(401);
  expect(await ask({ authorization, host: 'evil.example' })).toBe(403);
  expect(await ask({ authorization, origin: 'http://evil.example' })).toBe(403);
  expect(await ask({ authorization }, 'POST')).toBe(405);
  expect(await ask({ authorization })).toBe(200);
});

test('why there is none is the answer; a failure is 500 without its words', async () => {
  let result: 'none' | 'broken' = 'none';
  const { url } = await listen(async () => {
    if (result === 'broken') throw new Error('ENOENT /srv/secret');
    return { status: 410, error: 'the file has changed' };
  });
  const gone = await fetch(`${url}/files/a/1`);
  expect([gone.status, await gone.json()]).toEqual([410, { error: 'the file has changed' }]);
  result = 'broken';
  const broken = await fetch(`${url}/files/a/1`);
  expect([broken.status, await broken.json()]).toEqual([500, { error: 'the answer could not be made' }]);
  expect(String(failures[0])).toContain('ENOENT');
});

test('where the file became shorter, the connection breaks: no reader takes it for whole', async () => {
  const { url } = await listen(async () => {
    const file = await opened();
    await truncate(join(dir, 'a'), 1_000);
    return file;
  });
  await expect(fetch(`${url}/files/a/1`).then((answer) => answer.arrayBuffer())).rejects.toThrow();
  // The next one is served.
  await writeFile(join(dir, 'a'), CONTENT);
  expect((await fetch(`${url}/livez`)).status).toBe(200);
});

test('a few at a time; a client that has left makes room, and what is under way for it is stopped', async () => {
  const signals: AbortSignal[] = [];
  const { url } = await listen(async (_groups, signal) => {
    signals.push(signal);
    await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    return opened();
  });
  const leave = new AbortController();
  const waiting = Array.from({ length: 8 }, () =>
    fetch(`${url}/files/a/1`, { signal: leave.signal }).catch(() => null),
  );
  while (signals.length < 8) await new Promise((resolve) => setTimeout(resolve, 5));
  const refused = await fetch(`${url}/files/a/1`);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  await refused.text();
  leave.abort();
  await Promise.all(waiting);
  while (signals.some((signal) => !signal.aborted)) await new Promise((resolve) => setTimeout(resolve, 5));
  const again = fetch(`${url}/files/a/1`).catch(() => null);
  while (signals.length < 9) await new Promise((resolve) => setTimeout(resolve, 5));
  await endpoint?.close();
  await again;
});

test('while a content is looked at, the time limit of idle connections does not run', async () => {
  const { url } = await listen(
    async () => {
      await new Promise((resolve) => setTimeout(resolve, 400));
      return opened();
    },
    { limits: { idleMs: 100 } },
  );
  expect((await fetch(`${url}/files/a/1`)).status).toBe(200);
});

test.each([
  [{ host: '127.0.0.1', port: 0 }, undefined, /^127\.0\.0\.1:\d+$/],
  [{ host: '0.0.0.0', port: 0 }, undefined, /^(?!0\.)[^:]+:[1-9]\d+$/],
  [{ host: '0.0.0.0', port: 0 }, { host: 'worker-1.example.net', port: 19464 }, /^worker-1\.example\.net:19464$/],
  [{ host: '127.0.0.1', port: 0 }, { host: 'fd00::1', port: 80 }, /^\[fd00::1\]:80$/],
])('%j announced as %j is reached by that name', async (address, advertise, expected) => {
  const token = 'x'.repeat(32);
  const { url, advertised } = await listen(() => opened(), {
    address,
    token,
    ...(advertise === undefined ? {} : { advertise }),
  });
  expect(advertised).toMatch(expected);
  const headers = { host: advertised, authorization: `Bearer ${token}` };
  expect((await sendRaw(url, requestText('GET', '/livez', headers))).status).toBe(200);
});
