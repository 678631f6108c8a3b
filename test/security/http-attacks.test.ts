/** The attack cases that the HTTP endpoint decides: each ends as expected, and no answer repeats what was sent. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { openHttpEndpoint } from '../../src/telemetry/http-endpoint.js';
import { SECURITY_HEADERS } from '../../src/telemetry/http-guard.js';
import { requestText, sendRaw } from '../support/raw-http.js';

const caseSchema = z.strictObject({
  id: z.string(),
  expect: z.enum(['denied', 'contained', 'error', 'allowed']),
  layer: z.enum(['http', 'none']),
  /** How the case, which is of another design, is one of ours. */
  mapped: z.string(),
  request: z.strictObject({
    method: z.string(),
    target: z.string(),
    headers: z.record(z.string(), z.string()),
    version: z.string().optional(),
    body: z.string().optional(),
  }),
  status: z.int(),
  /** Whether the endpoint needs a token. */
  token: z.boolean().default(false),
  /** A reason of /readyz. */
  reason: z.string().optional(),
  contentType: z.string().optional(),
  body: z.string().optional(),
  why: z.string(),
});
const fixture = readFileSync(new URL('./fixtures/http-attacks.json', import.meta.url), 'utf8');
const cases = z.array(caseSchema).parse(JSON.parse(fixture));
const TOKEN = '0123456789abcdef0123456789abcdef';

test.each(cases.map((one) => [one.id, one] as const))('%s', async (_id, given) => {
  const { request, status, token, reason, contentType = '', body } = given;
  const { url, close } = await openHttpEndpoint({
    address: { host: '127.0.0.1', port: 0 },
    token: token ? TOKEN : null,
    hosts: [],
    live: () => ({ reasons: [] }),
    ready: () => ({ reasons: reason === undefined ? [] : [reason] }),
    metrics: { contentType: 'text/plain', text: async () => 'metric 1\n' },
    failed: (error) => expect(error).toBeUndefined(),
  });
  const { method, target, headers, ...more } = request;
  const answer = await sendRaw(url, requestText(method, target, headers, more));
  await close();
  expect(answer.status).toBe(status);
  expect(answer.headers).toMatchObject(SECURITY_HEADERS);
  expect(answer.headers['content-type']).toContain(contentType);
  if (body !== undefined) expect(answer.body).toBe(body);
  for (const sent of [target, request.body, ...Object.values(headers)])
    if (sent !== undefined) expect(answer.body).not.toContain(sent);
});

test('attacks get no answer of a probe, and harmless requests get one', () => {
  // http-017 is contained: what it plants is answered as data.
  const answered = cases.filter(({ status, reason }) => status === 200 || reason !== undefined);
  expect(answered.map(({ id }) => id)).toEqual(['http-017', 'http-023', 'http-024']);
});
