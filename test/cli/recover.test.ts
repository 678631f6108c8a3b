import { randomUUID } from 'node:crypto';
import type { EventOf } from '../../src/domain/events.js';
import { parseMissionId } from '../../src/domain/mission-id.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import { createEventFactory } from '../../src/domain/event-factory.js';
import { createSystemIds } from '../../src/telemetry/system-clock.js';
import { statusRequest } from '../contract/events.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import { createForeignWriter, openKafkaLog } from '../kafka/kafka-under-test.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { readTopic } from '../support/read-topic.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe, startInPipe } from './support/ravenhelm.js';

const createEvent = createEventFactory({ clock: systemClock, ids: createSystemIds() });

describeWithBroker('ravenhelm recover', () => {
  let clone: TestClone;
  let log: KafkaLog;
  const prefix = `recover.${randomUUID().slice(0, 8)}`;
  const topic = createTopicNames(prefix).tasks('first_agent');
  const group = createTopicNames(prefix).workerGroup('first_agent');

  const env = (): Readonly<Record<string, string>> => {
    const { brokers, registryUrl } = testBroker();
    return {
      KAFKA_BROKERS: brokers.join(','),
      SCHEMA_REGISTRY_URL: registryUrl,
      RAVENHELM_PREFIX: prefix,
      KAFKA_SESSION_TIMEOUT_MS: '6000',
    };
  };
  const run = async (...argv: string[]) => {
    const { code, stdout, stderr } = await runInPipe(clone, argv, env());
    return { code, said: stdout + stderr };
  };
  const committed = async () => (await log.admin.committed(group, topic))[1];

  beforeAll(async () => {
    clone = await createTestClone();
    expect(await run('init')).toEqual({ code: 0, said: expect.stringContaining('topics') });
    log = await openKafkaLog();
    const appender = log.createAppender('test');
    for (const text of ['one', 'two', 'three'])
      await appender.append({ topic, partition: 1, key: text, event: statusRequest(text) });
    await appender.close();
    await log.admin.deleteRecords(topic, 1, 2);
  }, 180_000);
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
  }, 180_000);

  test('with --accept-loss commits where the log begins now, with a fold that a worker can start from', async () => {
    expect(await run('recover', topic, '1', '--accept-loss')).toMatchObject({
      code: 0,
      said: expect.stringContaining('continues at offset 2'),
    });
    expect(await committed()).toEqual({ partition: 1, offset: 2, metadata: '{"v":1,"h":null,"m":{}}' });
    expect(await run('recover', topic, '1', '--accept-loss')).toMatchObject({
      code: 2,
      said: expect.stringContaining('nothing is to be recovered'),
    });
  }, 90_000);

  test.each([
    [[`${prefix}.status`, '0'], 'is no topic that a role folds'],
    [[topic, '99'], 'has no partition 99'],
    [[topic, 'one'], 'It must be a whole number from 0'],
  ])(
    'refuses %j',
    async (words, reason) => {
      expect(await run('recover', ...words)).toMatchObject({ code: 2, said: expect.stringContaining(reason) });
    },
    60_000,
  );

  test('without a partition it handles all of the topic, without a topic all of the swarm', async () => {
    const appender = log.createAppender('test');
    for (const partition of [2, 4]) {
      await appender.append({ topic, partition, key: 'four', event: statusRequest('four') });
      await log.admin.deleteRecords(topic, partition, 1);
    }
    await appender.close();
    const { code, said } = await run('recover', topic);
    expect([code, said]).toEqual([2, expect.stringMatching(/_agent\/2: nothing is committed[^]*_agent\/4: nothing/)]);
    expect(said).toContain(`ravenhelm recover ${topic} --accept-loss`);
    expect((await run('recover')).said).toContain('ravenhelm recover --accept-loss');
    expect(await run('recover', '--accept-loss')).toMatchObject({
      code: 0,
      said: expect.stringMatching(/_agent\/2 continues at offset 1[^]*_agent\/4 continues at offset 1/),
    });
  }, 120_000);

  test('commits of another program at the beginning of logs need no person: the roles continue', async () => {
    const own = { ...env(), RAVENHELM_PREFIX: `${prefix}.foreign` };
    const names = createTopicNames(own.RAVENHELM_PREFIX);
    const folded = [
      [names.orchestratorGroup, names.coordination],
      [names.workerGroup('first_agent'), names.tasks('first_agent')],
    ] as const;
    expect((await runInPipe(clone, ['init'], own)).code).toBe(0);
    const foreign = await createForeignWriter();
    for (const [groupId, topic] of folded) await foreign.setAllCommitted(groupId, topic, 0);
    await foreign.close();
    const role = startInPipe(clone, ['--role', 'orchestrator,worker'], own);
    try {
      await role.shows('role.serving');
      await role.shows('partition.foreign_commit');
      expect(await runInPipe(clone, ['submit', 'missions/quick.yaml', '--wait'], own)).toMatchObject({ code: 0 });
      for (const [groupId, topic] of folded)
        expect((await log.admin.committed(groupId, topic)).map(({ metadata }) => metadata)).toContainEqual(
          expect.stringMatching(/^\{"v":1/),
        );
    } finally {
      role.child.kill('SIGTERM');
      await role.ended();
    }
  }, 180_000);

  describe('beside an orchestrator whose task lost its assignment', () => {
    const { coordination } = createTopicNames(prefix);
    const swarm: ReturnType<typeof startInPipe>[] = [];
    let mission: string;

    const start = async (...argv: string[]) => {
      const role = startInPipe(clone, argv, env());
      swarm.push(role);
      await role.shows('role.serving');
    };
    const eventsIn = async (of: string) =>
      (await readTopic(log, of)).flatMap(({ content, partition }) =>
        content.kind === 'event' ? [{ partition, event: content.event }] : [],
      );
    /** The attempt's assignment, once it is written; then everything in its partition is deleted. */
    const loseAssignment = async (attempt: number) => {
      const find = async () =>
        (await eventsIn(topic)).flatMap(({ partition, event }) =>
          event.event_type === 'task_assigned' &&
          event.payload.mission_id === mission &&
          event.payload.attempt === attempt
            ? [{ partition, assigned: event.payload }]
            : [],
        )[0];
      await until(`the assignment of attempt ${attempt}`, async () => (await find()) !== undefined);
      const found = await find();
      if (found === undefined) throw new Error('the assignment is gone');
      await log.admin.deleteRecords(
        topic,
        found.partition,
        (await log.admin.offsets(topic))[found.partition]?.high ?? 0,
      );
      return { ...found, place: [topic, String(found.partition)] };
    };
    const requests = async () =>
      (await eventsIn(coordination)).flatMap(({ event }) =>
        event.event_type === 'task_retry_requested' ? [event.payload] : [],
      );

    beforeAll(async () => {
      await start('--role', 'orchestrator');
      mission = (await runInPipe(clone, ['submit', 'missions/quick.yaml'], env())).stdout.trim();
    }, 180_000);
    afterAll(async () => {
      for (const role of swarm) role.child.kill('SIGTERM');
      await Promise.all(swarm.map((role) => role.ended()));
    }, 180_000);

    test('a task that was accepted and never begun gets a new attempt; --json names it', async () => {
      const { assigned, place } = await loseAssignment(1);
      const { task_id, attempt } = assigned;
      // What a worker wrote that was killed before it wrote more: nothing will end this attempt.
      const accepted: EventOf<'task_accepted'> = createEvent({
        type: 'task_accepted',
        from: 'first_agent',
        missionId: mission,
        payload: { mission_id: mission, task_id, attempt, owner: 'a worker that is gone' },
      });
      const appender = log.createAppender('gone');
      await appender.append({
        topic: coordination,
        partition: parseMissionId(mission)?.partition ?? 0,
        key: mission,
        event: accepted,
      });
      await appender.close();

      expect(await run('recover', ...place)).toMatchObject({ code: 2 });
      expect(await requests()).toEqual([]);
      const { code, stdout } = await runInPipe(clone, ['recover', ...place, '--accept-loss', '--json'], env());
      expect([code, JSON.parse(stdout)]).toEqual([
        0,
        expect.objectContaining({ topic, new_attempts: [{ mission_id: mission, task_id, attempt: 1 }] }),
      ]);
      expect(await requests()).toEqual([
        expect.objectContaining({
          mission_id: mission,
          task_id,
          attempt: 1,
          reason: `its assignment in ${place.join('/')} was deleted`,
        }),
      ]);
    }, 120_000);

    test('in words it says the same; what was asked for is carried out to its end', async () => {
      const {
        assigned: { task_id },
        place,
      } = await loseAssignment(2);
      const { code, said } = await run('recover', ...place, '--accept-loss');
      expect([code, said]).toEqual([
        0,
        expect.stringContaining(
          'what was open below it is lost. ' +
            `A new attempt was asked for: ${mission}/${task_id}/2.\nThe processes that serve them`,
        ),
      ]);
      expect(said).not.toContain('no orchestrator is serving');
      await start('--role', 'worker');
      expect((await run('watch', mission)).code).toBe(0);
      const { stdout } = await runInPipe(clone, ['status', mission, '--json'], env());
      expect(JSON.parse(stdout)).toMatchObject({
        status: 'completed',
        tasks: [{ task_id, attempts: 3, status: 'verified' }, { attempts: 1 }, {}],
      });
    }, 120_000);
  });
});
