import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Admin, Kafka } from 'kafkajs';
import { createEventFactory } from '../../src/domain/event-factory.js';
import type { AgentEvent } from '../../src/domain/events.js';
import { parseMissionId } from '../../src/domain/mission-id.js';
import type { Client, Swarm } from '../../src/index.js';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import { createSystemIds } from '../../src/telemetry/system-clock.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import { describeWithSecuredBroker } from '../support/secured-broker.js';
import { readTopic } from '../support/read-topic.js';
import { removeTemporaryDirectories, temporaryDirectory } from '../tools/harness.js';
import { createSecuredSwarm, missionFor, names, type SecuredSwarm } from '../support/secured-swarm.js';

const createEvent = createEventFactory({ clock: systemClock, ids: createSystemIds() });
const OWN = names.tasks('first');
const OF_ANOTHER = names.tasks('second');
const LITERAL_TOPIC = { resourceType: 2, resourcePatternType: 3, host: '*', permissionType: 3 };

type Attempt = (kafka: Kafka) => Promise<unknown>;

const asAdmin =
  (work: (admin: Admin) => Promise<unknown>): Attempt =>
  async (kafka) => {
    const admin = kafka.admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  };

const write =
  (topic: string): Attempt =>
  async (kafka) => {
    const producer = kafka.producer();
    await producer.connect();
    try {
      return await producer.send({ topic, messages: [{ value: 'forged' }] });
    } finally {
      await producer.disconnect();
    }
  };

/** Rejects with what ends the consumer; resolves when it gets a record or has joined without being refused to fetch. */
const read =
  (topic: string, groupId = `${names.watchGroups('worker-first')}x`): Attempt =>
  async (kafka) => {
    const consumer = kafka.consumer({ groupId, retry: { retries: 0, restartOnFailure: async () => false } });
    await consumer.connect();
    try {
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await new Promise((resolve, reject) => {
        consumer.on('consumer.crash', ({ payload: { error } }) => reject(error));
        consumer.on('consumer.fetch', resolve);
        consumer.run({ eachMessage: async () => undefined }).catch(reject);
      });
    } finally {
      await consumer.disconnect();
    }
  };

/** The broker's words, also inside of kafkajs's collections. */
function refusalIn(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  const { type, cause, errors, groups, partitions, error: inner } = error as Readonly<Record<string, unknown>>;
  if (typeof type === 'string') return type;
  const lists = [errors, groups, partitions].flatMap((list) => (Array.isArray(list) ? list : []));
  for (const each of [cause, inner, ...lists]) {
    const found = refusalIn(each);
    if (found !== null) return found;
  }
  return null;
}

