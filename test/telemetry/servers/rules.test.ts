/**
 * What deploy/prometheus and deploy/grafana ask: by promtool, and of a real Prometheus that scrapes a running swarm.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { testBroker } from '../../support/broker.js';
import { startFakeOllama, type FakeOllama } from '../../support/fake-ollama.js';
import { is } from '../../support/is-event.js';
import { LEDGER_AGENTS, LEDGER_MISSION, ledgerAgent } from '../../support/ledger-mission.js';
import { createSwarmProcesses, type SwarmProcesses } from '../../support/swarm-processes.js';
import { until } from '../../contract/until.js';
import { describeWithPrometheus, promtool, startPrometheus } from '../support/prometheus-server.js';

const DEPLOY = 'deploy/prometheus';
const TOKEN = 'the-token-of-this-test'.padEnd(32, '-');
const FINISH = JSON.stringify({ thought: 'done', action: { finish: { summary: 'nothing to do', outputs: [] } } });

const dashboard = z.object({
  panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string().optional() })).optional() })),
});

/** Of all panels that ask Prometheus. */
async function queriesOfDashboards(): Promise<readonly string[]> {
  const files = await readdir('deploy/grafana/dashboards');
  const texts = await Promise.all(files.map((name) => readFile(`deploy/grafana/dashboards/${name}`, 'utf8')));
  return texts
    .flatMap((text) => dashboard.parse(JSON.parse(text)).panels)
    .flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => expr ?? []));
}

