import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { createTopicNames } from '../../src/domain/topic-names.js';
import type { AccessRule } from '../../src/ports/broker-access.js';
import { createTestClone, type TestClone } from '../cli/support/clone.js';
import { runInPipe, startInPipe } from '../cli/support/ravenhelm.js';
import { until } from '../contract/until.js';
import { testBroker } from '../support/broker.js';
import { readTopic } from '../support/read-topic.js';
import {
  describeWithSecuredBroker,
  startSecuredBroker,
  SUPER_USER,
  uniquePrefix,
  type SecuredBroker,
} from '../support/secured-broker.js';
import { openKafkaLog, silentLogger } from './kafka-under-test.js';

const AGENTS = ['first_agent', 'second_agent'];
const ROLES = ['orchestrator', 'worker', 'client', 'operator', 'observer', 'setup', 'swarm'];
const USERS = [...ROLES, ...AGENTS.map((agent) => `worker-${agent}`)].map((role) => `ravenhelm-${role}`);
/** No role is played here; `granter` may change rules, `looker` may see them. */
const OTHERS = ['rogue', 'granter', 'looker'];

describeWithSecuredBroker('ravenhelm acl on a broker that checks rights', () => {
  const prefix = uniquePrefix('acl');
  const names = createTopicNames(prefix);
  const topics = [names.coordination, ...AGENTS.map(names.tasks)];
  let broker: SecuredBroker;
  let clone: TestClone;
  /** What every process has printed or logged. */
  const texts: string[] = [];
  const running = new Set<ReturnType<typeof startInPipe>>();

  const envOf = (user: string) => ({
    ...broker.env(user),
    SCHEMA_REGISTRY_URL: testBroker().registryUrl,
    RAVENHELM_PREFIX: prefix,
    KAFKA_SESSION_TIMEOUT_MS: '6000',
    WORKER_MODELS: 'playbook',
    LOG_LEVEL: 'debug',
  });
  const run = async (user: string, ...argv: string[]) => {
    const { code, stdout, stderr } = await runInPipe(clone, argv, envOf(user));
    texts.push(stdout, stderr);
    return { code, said: stdout + stderr, stdout };
  };
  const runJson = async (user: string, ...argv: string[]) => {
    const { code, stdout, said } = await run(user, ...argv, '--json');
    if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${said}`);
    return JSON.parse(stdout);
  };
  /** Resolves when the roles serve; the result ends them and gives their exit codes. */
  const start = async (...roles: readonly (readonly [user: string, ...argv: string[]])[]) => {
    const started = roles.map(([user, ...argv]) => startInPipe(clone, argv, envOf(user)));
    for (const role of started) running.add(role);
    await Promise.all(started.map((role) => role.shows('role.serving')));
    return async () => {
      for (const role of started) role.child.kill('SIGTERM');
      const ended = await Promise.all(started.map((role) => role.ended()));
      for (const role of started) running.delete(role);
      texts.push(...ended.flatMap(({ stdout, stderr }) => [stdout, stderr]));
      return ended.map(({ code }) => code);
    };
  };
  const wanted = async (): Promise<readonly AccessRule[]> =>
    [
      await runJson('rogue', 'acl', 'print', ...ROLES),
      await runJson('rogue', 'acl', 'print', 'worker', '--each-agent'),
    ].flatMap(({ rules }) => rules);
  const bounds = async (topic: string) => broker.admin.fetchTopicOffsets(topic);
  const records = async (topic: string) =>
    (await bounds(topic)).reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
  const writeGarbage = async (partition: number, ...into: readonly string[]) => {
    const producer = broker.client(SUPER_USER).producer();
    await producer.connect();
    for (const topic of into) await producer.send({ topic, messages: [{ partition, key: 'k', value: 'no event' }] });
    await producer.disconnect();
  };

  beforeAll(async () => {
    broker = await startSecuredBroker([...USERS, ...OTHERS]);
    clone = await createTestClone();
    // Records of a second ago are old, so that the orchestrator deletes some.
    const file = join(clone.dir, 'topics.yaml');
    const text = await readFile(file, 'utf8');
    await rm(file);
    await writeFile(file, text.replaceAll('retention: 7 d', 'retention: 1 s'));
    const onCluster = { resourceType: 4, resourceName: 'kafka-cluster', resourcePatternType: 3, host: '*' };
    await broker.admin.createAcls({
      acl: [
        { ...onCluster, principal: 'User:granter', operation: 7, permissionType: 3 },
        { ...onCluster, principal: 'User:looker', operation: 8, permissionType: 3 },
      ],
    });
  }, 400_000);
  afterAll(async () => {
    for (const role of running) role.child.kill('SIGKILL');
    await clone?.remove();
    await broker?.stop();
  });

  test('apply names the right that its user lacks', async () => {
    expect(await run('rogue', 'acl', 'apply', 'client')).toMatchObject({
      code: 2,
      said: expect.stringContaining('Grant this user DESCRIBE on the cluster'),
    });
    expect(await run('looker', 'acl', 'apply', 'client')).toMatchObject({
      code: 2,
      said: expect.stringContaining('Grant this user ALTER on the cluster'),
    });
  }, 200_000);

  test('apply adds what is missing, once; a dry run changes nothing', async () => {
    const dry = await runJson('looker', 'acl', 'apply', ...ROLES, '--dry-run');
    expect(dry).toMatchObject({ dry_run: true, present: [], removed: [], not_asked_for: [] });
    const first = await runJson('granter', 'acl', 'apply', ...ROLES);
    expect(first.added).toEqual(dry.added);
    expect(await runJson('granter', 'acl', 'apply', ...ROLES)).toMatchObject({ added: [], present: first.added });
    expect(await runJson('granter', 'acl', 'apply', 'worker', '--each-agent')).toMatchObject({
      present: [],
      of_others: expect.arrayContaining([expect.objectContaining({ principal: 'User:granter', operation: 'ALTER' })]),
    });
  }, 200_000);

  test('what was not asked for is said, and removed with --prune only', async () => {
    const extra = { principal: 'User:ravenhelm-client', host: '*', operation: 'ALTER_CONFIGS', permission: 'ALLOW' };
    const resource = { resourceType: 2, resourceName: names.coordination, resourcePatternType: 3 };
    const elsewhere = { ...resource, resourceName: 'billing' };
    const wire = { principal: extra.principal, host: '*', operation: 11, permissionType: 3 };
    await broker.admin.createAcls({
      acl: [
        { ...wire, ...resource },
        { ...wire, ...elsewhere },
        { ...wire, ...resource, principal: 'User:rogue' },
      ],
    });
    const { said } = await run('granter', 'acl', 'apply', 'client');
    expect(said).toContain(': 0 added, ');
    expect(said).toMatch(/1 of the same principals that were not asked for .*--prune removes them/);
    expect(said).toMatch(new RegExp(`User:ravenhelm-client +\\* +ALTER_CONFIGS +topic ${names.coordination}`));
    expect(said).toMatch(/User:rogue +ALTER_CONFIGS/);
    expect(said).not.toContain('billing');

    const dry = await runJson('looker', 'acl', 'apply', 'client', '--prune', '--dry-run');
    expect(dry.removed).toMatchObject([extra]);
    const { removed, of_others: ofOthers } = await runJson('granter', 'acl', 'apply', 'client', '--prune');
    expect(removed).toEqual(dry.removed);
    expect(ofOthers).toContainEqual(expect.objectContaining({ principal: 'User:rogue', operation: 'ALTER_CONFIGS' }));
    const { resources } = await broker.admin.describeAcls({
      ...{ resourceType: 2, resourcePatternType: 1, operation: 11, permissionType: 1 },
    });
    const left = resources.flatMap(({ resourceName, acls }) => acls.map(({ principal }) => [principal, resourceName]));
    expect(left.sort()).toEqual([
      ['User:ravenhelm-client', 'billing'],
      ['User:rogue', names.coordination],
    ]);
  }, 200_000);

  test('a worker for each agent has its own principal, and a mission completes', async () => {
    expect(await run('ravenhelm-setup', 'init')).toMatchObject({ code: 0 });
    await writeGarbage(0, ...topics);
    const stop = await start(
      ['ravenhelm-orchestrator', '--role', 'orchestrator'],
      ...AGENTS.map((agent) => [`ravenhelm-worker-${agent}`, '--role', 'worker', '--agents', agent] as const),
    );
    const { code, stdout } = await run('ravenhelm-client', 'submit', 'missions/quick.yaml', '--wait');
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('2 of 2 tasks verified') });
    const [, mission = ''] = /^mission: \S+ (\S+)/.exec(stdout) ?? [];
    for (const user of ['ravenhelm-client', 'ravenhelm-observer']) {
      expect(await run(user, 'show', mission)).toMatchObject({
        code: 0,
        said: expect.stringContaining('second_agent'),
      });
      expect(await run(user, 'status')).toMatchObject({ code: 0, said: expect.stringContaining(mission) });
    }
    await until('a dead letter of each topic', async () => (await records(names.deadLetters)) === topics.length);
    expect(await run('ravenhelm-observer', 'dead-letters', 'list')).toMatchObject({ code: 0 });
    expect(await stop()).toEqual([0, 0, 0]);
  }, 600_000);

  test('one principal serves all agents; an operator redrives, and recovers what is lost', async () => {
    await writeGarbage(1, ...topics);
    const before = await records(names.deadLetters);
    const stop = await start(
      ['ravenhelm-orchestrator', '--role', 'orchestrator'],
      ['ravenhelm-worker', '--role', 'worker'],
    );
    expect(await run('ravenhelm-operator', 'submit', 'missions/quick.yaml', '--wait')).toMatchObject({ code: 0 });
    await until('further dead letters', async () => (await records(names.deadLetters)) >= before + topics.length);
    await until('old records are deleted', async () =>
      (await Promise.all(topics.map(bounds))).every((found) => found.some(({ low }) => low !== '0')),
    );
    const letters: readonly { readonly id: string; readonly origin: { readonly topic: string } | null }[] =
      await runJson('ravenhelm-operator', 'dead-letters', 'list');
    const ofTopic = (topic: string) => letters.find(({ origin }) => origin?.topic === topic)?.id ?? `none of ${topic}`;
    const ids = topics.map(ofTopic);
    expect(await run('ravenhelm-operator', 'dead-letters', 'redrive', '--as-is', ...ids)).toMatchObject({ code: 0 });
    expect(await stop()).toEqual([0, 0]);

    for (const topic of topics) {
      const partition = 2;
      await writeGarbage(partition, topic);
      const { high = '0' } = (await bounds(topic)).find((found) => found.partition === partition) ?? {};
      await broker.admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: high }] });
      expect(await run('ravenhelm-operator', 'recover', topic, String(partition), '--accept-loss')).toMatchObject({
        code: 0,
        said: expect.stringContaining('continues at offset'),
      });
    }
  }, 600_000);

  test('one process can be all of it', async () => {
    await writeGarbage(3, ...topics);
    expect(await run('ravenhelm-swarm', 'run', 'missions/quick.yaml')).toMatchObject({ code: 0 });
  }, 300_000);

  /** Behind the tests above: their runs have used every right, and asked for no other. */
  test('by the log of the broker every right was used, and none was missing', async () => {
    const decisions = (await broker.decisions()).filter(({ principal }) => USERS.includes(principal));
    expect(decisions.filter(({ allowed }) => !allowed)).toEqual([]);
    const used = new Set(
      decisions.flatMap(({ principal, operation, rule }) =>
        rule !== null && rule.operation === operation
          ? [`User:${principal} ${operation} ${rule.type} ${rule.pattern} ${rule.name}`]
          : [],
      ),
    );
    const asked = (await wanted()).map(
      ({ principal, operation, resource: { type, pattern, name } }) =>
        `${principal} ${operation} ${type} ${pattern} ${name}`,
    );
    expect(asked.length).toBeGreaterThan(130);
    expect(asked.filter((rule) => !used.has(rule))).toEqual([]);
  }, 60_000);

  test('the password of a broker user is in no output, no log line and no topic', async () => {
    const passwords = USERS.map((user) => broker.env(user)['KAFKA_SASL_PASSWORD'] ?? '');
    expect(new Set(passwords).size).toBe(USERS.length);
    expect(Math.min(...passwords.map(({ length }) => length))).toBeGreaterThan(20);
    const log = await openKafkaLog({ ...broker.access(SUPER_USER), prefix, logger: silentLogger });
    try {
      for (const topic of [...topics, names.status, names.deadLetters])
        texts.push(inspect(await readTopic(log, topic), { depth: null, maxStringLength: null, maxArrayLength: null }));
    } finally {
      await log.close();
    }
    expect(texts.join('').length).toBeGreaterThan(100_000);
    expect(texts.some((text) => text.includes('"level":"debug"'))).toBe(true);
    expect(passwords.filter((password) => texts.some((text) => text.includes(password)))).toEqual([]);
  }, 200_000);
});
