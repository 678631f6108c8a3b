/** Brokers that stop, die, restart one after the other, and hand their leaders on. */
import type { Admin } from 'kafkajs';
import type { Fault, World } from '../fault.js';

const DOWN_MS = 5_000;

const anyBroker = ({ cluster, random }: World) => random.pick(cluster.brokers);

const cleanStop: Fault = {
  name: 'broker-stop',
  what: 'a broker is shut down in order',
  recovery: 'it starts again; every replica comes back in sync',
  takes: 'brokers',
  async strike(world) {
    const broker = anyBroker(world);
    await broker.stop();
    await world.site.pause(DOWN_MS);
    await broker.start();
    await world.cluster.whole();
  },
};

const kill: Fault = {
  name: 'broker-kill',
  what: 'SIGKILL of a broker',
  recovery: 'it starts again and recovers its log',
  takes: 'brokers',
  async strike(world) {
    const broker = anyBroker(world);
    await broker.kill();
    await world.site.pause(DOWN_MS);
    await broker.start();
    await world.cluster.whole();
  },
};

const rolling: Fault = {
  name: 'rolling-restart',
  what: 'every broker is restarted, one after the other',
  recovery: 'each is in sync before the next one stops',
  takes: 'brokers',
  async strike({ cluster }) {
    for (const broker of cluster.brokers) {
      await broker.stop();
      await broker.start();
      await cluster.whole();
    }
  },
};

const moveLeaders: Fault = {
  name: 'move-leaders',
  what: 'the leaders of every partition move to other brokers under load',
  recovery: 'the former leaders come back into sync',
  takes: 'brokers',
  // The probe writer writes meanwhile; what it was acknowledged is compared with the log at the end of the run.
  async strike({ cluster, topics }) {
    const names = await cluster.admin(async (admin) =>
      (await admin.listTopics()).filter((name) => name.startsWith(topics.prefix)),
    );
    // A leader that is taken off the list of replicas must hand over at once.
    await cluster.admin((admin) =>
      reassign(admin, names, ([leader = 0, ...others]) => others.filter((id) => id !== leader)),
    );
    await cluster.whole();
    await cluster.admin((admin) =>
      reassign(admin, names, (replicas) => [...replicas, ...[1, 2, 3].filter((id) => !replicas.includes(id))]),
    );
    await cluster.whole();
  },
};

/** @param change from the replicas, the leader first, to the wanted ones */
async function reassign(
  admin: Admin,
  names: readonly string[],
  change: (replicas: readonly number[]) => readonly number[],
): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [...names] });
  await admin.alterPartitionReassignments({
    timeout: 60_000,
    topics: topics.map(({ name, partitions }) => ({
      topic: name,
      partitionAssignment: partitions.map(({ partitionId, leader, replicas }) => ({
        partition: partitionId,
        replicas: [...change([leader, ...replicas.filter((id) => id !== leader)])],
      })),
    })),
  });
}

export const BROKER_FAULTS: readonly Fault[] = [cleanStop, kill, rolling, moveLeaders];
