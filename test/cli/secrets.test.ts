import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { portOf } from '../local/stack-fixture.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe } from './support/ravenhelm.js';

/** SECURITY.md: keys and passwords are in no log, banner, error or list of settings. */
let clone: TestClone;
beforeAll(async () => {
  clone = await createTestClone();
});
afterAll(() => clone.remove());

const SECRETS = {
  ANTHROPIC_API_KEY: 'sk-ant-secret-AAAA-1111',
  OPENAI_API_KEY: 'sk-secret-BBBB-2222',
  KAFKA_SASL_PASSWORD: 'sasl-secret-CCCC-3333',
  SCHEMA_REGISTRY_PASSWORD: 'registry-secret-DDDD-4444',
};
const ENV = {
  ...SECRETS,
  LOG_LEVEL: 'debug',
  KAFKA_SASL_MECHANISM: 'plain',
  KAFKA_SASL_USERNAME: 'me',
  SCHEMA_REGISTRY_USERNAME: 'me',
};
const DEAD = { KAFKA_BROKERS: '127.0.0.1:9', SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9' };
/** In the clear, or as HTTP and SASL encode them. */
const FORMS = Object.values(SECRETS).flatMap((secret) => [
  secret,
  Buffer.from(secret).toString('base64'),
  Buffer.from(`me:${secret}`).toString('base64'),
]);

const PASSWORD = 'pass-EEEE-5555';
/** Each repeats what it was sent, where it can. */
const FAILURES: readonly (readonly [string, (response: ServerResponse, sent: string) => void])[] = [
  ['refuse them', (response, sent) => void response.writeHead(401).end(sent)],
  [
    'say so in JSON',
    (response, sent) => void response.writeHead(400).end(JSON.stringify({ error: { message: sent } })),
  ],
  ['are behind a page', (response, sent) => void response.writeHead(502).end(`<html><title>${sent}</title></html>`)],
  ['want a password of the proxy', (response, sent) => void response.writeHead(407).end(sent)],
  [
    'send them elsewhere',
    (response) => void response.writeHead(307, { location: `http://me:${PASSWORD}@x.invalid` }).end(),
  ],
  ['send what is no reply', (response, sent) => void response.writeHead(200).end(sent)],
  ['break off', (response) => void response.destroy()],
];

async function outputOf(args: readonly string[], env: Readonly<Record<string, string>>) {
  const { code, stdout, stderr } = await runInPipe(clone, args, { ...ENV, ...env });
  const text = `${stdout}\n${stderr}`;
  expect(FORMS.filter((form) => text.includes(form))).toEqual([]);
  return { code, text };
}

describe('no key or password is shown', () => {
  test.each([[[]], [['--json']]])('by config show %s', async (flags) => {
    const { code, text } = await outputOf(['config', 'show', ...flags], DEAD);
    expect(code).toBe(0);
    expect(text).toContain('••••1111');
  });

  test.each([['submit', 'missions/quick.yaml'], ['status'], ['init'], ['--role', 'worker']])(
    'when no broker or registry answers: %s %s',
    async (...args) => {
      const { code, text } = await outputOf(args, DEAD);
      expect(code).toBe(3);
      expect(text).toContain('127.0.0.1:9');
    },
  );

  test('in the debug log of a mission whose models refuse the keys', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(JSON.stringify(request.headers));
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end('{"error":{"type":"authentication_error","message":"this key is refused"}}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${portOf(server)}`;
    const { text } = await outputOf(['run', 'missions/quick.yaml', '--log', 'memory', '--models', 'anthropic,openai'], {
      ANTHROPIC_BASE_URL: url,
      OPENAI_BASE_URL: `${url}/v1`,
    });
    server.close();
    // The server has seen both keys, so that there was something to show.
    expect(asked.some((headers) => headers.includes(SECRETS.ANTHROPIC_API_KEY))).toBe(true);
    expect(asked.some((headers) => headers.includes(SECRETS.OPENAI_API_KEY))).toBe(true);
    expect(text).toContain('mission_failed');
  });

  test.each(FAILURES)('in the debug log, events and report of a mission whose models %s', async (_, answer) => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.headers.authorization} ${request.headers['proxy-authorization']} ${request.url}`);
      answer(response, JSON.stringify([request.headers, request.url]));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://me:${PASSWORD}@127.0.0.1:${portOf(server)}`;
    const flags = ['--log', 'memory', '--models', 'ollama:m,anthropic,openai', '--json'];
    const { text, code } = await outputOf(['run', 'missions/quick.yaml', ...flags], {
      OLLAMA_HOST: url,
      ANTHROPIC_BASE_URL: url,
      // Through the proxy, which is the same server.
      OPENAI_BASE_URL: `http://me:${PASSWORD}@models.invalid/v1?subscription-key=${PASSWORD}`,
      HTTP_PROXY: url,
    });
    server.close();
    expect([code, text]).toEqual([1, expect.stringContaining('mission_failed')]);
    const basic = Buffer.from(`me:${PASSWORD}`).toString('base64');
    expect(asked.some((one) => one.startsWith(`Basic ${basic}`))).toBe(true);
    expect(asked.some((one) => one.includes(` Basic ${basic} http://models.invalid/`))).toBe(true);
    expect(asked.some((one) => one.includes(`subscription-key=${PASSWORD}`))).toBe(true);
    for (const form of [PASSWORD, basic]) expect(text).not.toContain(form);
  });

  test.each([
    ['SCHEMA_REGISTRY_URL', 'http://me:hunter2@127.0.0.1:9', /use SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASS/],
    ['KAFKA_BROKERS', 'me:hunter2@127.0.0.1:9', /it must be host:port/],
    ['OLLAMA_HOST', 'ftp://me:hunter2@127.0.0.1:9', /it must be host, host:port or a URL/],
    ['OPENAI_BASE_URL', 'https://me:hunter/2@127.0.0.1:9', /it must be a URL/],
  ])('as a part of an address: %s is refused', async (name, value, advice) => {
    const { code, text } = await outputOf(['status'], { ...DEAD, [name]: value });
    expect(code).toBe(2);
    expect(text).toMatch(advice);
    expect(text).not.toMatch(/hunter\/?2/);
  });

  test.each(['OLLAMA_HOST', 'ANTHROPIC_BASE_URL', 'OPENAI_BASE_URL', 'HTTPS_PROXY'])(
    'as a part of %s: it is used, and not shown',
    async (name) => {
      const { code, text } = await outputOf(['config', 'show'], { [name]: 'http://me:hunter2@127.0.0.1:9' });
      expect(code).toBe(0);
      expect(text).toContain('http://••••@127.0.0.1:9');
      expect(text).not.toContain('hunter2');
    },
  );
});
