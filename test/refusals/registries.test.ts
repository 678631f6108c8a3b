/**
 * What a person reads where a registry refuses: the tests' real one behind a proxy that answers some requests itself,
 * as Confluent's registry, Redpanda and gateways in front of them do.
 */
import { createServer as createTlsServer } from 'node:https';
import { createTestClone, type TestClone } from '../cli/support/clone.js';
import { runInPipe } from '../cli/support/ravenhelm.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { listen } from '../support/loopback.js';
import { makeServerCertificate, uniquePrefix, type ServerCertificate } from '../support/secured-broker.js';
import { fitted, runRefusals, type Refusal, type Replacements, type Said } from './support/refusals.js';
import { startGateway, type Gateway, type OwnAnswer } from './support/gateway.js';

const json = (status: number, code: number, message: string, headers: OwnAnswer['headers'] = {}): OwnAnswer => ({
  status,
  headers,
  body: JSON.stringify({ error_code: code, message }),
});
const isLookUp = (method: string, path: string) => method === 'POST' && /^\/subjects\/[^/]+$/.test(path);
const isRegistration = (method: string, path: string) => method === 'POST' && path.endsWith('/versions');
const isConfig = (method: string, path: string) => method === 'PUT' && path.startsWith('/config/');
const READ_WRITE =
  'Set the mode of the registry to READWRITE, or have the schemas of this version registered by who may';
const unknownSchema = json(404, 40403, 'Schema not found');

