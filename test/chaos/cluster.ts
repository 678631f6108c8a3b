/** Three real brokers behind a proxy each, and a schema registry. */
import { askBroker } from '../../src/kafka/ask-broker.js';
import kafkajs, { type Admin } from 'kafkajs';
import { isServicePid, launchService, logTail, stopService, type JavaService } from '../../src/local/java-service.js';
import { kafkaBroker } from '../../src/local/kafka-broker.js';
import { signalProcess } from '../../src/local/os-process.js';
import { registryServer } from '../../src/local/registry-server.js';
import { developmentPlace, registryUrlOf, type StackPlace, type StackWorld } from '../../src/local/stack-place.js';
import type { PartitionId } from '../../src/ports/log.js';
import { produceRaw } from '../support/raw-producer.js';
import { startRegistryProxy, type RegistryProxy } from '../support/registry-proxy.js';
import { startProxy, type Proxy } from './proxy.js';
import { directory, freePorts, type Site } from './site.js';

/** One JVM that can be stopped and started. */
export interface Server {
  readonly name: string;
  /** SIGTERM, and wait for the end. */
  stop(): Promise<void>;
  /** SIGKILL, and wait for the end. */
  kill(): Promise<void>;
  /** Resolves when it answers. */
  start(): Promise<void>;
  pid(): number | null;
}

export interface Broker extends Server {
  readonly id: number;
  readonly proxy: Proxy;
}

export interface Cluster {
  readonly brokers: readonly Broker[];
  readonly registry: Server;
  /** Of the registry itself. */
  readonly registryUrl: string;
  /** What the swarm gets for the registry. */
  readonly registryProxy: RegistryProxy;
  /** The addresses that clients get: the proxies. */
  readonly clientBrokers: readonly string[];
  /** The listeners that the brokers use among themselves; the harness looks at the cluster through them. */
  readonly innerBrokers: readonly string[];
  admin<T>(work: (admin: Admin) => Promise<T>): Promise<T>;
  /** Writes a batch as it is, by way of the partition's leader; resolves with its first offset. */
  produce(partition: PartitionId, batch: Buffer): Promise<number>;
  /** Resolves when every broker serves and every replica is in sync. */
  whole(): Promise<void>;
}

/** How clients enter by way of the proxies. The harness and the brokers use listeners without a login. */
export const SWARM_LOGIN = { mechanism: 'plain', username: 'swarm', password: 'chaos' } as const;
export const SWARM_PRINCIPAL = `User:${SWARM_LOGIN.username}`;
const LOGIN_AND_RIGHTS = {
  'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'sasl.enabled.mechanisms': 'PLAIN',
  'listener.name.plaintext.plain.sasl.jaas.config':
    'org.apache.kafka.common.security.plain.PlainLoginModule required ' +
    `user_${SWARM_LOGIN.username}="${SWARM_LOGIN.password}";`,
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
};

/** Everything, on every resource: what a fault withdraws is denied beside it. */
async function allowSwarm(admin: Admin): Promise<void> {
  const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
  const resources = [
    [AclResourceTypes.TOPIC, '*'],
    [AclResourceTypes.GROUP, '*'],
    [AclResourceTypes.TRANSACTIONAL_ID, '*'],
    [AclResourceTypes.CLUSTER, 'kafka-cluster'],
  ] as const;
  await admin.createAcls({
    acl: resources.map(([resourceType, resourceName]) => ({
      resourceType,
      resourceName,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: SWARM_PRINCIPAL,
      host: '*',
      operation: AclOperationTypes.ALL,
      permissionType: AclPermissionTypes.ALLOW,
    })),
  });
}

/** For a busy computer; the wait ends as soon as the condition holds. */
const START_LIMIT_MS = 600_000;
const WHOLE_LIMIT_MS = 600_000;

