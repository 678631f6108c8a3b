import { rulesFor, type UsedRight } from '../../src/kafka/acl/swarm-rights.js';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import type { Logger } from '../../src/ports/logger.js';
import { until } from '../contract/until.js';
import { describeWithSecuredBroker } from '../support/secured-broker.js';
import {
  createSecuredSwarm,
  missionFor,
  names,
  rightsIn,
  type SecuredSwarm,
  type SwarmChoice,
} from '../support/secured-swarm.js';

/** One row for each right; of the two agents only the first one's topic and group. */
const rowsOf = (role: Parameters<typeof rightsIn>[0]) =>
  rightsIn(role)
    .filter(({ resource }) => !resource.name.endsWith('second'))
    .map(
      (right) =>
        [right.operation, `${right.resource.type} ${right.resource.name.replace(names.prefix, '…')}`, right] as const,
    );

/** Notes what is logged and thrown, with messages and causes of errors. */
function listen() {
  const said: string[] = [];
  const plain = (value: unknown): unknown =>
    value instanceof Error ? { message: value.message, cause: plain(value.cause) } : value;
  const note = (value: unknown) => void said.push(JSON.stringify(plain(value), (_, inner: unknown) => plain(inner)));
  const logger: Logger = { debug: () => undefined, info: note, warn: note, error: note, child: () => logger };
  return { said, note, logger };
}

/** Whether a text says what to grant. Who has no right on a topic at all is not shown it: that comes first. */
function saysWhatToGrant({ operation, resource: { type, name } }: UsedRight, text: string): boolean {
  const grants = [...text.matchAll(/Grant this user ([A-Z_]+).*? on the (topic|group)s? (.*?) \(npx/g)];
  return grants.some(
    ([, said, of, where = '']) => (said === operation || said === 'DESCRIBE') && of === type && where.includes(name),
  );
}

interface Work {
  readonly log: KafkaLog;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

describeWithSecuredBroker('a user who lacks one of the rights of its role', () => {
  let swarm: SecuredSwarm;
  beforeAll(async () => {
    swarm = await createSecuredSwarm();
  }, 400_000);
  afterAll(() => swarm?.close());

  /** Takes the right away, lets the user work until it has said what it lacks, and gives the right back. */
  async function lacking(user: string, right: UsedRight, work: (parts: Work) => Promise<void>): Promise<void> {
    const rules = rulesFor(`User:${user}`, '*', [right]);
    const { said, note, logger } = listen();
    const enough = new AbortController();
    await swarm.removeRules(rules);
    const log = await swarm.openLog(user, logger);
    const working = work({ log, logger, signal: enough.signal }).catch(note);
    try {
      await until('it says what it lacks', () => said.some((text) => saysWhatToGrant(right, text)), 60_000).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}. It said: ${said.join('\n').slice(0, 6_000)}`);
        },
      );
    } finally {
      enough.abort(new Error('enough'));
      await working;
      await log.close();
      await swarm.addRules(rules);
    }
  }

  /** Runs a role, with things to do, until the signal. */
  async function runRole(choice: SwarmChoice, { log, logger, signal }: Work, traffic: () => Promise<void>) {
    const role = await swarm.swarmOn(log, { ...choice, logger, signal });
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    try {
      const failed = role.failed.then((error) => Promise.reject(error));
      await Promise.race([traffic().then(() => stopped), failed]);
    } finally {
      await role.close();
    }
  }

  test.each(rowsOf('orchestrator'))(
    'an orchestrator without %s on the %s',
    async (operation, _, right) => {
      const client = swarm.clientOn(swarm.log);
      await swarm.writeGarbage(names.coordination);
      await lacking('orchestrator', right, (work) =>
        runRole({ roles: ['orchestrator'] }, work, async () => {
          await client.submit(missionFor('first'));
          if (operation === 'DELETE' && right.resource.type === 'topic')
            await work.log.admin.deleteRecords(right.resource.name, 0, 1);
        }),
      );
      await client.close();
    },
    120_000,
  );
});
