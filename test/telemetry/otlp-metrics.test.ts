/** What goes out by OTLP is what /metrics serves. */
import type { Logger } from '../../src/ports/logger.js';
import { createPrometheus, type Prometheus } from '../../src/telemetry/prometheus.js';
import { startOtlpMetrics, type OtlpMetrics } from '../../src/telemetry/otlp-metrics.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import type { Attributes, Metric } from '../support/otlp/data.js';
import { createOtlpServer, type OtlpServer } from '../support/otlp/server.js';

const NAMES = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_RESOURCE_ATTRIBUTES'];

let server: OtlpServer;
let prometheus: Prometheus;
let sent: OtlpMetrics;
const logged: string[] = [];
const note = (_fields: object, event: string) => void logged.push(event);
const logger: Logger = { debug: note, info: note, warn: note, error: note, child: () => logger };

beforeEach(async () => {
  logged.length = 0;
  server = await createOtlpServer();
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = server.url;
  prometheus = createPrometheus({
    version: '1.2.3',
    readings: () => [{ gauge: 'missions', labels: { state: 'working' }, value: 3 }],
  });
});
afterEach(async () => {
  await sent.close();
  await server.close();
  for (const name of NAMES) delete process.env[name];
});

const start = (intervalMs: number) => {
  const who = { version: '1.2.3', processName: 'host-1' };
  sent = startOtlpMetrics({
    ...{ registry: prometheus.registry, clock: systemClock, logger, intervalMs, timeoutMs: intervalMs },
    ...who,
  });
};
const lastMetrics = (): readonly Metric[] => server.received.at(-1) ?? [];

const textOf = (name: string, labels: Attributes, value: number | string) => {
  const inside = Object.entries(labels).map(([label, text]) => `${label}=${JSON.stringify(text)}`);
  return `${name}${inside.length === 0 ? '' : `{${inside.toSorted().join(',')}}`} ${value}`;
};

/** The lines of /metrics, with their labels in order. */
const served = (text: string): readonly string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('ravenhelm_'))
    .map((line) => {
      const [, name = '', , inside = '', value = ''] = /^(\w+)(\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const labels = [...inside.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', each = '']) => [label, each]);
      return textOf(name, Object.fromEntries(labels), Number(value));
    });

/** The same lines, of what was sent. */
function linesOf({ name, kind, points }: Metric): readonly string[] {
  if (kind !== 'histogram') return points.map(({ attributes, value }) => textOf(name, attributes, value));
  return points.flatMap(({ attributes, value, count, buckets }) => [
    ...buckets.map(({ bound, upTo }) =>
      textOf(`${name}_bucket`, { ...attributes, le: bound === Infinity ? '+Inf' : String(bound) }, upTo),
    ),
    textOf(`${name}_sum`, attributes, value),
    textOf(`${name}_count`, attributes, count ?? 0),
  ]);
}

test('names, kinds, labels and values are those of /metrics, the histograms and their bounds included', async () => {
  const { metrics } = prometheus;
  metrics.attemptEnded({ agent: 'cert_agent', status: 'completed', result: 'verified', durationMs: 1_500 });
  metrics.attemptEnded({ agent: 'cert_agent', status: 'failed', result: 'checks', durationMs: 90_000 });
  metrics.stepEnded('cert_agent', 'command_failed', 20);
  metrics.appended('tasks', 3);
  metrics.appended('tasks', 700);
  metrics.appended('coordination', 60_000);
  metrics.circuitState('http://127.0.0.1:11434', 'open');
  start(60_000);
  await sent.close();

  expect(server.last()).toEqual(['/v1/metrics', 'application/x-protobuf']);
  const all = lastMetrics();
  const own = all.filter(({ name }) => name.startsWith('ravenhelm_'));
  const text = await prometheus.text();
  expect(own.flatMap(linesOf).toSorted()).toEqual(served(text).toSorted());
  for (const { name, description, kind, cumulative, monotonic } of all) {
    expect(text).toContain(`# HELP ${name} ${description.replaceAll('\n', '\\n')}`);
    expect(text).toContain(`# TYPE ${name} ${kind === 'sum' ? 'counter' : kind}\n`);
    expect([name, cumulative, monotonic]).toEqual([name, kind !== 'gauge', kind === 'sum']);
  }
  expect(all.map(({ name }) => name)).toContain('process_cpu_seconds_total');
  expect(own.find(({ name }) => name === 'ravenhelm_append_seconds')?.unit).toBe('s');
});

test('the process that sends names itself; the environment goes before', async () => {
  process.env['OTEL_RESOURCE_ATTRIBUTES'] = 'deployment.environment.name=staging,service.name=mine';
  start(60_000);
  await sent.close();
  expect(server.received[0]?.[0]?.resource).toEqual({
    ...{ 'service.name': 'mine', 'service.version': '1.2.3', 'service.instance.id': 'host-1' },
    'deployment.environment.name': 'staging',
  });
});

test('it is sent after each interval; counters count on since one beginning', async () => {
  const restarts = () => {
    const point = lastMetrics().find(({ name }) => name === 'ravenhelm_role_restarts_total')?.points[0];
    return { value: point?.value, since: point?.since };
  };
  prometheus.metrics.roleRestarted('worker');
  start(50);
  await until('the first', () => server.received.length > 0);
  const first = restarts();
  prometheus.metrics.roleRestarted('worker');
  const count = server.received.length;
  await until('a later one', () => server.received.length > count + 1);
  expect([first.value, restarts().value]).toEqual([1, 2]);
  expect(restarts().since).toBe(first.since);
});

test('the last values are sent when it closes', async () => {
  start(3_600_000);
  prometheus.metrics.roleRestarted('orchestrator');
  await sent.close();
  expect(server.received).toHaveLength(1);
  expect(lastMetrics().flatMap(linesOf)).toContain('ravenhelm_role_restarts_total{role="orchestrator"} 1');
});

test('an outage is one warning, however many exports fail; so is another one, and its end is said', async () => {
  server.answer(400);
  start(30);
  await until('several were refused', () => server.asked() > 4);
  expect(logged).toEqual(['otlp.metrics_not_sent']);
  server.answer(200);
  await until('it is over', () => logged.length === 2);
  server.answer(400);
  await until('another one', () => logged.length === 3);
  expect(logged).toEqual(['otlp.metrics_not_sent', 'otlp.metrics_sent_again', 'otlp.metrics_not_sent']);
});

test('a server that is not there keeps nothing from ending, and is one warning', async () => {
  const { url } = server;
  await server.close();
  server = await createOtlpServer();
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = url;
  process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '100';
  try {
    start(50);
    await until('the warning', () => logged.length > 0);
    prometheus.metrics.roleRestarted('worker');
    const before = performance.now();
    await sent.close();
    expect(performance.now() - before).toBeLessThan(1_400);
    expect(logged).toEqual(['otlp.metrics_not_sent']);
  } finally {
    delete process.env['OTEL_EXPORTER_OTLP_TIMEOUT'];
  }
});