export async function startCluster(site: Site, java: string): Promise<Cluster> {
  const [registryPort = 0, ...ports] = await freePorts(1 + 3 * 4);
  const uuid = site.ids.uuid();
  // The cluster's id is made from this: it must be the same for the three.
  // By TMPDIR the reaper knows the JVMs of this run.
  const world: StackWorld = {
    env: { ...process.env, TMPDIR: site.dir },
    clock: site.clock,
    ids: { uuid: () => uuid },
    askBroker,
  };
  const ofBroker = (id: number) => {
    const [broker = 0, controller = 0, internal = 0, proxy = 0] = ports.slice((id - 1) * 4);
    return { broker, controller, internal, proxy };
  };
  const ids = [1, 2, 3];
  const voters = ids.map((id) => `${id}@localhost:${ofBroker(id).controller}`);
  const innerBrokers = ids.map((id) => `localhost:${ofBroker(id).internal}`);

  const brokers = await Promise.all(
    ids.map(async (id): Promise<Broker> => {
      const { broker, controller, internal, proxy: proxyPort } = ofBroker(id);
      const place: StackPlace = {
        ...developmentPlace(site.root),
        dataDir: await directory(site.dir, `broker-${id}`),
        ports: { broker, controller, registry: 0 },
      };
      const service = kafkaBroker(place, world, {
        id,
        voters,
        internalPort: internal,
        advertisedPort: proxyPort,
        replicas: 3,
        minInSyncReplicas: 2,
        heapMb: 256,
        settings: LOGIN_AND_RIGHTS,
      });
      await service.prepare(java, world.env);
      const proxy = await startProxy(proxyPort, broker);
      site.onEnd(`proxy ${id}`, () => proxy.close());
      return {
        id,
        proxy,
        ...createServer(site, world, place, service, java, `broker ${id}`, () => serves(`localhost:${internal}`, id)),
      };
    }),
  );
  const registryPlace: StackPlace = {
    ...developmentPlace(site.root),
    dataDir: await directory(site.dir, 'registry'),
    ports: { broker: 0, controller: 0, registry: registryPort },
  };
  const registryService = registryServer(registryPlace);
  const registry = createServer(site, world, registryPlace, registryService, java, 'the registry', registryService.ask);
  await Promise.all([...brokers, registry].map((server) => server.start()));

  const registryUrl = registryUrlOf(registryPlace, 'java');
  const registryProxy = await startRegistryProxy(registryUrl);
  site.onEnd('the proxy of the registry', () => registryProxy.close());

  const admin = <T>(work: (admin: Admin) => Promise<T>) => withAdmin(innerBrokers, work);
  const cluster: Cluster = {
    brokers,
    registry,
    innerBrokers,
    admin,
    registryUrl,
    registryProxy,
    clientBrokers: ids.map((id) => `localhost:${ofBroker(id).proxy}`),
    async produce(place, batch) {
      const { topics } = await admin((each) => each.fetchTopicMetadata({ topics: [place.topic] }));
      const leader = topics[0]?.partitions.find(({ partitionId }) => partitionId === place.partition)?.leader ?? 0;
      return produceRaw(innerBrokers[leader - 1] ?? '', place, batch);
    },
    async whole() {
      await site.until('every replica in sync', WHOLE_LIMIT_MS, () => admin(replicasInSync).catch(() => null));
    },
  };
  await cluster.whole();
  await admin(allowSwarm);
  return cluster;
}

function createServer(
  site: Site,
  world: StackWorld,
  place: StackPlace,
  service: JavaService,
  java: string,
  name: string,
  answers: () => Promise<true | null>,
): Server {
  let running: number | null = null;
  const ended = async (pid: number) => ((await isServicePid(place, service, pid)) ? null : true);
  site.onEnd(name, async () => {
    if (running !== null) await stopService(place, service, world);
  });
  return {
    name,
    pid: () => running,
    async stop() {
      await stopService(place, service, world);
      running = null;
    },
    async kill() {
      if (running === null) return;
      const pid = running;
      signalProcess(pid, 'SIGKILL');
      await site.until(`the end of ${name}`, 30_000, () => ended(pid));
      running = null;
    },
    async start() {
      const pid = running ?? (await launchService(place, service, java, world.env));
      running = pid;
      await site.until(`${name} answers`, START_LIMIT_MS, async () => {
        if (await ended(pid))
          throw new Error(`${name} ended during the start:\n${await logTail(place, service.name, 15)}`);
        return answers();
      });
    },
  };
}

/** True when this broker is one of those that the cluster gives work to. */
async function serves(address: string, id: number): Promise<true | null> {
  try {
    const { brokers } = await withAdmin([address], (admin) => admin.describeCluster());
    return brokers.some(({ nodeId }) => nodeId === id) ? true : null;
  } catch {
    return null; // not there yet
  }
}

async function replicasInSync(admin: Admin): Promise<true | null> {
  const { brokers } = await admin.describeCluster();
  const { topics } = await admin.fetchTopicMetadata();
  const complete = topics.every(({ partitions }) =>
    partitions.every(({ leader, replicas, isr }) => leader >= 0 && replicas.length === isr.length),
  );
  return brokers.length === 3 && complete ? true : null;
}

async function withAdmin<T>(brokers: readonly string[], work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new kafkajs.Kafka({
    clientId: 'chaos',
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 3_000,
    requestTimeout: 20_000,
    retry: { retries: 3 },
  }).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