describeWithPrometheus('the rules of deploy/prometheus', () => {
  test.each([
    ['check', 'rules', `${DEPLOY}/ravenhelm.rules.yml`],
    ['check', 'config', `${DEPLOY}/prometheus.yml`],
    // The token's file is there in its container only.
    ['check', 'config', '--syntax-only', `${DEPLOY}/prometheus.compose.yml`],
    // What each alert is for, and that it does not fire too early, is in that file.
    ['test', 'rules', `${DEPLOY}/ravenhelm.rules.test.yml`],
  ])('promtool %s %s %s', async (...args) => {
    const { exitCode, output } = await promtool(...args);
    expect([exitCode, output]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });

  test('every alert has a test, a severity, and says what to do', async () => {
    const [rules, tests] = await Promise.all(
      ['ravenhelm.rules.yml', 'ravenhelm.rules.test.yml'].map((name) => readFile(`${DEPLOY}/${name}`, 'utf8')),
    );
    const alerts = [...(rules ?? '').matchAll(/- alert: (\w+)/g)].map(([, name]) => name ?? '');
    expect(alerts.length).toBeGreaterThan(6);
    for (const alert of alerts) expect(tests).toContain(`- alertname: ${alert}\n`);
    for (const word of ['severity:', 'summary:', 'action:'])
      expect((rules ?? '').split(word)).toHaveLength(alerts.length + 1);
  });
});

describeWithPrometheus('a Prometheus beside a running swarm', () => {
  let swarm: SwarmProcesses;
  let ollama: FakeOllama;
  beforeAll(async () => {
    ollama = await startFakeOllama({ reply: () => FINISH, models: ['llama3.1'] });
    swarm = await createSwarmProcesses({
      agents: { first_agent: ledgerAgent('first_agent', 0), second_agent: ledgerAgent('second_agent', 0) },
      mission: LEDGER_MISSION,
      broker: testBroker(),
      env: {
        RAVENHELM_HTTP: '127.0.0.1:0',
        RAVENHELM_HTTP_TOKEN: TOKEN,
        WORKER_MODELS: 'ollama:llama3.1,playbook',
        OLLAMA_HOST: ollama.url,
      },
    });
    expect(await swarm.run('init')).toMatchObject({ code: 0 });
    await swarm.watch(LEDGER_AGENTS);
  }, 60_000);
  afterAll(async () => {
    await swarm.close();
    await ollama.close();
  });

  /** Starts a role; resolves with host:port of its /metrics. */
  async function start(role: string): Promise<string> {
    const { child } = swarm.startOf(process.cwd(), '--role', role);
    if (child.stdout === null) throw new TypeError('its output is a pipe');
    for await (const line of createInterface({ input: child.stdout })) {
      const [, address] = /^health: http:\/\/([^/]+)\//.exec(line) ?? [];
      if (address === undefined) continue;
      child.stdout.resume();
      return address;
    }
    throw new Error('it did not say where it serves its metrics');
  }

  test('scrapes both roles, evaluates the rules, and sees the alert for a missing worker', async () => {
    const orchestrator = await start('orchestrator');
    const rules = await readFile(`${DEPLOY}/ravenhelm.rules.yml`, 'utf8');
    const config = (targets: readonly string[]) => `
global: { scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms }
rule_files: [ravenhelm.rules.yml]
scrape_configs:
  - job_name: ravenhelm
    authorization: { credentials_file: token }
    static_configs: [{ targets: [${targets.map((each) => `'${each}'`).join()}] }]
`;
    const files = { 'ravenhelm.rules.yml': rules, token: TOKEN };
    const first = await startPrometheus(config([orchestrator]), files);
    const waited = swarm.run('submit', 'mission.yaml', '--wait', '--json');
    try {
      await until(
        'the alert is pending',
        async () => (await first.query('ALERTS{alertname="RavenhelmNoWorkerForAgent"}')).length > 0,
      );
    } finally {
      await first.stop();
    }
    const worker = await start('worker');
    expect((await waited).code).toBe(0);
    expect(swarm.events.some(is('mission_completed'))).toBe(true);

    const prometheus = await startPrometheus(config([orchestrator, worker]), files);
    try {
      await until('both are scraped', async () => (await prometheus.query('sum(up) == 2')).length > 0);
      const ofModel = LEDGER_MISSION.replaceAll(', playbook: ledger', '').replace(/^success:[^]*/m, '');
      await writeFile(join(swarm.dir, 'model.yaml'), ofModel);
      expect(await swarm.run('submit', 'mission.yaml', '--wait')).toMatchObject({ code: 0 });
      const talked = await swarm.run('submit', 'model.yaml', '--wait');
      expect(talked.stdout).toContain('ledger completed');
      for (const [query, least] of [
        ['count(ravenhelm_build_info)', 2],
        ['sum(ravenhelm_tasks_executed_total{status="completed"})', 3],
        ['sum(ravenhelm_steps_total{outcome="ok"})', 6],
        ['sum(ravenhelm_checks_total{result="passed"})', 2],
        ['sum(ravenhelm_mission_seconds_count{status="completed"})', 1],
        ['sum(ravenhelm_missions_requested_total)', 1],
        ['count(ravenhelm_read_back_seconds_bucket)', 1],
        ['count(ravenhelm_task_queue_seconds_bucket)', 1],
        ['count(ravenhelm_budget_used_highest_ratio)', 1],
        ['sum(ravenhelm_held_partitions)', 2],
      ] as const) {
        const [sample] = await prometheus.query(query);
        expect([query, (sample?.value ?? 0) >= least]).toEqual([query, true]);
      }
      await until(
        'the recording rules are evaluated',
        async () => (await prometheus.query('ravenhelm:missions:sum{state="working"} == 0')).length > 0,
      );
      expect(await prometheus.query('ALERTS{alertstate="firing"}')).toEqual([]);
      await until(
        'what the other missions came to is scraped',
        async () => (await prometheus.query('sum(ravenhelm_mission_seconds_count) >= 3')).length > 0,
      );
      const queries = await queriesOfDashboards();
      expect(queries.length).toBeGreaterThan(20);
      const without: string[] = [];
      for (const query of queries)
        if (!(await prometheus.query(query)).some(({ value }) => Number.isFinite(value))) without.push(query);
      expect(without).toEqual([]);
    } finally {
      await prometheus.stop();
    }
  }, 120_000);
});
