import { randomUUID } from 'node:crypto';
import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Kafka, logLevel } from 'ravenhelm-kafkajs';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe, startInPipe, startOnTerminal } from './support/ravenhelm.js';

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

  test('on a terminal its log is text: what it holds, one line a topic, and which missions come and end', async () => {
    const own = prefix();
    const swarm = startOnTerminal(clone, ['serve', '--http', '0'], { env: { ...own, NO_COLOR: '1' }, columns: 200 });
    await swarm.shows('The swarm serves');
    const other = await runInPipe(clone, ['run', 'missions/quick.yaml'], own);
    expect([other.code, other.stdout]).toEqual([
      0,
      expect.stringMatching(
        /^Other workers of this swarm, which may run tasks, too:\n {2}worker-\S+: workers playbook \(no Ollama .*\)$/m,
      ),
    ]);
    const failed = await runInPipe(clone, ['submit', 'missions/wrong.yaml', '--wait'], own);
    expect(failed.code).toBe(1);
    await swarm.shows('mission.failed');
    swarm.interrupt();
    expect(await swarm.exit).toBe(0);
    const lines = swarm.output().split(/\r?\n/);
    const of = (event: string) => lines.filter((line) => line.includes(event));
    for (const topic of ['tasks.first_agent', 'tasks.second_agent', 'coordination']) {
      const held = of('partitions.held').filter((line) => line.includes(`topic=${own.RAVENHELM_PREFIX}.${topic} `));
      // One at the start; more where the process that ran a mission took partitions, and gave them back.
      expect(held[0]).toMatch(/^\d\d:\d\d:\d\d INFO {2}\w+: partitions\.held topic=\S+ partitions=\S+ held=\d+$/);
      expect(held.length).toBeLessThanOrEqual(4);
    }
    expect(of('partitions.released').length).toBeGreaterThanOrEqual(3);
    expect(of('partitions.lost')).toEqual([]);
    expect(of('mission.requested')).toContainEqual(expect.stringContaining('name=wrong-mission requested_by='));
    expect(of('mission.failed')[0]).toMatch(
      /WARN {2}orchestrator: mission\.failed mission_id=\S+ name=wrong-mission reason="/,
    );
    expect(lines.filter((line) => line.startsWith('{'))).toEqual([]);
  }, 180_000);

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

  describe('with other agents than those who submit', () => {
    let own: Readonly<Record<string, string>>;
    let submitters: Readonly<Record<string, string>>;
    let swarm: ReturnType<typeof startInPipe>;
    const serving = () => join(clone.dir, 'serving');

    beforeEach(async () => {
      await cp(join(clone.dir, 'agents'), serving(), { recursive: true });
      await cp(join(clone.dir, 'agents'), join(clone.dir, 'submitters'), { recursive: true });
      for (const name of ['third_agent', 'fourth_agent'])
        await writeFile(join(clone.dir, 'submitters', `${name}.md`), await agentText(name));
      const shared = prefix();
      own = { ...shared, RAVENHELM_AGENTS_DIR: serving() };
      submitters = { ...shared, RAVENHELM_AGENTS_DIR: join(clone.dir, 'submitters') };
      swarm = startInPipe(clone, ['serve', '--http', '0'], own);
      await swarm.shows('The swarm serves');
    }, 120_000);
    afterEach(async () => {
      swarm.child.kill('SIGTERM');
      expect((await swarm.ended()).code).toBe(0);
      for (const dir of [serving(), join(clone.dir, 'submitters')]) await rm(dir, { recursive: true });
    }, 60_000);

    async function agentText(name: string): Promise<string> {
      return (await readFile(join(clone.dir, 'agents/first_agent.md'), 'utf8')).replaceAll('first_agent', name);
    }

    /** A mission file for the agent instead of first_agent. */
    async function missionFor(name: string, head = ''): Promise<string> {
      const text = await readFile(join(clone.dir, 'missions/quick.yaml'), 'utf8');
      const file = join(clone.dir, 'missions', `${name}.yaml`);
      await writeFile(file, head + text.replaceAll('first_agent', name));
      return file;
    }

    const warnings = async (): Promise<readonly string[]> => {
      const live = await runInPipe(clone, ['status', '--live', '--json'], own);
      return JSON.parse(live.stdout).flatMap(({ warnings: said }: { warnings: readonly string[] }) => said);
    };

    test('a mission waits for an agent that comes later, says for which, and completes', async () => {
      const submitted = await runInPipe(clone, ['submit', await missionFor('third_agent'), '--json'], submitters);
      const id: string = JSON.parse(submitted.stdout).mission_id;
      const watching = startInPipe(clone, ['watch', id], own);
      await watching.shows('the orchestrator has no agent third_agent since');
      const cure = 'put third_agent.md where the orchestrator and a worker read their agents';
      expect((await runInPipe(clone, ['status', id], own)).stdout).toContain(cure);
      const listed = await runInPipe(clone, ['status'], own);
      expect(listed.stdout).toContain('the orchestrator has no agent third_agent since');
      const report = JSON.parse((await runInPipe(clone, ['status', id, '--json'], own)).stdout);
      expect(report).toMatchObject({
        status: 'running',
        unserved_agents: [{ agent: 'third_agent', unknown: true }],
      });
      expect(report.tasks[0]).toMatchObject({ unknown_agent: true, detail: expect.stringContaining(cure) });

      // As an editor saves: half of it, then the whole under another name, which replaces it.
      const text = await agentText('third_agent');
      await writeFile(join(serving(), 'third_agent.md'), text.slice(0, 60));
      await writeFile(join(serving(), '.third_agent.md.tmp'), text);
      await rename(join(serving(), '.third_agent.md.tmp'), join(serving(), 'third_agent.md'));
      expect((await watching.ended()).code).toBe(0);
      const ended = JSON.parse((await runInPipe(clone, ['status', id, '--json'], own)).stdout);
      expect(ended).toMatchObject({ status: 'completed', unserved_agents: [] });
      const { stderr } = await stopped();
      expect(stderr).not.toContain('agents.invalid');
    }, 120_000);

    test('without it the mission fails with its minutes, with a code and what to do', async () => {
      const file = await missionFor('third_agent', 'budget: { minutes: 0.05 }\n');
      const { code, stdout } = await runInPipe(clone, ['submit', file, '--wait', '--json'], submitters);
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({
        status: 'failed',
        code: 'unknown_agents',
        reason: expect.stringContaining('(third_agent); put third_agent.md where the orchestrator and a worker read'),
      });
    }, 120_000);

    test("a new agent whose topic's name is too near to another is named with its file, once", async () => {
      const names = createTopicNames(own['RAVENHELM_PREFIX'] ?? '');
      const taken = names.tasks('fourth_agent').replace(/_agent$/, '.agent');
      const admin = new Kafka({ brokers: [...testBroker().brokers], logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: taken, numPartitions: 1 }] });
      await writeFile(join(serving(), 'fourth_agent.md'), await agentText('fourth_agent'));
      await swarm.shows('agent.without_topic');
      const why = expect.stringMatching(
        /fourth_agent\.md:2:\d+: its topic \S+ cannot be created: the name differs from \S+ in dots and underscores/,
      );
      expect(await warnings()).toEqual([why, why]);
      const [, url = ''] = /health: (\S+)\/livez/.exec(swarm.stdout()) ?? [];
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      await writeFile(join(serving(), 'third_agent.md'), await agentText('third_agent'));
      const third = await missionFor('third_agent');
      const ran = await runInPipe(clone, ['submit', third, '--wait', '--json'], submitters);
      expect(JSON.parse(ran.stdout)).toMatchObject({ status: 'completed' });

      await admin.deleteTopics({ topics: [taken] });
      await admin.disconnect();
      const fourth = await missionFor('fourth_agent');
      const later = await runInPipe(clone, ['submit', fourth, '--wait', '--json'], submitters);
      expect(JSON.parse(later.stdout)).toMatchObject({ status: 'completed' });
      expect(await warnings()).toEqual([]);
      expect((await stopped()).stderr.split('agent.without_topic')).toHaveLength(2);
    }, 180_000);

    function stopped(): Promise<{ readonly stderr: string }> {
      swarm.child.kill('SIGTERM');
      return swarm.ended();
    }
  });
});