describeWithSecuredBroker('a rogue among the clients', () => {
  let secured: SecuredSwarm;
  let client: Client;
  const dir = temporaryDirectory();
  const roles: Swarm[] = [];
  const logs: KafkaLog[] = [];
  const logOf = async (user: string) => {
    const log = await secured.openLog(user);
    logs.push(log);
    return log;
  };

  beforeAll(async () => {
    secured = await createSecuredSwarm(['rogue']);
    client = secured.clientOn(secured.log);
    const policy = join(dir, 'policy.yaml');
    const rule = '{name: ask, decision: ask, reason: look, command: asked, matches: [asked x], not: [ls]}';
    await writeFile(policy, `default: allow\nrules:\n  - ${rule}\n`);
    roles.push(await secured.swarmOn(await logOf('orchestrator'), { roles: ['orchestrator'] }));
    roles.push(await secured.swarmOn(await logOf('worker'), { roles: ['worker'], serves: ['first'], policy }));
  }, 400_000);
  afterAll(async () => {
    await client?.close();
    for (const role of roles) await role.close();
    for (const log of logs) await log.close();
    await secured?.close();
    removeTemporaryDirectories();
  });

  const isDeniedGroup = async (user: string, before: number) =>
    (await secured.broker.decisions())
      .slice(before)
      .some(({ principal, allowed, resource }) => principal === user && !allowed && resource.startsWith('Group:'));
  /** What the broker answers to a user. */
  const answerTo = async (user: string, attempt: Attempt) => {
    const before = (await secured.broker.decisions()).length;
    try {
      await attempt(secured.broker.client(user));
      return 'done';
    } catch (error) {
      // A plain kafkajs throws away what brokers answer about a group: then the broker's log says it.
      const refusal = refusalIn(error) ?? ((await isDeniedGroup(user, before)) ? GROUP : null);
      if (refusal === null) throw error;
      return refusal;
    }
  };

  const TOPIC = 'TOPIC_AUTHORIZATION_FAILED';
  const GROUP = 'GROUP_AUTHORIZATION_FAILED';
  const CLUSTER = 'CLUSTER_AUTHORIZATION_FAILED';

  test.each<readonly [string, Attempt, string]>([
    ["writing another agent's tasks", write(OF_ANOTHER), TOPIC],
    ["reading another agent's tasks", read(OF_ANOTHER), TOPIC],
    ['reading missions', read(names.coordination), TOPIC],
    ['reading dead letters', read(names.deadLetters), TOPIC],
    ["joining the orchestrators' group", read(OWN, names.orchestratorGroup), GROUP],
    ["joining another agent's group", read(OWN, names.workerGroup('second')), GROUP],
    ['joining a group in which an orchestrator watches', read(OWN, `${names.watchGroups('orchestrator')}x`), GROUP],
    ['joining a group in which a client watches', read(OWN, `${names.watchGroups('client')}x`), GROUP],
    [
      "seeing another agent's replay points",
      asAdmin(async (admin) => {
        await admin.fetchTopicOffsets(OWN); // kafkajs knows no broker before
        await admin.fetchOffsets({ groupId: names.workerGroup('second'), topics: [OWN] });
      }),
      GROUP,
    ],
    ["deleting the orchestrators' group", asAdmin((admin) => admin.deleteGroups([names.orchestratorGroup])), GROUP],
    ['deleting its own topic', asAdmin((admin) => admin.deleteTopics({ topics: [OWN] })), TOPIC],
    [
      'deleting records of the topic that it serves',
      asAdmin(async (admin) => {
        await admin.fetchTopicOffsets(OWN);
        await admin.deleteTopicRecords({ topic: OWN, partitions: [{ partition: 0, offset: '0' }] });
      }),
      TOPIC,
    ],
    [
      'making a topic',
      asAdmin((admin) => admin.createTopics({ topics: [{ topic: `${names.prefix}.tasks.third` }] })),
      TOPIC,
    ],
    [
      'adding partitions',
      asAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic: OWN, count: 50 }] })),
      TOPIC,
    ],
    [
      'letting the broker delete by age',
      asAdmin((admin) =>
        admin.alterConfigs({
          validateOnly: false,
          resources: [{ type: 2, name: OWN, configEntries: [{ name: 'retention.ms', value: '1' }] }],
        }),
      ),
      TOPIC,
    ],
    [
      'giving itself a right',
      asAdmin((admin) =>
        admin.createAcls({
          acl: [{ ...LITERAL_TOPIC, resourceName: OF_ANOTHER, principal: 'User:worker', operation: 3 }],
        }),
      ),
      CLUSTER,
    ],
    [
      'seeing who has which rights',
      asAdmin((admin) =>
        admin.describeAcls({ resourceType: 1, resourcePatternType: 1, operation: 1, permissionType: 1 }),
      ),
      CLUSTER,
    ],
  ])(
    "with the principal of one agent's worker: %s is refused",
    async (_, attempt, refusal) => {
      expect(await answerTo('worker', attempt)).toBe(refusal);
    },
    60_000,
  );

  test.each<readonly [string, Attempt, string]>([
    ['writing missions', write(names.coordination), TOPIC],
    ['writing tasks', write(OWN), TOPIC],
    ['writing signs of life', write(names.status), TOPIC],
    ['reading signs of life', read(names.status, 'rogue'), TOPIC],
    ["reading tasks in a worker's group", read(OWN, names.workerGroup('first')), TOPIC],
    [
      'reading settings',
      asAdmin((admin) => admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: OWN }] })),
      TOPIC,
    ],
  ])(
    'with a principal without rights: %s is refused',
    async (_, attempt, refusal) => {
      expect(await answerTo('rogue', attempt)).toBe(refusal);
    },
    60_000,
  );

  test('the swarm works on', async () => {
    expect(await client.run(missionFor('first'))).toMatchObject({ status: 'completed' });
  }, 120_000);

  /** docs/security.md has the list. */
  describe("with the principal of one agent's worker it can forge", () => {
    const forge = async (log: KafkaLog, topic: string, key: string, event: AgentEvent, partition = 0) => {
      const appender = log.createAppender('forger');
      await appender.append({ topic, partition, key, event });
      await appender.close();
    };
    const partitionOf = (missionId: string) => parseMissionId(missionId)?.partition ?? 0;
    /** A mission as the coordination topic has it, once an event of the type is there. */
    const submitted = async (mission: Parameters<Client['submit']>[0], type: AgentEvent['event_type']) => {
      const { missionId } = await client.submit(mission);
      const seen = new AbortController();
      const onEvent = (event: AgentEvent) => void (event.event_type === type && seen.abort(new Error('seen')));
      await client.follow(missionId, { onEvent, signal: seen.signal }).catch((error: unknown) => {
        if (!seen.signal.aborted) throw error;
      });
      return missionId;
    };

    test('missions, where there are no operators', async () => {
      const { missionId } = await secured.clientOn(await logOf('worker')).submit(missionFor('first'));
      expect(await client.follow(missionId)).toMatchObject({ status: 'completed' });
    }, 120_000);

    test("the approval of a mission's plan, where there are no operators", async () => {
      const mission = await submitted({ ...missionFor('first'), approval: 'approval' }, 'plan_proposed');
      const approval = createEvent({
        type: 'plan_approved',
        from: 'mallory',
        missionId: mission,
        payload: { mission_id: mission, revision: 1, approved_by: 'mallory', signed: null, plan_digest: null },
      });
      await forge(await logOf('worker'), names.coordination, mission, approval, partitionOf(mission));
      expect(await client.follow(mission)).toMatchObject({ status: 'completed' });
    }, 120_000);

    test("the result of another agent's task", async () => {
      const mission = await submitted(missionFor('second'), 'task_assigned');
      const [task] = (await client.report(mission)).tasks;
      const result = createEvent({
        type: 'task_completed',
        from: 'second',
        missionId: mission,
        payload: {
          mission_id: mission,
          task_id: task?.task_id ?? '',
          attempt: 1,
          result: { status: 'verified', summary: 'forged', outputs: {}, checks: [] },
          owner: 'mallory',
          artifacts: null,
          steps: 0,
          model: 'none',
          ...{ tokens_in: 0, tokens_out: 0, cost_usd: 0, duration_ms: 0 },
        },
      });
      await forge(await logOf('worker'), names.coordination, mission, result, partitionOf(mission));
      expect(await client.follow(mission)).toMatchObject({ status: 'completed', tasks: [{ status: 'verified' }] });
    }, 120_000);

    test('the end of a mission, as the holder of its partition, until the orchestrator claims it again', async () => {
      const mission = await submitted(missionFor('second'), 'task_assigned');
      const place = { topic: names.coordination, partition: partitionOf(mission) };
      const claim = createEvent({
        type: 'partition_claimed',
        from: 'orchestrator',
        payload: { owner: 'forger', worker_id: 'forger', ...place },
      });
      const end = createEvent({
        type: 'mission_completed',
        from: 'orchestrator',
        missionId: mission,
        payload: {
          mission_id: mission,
          owner: 'forger',
          ...{ tasks_verified: 1, tasks_unverified: 0, tokens: 0, cost_usd: 0, at_planner_price: null },
        },
      });
      const appender = (await logOf('worker')).createAppender('forger');
      await Promise.all([claim, end].map((event) => appender.append({ ...place, key: mission, event })));
      await appender.close();
      expect(await client.follow(mission)).toMatchObject({ status: 'completed' });
      expect(await client.run(missionFor('first'))).toMatchObject({ status: 'completed' });
    }, 120_000);

    test('the answer about a call that waits, where there are no operators', async () => {
      const check = { name: 'asked', command: 'asked x' };
      const task = { agent: 'first', description: 'Write.', playbook: 'write', acceptance: [check] };
      const asking = { ...missionFor('first'), retries: 0, plan: { waves: [{ tasks: [task] }] } };
      const mission = await submitted(asking, 'task_paused');
      const [call] = (await client.report(mission)).waiting_calls;
      const answer = createEvent({
        type: 'call_answered',
        from: 'mallory',
        missionId: mission,
        payload: {
          mission_id: mission,
          task_id: call?.task_id ?? '',
          attempt: call?.attempt ?? 0,
          approval_id: call?.approval_id ?? '',
          digest: call?.digest ?? '',
          approved: true,
          reason: '',
          answered_by: 'mallory',
          answered_at: Date.now(),
          ...{ signature: null, key_id: null, cluster: null },
        },
      });
      await forge(await logOf('worker'), names.coordination, mission, answer, partitionOf(mission));
      await client.follow(mission);
      const approvers: unknown[] = [];
      await client.attempts(
        mission,
        ({ steps }) => void approvers.push(...steps.map(({ approval }) => approval?.approved_by)),
      );
      expect(approvers).toContain('mallory');
    }, 120_000);

    test('dead letters with any content', async () => {
      const before = (await client.deadLetters.list()).length;
      expect(await answerTo('worker', write(names.deadLetters))).toBe('done');
      expect(await client.deadLetters.list()).toHaveLength(before + 1);
    }, 120_000);

    test('a claim of its agent’s partition, which the worker claims again', async () => {
      const claims = async () =>
        (await readTopic(secured.log, OWN)).flatMap(({ partition, content }) =>
          partition === 0 && content.kind === 'event' && content.event.event_type === 'partition_claimed'
            ? [content.event.payload.owner]
            : [],
        );
      const place = { topic: OWN, partition: 0 };
      const payload = { owner: 'forger', worker_id: 'forger', ...place };
      await forge(await logOf('worker'), OWN, OWN, createEvent({ type: 'partition_claimed', from: 'first', payload }));
      await until('the worker holds it again', async () => (await claims()).at(-1) !== 'forger');
      expect(await claims()).toContain('forger');
      expect(await client.run(missionFor('first'))).toMatchObject({ status: 'completed' });
    }, 120_000);

    test('signs of life of other processes', async () => {
      const stopped = createEvent({
        type: 'service_stopped',
        from: 'worker-of-second',
        payload: {
          service_name: 'worker-of-second',
          status: 'stopped',
          container_id: null,
          health_check_url: null,
          error_message: null,
          metadata: {},
        },
      });
      await forge(await logOf('worker'), names.status, 'worker-of-second', stopped);
    }, 60_000);
  });
});
