import { randomUUID } from 'node:crypto';
import { createTopicNames } from '../../src/domain/topic-names.js';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import { statusRequest } from '../contract/events.js';
import { openKafkaLog } from '../kafka/kafka-under-test.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe } from './support/ravenhelm.js';

describeWithBroker('ravenhelm recover', () => {
  let clone: TestClone;
  let log: KafkaLog;
  const prefix = `recover.${randomUUID().slice(0, 8)}`;
  const topic = createTopicNames(prefix).tasks('first_agent');
  const group = createTopicNames(prefix).workerGroup('first_agent');

  const run = async (...argv: string[]) => {
    const { brokers, registryUrl } = testBroker();
    const { code, stdout, stderr } = await runInPipe(clone, argv, { KAFKA_BROKERS: brokers.join(','), SCHEMA_REGISTRY_URL: registryUrl, RAVENHELM_PREFIX: prefix, KAFKA_SESSION_TIMEOUT_MS: '6000' });
    return { code, said: stdout + stderr };
  };
  const committed = async () => (await log.admin.committed(group, topic))[1];

  beforeAll(async () => {
    clone = await createTestClone();
    expect(await run('init')).toEqual({ code: 0, said: expect.stringContaining('topics') });
    log = await openKafkaLog();
    const appender = log.createAppender('test');
    for (const text of ['one', 'two', 'three']) await appender.append({ topic, partition: 1, key: text, event: statusRequest(text) });
    await appender.close();
    await log.admin.deleteRecords(topic, 1, 2);
  }, 60_000);
  afterAll(async () => {
    await log.close();
    await clone.remove();
  });

  test('says what is lost and commits nothing without --accept-loss', async () => {
    const { code, said } = await run('recover', topic, '1');
    expect(code).toBe(2);
    expect(said).toContain('nothing is committed, but the log starts at offset 2');
    expect(said).toContain(`ravenhelm recover ${topic} 1 --accept-loss`);
    expect(await committed()).toMatchObject({ offset: null });
  }, 60_000);

  test('with --accept-loss commits where the log begins now, with a fold that a worker can start from', async () => {
    expect(await run('recover', topic, '1', '--accept-loss')).toMatchObject({ code: 0, said: expect.stringContaining('goes on at offset 2') });
    expect(await committed()).toEqual({ partition: 1, offset: 2, metadata: '{"v":1,"h":null,"m":{}}' });
    expect(await run('recover', topic, '1', '--accept-loss')).toMatchObject({ code: 2, said: expect.stringContaining('nothing is to be recovered') });
  }, 90_000);

  test.each([
    [[`${prefix}.status`, '0'], 'is no topic that a role folds'],
    [[topic, '99'], 'has no partition 99'],
    [[topic, 'one'], 'It must be a whole number from 0'],
  ])('refuses %j', async (words, reason) => {
    expect(await run('recover', ...words)).toMatchObject({ code: 2, said: expect.stringContaining(reason) });
  }, 60_000);
});
