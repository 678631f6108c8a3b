import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { createOllamaModel } from '../../src/models/ollama.js';
import { createOpenaiModel } from '../../src/models/openai.js';
import { proxyFor, ProxyError, proxyUrl, type ProxySettings } from '../../src/models/proxy.js';
import { createTransport } from '../../src/models/transport.js';
import { startFakeOllama } from '../support/fake-ollama.js';
import { startFakeOpenai } from '../support/fake-openai.js';
import { ask, catalog, clock, hostedEntry, modelError, step } from './fixtures.js';

const all: ProxySettings = { http: 'http://proxy:1', https: 'http://proxy:2', no: null };

describe('which proxy a URL has', () => {
  test.each<[string, Partial<ProxySettings>, string | null]>([
    ['http://gpu.example:11434/api/chat', {}, 'http://proxy:1'],
    ['https://api.openai.com/v1', {}, 'http://proxy:2'],
    ['https://api.openai.com/v1', { https: null }, null],
    ['http://gpu.example', { http: 'proxy:3128' }, 'http://proxy:3128'],
    ['http://gpu.example', { http: '' }, null],
    // Loopback addresses, as Go has it.
    ['http://127.0.0.1:11434', {}, null],
    ['http://127.9.9.9', {}, null],
    ['http://localhost:8000', {}, null],
    ['http://LOCALHOST.', {}, null],
    ['http://[::1]:11434', {}, null],
    // NO_PROXY.
    ['https://api.openai.com', { no: '*' }, null],
    ['https://api.openai.com', { no: 'openai.com' }, null],
    ['https://api.openai.com', { no: '.openai.com' }, null],
    ['https://api.openai.com', { no: '*.openai.com' }, null],
    ['https://api.openai.com', { no: 'a.example, API.OpenAI.com' }, null],
    ['https://notopenai.com', { no: 'openai.com' }, 'http://proxy:2'],
    ['http://gpu.example:11434', { no: 'gpu.example:11434' }, null],
    ['http://gpu.example:8080', { no: 'gpu.example:11434' }, 'http://proxy:1'],
    ['https://gpu.example', { no: 'gpu.example:443' }, null],
    ['http://10.1.2.3:11434', { no: '10.0.0.0/8' }, null],
    ['http://11.1.2.3:11434', { no: '10.0.0.0/8' }, 'http://proxy:1'],
    ['http://10.1.2.3', { no: '10.1.2.3' }, null],
    ['http://[fd00::1]:11434', { no: 'fd00::/8' }, null],
    ['http://[fd00::1]:11434', { no: 'fd00::1' }, null],
    ['http://gpu.example', { no: '10.0.0.0/99,/,/8,:80,' }, 'http://proxy:1'],
  ])('%s with %j: %s', (url, change, proxy) => {
    expect(proxyFor(new URL(url), { ...all, ...change })).toBe(proxy);
  });

  test.each(['socks5://p:1', 'http://', 'a b', 'ftp://user:hidden@p'])('%j is no proxy', (text) => {
    expect(() => proxyUrl(text)).toThrow(ProxyError);
    expect(() => proxyUrl(text)).not.toThrow(/hidden/);
  });
});

