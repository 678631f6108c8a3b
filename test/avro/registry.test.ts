import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RegistryUnreachable, SchemaIncompatible, SchemaUnknown } from '../../src/avro/errors.js';
import { connectRegistry, type RegistryOptions } from '../../src/avro/registry.js';
import type { Clock } from '../../src/ports/clock.js';
import { systemClock } from '../contract/system-clock.js';

const SUBJECT = 'ravenhelm.TaskAssigned';
const SCHEMA = JSON.stringify({ type: 'record', namespace: 'ravenhelm', name: 'TaskAssigned', fields: [] });

interface Answer {
  readonly status: number;
  readonly body: unknown;
}
type Answers = (request: {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
}) => Answer | 'cut';

/** An HTTP server like a registry, with answers from the test. `requests` has the requests it received. */
function listener(answers: Answers, requests: string[]): RequestListener {
  return (request, response) => {
    request.resume().on('end', () => {
      const { method = '', url: path = '', headers } = request;
      requests.push(`${method} ${path}`);
      const answer = answers({ method, path, authorization: headers.authorization });
      if (answer !== 'cut')
        return void response
          .writeHead(answer.status, { 'content-type': 'application/json', connection: 'close' })
          .end(JSON.stringify(answer.body));
      response.writeHead(200, { 'content-length': '100' }).write('{"sch', () => response.destroy());
    });
  };
}

const subjects: Answer = { status: 200, body: [] };
const notFound: Answer = { status: 404, body: { error_code: 40403, message: 'not found' } };
const refusal = (status: number, message: string): Answer => ({ status, body: { error_code: status, message } });

