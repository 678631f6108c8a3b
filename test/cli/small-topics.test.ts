import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { openKafkaLog } from '../kafka/kafka-under-test.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe } from './support/ravenhelm.js';

/** Topics that another program or an older version made, which take smaller records than the swarm may write. */
describeWithBroker('topics that take smaller records than topics.yaml has', () => {
  let clone: TestClone;
  let env: Readonly<Record<string, string>>;
  const prefix = `small.${randomUUID().slice(0, 8)}`;
  const topics = createTopicNames(prefix);
  const LIMIT = '200000';

  beforeAll(async () => {
    clone = await createTestClone();
    const { brokers, registryUrl } = testBroker();
    env = { KAFKA_BROKERS: brokers.join(','), SCHEMA_REGISTRY_URL: registryUrl, RAVENHELM_PREFIX: prefix };
    const log = await openKafkaLog();
    const spec = { partitions: 1, replicationFactor: null, config: { 'max.message.bytes': LIMIT } };
    await log.admin.ensureTopics([topics.coordination, topics.tasks('first_agent')].map((name) => ({ name, ...spec })));
    await log.close();
  }, 180_000);
  afterAll(() => clone.remove());

  test.each([
    ['init', []],
    ['run', ['missions/quick.yaml', '--workspace', 'own']],
  ])(
    '%s names each with what it takes, what may be needed, and the command that raises it',
    async (command, args) => {
      const { code, stdout, stderr } = await runInPipe(clone, [command, ...args], env);
      expect(code).toBe(0);
      const said = `${stdout}${stderr}`.split('\n').filter((line) => line.startsWith('warning: '));
      const needed = { [topics.coordination]: 8_388_608, [topics.tasks('first_agent')]: 1_048_576 };
      expect(said).toEqual([
        ...Object.entries(needed).map(([topic, bytes]) =>
          expect.stringMatching(
            new RegExp(
              `^warning: ${topic} takes records of at most ${LIMIT} bytes .*up to ${bytes} .*--entity-name ${topic}`,
            ),
          ),
        ),
        // They were made without topics.yaml, so they have the broker's default.
        ...Object.keys(needed).map((topic) =>
          expect.stringMatching(new RegExp(`^warning: ${topic} keeps the time .*--entity-name ${topic}`)),
        ),
      ]);
    },
    120_000,
  );

  test('submit refuses a mission that is larger, with both sizes, and nothing of it is in the log', async () => {
    const brief = JSON.stringify('A long brief. '.repeat(15_000));
    const task = '{ agent: first_agent, description: Write., playbook: quick }';
    const text = `name: large\nbrief: ${brief}\nagents: [first_agent]\nplan: { waves: [{ tasks: [${task}] }] }\n`;
    await writeFile(join(clone.dir, 'missions/large.yaml'), text);
    const { code, stdout, stderr } = await runInPipe(clone, ['submit', 'missions/large.yaml'], env);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      new RegExp(`the mission has \\d+ bytes and ${topics.coordination} takes \\d+; it was not submitted`),
    );
    expect(stderr).toContain('kafka-configs.sh');
    const { stdout: missions } = await runInPipe(clone, ['status', '--json'], env);
    expect(missions).not.toContain('"large"');
  }, 120_000);
});
