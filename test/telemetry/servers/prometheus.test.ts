import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '../../contract/until.js';
import { describeWithPrometheus, promtool, startPrometheus } from '../support/prometheus-server.js';

/** A target that counts its scrapes. */
async function serveMetrics(): Promise<{ server: Server; address: string }> {
  let scrapes = 0;
  const server = createServer((_, response) => {
    scrapes += 1;
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(`# TYPE scrapes_total counter\nscrapes_total{of="tests"} ${scrapes}\n`);
  }).listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const configFor = (target: string, more = '') =>
  `global: { scrape_interval: 100ms, scrape_timeout: 100ms, evaluation_interval: 100ms }\n${more}
scrape_configs: [{ job_name: swarm, static_configs: [{ targets: ['${target}'] }] }]\n`;

describeWithPrometheus('a real Prometheus', () => {
  test('it scrapes a server, evaluates rules, and sees the server go', async () => {
    const { server, address } = await serveMetrics();
    const rules = 'groups: [{ name: g, rules: [{ record: doubled, expr: scrapes_total * 2 }] }]';
    const prometheus = await startPrometheus(configFor(address, 'rule_files: [rules.yml]'), { 'rules.yml': rules });
    const valueOf = async (promql: string) => (await prometheus.query(promql))[0]?.value;
    try {
      await until('it is up', async () => (await valueOf('up')) === 1);
      expect(await prometheus.query('up')).toEqual([
        { labels: { __name__: 'up', instance: address, job: 'swarm' }, value: 1 },
      ]);
      expect((await prometheus.query('scrapes_total'))[0]?.labels).toMatchObject({ of: 'tests' });
      await until('the rule is evaluated', async () => Number(await valueOf('doubled')) >= 2);
      expect(await prometheus.query('scalar(vector(4))')).toEqual([{ labels: {}, value: 4 }]);
      await expect(prometheus.query('up{')).rejects.toThrow('parse error');
      server.closeAllConnections();
      await once(server.close(), 'close');
      await until('it is down', async () => (await valueOf('up')) === 0);
    } finally {
      await prometheus.stop();
      server.closeAllConnections();
      server.close();
    }
    await expect(fetch(prometheus.url)).rejects.toThrow('fetch failed');
  });

  test('a wrong configuration fails with what Prometheus says about it', async () => {
    await expect(startPrometheus('nonsense: true')).rejects.toThrow('field nonsense not found');
  });

  test('promtool says what is wrong with a rule', async () => {
    expect(await promtool('--version')).toMatchObject({ exitCode: 0, output: expect.stringContaining('promtool') });
    expect((await promtool('check', 'rules', '/dev/null')).exitCode).toBe(0);
    expect((await promtool('check', 'rules', 'package.json')).exitCode).not.toBe(0);
  });
});
