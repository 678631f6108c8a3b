import { randomUUID } from 'node:crypto';
import { Kafka, logLevel, type Admin } from 'ravenhelm-kafkajs';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { until } from '../contract/until.js';
import { runInPipe, startInPipe } from './support/ravenhelm.js';

/** A swarm that is removed from the real broker, beside others with names like its own. */
describeWithBroker('ravenhelm purge', () => {
  let clone: TestClone;
  let env: Readonly<Record<string, string>>;
  let admin: Admin;
  const prefix = `purge.${randomUUID().slice(0, 8)}`;
  const others = [`${prefix}x.coordination`, `${prefix}.tasks.coordination`, `${prefix}.tasks.dead-letters`];

  beforeAll(async () => {
    clone = await createTestClone();
    const { brokers, registryUrl } = testBroker();
    env = { KAFKA_BROKERS: brokers.join(','), SCHEMA_REGISTRY_URL: registryUrl, KAFKA_SESSION_TIMEOUT_MS: '6000' };
    admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createTopics({ topics: others.map((topic) => ({ topic, numPartitions: 1 })) });
  }, 60_000);
  afterAll(async () => {
    await admin.deleteTopics({ topics: others });
    await admin.disconnect();
    await clone.remove();
  });

  const purge = (...args: readonly string[]) => runInPipe(clone, ['purge', ...args], env);
  const remaining = async () => {
    const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId);
    return [...(await admin.listTopics()), ...groups].filter((name) => name.startsWith(prefix)).sort();
  };

  test('removes exactly its topics and groups, once no process is in them and --yes was said', async () => {
    const swarm = startInPipe(clone, ['serve', '--prefix', prefix], env);
    await swarm.shows('The swarm serves');
    const own = [...(await remaining())];
    const used = await purge('--prefix', prefix, '--yes');
    expect([used.code, used.stderr]).toEqual([
      2,
      expect.stringMatching(
        /nothing was removed, because processes are in the swarm's groups: ravenhelm-\S+ at \S+ in /,
      ),
    ]);
    expect(used.stderr).toContain(`in ${prefix}.orchestrator`);
    expect(used.stderr).toContain(`in ${prefix}.worker-first_agent`);
    expect(await remaining()).toEqual(own);
    swarm.child.kill('SIGTERM');
    expect((await swarm.ended()).code).toBe(0);

    const unnamed = await runInPipe(clone, ['purge', '--yes'], { ...env, RAVENHELM_PREFIX: prefix });
    expect([unnamed.code, unnamed.stderr]).toEqual([2, expect.stringContaining('Add --prefix')]);
    const unasked = await purge('--prefix', prefix);
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('Add --yes')]);
    expect(unasked.stdout).toContain(`topic ${prefix}.tasks.first_agent`);
    expect(unasked.stdout).toContain(`${prefix}.tasks.coordination stays: it is a topic of another swarm`);
    expect(await remaining()).toContain(`${prefix}.coordination`);

    const done = await purge('--prefix', prefix, '--yes', '--json');
    expect(done.code).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({
      prefix,
      topics: ['tasks.first_agent', 'tasks.second_agent', 'coordination', 'status', 'dead-letters'].map(
        (name) => `${prefix}.${name}`,
      ),
      groups: expect.arrayContaining([`${prefix}.orchestrator`, `${prefix}.worker-first_agent`]),
      left: [`${prefix}.tasks.coordination`],
    });
    // A broker answers before its own list of topics is new.
    await until('the topics are gone', async () => (await remaining()).length <= others.length);
    expect(await remaining()).toEqual([...others].sort());
    const again = await purge('--prefix', prefix, '--yes');
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining(`nothing of the swarm ${prefix} is at `)]);
  }, 180_000);
});
