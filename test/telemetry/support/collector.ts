/** A real OpenTelemetry collector (test/telemetry/collector), and what it has received. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { metricsOf, spansOf, type Metric, type Span } from '../../support/otlp/data.js';
import { answersOk, describeWith, findTestProgram, pathOf, startServer, type RunningServer } from './test-program.js';

const program = await findTestProgram('collector');

/** describe() for tests with the collector. */
export const describeWithCollector = describeWith(program);

export interface Collector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT: senders append /v1/traces or /v1/metrics. */
  readonly endpoint: string;
  /** All spans so far, in the order in which they came. A span whose sender was answered is among them. */
  spans(): Promise<readonly Span[]>;
  metrics(): Promise<readonly Metric[]>;
  stop(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const directory = await mkdtemp(join(tmpdir(), 'ravenhelm-collector-'));
  const file = join(directory, 'received.jsonl');
  const config = join(directory, 'config.json'); // JSON is YAML
  const server = await startServer(async (port) => {
    await writeFile(config, JSON.stringify(configuration(port, file)));
    return [pathOf(program), '--config', config];
  }, acceptsTraces);
  return {
    endpoint: server.url,
    spans: async () => (await requestsIn(file)).flatMap(spansOf),
    metrics: async () => (await requestsIn(file)).flatMap(metricsOf),
    async stop() {
      await server.stop();
      await rm(directory, { recursive: true });
    },
  };
}

/** The collector as deploy/collector configures it, which sends on to another one. */
export const startDeployedCollector = (to: Pick<Collector, 'endpoint'>): Promise<RunningServer> =>
  startServer(async (port) => {
    const settings = [`OTLP_HTTP_ADDRESS=127.0.0.1:${port}`, `TEMPO_OTLP_ENDPOINT=${to.endpoint}`];
    return ['env', ...settings, pathOf(program), '--config', 'deploy/collector/collector.yaml'];
  }, acceptsTraces);

/** The pipelines have started when the receiver takes a request: one without spans, which is zero bytes of protobuf. */
const acceptsTraces = (url: string): Promise<boolean> =>
  answersOk(`${url}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body: '' });

function configuration(port: number, path: string) {
  const pipeline = { receivers: ['otlp'], exporters: ['lines'] };
  return {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { lines: { path } },
    service: { pipelines: { traces: pipeline, metrics: pipeline } },
  };
}

/** The collector appends whole lines; the last one may be only partly there when it is read meanwhile. */
async function requestsIn(file: string): Promise<readonly unknown[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1);
  return lines.map((line): unknown => JSON.parse(line));
}
