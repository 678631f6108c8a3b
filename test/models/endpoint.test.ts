import { execFileSync } from 'node:child_process';
import { createServer } from 'node:https';
import { once } from 'node:events';
import { createAnthropicModel } from '../../src/models/anthropic.js';
import { createModels } from '../../src/models/chain.js';
import { connectCause } from '../../src/models/connect-cause.js';
import { endpointOf, withoutCredentials } from '../../src/models/endpoint.js';
import { createOllamaModel } from '../../src/models/ollama.js';
import { createOpenaiModel } from '../../src/models/openai.js';
import { noMetrics } from '../../src/ports/metrics.js';
import { piece, startFakeCompatible } from '../support/fake-compatible.js';
import { startHttpServer } from '../support/fake-model-server.js';
import { ask, catalog, clock, hostedEntry, modelError } from './fixtures.js';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

const servers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('credentials in an address', () => {
  test.each([
    ['http://h:1', 'http://h:1', null],
    ['http://me:pw@h:1/v1', 'http://h:1/v1', basic('me:pw')],
    ['https://me@h/x', 'https://h/x', basic('me:')],
    ['http://me:p%40s%3As@h', 'http://h', basic('me:p@s:s')],
    ['http://me:50%@h', 'http://h', basic('me:50%')],
    ['http://me:pw@h/v1?key=abc', 'http://h/v1?key=abc', basic('me:pw')],
  ])('%s', (text, url, authorization) => {
    expect(endpointOf(text)).toMatchObject({ url, authorization });
  });

  test.each([
    ['http://me:pw@h:1/a@b', 'http://h:1/a@b'],
    ['me:pw@h:1', 'h:1'],
    ['h:1', 'h:1'],
    ['http://me:p@w@h', 'http://h'],
    ['http://me:p/w@h', 'http://h'],
    ['http://me:p w@h', 'http://h'],
    ['me:a@h:1,me:b@i:2', 'h:1,i:2'],
    ['https://me:pw@h/v1?api-version=2&subscription-key=abc#x', 'https://h/v1?api-version=2&subscription-key=•••#x'],
    ['https://h/v1?key=abc&x=1', 'https://h/v1?key=•••&x=1'],
    ['see http://a:b@c and https://d:e@f/g', 'see http://c and https://f/g'],
  ])('shown: %s is %s', (text, shown) => {
    expect(withoutCredentials(text)).toBe(shown);
  });

  test('are sent as basic authentication, in place of a key, and appear in no error, probe or banner', async () => {
    const open = await startFakeCompatible(() => ({ events: [piece({ content: '{}' }, 'stop')] }));
    const seen: string[] = [];
    const closed = await startHttpServer(async (request, response) => {
      seen.push(request.headers.authorization ?? '');
      response.writeHead(401, { 'content-type': 'text/plain' });
      response.end(`no access for ${request.headers.authorization} hidden`);
    });
    servers.push(open, closed);
    const at = (url: string) => url.replace('://', '://me:hidden@');
    const entry = hostedEntry('openai', 'gpt-4.1');
    await ask(createOpenaiModel({ entry, apiKey: 'k', baseUrl: at(open.baseUrl), clock }));
    expect(open.authorizations).toEqual([basic('me:hidden')]);

    const ollama = createOllamaModel({ url: at(closed.url), entry: catalog.ollama('qwen3:8b'), clock });
    const claude = hostedEntry('anthropic', catalog.defaults.planner.anthropic);
    const signal = new AbortController().signal;
    const texts = [
      (await modelError(ask(ollama))).message,
      (await modelError(ask(createAnthropicModel({ entry: claude, apiKey: 'k', baseUrl: at(closed.url), clock }))))
        .message,
      JSON.stringify(await ollama.probe(signal)),
      (
        await createModels({
          catalog,
          clock,
          random: () => 0,
          metrics: noMetrics,
          ollamaHost: at(closed.url),
          anthropicKey: null,
          openaiKey: null,
          anthropicBaseUrl: null,
          openaiBaseUrl: null,
          workerModels: null,
          signal,
        })
      ).summary({ workers: true, planner: true }),
    ];
    expect(new Set(seen)).toEqual(new Set([basic('me:hidden')]));
    for (const text of texts) {
      expect(text).not.toMatch(new RegExp(`hidden|${Buffer.from('me:hidden').toString('base64')}`));
    }
    expect(texts[0]).toContain('user:password@');
    for (const text of texts.slice(2)) expect(text).toContain(closed.url);
  });
});

/** A new key and its certificate, as openssl makes them. */
function selfSigned(): { readonly key: string; readonly cert: string } {
  const made = execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', '-', '-days', '2', '-subj', '/CN=127.0.0.1'],
    { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' },
  );
  const at = made.indexOf('-----BEGIN CERTIFICATE');
  return { key: made.slice(0, at), cert: made.slice(at) };
}

describe('why a connection failed', () => {
  const openai = (baseUrl: string) =>
    createOpenaiModel({ entry: hostedEntry('openai', 'gpt-4.1'), apiKey: 'k', baseUrl, clock });

  test('nothing listens', async () => {
    const server = await startHttpServer(async () => undefined);
    await server.close();
    expect(await modelError(ask(openai(server.url)))).toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(
        /cannot be reached: nothing listens at 127\.0\.0\.1:\d+ \(ECONNREFUSED\); check OPENAI_BASE_URL/,
      ),
    });
  });

  test('the name does not exist', async () => {
    const { message } = await modelError(ask(openai('http://no-such-host.invalid/v1')));
    expect(message).toMatch(
      /the name no-such-host\.invalid (?:does not exist \(ENOTFOUND\)|cannot be looked up.*\(EAI_AGAIN\))/,
    );
  });

  test('http instead of https: the server does not speak TLS', async () => {
    const server = await startHttpServer(async () => undefined);
    servers.push(server);
    const { message } = await modelError(ask(openai(server.url.replace('http:', 'https:'))));
    expect(message).toMatch(/use http:\/\//);
  });

  test('the certificate is self-signed', async () => {
    const server = createServer(selfSigned(), (_, response) => void response.end('{}'));
    servers.push({
      async close() {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      },
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    const { message } = await modelError(ask(openai(`https://127.0.0.1:${address.port}/v1`)));
    expect(message).toMatch(
      /its certificate is self-signed \(DEPTH_ZERO_SELF_SIGNED_CERT\); name its file in NODE_EXTRA_CA_CERTS/,
    );
  });

  test('several addresses of one name: the reason of the first', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED ::1:1'), {
      code: 'ECONNREFUSED',
      address: '::1',
      port: 1,
    });
    const error = new TypeError('fetch failed', { cause: new AggregateError([refused], '') });
    expect(connectCause(error)).toBe('nothing listens at [::1]:1 (ECONNREFUSED)');
    expect(connectCause(new TypeError('fetch failed'))).toBeNull();
    expect(connectCause('text')).toBeNull();
  });
});
