import { rulesFor, type UsedRight } from '../../src/kafka/acl/swarm-rights.js';
import { defineAgent, type Client, type Swarm } from '../../src/index.js';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import type { Logger } from '../../src/ports/logger.js';
import { createKafkaPurge } from '../../src/kafka/kafka-purge.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import { silentLogger } from './kafka-under-test.js';
import { describeWithSecuredBroker } from '../support/secured-broker.js';
import {
  createSecuredSwarm,
  missionFor,
  names,
  plan,
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

interface RightOn {
  readonly operation: string;
  readonly resource: { readonly type: string; readonly name: string };
}

/**
 * Whether a text says what to grant. Who has no right on a topic at all is not shown it: that
 * comes first, as a topic that is missing where the role creates those. */
function saysWhatToGrant({ operation, resource: { type, name } }: RightOn, text: string): boolean {
  const grants = [...text.matchAll(/Grant this user ([A-Z_]+).*? on the (topic|group)s? (.*?) \(npx/g)];
  return grants.some(
    ([, said, of, where = '']) =>
      [operation, 'DESCRIBE', 'CREATE'].includes(said ?? '') && of === type && where.includes(name),
  );
}

interface Work {
  readonly log: KafkaLog;
  readonly logger: Logger;
  /** Takes what was thrown. */
  note(error: unknown): void;
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
    const working = work({ log, logger, note, signal: enough.signal }).catch(note);
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

  /**
   * Runs a role, with things to do, until the signal. The group of a watch is deleted behind it: a role that may not do
   * that says so at its end.
   */
  async function runRole(
    choice: SwarmChoice,
    right: UsedRight,
    { log, logger, signal }: Work,
    work: () => Promise<void>,
  ) {
    const role = await swarm.swarmOn(log, { ...choice, logger, signal });
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    try {
      const failed = role.failed.then((error) => Promise.reject(error));
      await Promise.race([work().then(() => (isOfWatchGroup(right) ? undefined : stopped)), failed]);
    } finally {
      await role.close();
    }
  }
  const isOfWatchGroup = ({ operation, resource }: UsedRight) =>
    operation === 'DELETE' && resource.pattern === 'prefixed';

  test.each(rowsOf('orchestrator'))(
    'an orchestrator without %s on the %s',
    async (operation, _, right) => {
      const client = swarm.clientOn(swarm.log);
      await swarm.writeGarbage(names.coordination);
      await lacking('orchestrator', right, (work) =>
        runRole({ roles: ['orchestrator'] }, right, work, async () => {
          await client.submit(missionFor('first'));
          if (operation === 'DELETE' && right.resource.type === 'topic')
            await work.log.admin.deleteRecords(right.resource.name, 0, 1);
        }),
      );
      await client.close();
    },
    120_000,
  );

  test('an orchestrator that may not create the topic of a new agent: the others stay in force', async () => {
    const log = await swarm.openLog('orchestrator');
    const running = await swarm.swarmOn(log, { roles: ['orchestrator'] });
    const third = defineAgent({ name: 'third', description: 'Writes.', prompt: 'Write.' });
    const { agents: before } = running;
    const refused = running.updateAgents([...before, third]).catch((error: Error) => error.message);
    const right = { operation: 'CREATE', resource: { type: 'topic', name: names.tasks('third') } };
    expect([saysWhatToGrant(right, String(await refused)), await refused]).toEqual([true, expect.any(String)]);
    expect(running.agents).toEqual(before);
    await running.close();
    await log.close();
  }, 60_000);

  test('an observer that would remove the swarm', async () => {
    const { brokers, ...access } = swarm.broker.access('observer');
    const options = { clientId: 'test', clock: systemClock, random: Math.random, logger: silentLogger };
    const purge = await createKafkaPurge({ ...options, ...access, brokers, names });
    const topics = [names.tasks('first')];
    const refused = await purge.remove({ topics, groups: [] }, () => undefined).catch((error: Error) => error.message);
    expect(refused).toContain(`Grant this user DELETE on the topic ${names.tasks('first')}`);
    const unseen = await purge.find().catch((error: Error) => error.message);
    const where = `on the topic ${names.status}`;
    expect(unseen).toContain(`Grant this user DESCRIBE, which READ, WRITE and DELETE include, ${where}`);
    await purge.close();
    expect((await swarm.log.admin.offsets(names.tasks('first'))).length).toBeGreaterThan(0);
  }, 60_000);

  describe('beside an orchestrator', () => {
    let orchestrator: Swarm;
    let client: Client;
    beforeAll(async () => {
      orchestrator = await swarm.swarmOn(swarm.log, { roles: ['orchestrator'] });
      client = swarm.clientOn(swarm.log);
    }, 60_000);
    afterAll(async () => {
      await client.close();
      await orchestrator.close();
    });

    test.each(rowsOf('worker'))(
      "one agent's worker without %s on the %s",
      async (_operation, _, right) => {
        await swarm.writeGarbage(names.tasks('first'));
        await lacking('worker', right, (work) =>
          runRole({ roles: ['worker'], serves: ['first'] }, right, work, async () => {
            await client.submit(missionFor('first'));
          }),
        );
      },
      120_000,
    );

    describe('and a worker', () => {
      let worker: Swarm;
      let mission: string;
      beforeAll(async () => {
        // What the tests above have left.
        const open = (await client.reports()).filter((report) => report.ended_at === null);
        for (const { mission_id } of open) await client.cancel(mission_id, 'not needed');
        worker = await swarm.swarmOn(swarm.log, { roles: ['worker'] });
        mission = (await client.run(missionFor('first'))).mission_id;
      }, 120_000);
      afterAll(() => worker.close());

      /** Everything that a client does, whatever fails of it. */
      const useAll = async (
        { log, logger }: Work,
        note: (error: unknown) => void,
        more: (own: Client) => readonly Step[],
      ) => {
        const own = swarm.clientOn(log, { logger });
        for (const step of more(own)) await step().catch(note);
        await own.close();
      };
      type Step = () => Promise<unknown>;
      const reading = (own: Client): readonly Step[] => [
        () => own.report('last'),
        () => own.report(mission),
        () => own.attempts(mission, () => undefined),
      ];
      const asClient = (own: Client): readonly Step[] => [
        ...reading(own),
        () => own.submit(missionFor('first')),
        () => own.processes(),
      ];
      /** A letter that is still waiting, of the first agent's topic. */
      const letter = async () => {
        const found = (await client.deadLetters.list()).find(
          ({ state, origin }) => state === 'waiting' && origin?.topic === names.tasks('first'),
        );
        if (found === undefined) throw new Error('there is no dead letter');
        return found.id;
      };

      test.each(rowsOf('client'))(
        'a client without %s on the %s',
        async (_operation, _, right) => {
          await lacking('client', right, (work) => useAll(work, work.note, asClient));
        },
        120_000,
      );

      const isOfClient = ([operation, where]: readonly [string, string, ...unknown[]]) =>
        rowsOf('client').some(([each, place]) => each === operation && place === where);
      test.each(rowsOf('operator').filter((row) => !isOfClient(row)))(
        'an operator without %s on the %s',
        async (_operation, _, right) => {
          const ids = [await letter()];
          await lacking('operator', right, (work) =>
            useAll(work, work.note, (own) => [
              () => own.deadLetters.list(),
              () => own.deadLetters.redrive(ids, { asIs: true }),
              () => own.recover({ topic: names.tasks('first'), partition: 0, acceptLoss: true }),
              () => own.recover({ topic: names.coordination, partition: 0, acceptLoss: true }),
            ]),
          );
        },
        120_000,
      );

      test.each(rowsOf('observer'))(
        'an observer without %s on the %s',
        async (_operation, _, right) => {
          await lacking('observer', right, (work) =>
            useAll(work, work.note, (own) => [...reading(own), () => own.deadLetters.list()]),
          );
        },
        120_000,
      );
    });
  });

  /** Behind everything else: a topic that is made again ends what was under way in it. */
  describe('for ravenhelm init', () => {
    const ofTasks = ([, where]: readonly [string, string, ...unknown[]]) => where.includes('tasks');
    test.each(rowsOf('setup').filter(ofTasks))(
      'ravenhelm init without %s on the %s',
      async (operation, _, right) => {
        if (operation === 'CREATE') await swarm.broker.admin.deleteTopics({ topics: [right.resource.name] });
        await lacking('setup', right, async ({ log }) => void (await log.admin.ensureTopics(plan)));
      },
      60_000,
    );
  });
});
