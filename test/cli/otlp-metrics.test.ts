/** A command that runs a swarm sends its metrics where the environment says it. */
import { createOtlpServer, labelsOf, type OtlpServer } from '../support/otlp-server.js';
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
  const [resource] = server.received.at(-1)?.resourceMetrics ?? [];
  expect(labelsOf(resource?.resource ?? {})).toMatchObject({ 'service.name': 'ravenhelm' });
  const metrics = resource?.scopeMetrics.flatMap((each) => each.metrics) ?? [];
  const pointsOf = (name: string) => metrics.find((metric) => metric.name === name)?.sum?.dataPoints ?? [];
  const verified = pointsOf('ravenhelm_tasks_executed_total').filter(
    (point) => labelsOf(point)['status'] === 'completed',
  );
  expect(verified.length).toBeGreaterThan(0);
  const appends = metrics.find(({ name }) => name === 'ravenhelm_append_seconds')?.histogram?.dataPoints ?? [];
  expect(appends.map((point) => labelsOf(point)['appender']).toSorted()).toEqual(['coordination', 'tasks']);
  expect(appends.every(({ count }) => Number(count) > 0)).toBe(true);
  expect(pointsOf('ravenhelm_missions_requested_total').map(({ asDouble }) => asDouble)).toEqual([1]);
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
