import { createClient, createSwarm, defineAgent, memoryLog, type Client, type Swarm } from '../../src/index.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import type { Log } from '../../src/ports/log.js';
import { statusRequest } from '../contract/events.js';
import { until } from '../contract/until.js';
import { readTopic } from '../support/read-topic.js';

const topics = createTopicNames();
const topic = topics.tasks('writer');
const writer = defineAgent({
  name: 'writer',
  description: 'Writes.',
  prompt: 'Write.',
  playbooks: { write: { steps: [{ name: 'write', command: 'true' }] } },
});
const plan = { waves: [{ tasks: [{ agent: 'writer', description: 'Write.', playbook: 'write' }] }] };

/** An orchestrator without workers: no process has read what a tasks partition loses. */
describe('recover', () => {
  let log: Log;
  let swarm: Swarm;
  let client: Client;

  const lose = async (partition: number) => {
    const high = (await log.admin.offsets(topic))[partition]?.high ?? 0;
    await log.admin.deleteRecords(topic, partition, high);
    return high;
  };
  const assigned = async (attempt: number) =>
    (await readTopic(log, topic)).flatMap(({ partition, content }) =>
      content.kind === 'event' &&
      content.event.event_type === 'task_assigned' &&
      content.event.payload.attempt === attempt
        ? [{ partition, payload: content.event.payload }]
        : [],
    )[0];

  beforeEach(async () => {
    log = memoryLog();
    swarm = await createSwarm({ log, agents: [writer], roles: ['orchestrator'] });
    client = createClient(swarm);
  });
  afterEach(async () => {
    await client.close();
    await swarm.close();
  });

  test('says what is lost, commits nothing without acceptLoss, and then where the log begins', async () => {
    const appender = log.createAppender('test');
    await appender.append({ topic, partition: 1, key: 'one', event: statusRequest('one') });
    await appender.close();
    const offset = await lose(1);
    await expect(client.recover({ topic, partition: 1, acceptLoss: false })).rejects.toMatchObject({
      name: 'ClientError',
      code: 'loss_not_accepted',
      message: expect.stringContaining(`the log starts at offset ${offset}`),
    });
    const committed = async () => (await log.admin.committed(topics.workerGroup('writer'), topic))[1]?.offset;
    expect(await committed()).toBeNull();
    expect(await client.recover({ topic, partition: 1, acceptLoss: true })).toEqual([
      { topic, partition: 1, offset, loss: expect.stringContaining('nothing is committed'), new_attempts: [] },
    ]);
    expect(await committed()).toBe(offset);
    await expect(client.recover({ topic, partition: 1, acceptLoss: true })).rejects.toMatchObject({
      code: 'nothing_lost',
    });
  });

  test('requests a new attempt of a task whose assignment is gone, and leaves the group for the worker', async () => {
    const { missionId } = await client.submit({ name: 'lost', brief: 'Write.', plan });
    await until('the assignment', async () => (await assigned(1)) !== undefined);
    const { partition, payload } = (await assigned(1)) ?? raise();
    await lose(partition);
    const recovered = await client.recover({ topic, partition, acceptLoss: true });
    expect(recovered.map((each) => each.new_attempts)).toEqual([
      [{ mission_id: missionId, task_id: payload.task_id, attempt: 1 }],
    ]);
    await until('the second attempt', async () => (await assigned(2)) !== undefined);
    const joined: number[] = [];
    const member = await log.joinGroup({
      groupId: topics.workerGroup('writer'),
      topics: [topic],
      open({ partition: given }) {
        joined.push(given);
        return { onRecords() {}, onBlocked() {}, onUnblocked() {}, onClosed() {} };
      },
      onFatal: raise,
    });
    await until('the partition', () => joined.includes(partition));
    await member.leave();
  });

  describe('of several partitions', () => {
    beforeEach(async () => {
      const appender = log.createAppender('test');
      for (const partition of [0, 3, 5]) {
        await appender.append({ topic, partition, key: 'one', event: statusRequest('one') });
        await lose(partition);
      }
      await appender.close();
    });

    test.each([
      ['of a topic', { topic }, `ravenhelm recover ${topic} --accept-loss`],
      ['of all topics', {}, 'ravenhelm recover --accept-loss'],
    ])('%s: names each, and continues each', async (_, which, command) => {
      const refused = await client.recover({ ...which, acceptLoss: false }).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'loss_not_accepted', nextStep: expect.stringContaining(command) });
      const lines = String(refused instanceof Error ? refused.message : refused).split('\n');
      expect(lines.map((line) => line.split(':')[0])).toEqual([0, 3, 5].map((partition) => `${topic}/${partition}`));
      const recovered = await client.recover({ ...which, acceptLoss: true });
      expect(recovered.map(({ partition, offset }) => [partition, offset])).toEqual([
        [0, 1],
        [3, 1],
        [5, 1],
      ]);
      await expect(client.recover({ ...which, acceptLoss: true })).rejects.toMatchObject({ code: 'nothing_lost' });
    });
  });

  test('a partition needs its topic', async () => {
    await expect(client.recover({ partition: 1, acceptLoss: true })).rejects.toThrow('a partition needs its topic');
  });

  test.each([
    [{ topic, partition: 99 }, 'partition_unknown'],
    [{ topic: topics.status, partition: 0 }, 'topic_not_folded'],
  ])('refuses %j: %s', async (place, code) => {
    await expect(client.recover({ ...place, acceptLoss: true })).rejects.toMatchObject({ code });
  });

  test('refuses a partition that has lost nothing, while its role runs', async () => {
    await expect(client.recover({ topic: topics.coordination, partition: 0, acceptLoss: true })).rejects.toMatchObject({
      code: 'nothing_lost',
    });
  });
});

function raise(error: unknown = new Error('there is none')): never {
  throw error;
}
