import type { Admin } from 'kafkajs';
import { ensureTopics } from '../../src/kafka/ensure-topics.js';

/** The part of a cluster's administration that is asked; only a cluster of three brokers shows these rules. */
function cluster(brokers: number): Admin & { readonly created: { topic: string; replicationFactor: number; config: Record<string, string> }[] } {
  const created: { topic: string; replicationFactor: number; config: Record<string, string> }[] = [];
  const admin = {
    created,
    describeCluster: async () => ({ brokers: Array.from({ length: brokers }, (_, nodeId) => ({ nodeId })) }),
    listTopics: async () => [],
    createTopics: async ({ topics }: { topics: readonly { topic: string; replicationFactor: number; configEntries: readonly { name: string; value: string }[] }[] }) => {
      for (const { topic, replicationFactor, configEntries } of topics) {
        created.push({ topic, replicationFactor, config: Object.fromEntries(configEntries.map(({ name, value }) => [name, value])) });
      }
    },
  };
  return admin as unknown as ReturnType<typeof cluster>;
}

describe('creating topics', () => {
  const spec = { name: 'tasks', partitions: 6, replicationFactor: null, config: { 'cleanup.policy': 'delete' } };

  test('from three brokers on, three replicas of which two must have a record', async () => {
    const three = cluster(3);
    await ensureTopics(three, [spec]);
    expect(three.created).toEqual([{ topic: 'tasks', replicationFactor: 3, config: { 'cleanup.policy': 'delete', 'min.insync.replicas': '2' } }]);
  });

  test('one replica on a smaller cluster', async () => {
    const two = cluster(2);
    await ensureTopics(two, [spec]);
    expect(two.created).toEqual([{ topic: 'tasks', replicationFactor: 1, config: { 'cleanup.policy': 'delete' } }]);
  });

  test('what topics.yaml sets wins', async () => {
    const three = cluster(3);
    await ensureTopics(three, [{ ...spec, replicationFactor: 5, config: { 'min.insync.replicas': '3' } }, { ...spec, name: 'single', replicationFactor: 1 }]);
    expect(three.created).toMatchObject([{ replicationFactor: 5, config: { 'min.insync.replicas': '3' } }, { replicationFactor: 1, config: { 'cleanup.policy': 'delete' } }]);
  });
});
