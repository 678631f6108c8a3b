/** A swarm with two agents in this process, on a broker that checks rights: who enters as whom is said each time. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseTopicPlan } from '../../src/avro/topic-plan.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import {
  createClient,
  createSwarm,
  defineAgent,
  type Client,
  type ClientOptions,
  type Swarm,
} from '../../src/index.js';
import { createKafkaAccess } from '../../src/kafka/acl/kafka-access.js';
import {
  rightsOf,
  rulesFor,
  type AccessHolder,
  type AccessRole,
  type UsedRight,
} from '../../src/kafka/acl/swarm-rights.js';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import { accessRuleKey, type AccessRule } from '../../src/ports/broker-access.js';
import type { Logger } from '../../src/ports/logger.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import { openKafkaLog, silentLogger } from '../kafka/kafka-under-test.js';
import { startSecuredBroker, SUPER_USER, uniquePrefix } from './secured-broker.js';

const PLAYBOOK = { steps: [{ name: 'write', command: 'echo done > done.txt' }] };
const agents = ['first', 'second'].map((name) =>
  defineAgent({ name, description: 'Writes.', prompt: 'Write.', playbooks: { write: PLAYBOOK } }),
);
const prefix = uniquePrefix('secured');
export const names = createTopicNames(prefix);
export const plan = parseTopicPlan('topics.yaml', readFileSync('topics.yaml', 'utf8'), names, ['first', 'second']);

/** Users of the same names. The worker serves the first agent only. */
const ROLES = ['orchestrator', 'worker', 'client', 'operator', 'observer', 'setup'] as const;

export const missionFor = (agent: 'first' | 'second') => ({
  name: 'task',
  brief: 'Write.',
  plan: { waves: [{ tasks: [{ agent, description: 'Write.', playbook: 'write' }] }] },
});

export function rightsIn(role: AccessRole): readonly UsedRight[] {
  const holder: AccessHolder = { role, agent: role === 'worker' ? 'first' : null, createsTopics: false };
  return rightsOf(holder, { names, agents: ['first', 'second'], plan });
}

export type SwarmChoice = Partial<Parameters<typeof createSwarm>[0]>;

export interface SecuredSwarm {
  /** The super user's log, with all topics. */
  readonly log: KafkaLog;
  openLog(user: string, logger?: Logger): Promise<KafkaLog>;
  swarmOn(log: KafkaLog, choice: SwarmChoice): Promise<Swarm>;
  clientOn(log: KafkaLog, choice?: Partial<ClientOptions>): Client;
  /** Resolves when the broker decides by it. */
  addRules(rules: readonly AccessRule[]): Promise<void>;
  removeRules(rules: readonly AccessRule[]): Promise<void>;
  /** Bytes that cannot be decoded, by the super user. */
  writeGarbage(topic: string): Promise<void>;
  readonly broker: Awaited<ReturnType<typeof startSecuredBroker>>;
  close(): Promise<void>;
}

/** Each user of ROLES has the rights of its role and no other; `others` can log in and have none. */
export async function createSecuredSwarm(others: readonly string[] = []): Promise<SecuredSwarm> {
  const broker = await startSecuredBroker([...ROLES, ...others]);
  const dir = await mkdtemp(join(tmpdir(), 'ravenhelm-acl-'));
  const access = await createKafkaAccess({
    ...broker.access(SUPER_USER),
    clientId: 'test',
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
  });
  const inForce = (rules: readonly AccessRule[], there: boolean) =>
    until('the rules are in force', async () => {
      const found = new Set((await access.list()).map(accessRuleKey));
      return rules.every((rule) => found.has(accessRuleKey(rule)) === there);
    });
  const addRules = async (rules: readonly AccessRule[]) => {
    await access.add(rules);
    await inForce(rules, true);
  };
  const openLog = (user: string, logger: Logger = silentLogger) =>
    openKafkaLog({ ...broker.access(user), prefix, logger, sessionTimeoutMs: 6_000 });
  const log = await openLog(SUPER_USER);
  await log.admin.ensureTopics(plan);
  await addRules(ROLES.flatMap((role) => rulesFor(`User:${role}`, '*', rightsIn(role))));
  const garbage = broker.client(SUPER_USER).producer();
  await garbage.connect();
  return {
    log,
    broker,
    openLog,
    addRules,
    swarmOn: (own, choice) =>
      createSwarm({
        log: own,
        prefix,
        agents,
        tools: { workspaceRoot: dir, sandbox: false },
        drainMs: 0,
        ...choice,
      }),
    clientOn: (own, choice) => createClient({ log: own, prefix, agents, workspaceRoot: dir, ...choice }),
    async removeRules(rules) {
      await access.remove(rules);
      await inForce(rules, false);
    },
    async writeGarbage(topic) {
      await garbage.send({ topic, messages: [{ partition: 0, value: 'no event' }] });
    },
    async close() {
      await garbage.disconnect();
      await log.close();
      await access.close();
      await broker.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
