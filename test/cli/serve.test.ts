import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe, startInPipe } from './support/ravenhelm.js';

/** The whole swarm in one process without a mission, as a process on the real broker. */
describeWithBroker('ravenhelm serve', () => {
  let clone: TestClone;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    clone = await createTestClone();
    const { brokers, registryUrl } = testBroker();
    env = { KAFKA_BROKERS: brokers.join(','), SCHEMA_REGISTRY_URL: registryUrl, KAFKA_SESSION_TIMEOUT_MS: '6000' };
  });
  afterAll(() => clone.remove());

  const prefix = () => ({ ...env, RAVENHELM_PREFIX: `serve.${randomUUID().slice(0, 8)}` });

  test('carries out what others submit, says how it is, and ends with 0', async () => {
    const own = prefix();
    const swarm = startInPipe(clone, ['serve', '--http', '0'], own);
    await swarm.shows('The swarm serves');
    const [, url = ''] = /health: (\S+)\/livez/.exec(swarm.stdout()) ?? [];
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    const { code, stdout } = await runInPipe(clone, ['submit', 'missions/quick.yaml', '--wait', '--json'], own);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'quick-mission', status: 'completed' });
    expect(code).toBe(0);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    for (const topic of ['coordination', 'tasks.first_agent', 'tasks.second_agent'])
      expect(metrics).toMatch(new RegExp(`held_partitions\\{topic="${own.RAVENHELM_PREFIX}\\.${topic}"\\} [1-9]`));
    swarm.child.kill('SIGTERM');
    const ended = await swarm.ended();
    expect(ended.code).toBe(0);
    expect(ended.stdout).not.toContain('mission: '); // it has run none itself
  }, 120_000);

  test.each([[['--role', 'orchestrator,worker']], [['--role', 'worker', '--role', 'orchestrator']]])(
    '%j is the whole swarm, too',
    async (roles) => {
      const own = prefix();
      const swarm = startInPipe(clone, roles, own);
      await swarm.shows('The swarm serves');
      expect((await runInPipe(clone, ['submit', 'missions/quick.yaml', '--wait'], own)).code).toBe(0);
      swarm.child.kill('SIGTERM');
      const { code, stderr } = await swarm.ended();
      expect(code).toBe(0);
      const serving = stderr.split('\n').flatMap((line) => (line.includes('"role.serving"') ? [JSON.parse(line)] : []));
      expect(serving).toEqual([
        expect.objectContaining({ role: roles.length === 2 ? 'orchestrator' : 'worker' }),
        expect.objectContaining({ role: roles.length === 2 ? 'worker' : 'orchestrator' }),
      ]);
    },
    120_000,
  );

  test('a new agent works without a restart, and an invalid file leaves the old one in force and says so', async () => {
    const own = prefix();
    const swarm = startInPipe(clone, ['serve', '--http', '0'], own);
    await swarm.shows('The swarm serves');
    const [, url = ''] = /health: (\S+)\/livez/.exec(swarm.stdout()) ?? [];
    const third = join(clone.dir, 'agents/third_agent.md');
    const first = await readFile(join(clone.dir, 'agents/first_agent.md'), 'utf8');
    const text = first.replaceAll('first_agent', 'third_agent');
    const mission = (await readFile(join(clone.dir, 'missions/quick.yaml'), 'utf8')).replaceAll(
      'first_agent',
      'third_agent',
    );
    await writeFile(join(clone.dir, 'missions/third.yaml'), mission);
    try {
      await writeFile(third, text);
      // At once: the mission is there before the agent is.
      const ran = await runInPipe(clone, ['submit', 'missions/third.yaml', '--wait', '--json'], own);
      expect(JSON.parse(ran.stdout)).toMatchObject({ status: 'completed' });

      await writeFile(third, text.replace('timeout_seconds: 60', 'timeout_seconds: soon'));
      await swarm.shows('agents.invalid');
      const live = await runInPipe(clone, ['status', '--live', '--json'], own);
      const warning = expect.stringMatching(/third_agent\.md:\d+:\d+: .*what was in force stays/);
      expect(JSON.parse(live.stdout)).toEqual([
        expect.objectContaining({ role: 'orchestrator', warnings: [warning] }),
        expect.objectContaining({ role: 'worker', warnings: [warning] }),
      ]);
      expect((await fetch(`${url}/readyz`)).status).toBe(200);

      await rm(third);
      await swarm.shows('agent.not_served');
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
    } finally {
      swarm.child.kill('SIGTERM');
      await rm(third, { force: true });
    }
    expect((await swarm.ended()).code).toBe(0);
  }, 300_000);
});
