/**
 * The commands of docs/telemetry.md, as an operator would run them one after another: from a shell, in the project's
 * directory. Only addresses and directories are others, because those of the page may be taken.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { traceIdOf } from '../../../src/avro/trace-ids.js';
import { until } from '../../contract/until.js';
import { testBroker } from '../../support/broker.js';
import { startCollector, type Collector } from '../support/collector.js';
import { startLangfuse, type LangfuseReceiver } from '../support/langfuse-receiver.js';
import { describeWithPrometheus, prometheusDirectory } from '../support/prometheus-server.js';
import { answersOk, freePort } from '../support/test-program.js';

const page = readFileSync('docs/telemetry.md', 'utf8');
const commands = [...page.matchAll(/^```sh\n([^]*?)^```/gm)].flatMap(([, block = '']) => block.trim().split('\n'));
/** They need Docker's images. */
const NOT_HERE = ['export RAVENHELM_HTTP=0.0.0.0:9464 ', 'docker compose '];
const KEYS = { publicKey: 'pk-lf-tests', secretKey: 'sk-lf-tests' };

describeWithPrometheus('the commands of docs/telemetry.md', () => {
  let dir: string;
  let collector: Collector;
  let langfuse: LangfuseReceiver;
  let others: ReadonlyMap<string, string>;
  const env: Record<string, string> = {};
  const serving = new Set<ChildProcess>();
  const unused = new Set(commands);

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'ravenhelm-docs-'));
    collector = await startCollector();
    langfuse = await startLangfuse(KEYS);
    const [metrics, prometheus] = [await freePort(), await freePort()];
    others = new Map([
      ['http://localhost:4318', collector.endpoint],
      ['https://cloud.langfuse.com', langfuse.url],
      ['pk-lf-…', KEYS.publicKey],
      ['sk-lf-…', KEYS.secretKey],
      ['127.0.0.1:9464', `127.0.0.1:${metrics}`],
      ['127.0.0.1:9090', `127.0.0.1:${prometheus}`],
      ['deploy/prometheus/prometheus.yml', join(dir, 'prometheus.yml')],
      ['/tmp/ravenhelm-prometheus', `${join(dir, 'data')} --web.listen-address=127.0.0.1:${prometheus}`],
    ]);
    const config = await readFile('deploy/prometheus/prometheus.yml', 'utf8');
    // Asked more often, so that this takes seconds and not minutes.
    await writeFile(join(dir, 'prometheus.yml'), elsewhere(config).replaceAll(': 15s', ': 1s'));
    await writeFile(join(dir, 'ravenhelm.rules.yml'), await readFile('deploy/prometheus/ravenhelm.rules.yml'));
    const { brokers, registryUrl } = testBroker();
    Object.assign(env, {
      PATH: [dirname(process.execPath), prometheusDirectory(), process.env['PATH']].join(delimiter),
      HOME: dir,
      NPM_CONFIG_UPDATE_NOTIFIER: 'false',
      WORKSPACE_ROOT: join(dir, 'workspaces'),
      WORKER_MODELS: 'playbook',
      KAFKA_BROKERS: brokers.join(),
      SCHEMA_REGISTRY_URL: registryUrl,
      RAVENHELM_PREFIX: `docs.${process.pid}.${Date.now()}`,
      OTEL_METRICS_EXPORTER: 'none',
      LOG_LEVEL: 'info',
      LOG_FORMAT: 'json',
    });
  }, 60_000);

  afterAll(async () => {
    for (const child of serving) await stop(child);
    await collector.stop();
    await langfuse.stop();
    await rm(dir, { recursive: true });
  }, 60_000);

  const elsewhere = (command: string) =>
    [...others].reduce((changed, [named, there]) => changed.replaceAll(named, there), command);

  /** The one command of the page that begins so; what is added to it comes from the page's text. */
  function commandOf(beginning: string, added: string): string {
    const [found, ...more] = commands.filter((command) => command.startsWith(beginning));
    if (found === undefined || more.length > 0) throw new Error(`one command begins with ${beginning}, not ${more}`);
    unused.delete(found);
    return elsewhere(`${added}${found}`);
  }

  function begin(beginning: string, added: string) {
    const child = spawn('sh', ['-c', commandOf(beginning, added)], {
      ...{ cwd: process.cwd(), env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
    });
    const closed = once(child, 'close');
    return { child, closed, output: Promise.all([text(child.stdout), text(child.stderr)]) };
  }

  async function run(beginning: string, added = '') {
    const { child, closed, output } = begin(beginning, added);
    const [stdout, stderr] = await output;
    await closed;
    return { code: child.exitCode, stdout, stderr };
  }

  function serve(beginning: string, added = ''): ChildProcess {
    const { child } = begin(beginning, added);
    serving.add(child);
    return child;
  }

  /** With what the shell has started, of which it is the group. */
  async function stop(child: ChildProcess): Promise<void> {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    process.kill(-child.pid, 'SIGTERM');
    await closed;
  }

  const named = (name: string) => collector.spans().then((spans) => spans.filter((span) => span.name.startsWith(name)));

  test('the first span, on the terminal and at a collector', async () => {
    const shown = await run('OTEL_TRACES_EXPORTER=console ');
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining("name: 'invoke_workflow hello'")]);
    expect(await run('OTEL_EXPORTER_OTLP_ENDPOINT=')).toMatchObject({ code: 0 });
    expect(await named('invoke_workflow hello')).toHaveLength(1);
  }, 90_000);

  test('LangFuse', async () => {
    expect(await run('LANGFUSE_PUBLIC_KEY=')).toMatchObject({ code: 0 });
    expect(langfuse.faults).toEqual([]);
    expect(langfuse.scores.length).toBeGreaterThan(0);
  }, 90_000);

  test('from metrics to the first alert, and to its end; a caller’s trace', async () => {
    const sent = `OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 `; // as the page says: for every process
    serve('RAVENHELM_HTTP=127.0.0.1:9464 ', sent);
    await until('the orchestrator is ready', () => answersOk(elsewhere('http://127.0.0.1:9464/readyz')));
    const metrics = await run('curl -s http://127.0.0.1:9464/metrics');
    expect(metrics.stdout).toContain('ravenhelm_build_info');
    serve('prometheus ');
    await until('Prometheus is ready', () => answersOk(elsewhere('http://127.0.0.1:9090/-/ready')));
    const submitted = await run('npx ravenhelm submit ');
    expect(submitted).toMatchObject({ code: 0 });
    const alerts = async () => (await run('curl -s http://127.0.0.1:9090/api/v1/alerts')).stdout;
    await until('the alert is there', async () => (await alerts()).includes('RavenhelmNoWorkerForAgent'));
    expect(await alerts()).toContain('start one: ravenhelm --role worker');

    serve('npx ravenhelm --role worker', sent);
    await until('the alert has ended', async () => !(await alerts()).includes('RavenhelmNoWorkerForAgent'));
    const caller = '0af7651916cd43dd8448eb211c80319c';
    expect(await run('TRACEPARENT=')).toMatchObject({ code: 0 });
    await until('both missions were traced', async () => (await named('invoke_workflow hello')).length === 3);
    const [, own, continued] = await named('invoke_workflow hello');
    const { traceId, attributes } = own ?? {};
    const missionId = attributes?.['ravenhelm.mission'];
    expect(traceId).toBe(traceIdOf(typeof missionId === 'string' ? missionId : ''));
    expect(continued?.traceId).toBe(caller);
  }, 180_000);

  test('each command of the page was run, or needs images that are not here', () => {
    const rest = [...unused].filter((command) => !NOT_HERE.some((beginning) => command.startsWith(beginning)));
    expect(rest).toEqual([]);
    expect(unused.size).toBe(NOT_HERE.length);
  });
});
