/** Rights that `ravenhelm acl apply` gives by address, to the subject of a certificate, and to create topics. */
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createSwarm, defineAgent } from '../../src/index.js';
import type { KafkaLog, KafkaLogOptions } from '../../src/kafka/kafka-log.js';
import { createTestClone, type TestClone } from '../cli/support/clone.js';
import { runInPipe } from '../cli/support/ravenhelm.js';
import { testBroker } from '../support/broker.js';
import {
  describeWithSecuredBroker,
  startSecuredBroker,
  SUPER_USER,
  uniquePrefix,
  type SecuredBroker,
} from '../support/secured-broker.js';
import { openKafkaLog } from './kafka-under-test.js';

const AGENTS = ['first_agent', 'second_agent'];
const roster = AGENTS.map((name) => defineAgent({ name, description: name, prompt: 'Write.' }));

describeWithSecuredBroker('ravenhelm acl apply, for other principals and addresses', () => {
  const prefix = uniquePrefix('principals');
  const names = createTopicNames(prefix);
  let broker: SecuredBroker;
  let clone: TestClone;
  const logs: KafkaLog[] = [];

  const apply = async (...words: readonly string[]) => {
    const env = {
      ...broker.env(SUPER_USER),
      SCHEMA_REGISTRY_URL: testBroker().registryUrl,
      RAVENHELM_PREFIX: prefix,
    };
    const { code, stdout, stderr } = await runInPipe(clone, ['acl', 'apply', ...words], env);
    expect({ code, said: stdout + stderr }).toMatchObject({ code: 0, said: expect.stringContaining(' added') });
  };
  const open = async (access: Pick<KafkaLogOptions, 'brokers' | 'sasl' | 'tls'>) => {
    const log = await openKafkaLog({ ...access, prefix, sessionTimeoutMs: 6_000 });
    logs.push(log);
    return log;
  };
  const startOrchestrator = async (log: KafkaLog) => {
    const swarm = await createSwarm({ log, prefix, agents: roster, roles: ['orchestrator'], drainMs: 0 });
    await swarm.close();
  };

  beforeAll(async () => {
    broker = await startSecuredBroker(['creator', 'near']);
    clone = await createTestClone();
  }, 400_000);
  afterAll(async () => {
    for (const log of logs) await log.close();
    await clone?.remove();
    await broker?.stop();
  });

  test('with --create-topics an orchestrator makes missing topics, and without it names the right', async () => {
    await apply('orchestrator', '--principal', 'User:creator');
    const log = await open(broker.access('creator'));
    await expect(startOrchestrator(log)).rejects.toThrow(/CREATE/);
    expect(await broker.admin.listTopics()).not.toContain(names.coordination);
    await apply('orchestrator', '--principal', 'User:creator', '--create-topics');
    await startOrchestrator(log);
    const made = await broker.admin.listTopics();
    for (const topic of [names.coordination, names.status, names.deadLetters, ...AGENTS.map(names.tasks)])
      expect(made).toContain(topic);
  }, 300_000);

  test('with --host the rights hold from that address only', async () => {
    await apply('client', '--principal', 'User:near', '--host', '10.9.8.7');
    const log = await open(broker.access('near'));
    await expect(log.admin.partitionCount(names.coordination)).rejects.toThrow();
    await apply('client', '--principal', 'User:near', '--host', '127.0.0.1');
    expect(await log.admin.partitionCount(names.coordination)).toBeGreaterThan(0);
  }, 300_000);

  test('the subject of a client certificate is a principal, and has its rights only', async () => {
    const orchestrator = await open(await broker.certificateAccess('/O=Example/CN=orchestrator'));
    await expect(startOrchestrator(orchestrator)).rejects.toThrow(/DESCRIBE|CREATE|authoriz/i);
    await apply('orchestrator', '--principal', 'User:CN=orchestrator,O=Example');
    await startOrchestrator(orchestrator);
    const stranger = await open(await broker.certificateAccess('/O=Example/CN=stranger'));
    await expect(startOrchestrator(stranger)).rejects.toThrow();
    expect(
      (await broker.decisions()).some(({ principal, allowed }) => allowed && principal.startsWith('CN=orch')),
    ).toBe(true);
  }, 300_000);
});
