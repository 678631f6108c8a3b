/** A command that runs a swarm sends its metrics where the environment says it. */
import { createOtlpServer, type OtlpServer } from '../support/otlp/server.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe } from './support/ravenhelm.js';

let clone: TestClone;
let server: OtlpServer;
beforeAll(async () => {
  [clone, server] = await Promise.all([createTestClone(), createOtlpServer()]);
});
afterAll(() => Promise.all([clone.remove(), server.close()]));

const run = (env: Readonly<Record<string, string>>) =>
  runInPipe(clone, ['run', 'missions/quick.yaml', '--log', 'memory'], env);

test('what a mission has come to is sent at the end, also where /metrics is not served', async () => {
  const { code, stdout } = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: server.url });
  expect([code, stdout]).toEqual([0, expect.stringContaining('metrics: sent by OTLP every 60 s')]);
  const metrics = server.received.at(-1) ?? [];
  expect(metrics[0]?.resource).toMatchObject({ 'service.name': 'ravenhelm' });
  const pointsOf = (name: string) => metrics.find((metric) => metric.name === name)?.points ?? [];
  const verified = pointsOf('ravenhelm_tasks_executed_total').filter(
    ({ attributes }) => attributes['status'] === 'completed',
  );
  expect(verified.length).toBeGreaterThan(0);
  const appends = pointsOf('ravenhelm_append_seconds');
  expect(appends.map(({ attributes }) => attributes['appender']).toSorted()).toEqual(['coordination', 'tasks']);
  expect(appends.every(({ count }) => (count ?? 0) > 0)).toBe(true);
  expect(pointsOf('ravenhelm_missions_requested_total').map(({ value }) => value)).toEqual([1]);
}, 60_000);

test('a number that cannot be used ends with 2 and its name, before anything starts', async () => {
  const wrong = { OTEL_EXPORTER_OTLP_ENDPOINT: server.url, OTEL_METRIC_EXPORT_INTERVAL: '10 s' };
  const { code, stdout, stderr } = await run(wrong);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain('OTEL_METRIC_EXPORT_INTERVAL is "10 s", which is not a whole number of milliseconds');
  expect(stderr).toContain('Set OTEL_METRIC_EXPORT_INTERVAL to');
}, 60_000);

test('a server that is not there changes nothing but one warning', async () => {
  const away = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_METRIC_EXPORT_INTERVAL: '100' };
  const { code, stderr } = await run({ ...away, OTEL_EXPORTER_OTLP_TIMEOUT: '100' });
  expect(code).toBe(0);
  expect(stderr.split('otlp.metrics_not_sent')).toHaveLength(2);
}, 60_000);
