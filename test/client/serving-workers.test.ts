import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { hostname } from 'node:os';
import { fetchFrom, servingWorkers } from '../../src/client/serving-workers.js';
import { isSigned } from '../../src/telemetry/http-signature.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';

const never = new AbortController().signal;
/** Waits between tries are over at once. */
const clock = {
  ...createSystemClock(),
  setTimer: (_: number, done: () => void) => createSystemClock().setTimer(0, done),
};
const here = (number: number) => `worker-${hostname()}-${number}-ab12`;
const report = (worker_id: string, http_address: string | null) => ({ worker_id, http_address });

test('workers that announce an address are asked, the wanted one first', () => {
  const reports = [
    report('worker-a-1-ab12', 'a.example:9464'),
    report('worker-b-2-ab12', null),
    report('worker-c-3-ab12', '[fd00::1]:9464'),
  ];
  expect(servingWorkers(reports, 'worker-c-3-ab12').map(({ url }) => url.href)).toEqual([
    'http://[fd00::1]:9464/',
    'http://a.example:9464/',
  ]);
});

test("a loopback address is this computer's only for workers of this computer; what is no address is not asked", () => {
  const reports = [
    report('worker-elsewhere-1-ab12', '127.0.0.1:9464'),
    report('worker-elsewhere-2-ab12', 'localhost:9464'),
    report('worker-elsewhere-3-ab12', '[::1]:9464'),
    report('worker-elsewhere-6-ab12', '0.0.0.0:9464'),
    // A computer whose name begins as this one's does.
    report(`worker-${hostname()}-2-7-ab12`, '127.0.0.1:9464'),
    report(here(4), '127.0.0.1:9464'),
    ...['a.example', 'user@a.example:1', 'a.example:1/x', 'a.example:99999', 'http://a.example:1', 'a b:1', ''].map(
      (address) => report(here(5), address),
    ),
  ];
  expect(servingWorkers(reports, '').map(({ workerId }) => workerId)).toEqual([here(4)]);
});

describe('what a worker answers', () => {
  const servers: Server[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));
  const asked = async (listener: RequestListener, token: string | null = null) => {
    const server = createServer(listener).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const worker = { workerId: here(1), url: new URL(`http://127.0.0.1:${port}/`) };
    return fetchFrom(worker, ['artifacts', '../m', 't', 'd'], { clock, token, signal: never });
  };

  test('is the content; the path is encoded, and the request signed with the token, which is not sent', async () => {
    const seen: unknown[] = [];
    const served = await asked((request, response) => {
      const { method = '', headers, url: path = '' } = request;
      const signed = { method, authority: headers.host ?? '', path };
      seen.push(path, isSigned('secret-token', signed, headers, clock.now()));
      seen.push(JSON.stringify(request.rawHeaders).includes('secret-token'));
      response.end('content');
    }, 'secret-token');
    if (served.kind !== 'found') throw new Error(served.why);
    let text = '';
    for await (const part of served.content) text += String(part);
    expect([text, seen]).toEqual(['content', ['/artifacts/..%2Fm/t/d', true, false]]);
  });

  test('is a refusal whose words have an end, also where its body has none', async () => {
    const refused = await asked((_, response) => {
      response.writeHead(404);
      const write = (): void => void (response.write('x'.repeat(2_000)) && setImmediate(write));
      write();
    });
    expect(refused).toEqual({ kind: 'unreachable', why: 'it answers with 404: it gives no reason' });
  });

  test.each([
    [401, '{"error":"a bearer token is needed"}', 'refused', expect.stringContaining('RAVENHELM_HTTP_TOKEN')],
    [403, '{"error":"the file holds a secret"}', 'refused', 'it refuses: the file holds a secret'],
    [404, '{"error":"this worker knows no such file"}', 'unreachable', expect.stringContaining('404')],
    [410, '{"error":"the file has changed"}', 'changed', 'the file has changed'],
    [410, '{"error":"the file is not there any more"}', 'changed', 'the file is not there any more'],
    [302, '', 'unreachable', 'it answers with 302: it gives no reason'],
    [500, 'x'.repeat(100_000), 'unreachable', 'it answers with 500: it gives no reason'],
  ])('%i is said as what it means', async (status, body, kind, why) => {
    const answer = await asked((_request, response) => {
      response.writeHead(status, { location: 'http://evil.example/' });
      response.end(body);
    });
    expect(answer).toEqual({ kind, why });
  });

  test('503 for a moment is asked again; one that stays is said', async () => {
    let left = 2;
    const busy: RequestListener = (_, response) => {
      response.writeHead(left > 0 ? 503 : 200).end('{"error":"too many files are being served"}');
      left -= 1;
    };
    expect(await asked(busy)).toMatchObject({ kind: 'found' });
    left = Infinity;
    expect(await asked(busy)).toEqual({
      kind: 'unreachable',
      why: 'it answers with 503: too many files are being served',
    });
  });

  test('401 to a signed request may have three causes', async () => {
    const refused = await asked((_, response) => void response.writeHead(401).end(), 'secret-token');
    expect(refused).toEqual({
      kind: 'refused',
      why: expect.stringMatching(/another RAVENHELM_HTTP_TOKEN, an older build/),
    });
  });

  test('nothing, where none listens: it is not asked for the next file', async () => {
    const worker = { workerId: here(1), url: new URL('http://127.0.0.1:1/') };
    expect(await fetchFrom(worker, ['x'], { clock, token: null, signal: never })).toEqual({
      kind: 'unreachable',
      why: expect.stringContaining('127.0.0.1:1 cannot be reached: '),
      isAbsent: true,
    });
    const reason = new Error('stopped');
    await expect(fetchFrom(worker, ['x'], { clock, token: null, signal: AbortSignal.abort(reason) })).rejects.toThrow();
  });
});
