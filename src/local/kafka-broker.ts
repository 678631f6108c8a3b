import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';

import type { JavaService } from './java-service.js';
import { isMissing } from './os-process.js';
import { StackError } from './stack-error.js';
import { brokersOf, type StackPlace, type StackWorld } from './stack-place.js';

/** One broker of a cluster of several, each of which is a controller, too. */
export interface ClusterNode {
  readonly id: number;
  /** Every controller of the cluster as id@host:port, this one's among them. */
  readonly voters: readonly string[];
  /** Port on which the brokers speak to each other. */
  readonly internalPort: number;
  /** Port that clients are told: the broker's own, or that of something between. */
  readonly advertisedPort: number;
  readonly replicas: number;
  readonly minInSyncReplicas: number;
  readonly heapMb: number;
}

/** Apache Kafka as one node that is broker and KRaft controller, on the loopback address; alone unless it is a node of a cluster. */
export function kafkaBroker(place: StackPlace, world: StackWorld, node: ClusterNode = loneNode(place)): JavaService {
  const jvm = [...classPath(place), `-Dlog4j2.configurationFile=${join(place.cloneDir, 'local-stack/log4j2.xml')}`];
  return {
    name: 'broker',
    title: `Apache Kafka on localhost:${place.ports.broker}`,
    ports: [place.ports.broker, place.ports.controller],
    javaArguments: ['-Xms256m', `-Xmx${node.heapMb}m`, ...QUICK_START, ...jvm, 'kafka.Kafka', propertiesFile(place)],
    async prepare(java, env) {
      await mkdir(place.dataDir, { recursive: true });
      await writeFile(propertiesFile(place), serverProperties(place, node));
      await format(place, { java, env, jvm, uuid: world.ids.uuid });
    },
    async ask() {
      const clusterId = await world.askBroker(brokersOf(place));
      return clusterId !== null && clusterId === (await clusterIdOf(place)) ? true : null;
    },
  };
}

/** One thread collects garbage: with two cores a parallel collector only takes time from the swarm. */
const QUICK_START = ['-XX:+UseSerialGC', '-XX:+ExitOnOutOfMemoryError', '-Djava.awt.headless=true'];

function classPath(place: StackPlace): readonly string[] {
  return ['-cp', join(place.jarsDir, 'kafka', '*')];
}

function propertiesFile(place: StackPlace): string {
  return join(place.dataDir, 'server.properties');
}

/** The node that a place has by itself. Nobody else speaks to it, so that it needs no listener for brokers. */
function loneNode({ ports: { broker, controller } }: StackPlace): ClusterNode {
  return {
    id: 1,
    voters: [`1@localhost:${controller}`],
    internalPort: broker,
    advertisedPort: broker,
    replicas: 1,
    minInSyncReplicas: 1,
    heapMb: 512,
  };
}

/** Where it listens, and as whom it is known to clients and brokers. */
function listenerSettings(
  { ports: { broker, controller } }: StackPlace,
  { internalPort, advertisedPort }: ClusterNode,
): Record<string, string> {
  const own = internalPort !== broker;
  const internal = `INTERNAL://localhost:${internalPort}`;
  return {
    listeners: [
      `PLAINTEXT://localhost:${broker}`,
      ...(own ? [internal] : []),
      `CONTROLLER://localhost:${controller}`,
    ].join(','),
    'advertised.listeners': [`PLAINTEXT://localhost:${advertisedPort}`, ...(own ? [internal] : [])].join(','),
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
    ...(own ? { 'inter.broker.listener.name': 'INTERNAL' } : {}),
  };
}

function serverProperties(place: StackPlace, node: ClusterNode): string {
  const replicas = String(node.replicas);
  const inSync = String(node.minInSyncReplicas);
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': String(node.id),
    'controller.quorum.voters': node.voters.join(','),
    ...listenerSettings(place, node),
    'log.dirs': kafkaData(place).replaceAll('\\', '\\\\'),
    // Internal topics have few partitions, for each costs time at every start.
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': '8',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': '2',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': '1',
    // Topics come from topics.yaml only: a misspelt name is an error, not a new topic.
    'auto.create.topics.enable': 'false',
    'unclean.leader.election.enable': 'false',
    // A group that was away for longer than the default 7 days must still find its replay points (10 years).
    'offsets.retention.minutes': '5256000',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    'log.cleaner.dedupe.buffer.size': '16777216', // the default takes a quarter of this heap
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function kafkaData(place: StackPlace): string {
  return join(place.dataDir, 'kafka');
}

interface Formatter {
  readonly java: string;
  readonly env: StackWorld['env'];
  readonly jvm: readonly string[];
  readonly uuid: () => string;
}

/** Kafka's directory must be formatted once. The cluster id is written last: without it the format was cut short. */
async function format(place: StackPlace, { java, env, jvm, uuid }: Formatter): Promise<void> {
  if ((await clusterIdOf(place)) !== null && (await exists(kafkaData(place)))) return;
  await rm(kafkaData(place), { recursive: true, force: true });
  const clusterId = newClusterId(uuid());
  const tool = ['kafka.tools.StorageTool', 'format', '--cluster-id', clusterId, '--config', propertiesFile(place)];
  const result = await execa(java, ['-Xmx128m', '-XX:TieredStopAtLevel=1', ...QUICK_START, ...jvm, ...tool], {
    reject: false,
    env,
    extendEnv: false,
    stdin: 'ignore',
    all: true,
  });
  if (result.exitCode !== 0) {
    throw new StackError(
      'start_failed',
      `Kafka's directory could not be formatted:\n${result.all}`,
      `Check that ${place.dataDir} can be written and has room.`,
    );
  }
  await writeFile(clusterIdFile(place), `${clusterId}\n`);
}

/** Kafka's notation: 16 bytes in URL-safe base64 without padding; a leading dash would read as an option. */
export function newClusterId(uuid: string): string {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url').replace(/^-/, 'A');
}

function clusterIdFile(place: StackPlace): string {
  return join(place.dataDir, 'cluster-id');
}

async function clusterIdOf(place: StackPlace): Promise<string | null> {
  try {
    return (await readFile(clusterIdFile(place), 'utf8')).trim();
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
