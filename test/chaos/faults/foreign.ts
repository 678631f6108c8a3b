/** What other programs do to the swarm's topics: batches in any codec, transactions that abort or hang. */
import { randomUUID } from 'node:crypto';
import kafkajs, { type Transaction } from 'kafkajs';
import type { PartitionId } from '../../../src/ports/log.js';
import { changed } from '../../kafka/batch-bytes.js';
import { javaBatch } from '../../kafka/java-batches.js';
import { PromiseBroken, type Fault, type World } from '../fault.js';
import { endOf, submitted } from './topics.js';

const LIMIT_MS = 120_000;
const PACKED = [
  'gzip, 1 record',
  'snappy, 1 record',
  'lz4, 1 record',
  'zstd, 1 record',
  'zstd, 20 kB of random bytes',
] as const;

const batches: Fault = {
  name: 'foreign-batches',
  what: 'another program writes batches of the Java client into the swarm’s topics, in each codec',
  recovery: 'their records become dead letters; the partitions continue',
  takes: 'topics',
  turns: 4,
  async strike(world) {
    const { cluster, site, topics } = world;
    const before = await deadLetters(world);
    for (const place of placesIn(world))
      for (const name of PACKED) {
        const batch = changed(javaBatch(name).bytes, { baseOffset: 0 });
        // The leader may be down: another fault may strike beside this one.
        await site.until(`a leader of ${place.topic}/${place.partition}`, LIMIT_MS, () =>
          cluster.produce(place, batch).catch(() => null),
        );
      }
    await site.until(`dead letters in ${topics.deadLetters}`, LIMIT_MS, async () =>
      (await deadLetters(world)) >= before + 2 * PACKED.length ? true : null,
    );
    await completes(world);
  },
};

const aborted: Fault = {
  name: 'transaction-aborted',
  what: 'another program writes to the swarm’s topics in a transaction and aborts it',
  recovery: 'its records are skipped; the partitions continue',
  takes: 'topics',
  turns: 4,
  async strike(world) {
    await writesInTransaction(world, 'an aborted transaction', (transaction) => transaction.abort());
    await completes(world);
  },
};

const hanging: Fault = {
  name: 'transaction-hangs',
  what: 'a transaction of another program stays open, and the broker aborts it when its time is over',
  recovery: 'a role names the partition that is blocked, and continues behind the transaction',
  takes: 'topics',
  turns: 4,
  async strike(world) {
    const { fleet, site } = world;
    const members = [...fleet.of('orchestrator'), ...fleet.of('worker')];
    const seen = new Map(members.map((member) => [member, member.log().length]));
    const says = (event: string) =>
      members.some((member) => member.log().slice(seen.get(member)).includes(`"event":"${event}"`)) ? true : null;
    await writesInTransaction(world, 'a transaction', async () => undefined);
    await site.until('a role that names the blocked partition', LIMIT_MS, () => says('partition.blocked'));
    await site.until('the end of the blockage', LIMIT_MS, () => says('partition.unblocked'));
    await completes(world);
  },
};

/** Longer than the 10 s after which a role names it; the broker looks every 10 s. */
const TRANSACTION_MS = 20_000;

/** Tries until it has written in a transaction: its coordinator may be down. */
async function writesInTransaction(
  world: World,
  what: string,
  end: (transaction: Transaction) => Promise<void>,
): Promise<void> {
  const places = placesIn(world);
  await world.site.until(what, LIMIT_MS, () =>
    inTransaction(world, places, end).then(
      () => true as const,
      () => null,
    ),
  );
}

/** Writes one record into each partition in a transaction, which `end` may end. */
async function inTransaction(
  { cluster }: World,
  places: readonly PartitionId[],
  end: (transaction: Transaction) => Promise<void>,
): Promise<void> {
  const producer = new kafkajs.Kafka({
    clientId: 'chaos-foreign',
    brokers: [...cluster.innerBrokers],
    logLevel: kafkajs.logLevel.NOTHING,
  }).producer({
    transactionalId: `chaos-${randomUUID()}`,
    transactionTimeout: TRANSACTION_MS,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  try {
    const transaction = await producer.transaction();
    for (const { topic, partition } of places)
      await transaction.send({ topic, messages: [{ partition, key: 'foreign', value: 'no event' }] });
    await end(transaction);
  } finally {
    await producer.disconnect();
  }
}

/** A partition of the coordination topic and one of an agent's tasks. */
function placesIn({ random, topics }: World): readonly PartitionId[] {
  return [
    { topic: topics.coordination, partition: random.between(0, 5) },
    { topic: topics.tasks(random.pick(['scout_agent', 'smith_agent'])), partition: random.between(0, 5) },
  ];
}

/** How many records the topic of dead letters has had. */
function deadLetters({ cluster, topics, site }: World): Promise<number> {
  return site.until('the dead letters', LIMIT_MS, () =>
    cluster
      .admin((admin) => admin.fetchTopicOffsets(topics.deadLetters))
      .then(
        (partitions) => partitions.reduce((sum, { high }) => sum + Number(high), 0),
        () => null,
      ),
  );
}

async function completes(world: World): Promise<void> {
  const status = await endOf(world, await submitted(world, 'steady'));
  if (status !== 'completed') throw new PromiseBroken(`the mission behind what others had written ended as ${status}`);
}

export const FOREIGN_FAULTS: readonly Fault[] = [batches, aborted, hanging];