describe('the schema registry', () => {
  const releases: (() => Promise<unknown>)[] = [];
  let requests: string[];
  beforeEach(() => {
    requests = [];
  });
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  const listen = async (server: Server, scheme = 'http'): Promise<string> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    releases.push(() => new Promise((resolve) => server.close(resolve)));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `${scheme}://127.0.0.1:${address.port}`;
  };
  const serve = (answers: Answers) =>
    listen(createServer(listener((request) => (request.path === '/subjects' ? subjects : answers(request)), requests)));
  const connect = (url: string, options: Partial<RegistryOptions> = {}) =>
    connectRegistry({ url, clock: systemClock, random: Math.random, ...options });

  test('a new subject is set to FULL_TRANSITIVE before its first version is registered', async () => {
    const url = await serve(({ method, path }) => {
      if (path === `/config/${SUBJECT}`)
        return {
          status: 200,
          body: method === 'GET' ? { compatibilityLevel: 'FULL_TRANSITIVE' } : { compatibility: 'FULL_TRANSITIVE' },
        };
      return path.endsWith('/versions') ? { status: 200, body: { id: 7 } } : notFound;
    });
    expect(await (await connect(url)).register(SUBJECT, SCHEMA)).toBe(7);
    expect(requests.filter((request) => /PUT|versions/.test(request))).toEqual([
      `PUT /config/${SUBJECT}`,
      `POST /subjects/${SUBJECT}/versions`,
    ]);
  });

  test('a schema that is already registered needs one look-up and changes nothing', async () => {
    const url = await serve(() => ({ status: 200, body: { id: 7 } }));
    expect(await (await connect(url)).register(SUBJECT, SCHEMA)).toBe(7);
    expect(requests).toEqual(['GET /subjects', `POST /subjects/${SUBJECT}`]);
  });

  const refusing =
    (answer: Answer): Answers =>
    ({ method, path }) => {
      if (path.startsWith('/config')) return { status: 200, body: { compatibilityLevel: 'FULL_TRANSITIVE' } };
      return method === 'POST' && path.endsWith('/versions') ? answer : notFound;
    };

  test.each([409, 422])("a schema that is refused with %i is reported in the registry's own words", async (status) => {
    const registry = await connect(await serve(refusing(refusal(status, 'the field urgency has no default'))));
    const registered = registry.register(SUBJECT, SCHEMA);
    await expect(registered).rejects.toThrow(SchemaIncompatible);
    await expect(registered).rejects.toMatchObject({
      subject: SUBJECT,
      registryReason: 'the field urgency has no default',
    });
  });

  test('an unreachable registry is not reported as refusing the schema, whatever its message says', async () => {
    const registry = await connect(await serve(refusing(refusal(400, 'schema is incompatible'))));
    await expect(registry.register(SUBJECT, SCHEMA)).rejects.toThrow(RegistryUnreachable);
    await releases.pop()?.();
    const gone = registry.register(SUBJECT, SCHEMA);
    await expect(gone).rejects.toThrow(RegistryUnreachable);
    await expect(gone).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });

  test('a schema that another process has registered in the meantime is not a conflict', async () => {
    let registered = false;
    const url = await serve(({ method, path }) => {
      if (path.startsWith('/config')) return { status: 200, body: { compatibilityLevel: 'FULL_TRANSITIVE' } };
      if (method === 'POST' && path.endsWith('/versions')) {
        registered = true;
        return refusal(409, 'exists');
      }
      return registered ? { status: 200, body: { id: 9 } } : notFound;
    });
    expect(await (await connect(url)).register(SUBJECT, SCHEMA)).toBe(9);
  });

  test('two processes that set up a subject at once both succeed, even if one setting is refused', async () => {
    let settings = 0;
    const url = await serve(({ method, path }) => {
      if (method === 'PUT' && settings++ === 0) return refusal(409, 'a rule of this name exists already');
      if (path.startsWith('/config')) return { status: 200, body: { compatibilityLevel: 'FULL_TRANSITIVE' } };
      return path.endsWith('/versions') ? { status: 200, body: { id: 7 } } : notFound;
    });
    expect(await (await connect(url)).register(SUBJECT, SCHEMA)).toBe(7);
    expect(requests.filter((request) => request.startsWith('PUT'))).toHaveLength(2);
  });

  test('a server error is retried, as Apicurio requires when two clients create the same subject', async () => {
    let failures = 2;
    const url = await serve(() => (failures-- > 0 ? refusal(500, 'busy') : { status: 200, body: { id: 7 } }));
    expect(await (await connect(url)).register(SUBJECT, SCHEMA)).toBe(7);
  });

  test('retries have full jitter and a bound that doubles; refused requests are not retried', async () => {
    const pauses: number[] = [];
    const hurried: Clock = {
      ...systemClock,
      setTimer(delayMs, callback) {
        if (delayMs < 10_000) pauses.push(delayMs);
        return systemClock.setTimer(delayMs < 10_000 ? 0 : delayMs, callback);
      },
    };
    const url = await serve(({ path }) =>
      path === '/schemas/ids/7' ? refusal(503, 'starting') : refusal(403, 'not yours'),
    );
    const registry = await connect(url, { clock: hurried, random: () => 0.75 });
    await expect(registry.schemaById(7)).rejects.toMatchObject({ retriable: true });
    expect(pauses).toEqual([150, 300, 600, 1_200]);
    expect(requests.filter((request) => request.endsWith('/7'))).toHaveLength(5);
    await expect(registry.schemaById(9)).rejects.toMatchObject({ retriable: false });
    expect(requests.filter((request) => request.endsWith('/9'))).toHaveLength(1);
  });

  test('a schema is fetched by its id; an unknown id differs from a registry that fails', async () => {
    const url = await serve(({ path }) => {
      if (path === '/schemas/ids/7') return { status: 200, body: { schema: SCHEMA } };
      if (path === '/schemas/ids/6') return { status: 200, body: { text: 'of another program' } };
      return path === '/schemas/ids/8' ? notFound : refusal(403, 'not yours');
    });
    const registry = await connect(url);
    expect(await registry.schemaById(7)).toBe(SCHEMA);
    await expect(registry.schemaById(8)).rejects.toThrow(SchemaUnknown);
    await expect(registry.schemaById(6)).rejects.toThrow(
      /its answer lacks the text of schema 6\. .*SCHEMA_REGISTRY_URL/,
    );
    await expect(registry.schemaById(9)).rejects.toThrow(/HTTP 403: not yours/);
  });

  test("the API is found at the root and at Apicurio's path", async () => {
    const url = await listen(
      createServer(listener(({ path }) => (path === '/apis/ccompat/v7/subjects' ? subjects : notFound), requests)),
    );
    expect((await connect(`${url}/`)).url).toBe(`${url}/apis/ccompat/v7`);
    expect((await connect(`${url}/apis/ccompat/v7`)).url).toBe(`${url}/apis/ccompat/v7`);
  });

  test('user and password are sent, and their refusal is reported', async () => {
    const expected = `Basic ${Buffer.from('raven:secret').toString('base64')}`;
    const url = await listen(
      createServer(
        listener(
          ({ authorization }) => (authorization === expected ? subjects : refusal(401, 'who are you')),
          requests,
        ),
      ),
    );
    expect((await connect(url, { auth: { username: 'raven', password: 'secret' } })).url).toBe(url);
    await expect(connect(url, { auth: { username: 'raven', password: 'wrong' } })).rejects.toThrow(
      /refuses to list subjects: HTTP 401: who are you\. Correct SCHEMA_REGISTRY_USERNAME/,
    );
  });

  test('a response that is interrupted or never arrives is unreachable after the time limit', async () => {
    const timers: { delayMs: number; callback: () => void }[] = [];
    const clock: Clock = {
      now: () => 0,
      monotonicMs: () => 0,
      setTimer(delayMs, callback) {
        const timer = { delayMs, callback };
        timers.push(timer);
        return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
      },
    };
    let arrived = () => undefined as void;
    const asked = new Promise<void>((resolve) => (arrived = resolve));
    const registry = await connect(await serve(() => (arrived(), 'cut')), { clock });
    const fetched = registry.schemaById(7);
    fetched.catch(() => undefined);
    await asked;
    expect(timers).toHaveLength(1);
    timers[0]?.callback();
    await expect(fetched).rejects.toThrow(RegistryUnreachable);
  });

  test('over https only the configured certificate authority is trusted', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'registry-tls-'));
    releases.push(() => rm(directory, { recursive: true }));
    const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    await promisify(execFile)('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '1',
      '-subj',
      '/CN=registry',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      keyFile,
      '-out',
      certFile,
    ]);
    const [key, cert] = await Promise.all([readFile(keyFile, 'utf8'), readFile(certFile, 'utf8')]);
    const url = await listen(
      createTlsServer(
        { key, cert },
        listener(() => subjects, requests),
      ),
      'https',
    );
    expect((await connect(url, { tls: { ca: cert } })).url).toBe(url);
    await expect(connect(url)).rejects.toMatchObject({
      code: 'registry_unreachable',
      cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
  });
});
