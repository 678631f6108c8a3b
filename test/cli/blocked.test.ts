import { randomUUID } from 'node:crypto';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { taskProgress } from '../contract/events.js';
import { until } from '../contract/until.js';
import {
  createForeignWriter,
  eventOfAnotherVersion,
  wireBytes,
  type ForeignWriter,
} from '../kafka/kafka-under-test.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { startRegistryProxy, type RegistryProxy } from '../support/registry-proxy.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe, startInPipe } from './support/ravenhelm.js';

interface LiveProcess {
  readonly role: string;
  readonly blocked: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly reason: string;
  }[];
}

/** No registry gives ids as high as this. */
const UNKNOWN_SCHEMA = 2_147_000_000;

describeWithBroker('a swarm whose schema registry goes away and comes back', () => {
  const prefix = `blocked.${randomUUID().slice(0, 8)}`;
  const topics = createTopicNames(prefix);
  let clone: TestClone;
  let registry: RegistryProxy;
  let foreign: ForeignWriter;
  let direct: Readonly<Record<string, string>>;
  let swarm: ReturnType<typeof startInPipe>[];

  const live = async (): Promise<readonly LiveProcess[]> =>
    JSON.parse((await runInPipe(clone, ['status', '--live', '--json'], direct)).stdout);
  const blockedOf = (processes: readonly LiveProcess[], role: string) =>
    processes.find((each) => each.role === role)?.blocked ?? [];

  beforeAll(async () => {
    clone = await createTestClone();
    registry = await startRegistryProxy();
    foreign = await createForeignWriter();
    const { brokers, registryUrl } = testBroker();
    direct = {
      KAFKA_BROKERS: brokers.join(','),
      SCHEMA_REGISTRY_URL: registryUrl,
      RAVENHELM_PREFIX: prefix,
      KAFKA_SESSION_TIMEOUT_MS: '6000',
    };
    await runInPipe(clone, ['init'], direct);
    const throughProxy = { ...direct, SCHEMA_REGISTRY_URL: registry.url };
    swarm = [
      startInPipe(clone, ['--role', 'orchestrator'], throughProxy),
      startInPipe(clone, ['--role', 'worker'], throughProxy),
    ];
    await Promise.all(swarm.map((role) => role.shows('role.serving')));
  }, 120_000);

  afterAll(async () => {
    for (const role of swarm) role.child.kill('SIGTERM');
    expect((await Promise.all(swarm.map((role) => role.ended()))).map(({ code }) => code)).toEqual([0, 0]);
    await registry.close();
    await foreign.close();
    await clone.remove();
  }, 180_000);

  test('stops its partitions visibly, loses nothing and continues alone; so does an unknown schema id', async () => {
    const watching = startInPipe(clone, ['watch'], direct);
    await watching.shows('watching');
    const mission = (await runInPipe(clone, ['submit', 'missions/asks.yaml'], direct)).stdout.trim();
    const partition = Number(/-p(\d+)-/.exec(mission)?.[1]);
    const place = { topic: topics.coordination, partition };
    const unknown = { topic: topics.tasks('second_agent'), partition: 3 };
    registry.down = true;
    await foreign.write(
      place,
      mission,
      await eventOfAnotherVersion('task-progress', taskProgress(mission, 'deploy-nobody-wave1', 1)),
    );
    await foreign.write(unknown, 'k', wireBytes(UNKNOWN_SCHEMA, Buffer.from('x')));
    await Promise.all(swarm.map((role) => role.shows('partition.blocked')));
    await watching.shows(`${place.topic}[${partition}] stops at offset`);

    await until('both, seen by another process', async () => (await live()).every(({ blocked }) => blocked.length > 0));
    const [orchestrator] = blockedOf(await live(), 'orchestrator');
    expect(orchestrator).toMatchObject({ ...place, reason: expect.stringContaining('No schema registry') });
    const shown = (await runInPipe(clone, ['status', '--live'], direct)).stdout;
    expect(shown).toMatch(
      new RegExp(
        `^BLOCKED  \\S+: ${place.topic}\\[${partition}\\] stops at offset ${orchestrator?.offset}: No schema registry`,
        'm',
      ),
    );
    // Decided while the partition stands: it is not lost, it waits.
    expect((await runInPipe(clone, ['cancel', mission], direct)).code).toBe(0);
    expect(JSON.parse((await runInPipe(clone, ['dead-letters', 'list', '--all', '--json'], direct)).stdout)).toEqual(
      [],
    );

    registry.down = false;
    await watching.shows('mission_cancelled');
    await swarm[0]?.shows('partition.unblocked');
    await until('the orchestrator', async () => blockedOf(await live(), 'orchestrator').length === 0);
    await until('the other reason', async () =>
      blockedOf(await live(), 'worker').some(({ reason }) => !reason.includes('No schema registry')),
    );
    expect(blockedOf(await live(), 'worker')).toEqual([
      { ...unknown, offset: expect.any(Number), reason: expect.stringContaining(String(UNKNOWN_SCHEMA)) },
    ]);
    expect(JSON.parse((await runInPipe(clone, ['dead-letters', 'list', '--all', '--json'], direct)).stdout)).toEqual(
      [],
    );
    watching.child.kill('SIGINT');
    await watching.ended();
  }, 120_000);
});
