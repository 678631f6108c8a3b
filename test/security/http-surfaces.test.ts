/** Every socket that the program listens on. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { silentLogger } from '../../src/ports/logger.js';
import { SECURITY_HEADERS } from '../../src/telemetry/http-guard.js';
import { openHttpEndpoint, type HttpAccess } from '../../src/telemetry/http-endpoint.js';
import { createEngineProxy } from '../../src/tools/engine/proxy.js';
import { readPage } from '../docs/support/markdown.js';
import { sendRaw } from '../tools/engine/client.js';
import { startRecordingEngine } from '../tools/engine/recording-engine.js';
import { removeTemporaryDirectories, temporaryDirectory } from '../tools/harness.js';
import { closeAll, localhost, say, testGateway } from '../tools/network/support.js';

/** Files of src that listen: each is named in docs/security.md, section HTTP. */
function listening(): readonly string[] {
  return readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter(
      (file) => file.endsWith('.ts') && /\.listen\(|\bcreateServer\(/.test(readFileSync(join('src', file), 'utf8')),
    )
    .toSorted();
}

test('the program listens at the places that docs/security.md names, and no others', () => {
  const [, section = ''] = readPage('docs/security.md').split('\n## HTTP\n');
  const named = [...(section.split('\n## ')[0] ?? '').matchAll(/\(\.\.\/src\/([\w/-]+\.ts)\)/g)].map(
    ([, file]) => file,
  );
  expect(named.toSorted()).toEqual([...listening(), 'local/kafka-broker.ts', 'local/registry-server.ts'].toSorted());
});

test('the services of the local stack listen on loopback addresses', () => {
  expect(readFileSync('src/local/registry-server.ts', 'utf8')).toContain("'-Dquarkus.http.host=127.0.0.1'");
  const broker = readFileSync('src/local/kafka-broker.ts', 'utf8');
  const hosts = [...broker.matchAll(/(?:PLAINTEXT|INTERNAL|CONTROLLER):\/\/([^:`]+):/g)].map(([, host]) => host);
  expect(hosts.length).toBeGreaterThan(2);
  expect(new Set(hosts)).toEqual(new Set(['localhost']));
  const compose = z
    .object({ services: z.record(z.string(), z.object({ ports: z.array(z.string()).default([]) })) })
    .parse(parse(readFileSync('docker-compose.redpanda.yml', 'utf8'), { merge: true }));
  const ports = Object.values(compose.services).flatMap((service) => service.ports);
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
});

const CANARY = 'canary-of-a-request';
const closing = 'Connection: close\r\n';
const body = (text: string, type = 'application/json') =>
  `Content-Type: ${type}\r\nContent-Length: ${text.length}\r\n${closing}\r\n${text}`;
/** What a page in a browser, or another program, may send, with a canary in each place; each ends its connection. */
const REQUESTS: readonly (readonly [string, string])[] = [
  ['a path', `GET /${CANARY} HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`],
  [
    'a path that is encoded',
    `GET /%63${CANARY.slice(1)}/%0d%0aX-${CANARY}:1 HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`,
  ],
  ['a path of an engine', `GET /v1.41/containers/${CANARY}/json HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`],
  ['a version of an engine', `GET /v1.40/${CANARY} HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`],
  ['a value of a query', `GET /${CANARY}?x=${CANARY} HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`],
  ['a name in a query', `GET /containers/json?${CANARY}=1 HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`],
  ['a name in a query twice', `GET /x?${CANARY}=1&${CANARY}=2 HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`],
  ['a fragment', `GET /x#${CANARY} HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`],
  ['an absolute address', `GET http://${CANARY}.example:81/${CANARY} HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`],
  ['a user in an address', `GET http://${CANARY}:${CANARY}@localhost/ HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`],
  ['another scheme', `GET ${CANARY}://x/ HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`],
  ['a tunnel', `CONNECT ${CANARY}.example:443 HTTP/1.1\r\nHost: ${CANARY}.example:443\r\n${closing}\r\n`],
  ['a tunnel to no address', `CONNECT ${CANARY} HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`],
  ['a foreign host', `GET /livez HTTP/1.1\r\nHost: ${CANARY}.example\r\n${closing}\r\n`],
  ['a host that is none', `GET /livez HTTP/1.1\r\nHost: "${CANARY} \\\r\n${closing}\r\n`],
  ['two hosts', `GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: ${CANARY}\r\n${closing}\r\n`],
  ['a foreign origin', `GET /livez HTTP/1.1\r\nHost: localhost\r\nOrigin: http://${CANARY}.example\r\n${closing}\r\n`],
  ['a name of a header', `GET /x HTTP/1.1\r\nHost: localhost\r\n${CANARY}: 1\r\n${closing}\r\n`],
  ['a value of a header', `GET /x HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: ${CANARY}\r\n${closing}\r\n`],
  ['a header that is none', `GET /x HTTP/1.1\r\nHost: localhost\r\n${CANARY}\r\n${closing}\r\n`],
  ['a token', `GET /x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${CANARY}\r\n${closing}\r\n`],
  [
    'a cookie',
    `GET /x HTTP/1.1\r\nHost: localhost\r\nCookie: id=${CANARY}\r\nReferer: http://${CANARY}/\r\n${closing}\r\n`,
  ],
  ['an expectation', `POST /x HTTP/1.1\r\nHost: localhost\r\nExpect: ${CANARY}\r\n${body('{}')}`],
  ['an upgrade', `GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${CANARY}\r\n\r\n`],
  [
    'an upgrade to a stream',
    `POST /exec/${CANARY}/start HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
  ],
  ['a coding', `POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: ${CANARY}\r\n${closing}\r\n`],
  ['a length', `POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${CANARY}\r\n${closing}\r\n`],
  ['a trace', `TRACE /x HTTP/1.1\r\nHost: localhost\r\nX: ${CANARY}\r\n${closing}\r\n`],
  [
    'options',
    `OPTIONS /x HTTP/1.1\r\nHost: localhost\r\nAccess-Control-Request-Headers: ${CANARY}\r\n` +
      `Access-Control-Request-Method: ${CANARY}\r\n${closing}\r\n`,
  ],
  ['a method', `${CANARY.toUpperCase()} / HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`],
  ['a method that is known', `DELETE /images/${CANARY} HTTP/1.1\r\nHost: localhost\r\n${closing}\r\n`],
  ['a version of HTTP', `GET /x HTTP/${CANARY}\r\nHost: localhost\r\n${closing}\r\n`],
  ['a body', `POST /networks/create HTTP/1.1\r\nHost: localhost\r\n${body(`{"Name":"${CANARY}"}`)}`],
  ['a name in a body', `POST /networks/create HTTP/1.1\r\nHost: localhost\r\n${body(`{"Name":"x","${CANARY}":1}`)}`],
  ['a body that is no JSON', `POST /networks/create HTTP/1.1\r\nHost: localhost\r\n${body(`{${CANARY}`)}`],
  [
    'a body of a form',
    `POST /livez HTTP/1.1\r\nHost: localhost\r\n${body(`x=${CANARY}`, 'application/x-www-form-urlencoded')}`,
  ],
  ['a type of a body', `POST /livez HTTP/1.1\r\nHost: localhost\r\n${body('x', `text/${CANARY}`)}`],
  [
    'a chunk',
    `POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n` +
      `${closing}\r\n5;${CANARY}\r\nx\r\n0\r\nX: ${CANARY}\r\n\r\n`,
  ],
  ['no request', `${CANARY}\r\n\r\n`],
];

interface Surface {
  readonly file: string;
  /** Whether a browser can reach it: then each answer has the security headers, and Host and Origin are checked. */
  readonly forBrowsers: boolean;
  open(): Promise<{ ask(text: string): Promise<string>; close(): Promise<unknown> }>;
}

const access: HttpAccess = { address: { host: '127.0.0.1', port: 0 }, token: null, hosts: [] };
const endpoint = (changes: Partial<HttpAccess> = {}) =>
  openHttpEndpoint({
    ...access,
    ...changes,
    live: () => ({ reasons: [] }),
    ready: () => ({ reasons: [] }),
    metrics: { contentType: 'text/plain', text: async () => '' },
    failed: () => undefined,
  });

const SURFACES: readonly Surface[] = [
  {
    file: 'telemetry/http-endpoint.ts',
    forBrowsers: true,
    async open() {
      const { url, close } = await endpoint();
      return { ask: (text) => sendRaw({ port: Number(new URL(url).port), host: '127.0.0.1' }, text), close };
    },
  },
  {
    file: 'tools/network/http-proxy.ts',
    forBrowsers: false,
    async open() {
      const gateway = await testGateway([localhost(1)]);
      return { ask: (text) => say(gateway.proxy, text), close: () => gateway.close() };
    },
  },
  {
    file: 'tools/network/gateway.ts',
    forBrowsers: false,
    async open() {
      const gateway = await testGateway([localhost(1)]);
      return { ask: (text) => say(gateway.direct, text), close: () => gateway.close() };
    },
  },
  {
    file: 'tools/engine/proxy.ts',
    forBrowsers: false,
    async open() {
      const directory = temporaryDirectory();
      const project = {
        ...{ name: 'ravenhelm-m1', workspace: '/srv/m1', holdsState: false, mayWrite: true, user: '61337:61337' },
        limits: { memory_mb: 512, processes: 100 },
      };
      const engine = await startRecordingEngine(directory, project);
      const proxy = createEngineProxy({ engine: engine.address, project, logger: silentLogger });
      await proxy.listen(join(directory, 'docker.sock'));
      const close = () => Promise.all([proxy.close(), engine.close()]);
      return { ask: (text) => sendRaw(join(directory, 'docker.sock'), text), close };
    },
  },
];

describe.each(SURFACES)('$file', ({ forBrowsers, open }) => {
  let surface: Awaited<ReturnType<Surface['open']>>;
  beforeAll(async () => {
    surface = await open();
  });
  afterAll(async () => {
    await surface.close();
    await closeAll();
    removeTemporaryDirectories();
  });

  test.each(REQUESTS)('answers %s with no text of the request, and serves no page', async (_, text) => {
    const answer = await surface.ask(text);
    // In the status line, the headers and the body.
    expect(answer.toLowerCase()).not.toContain(CANARY);
    expect(answer).not.toMatch(/^HTTP\/1\.1 2|text\/html|access-control-allow/im);
    if (!forBrowsers) return;
    const lower = answer.toLowerCase();
    for (const [name, value] of Object.entries(SECURITY_HEADERS))
      expect(lower).toContain(`${name}: ${value.toLowerCase()}`);
  });
});

test('the table has each place that answers, and a token is required beyond loopback', async () => {
  const answering = listening().filter(
    (file) => !['local/port-holder.ts', 'tools/engine/call-engine.ts'].includes(file),
  );
  expect(SURFACES.map(({ file }) => file).toSorted()).toEqual(answering);
  await expect(endpoint({ address: { host: '0.0.0.0', port: 0 } })).rejects.toThrow('there is no token');
});
