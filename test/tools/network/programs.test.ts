/** Ordinary programs reach real servers through the network of an agent, as they are. */
import { existsSync } from 'node:fs';
import { removeTemporaryDirectories } from '../harness.js';
import { MODES, type NetworkCall } from './modes.js';
import {
  closeServers,
  gitServer,
  listenHttps,
  makeCertificates,
  npmRegistry,
  postgresPrograms,
  pythonIndex,
  startPostgres,
  startRedis,
  type Certificates,
} from './servers.js';
import { named } from './support.js';

afterAll(async () => {
  await closeServers();
  removeTemporaryDirectories();
});

const NAMES = ['web.test', 'git.test', 'npm.test', 'pypi.test', 'db.test', 'redis.test'];
const names = Object.fromEntries(NAMES.map((name) => [name, ['127.0.0.1']]));

interface Work {
  readonly name: string;
  /** Files of which one is missing where the program is not installed. */
  readonly needs: readonly (string | null)[];
  /** Starts the server; resolves with its port. */
  start(certificates: Certificates): Promise<number>;
  readonly host: string;
  command(port: number): string;
  readonly says: RegExp;
}

const WORK: readonly Work[] = [
  {
    name: 'curl',
    needs: ['/usr/bin/curl'],
    start: (certificates) => listenHttps(certificates, (request, response) => request.pipe(response)),
    host: 'web.test',
    command: (port) => `curl -sS --cacert ca.pem --data 'hello from curl' https://web.test:${port}/`,
    says: /^hello from curl$/,
  },
  {
    name: 'git over https, with a clone and a push',
    needs: ['/usr/bin/git'],
    start: (certificates) => listenHttps(certificates, gitServer()),
    host: 'git.test',
    command: (port) =>
      [
        'export GIT_SSL_CAINFO=$PWD/ca.pem',
        `git clone -q https://git.test:${port}/repo.git && cd repo && cat README && git checkout -q -b work-$(id -u)`,
        'echo more > more && git add . && git -c user.name=a -c user.email=a@example commit -qm more',
        'git push -q origin HEAD && git ls-remote origin HEAD work-*',
      ].join('\n'),
    says: /^hello from git\n[0-9a-f]{40}\tHEAD\n[0-9a-f]{40}\trefs\/heads\/work-\d+\n/,
  },
  {
    name: 'npm',
    needs: ['/usr/bin/npm'],
    start: (certificates) => listenHttps(certificates, npmRegistry()),
    host: 'npm.test',
    command: (port) =>
      `echo '{"name":"app","version":"1.0.0"}' > package.json; ` +
      `npm install --silent --no-audit --no-fund --cafile ca.pem --registry https://npm.test:${port}/ demo-dep && ` +
      `node -p 'require("demo-dep")'`,
    says: /hello from npm\n$/,
  },
  {
    name: 'pip',
    needs: ['/usr/bin/pip3'],
    start: (certificates) => listenHttps(certificates, pythonIndex()),
    host: 'pypi.test',
    command: (port) =>
      `/usr/bin/pip3 install -q --disable-pip-version-check --cert ca.pem --target lib ` +
      `--index-url https://pypi.test:${port}/simple/ demo-wheel && ` +
      `PYTHONPATH=lib /usr/bin/python3 -c 'import demo_wheel; print(demo_wheel.TEXT)'`,
    says: /^hello from pip\n$/,
  },
  {
    name: 'psql',
    needs: ['/usr/bin/psql', postgresPrograms()],
    start: () => startPostgres(postgresPrograms() ?? ''),
    host: 'db.test',
    command: (port) => `psql -h db.test -p ${port} -U agent -d postgres -Atc "select 'hello from psql', 6 * 7"`,
    says: /^hello from psql\|42\n$/,
  },
  {
    name: 'redis-cli',
    needs: ['/usr/bin/redis-server', '/usr/bin/redis-cli'],
    start: () => startRedis(),
    host: 'redis.test',
    command: (port) =>
      `redis-cli -h redis.test -p ${port} set a 'hello from redis' && redis-cli -h redis.test -p ${port} get a`,
    says: /^OK\nhello from redis\n$/,
  },
];

const isHere = (path: string | null) => path !== null && existsSync(path);
const missing = WORK.filter(({ needs }) => !needs.every(isHere));
const here = WORK.filter((work) => !missing.includes(work));

if (process.env['RAVENHELM_TEST_PROGRAMS'] === '1')
  test('all programs are here', () => expect(missing.map(({ name }) => name)).toEqual([]));
else for (const { name } of missing) test.skip(`${name}: it, or its server, is not installed`, () => undefined);

const certificates = makeCertificates(NAMES);
const ports = new Map<string, Promise<number>>();

/** Each server is started once. */
function portOf(work: Work): Promise<number> {
  const port = ports.get(work.name) ?? work.start(certificates);
  ports.set(work.name, port);
  return port;
}

describe.each(MODES)('in a sandbox made %s, through the network of an agent', (_mode, run) => {
  test.each(here.map((work) => [work.name, work] as const))('%s', async (_name, work) => {
    const port = await portOf(work);
    const call: NetworkCall = { hosts: [named(work.host, port)], names, files: { 'ca.pem': certificates.authority } };
    const result = await run(work.command(port), call);
    expect(result).toMatchObject({ outcome: 'ok', stdout: expect.stringMatching(work.says) });
    expect(result.connections.length).toBeGreaterThan(0);
    for (const connection of result.connections) {
      expect(connection).toMatchObject({ host: work.host, port, address: '127.0.0.1', outcome: 'ended', count: 1 });
      expect(connection.bytesSent).toBeGreaterThan(0);
      expect(connection.bytesReceived).toBeGreaterThan(0);
    }
  });
});

test('a redirect to a host that is not named is not followed to it', async () => {
  const port = await listenHttps(certificates, (_request, response) => {
    response.writeHead(302, { Location: 'http://evil.test/' });
    response.end();
  });
  const [[, run] = []] = MODES;
  const result = await run?.(`curl -sL --cacert ca.pem https://web.test:${port}/`, {
    hosts: [named('web.test', port)],
    names: { ...names, 'evil.test': ['127.0.0.1'] },
    files: { 'ca.pem': certificates.authority },
  });
  expect(result?.stdout).toContain('This agent may not reach that host and port.');
  const seen = result?.connections.map(({ host, outcome }) => [host, outcome]).toSorted();
  expect(seen).toEqual([
    ['evil.test', 'refused'],
    ['web.test', 'ended'],
  ]);
});
