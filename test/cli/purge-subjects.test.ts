import { resolve } from 'node:path';
import { Kafka, logLevel, type Admin } from 'ravenhelm-kafkajs';
import { chooseJava } from '../../src/local/choose-stack.js';
import { createLocalStack } from '../../src/local/local-stack.js';
import { developmentPlace } from '../../src/local/stack-place.js';
import { temporaryPlace, world } from '../local/stack-fixture.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe, startInPipe } from './support/ravenhelm.js';

const choice = await chooseJava(developmentPlace(resolve('.')), world.env, 'these tests empty their own registry');
const describeWithJava = (name: string, body: () => void) =>
  choice.kind === 'java' ? describe(name, body) : describe.skip(`${name} [${choice.reason}]`, body);

/** On a real registry that no other test uses. */
describeWithJava('ravenhelm purge --subjects', () => {
  let clone: TestClone;
  let env: Readonly<Record<string, string>>;
  let admin: Admin;
  let registryUrl: string;
  let place: Awaited<ReturnType<typeof temporaryPlace>>;
  const prefix = 'last.squad';
  const foreign = 'shop.OrderPlaced';
  const strangers = ['other.squad.coordination', 'other.squad.status', 'other.squad.dead-letters'];

  beforeAll(async () => {
    clone = await createTestClone();
    place = await temporaryPlace();
    const stack = await createLocalStack(place, world).up({ progress: () => undefined });
    registryUrl = stack.registryUrl;
    env = {
      KAFKA_BROKERS: stack.brokers.join(','),
      SCHEMA_REGISTRY_URL: registryUrl,
      KAFKA_SESSION_TIMEOUT_MS: '6000',
    };
    admin = new Kafka({ brokers: [...stack.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const registered = await fetch(`${registryUrl}/subjects/${foreign}/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({
        schema: JSON.stringify({ type: 'record', name: 'OrderPlaced', namespace: 'shop', fields: [] }),
      }),
    });
    expect(registered.status).toBe(200);
  }, 900_000);
  afterAll(async () => {
    await admin.disconnect();
    await createLocalStack(place, world).down();
    await place.remove();
    await clone.remove();
  }, 60_000);

  const subjects = async (): Promise<readonly string[]> => {
    const listed: unknown = await (await fetch(`${registryUrl}/subjects`)).json();
    return Array.isArray(listed) ? listed.map(String).sort() : [];
  };
  const purge = (...args: readonly string[]) => runInPipe(clone, ['purge', '--prefix', prefix, ...args], env);
  /** A swarm comes, carries out a mission and goes. */
  const serveOnce = async () => {
    const swarm = startInPipe(clone, ['serve', '--prefix', prefix], env);
    await swarm.shows('The swarm serves');
    const ran = await runInPipe(clone, ['submit', 'missions/quick.yaml', '--wait', '--prefix', prefix], env);
    swarm.child.kill('SIGTERM');
    return [ran.code, (await swarm.ended()).code];
  };

  test('is refused while another swarm is there, else removes what it has shown; a later swarm works', async () => {
    expect(await serveOnce()).toEqual([0, 0]);
    const registered = await subjects();
    expect(registered).toContain('ravenhelm.TaskAssigned');

    await admin.createTopics({ topics: strangers.map((topic) => ({ topic, numPartitions: 1 })) });
    const refused = await purge('--subjects', '--yes');
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('other swarms on these brokers need the subjects: other.squad'),
    ]);
    expect(await subjects()).toEqual(registered);
    expect(await admin.listTopics()).toContain(`${prefix}.coordination`);

    await admin.deleteTopics({ topics: strangers });
    const shown = await purge('--subjects');
    expect([shown.code, shown.stdout]).toEqual([
      2, // there is no terminal to ask at
      expect.stringContaining(`subject ravenhelm.TaskAssigned of the registry at ${registryUrl}`),
    ]);
    expect(await subjects()).toEqual(registered);

    const done = await purge('--subjects', '--yes', '--json');
    expect([done.code, done.stderr]).toEqual([
      0,
      expect.stringMatching(/removed: \d+ topics, \d+ groups, \d+ subjects/),
    ]);
    const { subjects: removed } = JSON.parse(done.stdout);
    expect([...removed, foreign].sort()).toEqual(registered);
    expect(await subjects()).toEqual([foreign]);
    expect((await admin.listTopics()).filter((topic) => topic.startsWith(prefix))).toEqual([]);

    const again = await purge('--subjects', '--yes');
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining(`nothing of the swarm ${prefix} is at `)]);

    expect(await serveOnce()).toEqual([0, 0]);
    expect(await subjects()).toEqual(registered);
    const later = await purge('--yes');
    expect([later.code, later.stdout]).toEqual([0, expect.stringContaining('they stay')]);
    expect(await subjects()).toEqual(registered);
  }, 900_000);
});