/** A proxy that forwards plain requests and tunnels CONNECT; every name leads to this computer. */
async function startProxy(answer: number | null = null) {
  const seen: string[] = [];
  const keys: string[] = [];
  const credentials: string[] = [];
  const note = (request: IncomingMessage) => {
    seen.push(`${request.method} ${request.url}`);
    credentials.push(request.headers['proxy-authorization'] ?? '');
    keys.push(String(request.headers['api-key'] ?? ''));
  };
  const forward = async (request: IncomingMessage, response: ServerResponse) => {
    note(request);
    const target = new URL(request.url ?? '');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const { authorization } = request.headers;
    const back = await fetch(`http://127.0.0.1:${target.port}${target.pathname}`, {
      method: request.method ?? 'GET',
      ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
      headers: { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) },
    });
    response.writeHead(back.status, Object.fromEntries(back.headers));
    response.end(Buffer.from(await back.arrayBuffer()));
  };
  const server = createServer((request, response) => void forward(request, response));
  server.on('connect', (request: IncomingMessage, socket: Duplex) => {
    note(request);
    if (answer !== null) return void socket.end(`HTTP/1.1 ${answer} No\r\n\r\n`);
    const through = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(through).pipe(socket);
    });
    through.on('error', () => socket.destroy());
    socket.on('error', () => through.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    seen,
    keys,
    credentials,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('a model behind a proxy', () => {
  // A busy computer takes seconds to load it, which would count as the time to connect.
  beforeAll(async () => {
    await import('undici');
  }, 60_000);

  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((server) => server.close()));
  });

  test('Ollama: requests are forwarded, with the credentials of proxy and server', async () => {
    const [proxy, server] = [await startProxy(), await startFakeOllama({ reply: () => JSON.stringify(step) })];
    open.push(proxy, server);
    const { port } = new URL(server.url);
    const transport = createTransport({ http: `http://me:p%40ss@127.0.0.1:${proxy.port}`, https: null, no: null });
    const model = createOllamaModel({
      url: `http://gpu.example:${port}`,
      entry: catalog.ollama('qwen3:8b'),
      clock,
      transport,
    });
    expect(JSON.parse((await ask(model)).text)).toEqual(step);
    expect(await model.probe(new AbortController().signal)).toEqual({ usable: true });
    for (const what of ['POST http://gpu.example:PORT/api/chat', 'GET http://gpu.example:PORT/api/tags'])
      expect(proxy.seen).toContain(what.replace('PORT', port));
    expect(proxy.credentials[0]).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  });

  test('OpenAI: the stream arrives through it', async () => {
    const [proxy, server] = [await startProxy(), await startFakeOpenai({ reply: () => JSON.stringify(step) })];
    open.push(proxy, server);
    const model = createOpenaiModel({
      entry: hostedEntry('openai', 'gpt-4.1'),
      apiKey: 'test-key',
      baseUrl: `http://api.example:${new URL(server.url).port}/v1`,
      clock,
      transport: createTransport({ http: `127.0.0.1:${proxy.port}`, https: null, no: null }),
    });
    expect(JSON.parse((await ask(model)).text)).toEqual(step);
    expect(proxy.seen).toHaveLength(1);
  });

  test("Azure's deployments get their query and their header for the key; other servers do not", async () => {
    const [proxy, server] = [await startProxy(), await startFakeOpenai({ reply: () => JSON.stringify(step) })];
    open.push(proxy, server);
    const { port } = new URL(server.url);
    for (const baseUrl of [
      `http://me.openai.azure.com:${port}/v1?api-version=2024-10-21`,
      `http://api.example:${port}/v1/chat/completions`,
    ]) {
      const transport = createTransport({ http: `127.0.0.1:${proxy.port}`, https: null, no: null });
      await ask(
        createOpenaiModel({ entry: hostedEntry('openai', 'gpt-4.1'), apiKey: 'test-key', baseUrl, clock, transport }),
      );
    }
    expect(proxy.seen).toEqual([
      `POST http://me.openai.azure.com:${port}/v1/chat/completions?api-version=2024-10-21`,
      `POST http://api.example:${port}/v1/chat/completions`,
    ]);
    expect(proxy.keys).toEqual(['test-key', '']);
  });

  test('https is tunneled; a proxy that refuses is named with its status, and its password is not', async () => {
    const proxy = await startProxy(407);
    open.push(proxy);
    const model = createOpenaiModel({
      entry: hostedEntry('openai', 'gpt-4.1'),
      apiKey: 'test-key',
      baseUrl: null,
      clock,
      transport: createTransport({ http: null, https: `http://me:hidden@127.0.0.1:${proxy.port}`, no: null }),
    });
    const { message, code } = await modelError(ask(model));
    expect(code).toBe('unreachable');
    expect(message).toContain(`through the proxy http://127.0.0.1:${proxy.port}`);
    expect(message).toContain('HTTP 407 to CONNECT; check the credentials in HTTPS_PROXY');
    expect(message).not.toContain('hidden');
    expect(proxy.seen).toEqual(['CONNECT api.openai.com:443']);
  });

  test('a proxy that does not run is named, with the cause', async () => {
    const proxy = await startProxy();
    await proxy.close();
    const model = createOllamaModel({
      url: 'http://gpu.example:11434',
      entry: catalog.ollama('qwen3:8b'),
      clock,
      transport: createTransport({ http: `http://127.0.0.1:${proxy.port}`, https: null, no: null }),
    });
    expect((await modelError(ask(model))).message).toMatch(
      /gpu\.example:11434 through the proxy http:\/\/127\.0\.0\.1:\d+: nothing listens at 127.*ECONNREFUSED/,
    );
  });
});
