import { KafkaJSProtocolError, type Admin } from 'ravenhelm-kafkajs';
import { systemClock } from '../contract/system-clock.js';
import { ensureTopics } from '../../src/kafka/ensure-topics.js';
import { createTopicSettings } from '../../src/kafka/topic-settings.js';
import { silentLogger } from './kafka-under-test.js';

const settings = createTopicSettings(silentLogger);

/** The part of a cluster's administration that is asked; only a cluster of three brokers shows these rules. */
function cluster(brokers: number): Admin & {
  readonly created: { topic: string; replicationFactor: number; config: Record<string, string> }[];
  readonly asked: string[];
} {
  const created: { topic: string; replicationFactor: number; config: Record<string, string> }[] = [];
  const asked: string[] = [];
  const admin = {
    created,
    asked,
    describeCluster: async () => ({ brokers: Array.from({ length: brokers }, (_, nodeId) => ({ nodeId })) }),
    fetchTopicOffsets: async (topic: string) => {
      asked.push(topic);
      if (asked.length < 3)
        throw new KafkaJSProtocolError(
          Object.assign(new Error('not yet'), { type: 'NOT_LEADER_FOR_PARTITION', code: 6, retriable: true }),
        );
      return [];
    },
    listTopics: async () => [],
    createTopics: async ({
      topics,
    }: {
      topics: readonly {
        topic: string;
        replicationFactor: number;
        configEntries: readonly { name: string; value: string }[];
      }[];
    }) => {
      for (const { topic, replicationFactor, configEntries } of topics) {
        created.push({
          topic,
          replicationFactor,
          config: Object.fromEntries(configEntries.map(({ name, value }) => [name, value])),
        });
      }
    },
  };
  return admin as unknown as ReturnType<typeof cluster>;
}

test('a name that differs from another only in dots and underscores is refused, and no topic is created', async () => {
  const there = Object.assign(cluster(1), { listTopics: async () => ['team_a.tasks.env_agent', 'other'] });
  const spec = (name: string) => ({ name, partitions: 1, replicationFactor: null, config: {} });
  await expect(
    ensureTopics(there, [spec('fine'), spec('team.a.tasks.env_agent')], systemClock, settings),
  ).rejects.toMatchObject({
    code: 'topic_name_collides',
    message: expect.stringMatching(/team\.a\.tasks\.env_agent .* team_a\.tasks\.env_agent .*RAVENHELM_PREFIX/),
  });
  expect(there.created).toEqual([]);
});

describe('creating topics', () => {
  const spec = { name: 'tasks', partitions: 6, replicationFactor: null, config: { 'cleanup.policy': 'delete' } };

  test('from three brokers on, three replicas of which two must have a record', async () => {
    const three = cluster(3);
    await ensureTopics(three, [spec], systemClock, settings);
    expect(three.created).toEqual([
      { topic: 'tasks', replicationFactor: 3, config: { 'cleanup.policy': 'delete', 'min.insync.replicas': '2' } },
    ]);
  });

  test('one replica on a smaller cluster', async () => {
    const two = cluster(2);
    await ensureTopics(two, [spec], systemClock, settings);
    expect(two.created).toEqual([{ topic: 'tasks', replicationFactor: 1, config: { 'cleanup.policy': 'delete' } }]);
  });

  test('ends when the new topic can be read, not before', async () => {
    const slow = cluster(1);
    await ensureTopics(slow, [spec], systemClock, settings);
    expect(slow.asked).toEqual(['tasks', 'tasks', 'tasks']);
  });

  test('what topics.yaml sets wins', async () => {
    const three = cluster(3);
    await ensureTopics(
      three,
      [
        { ...spec, replicationFactor: 5, config: { 'min.insync.replicas': '3' } },
        { ...spec, name: 'single', replicationFactor: 1 },
      ],
      systemClock,
      settings,
    );
    expect(three.created).toMatchObject([
      { replicationFactor: 5, config: { 'min.insync.replicas': '3' } },
      { replicationFactor: 1, config: { 'cleanup.policy': 'delete' } },
    ]);
  });
});