describeWithBroker('what a registry refuses', () => {
  let clone: TestClone;
  let certificate: ServerCertificate;
  const opened: (() => Promise<unknown>)[] = [];
  const prefix = uniquePrefix('registry');
  const env = (url: string, more: Readonly<Record<string, string>> = {}) => ({
    KAFKA_BROKERS: testBroker().brokers.join(','),
    RAVENHELM_PREFIX: prefix,
    SCHEMA_REGISTRY_URL: url,
    ...more,
  });
  const gateway = async (answer: Parameters<typeof startGateway>[0]): Promise<Gateway> => {
    const started = await startGateway(answer);
    opened.push(() => started.close());
    return started;
  };
  /** Everything is answered so. */
  const always = async (answer: OwnAnswer) => (await gateway(() => answer)).url;
  const secured = async () => {
    const server = createTlsServer({ key: certificate.key, cert: certificate.cert }, (_request, response) =>
      response.writeHead(200).end('[]'),
    );
    const url = await listen(server);
    opened.push(() => new Promise((resolve) => server.close(resolve)));
    return url;
  };

  beforeAll(async () => {
    clone = await createTestClone();
    certificate = await makeServerCertificate(clone.dir, 'registry.example.test');
    const { code, stderr } = await runInPipe(clone, ['init'], env(testBroker().registryUrl));
    if (code !== 0) throw new Error(stderr);
  }, 200_000);
  afterAll(async () => {
    for (const close of opened) await close();
    await clone?.remove();
  });

  let rows: readonly Refusal[];
  let said: ReadonlyMap<string, Said>;
  beforeAll(async () => {
    rows = await refusals();
    const urls: Replacements = rows.map((row) => [row.env['SCHEMA_REGISTRY_URL'] ?? '', '{url}']);
    said = await runRefusals(clone, rows, urls);
  }, 400_000);

  async function refusals(): Promise<readonly Refusal[]> {
    const user = { SCHEMA_REGISTRY_USERNAME: 'ann', SCHEMA_REGISTRY_PASSWORD: 'secret' };
    const url = async (answer: OwnAnswer) => env(await always(answer));
    const unregistered = async (refused: (method: string, path: string) => boolean, answer: OwnAnswer) =>
      env(
        (
          await gateway((method, path) => {
            if (isLookUp(method, path)) return unknownSchema;
            return refused(method, path) ? answer : null;
          })
        ).url,
        user,
      );
    const [broker = ''] = testBroker().brokers;
    return [
      {
        name: '401 without a user',
        env: await url(json(401, 401, 'Unauthorized')),
        code: 2,
        says:
          'The schema registry at {url} refuses to list subjects: HTTP 401: Unauthorized\n' +
          '  Set SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD',
      },
      {
        name: '401 with a wrong password',
        env: { ...(await url(json(401, 401, 'Unauthorized'))), ...user },
        code: 2,
        says:
          'The schema registry at {url} refuses to list subjects: HTTP 401: Unauthorized\n' +
          '  Correct SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD',
      },
      {
        name: '403 for the schemas',
        env: await unregistered(isRegistration, json(403, 40301, 'User is denied operation Write on Subject.')),
        code: 2,
        says:
          'The schema registry at {url} refuses to register the schema of ravenhelm.…: HTTP 403: User is denied ' +
          'operation Write on Subject\n  Grant this user the right to register the schema of ravenhelm.…, or correct ' +
          'SCHEMA_REGISTRY_USERNAME',
      },
      {
        name: '403 for the compatibility',
        env: await unregistered(isConfig, json(403, 40301, 'User is denied operation WriteCompatibility on Subject')),
        code: 2,
        says:
          'The schema registry at {url} refuses to set the compatibility of ravenhelm.…: HTTP 403: User is denied ' +
          'operation WriteCompatibility on Subject\n  Grant this user the right to set the ' +
          'compatibility of ravenhelm.…, ' +
          'or correct SCHEMA_REGISTRY_USERNAME',
      },
      {
        name: 'read-only: a subject',
        env: await unregistered(
          (method, path) => isConfig(method, path) || isRegistration(method, path),
          json(422, 42205, 'Subject ravenhelm.X is in read-only mode'),
        ),
        code: 2,
        says:
          'The schema registry at {url} refuses to set the compatibility of ravenhelm.…: HTTP ' +
          '422: Subject ravenhelm.X ' +
          `is in read-only mode\n  ${READ_WRITE}`,
      },
      {
        name: 'read-only, and only for registrations',
        env: await unregistered(isRegistration, json(422, 42205, 'Subject is in read-only mode')),
        code: 2,
        says:
          'The schema registry at {url} refuses to register the schema of ravenhelm.…: HTTP ' +
          '422: Subject is in read-only ' +
          `mode\n  ${READ_WRITE}`,
      },
      {
        name: '429 again and again',
        env: await url(json(429, 42901, 'Too Many Requests')),
        code: 3,
        says:
          'The schema registry at {url} refuses to list subjects: HTTP 429: Too Many Requests\n' +
          '  It is busy: try again later',
      },
      {
        name: '503 that asks to wait for a minute',
        env: await url(json(503, 50302, 'The primary is moving', { 'retry-after': '60' })),
        code: 3,
        says:
          'The schema registry at {url} refuses to list subjects: HTTP 503: The primary is ' +
          'moving; it asks to wait for ' +
          '60 s\n  It is busy: try again later',
      },
      {
        name: "502, a gateway's page",
        env: await url({ status: 502, headers: {}, body: '<html><h1>Bad Gateway</h1><hr>proxy</html>' }),
        code: 3,
        says:
          'The schema registry at {url} refuses to list subjects: HTTP 502: Bad Gateway proxy\n' +
          '  Look at the registry; the same may succeed later',
      },
      {
        name: 'a web server of another kind',
        env: await url({ status: 404, headers: {}, body: 'Not Found' }),
        code: 2,
        says:
          'No schema registry at {url}: the server does not speak the Confluent registry API\n' +
          '  Correct SCHEMA_REGISTRY_URL',
      },
      {
        name: 'http:// to a port with TLS',
        env: env(await secured()),
        code: 3,
        says:
          'No schema registry at {url}: socket hang up\n' +
          '  Look at the registry, or correct SCHEMA_REGISTRY_URL: https:// where it speaks TLS',
      },
      {
        name: 'https:// to a port without TLS',
        env: env((await always(unknownSchema)).replace('http:', 'https:')),
        code: 2,
        says:
          'The schema registry at {url} does not speak TLS: wrong version number\n' +
          '  Write http:// in SCHEMA_REGISTRY_URL, or name its port for TLS',
      },
      {
        name: 'TLS: an authority that is not trusted',
        env: env((await secured()).replace('http:', 'https:')),
        code: 2,
        says:
          'The schema registry at {url} has a certificate that this process does not trust: ' +
          'unable to verify the first ' +
          'certificate\n  Set NODE_EXTRA_CA_CERTS to a file with the certificate of the authority that has signed it',
      },
      {
        name: 'TLS: a certificate for another name',
        env: env((await secured()).replace('http:', 'https:'), { NODE_EXTRA_CA_CERTS: certificate.caFile }),
        code: 2,
        says:
          "The schema registry at {url} has a certificate for another name: Hostname/IP does not match certificate's " +
          'altnames: …\n  Set SCHEMA_REGISTRY_URL to a name in the certificate, or give the registry one for this name',
      },
      {
        name: 'a port where nothing listens',
        env: env('http://127.0.0.1:9'),
        code: 3,
        says:
          'No schema registry at {url}: connect ECONNREFUSED 127.0.0.1:9\n' +
          '  Start it, or correct SCHEMA_REGISTRY_URL',
      },
      {
        name: 'a name that is unknown',
        env: env('http://registry.invalid:8081'),
        code: 3,
        says:
          'No schema registry at {url}: getaddrinfo ENOTFOUND registry.invalid\n' +
          '  Correct SCHEMA_REGISTRY_URL, or run where that name is known',
      },
      {
        name: "a Kafka broker's port",
        env: env(`http://${broker}`),
        code: 3,
        says: 'No schema registry at {url}: …\n  Look at the registry, or correct SCHEMA_REGISTRY_URL…',
      },
    ];
  }

  test('each is said with its cause, what to do, and its exit code', () => {
    const goldens = rows.map(({ name, code, says }) => ({ name, code, says }));
    const found = goldens.map(({ name, says: golden }) => {
      const { code, says } = said.get(name) ?? { code: null, says: 'it was not run' };
      return { name, code, says: fitted(says, golden) };
    });
    expect(found).toEqual(goldens);
    expect(rows.length).toBeGreaterThan(15);
  });

  test('who may not list subjects, and may use them, is let in', async () => {
    const { url } = await gateway((method, path) =>
      method === 'GET' && path === '/subjects' ? json(403, 40301, 'Denied') : null,
    );
    expect(await runInPipe(clone, ['status'], env(url))).toMatchObject({ code: 0 });
  }, 60_000);

  test.each([429, 503])(
    'HTTP %i is asked again, not sooner than Retry-After says',
    async (status) => {
      const asked: number[] = [];
      const { url } = await gateway((method, path) => {
        if (method !== 'GET' || path !== '/subjects') return null;
        asked.push(performance.now());
        return asked.length === 1 ? json(status, status, 'busy', { 'retry-after': '2' }) : null;
      });
      expect(await runInPipe(clone, ['status'], env(url))).toMatchObject({ code: 0 });
      const [first = 0, second = 0] = asked;
      expect(asked).toHaveLength(2);
      expect(second - first).toBeGreaterThan(1_990);
    },
    60_000,
  );
});
