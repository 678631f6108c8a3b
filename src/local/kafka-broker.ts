import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { JavaService } from './java-service.js';
import { loadExeca } from './load-execa.js';
import { isMissing } from './os-process.js';
import { StackError } from './stack-error.js';
import { brokersOf, type StackPlace, type StackWorld } from './stack-place.js';

/** One broker of a cluster; each broker is also a controller. */
export interface ClusterNode {
  readonly id: number;
  /** All controllers of the cluster as id@host:port, this one included. */
  readonly voters: readonly string[];
  /** Port for traffic between brokers. */
  readonly internalPort: number;
  /** Port that the broker advertises to clients: its own, or that of a proxy. */
  readonly advertisedPort: number;
  readonly replicas: number;
  readonly minInSyncReplicas: number;
  readonly heapMb: number;
  /** Settings of server.properties beside, or in place of, those that it has here. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Further arguments of the tool that formats the directory, such as --add-scram. */
  readonly formatArguments?: readonly string[];
}

/** Apache Kafka on the loopback address: a node that is broker and KRaft controller; by default a cluster of one. */
export function kafkaBroker(place: StackPlace, world: StackWorld, node: ClusterNode = loneNode(place)): JavaService {
  const jvm = [...classPath(place), `-Dlog4j2.configurationFile=${join(place.packageDir, 'local-stack/log4j2.xml')}`];
  return {
    name: 'broker',
    title: `Apache Kafka on localhost:${place.ports.broker}`,
    ports: [place.ports.broker, place.ports.controller],
    javaArguments: ['-Xms256m', `-Xmx${node.heapMb}m`, ...QUICK_START, ...jvm, 'kafka.Kafka', propertiesFile(place)],
    async prepare(java, env) {
      await mkdir(place.dataDir, { recursive: true });
      await writeFile(propertiesFile(place), serverProperties(place, node));
      await format(place, { java, env, jvm, uuid: world.ids.uuid, further: node.formatArguments ?? [] });
    },
    async ask() {
      const clusterId = await world.askBroker(brokersOf(place));
      return clusterId !== null && clusterId === (await clusterIdOf(place)) ? true : null;
    },
  };
}

/** A serial garbage collector: with two cores a parallel one only takes time from the swarm. */
const QUICK_START = ['-XX:+UseSerialGC', '-XX:+ExitOnOutOfMemoryError', '-Djava.awt.headless=true'];

function classPath(place: StackPlace): readonly string[] {
  return ['-cp', join(place.jarsDir, 'kafka', '*')];
}

function propertiesFile(place: StackPlace): string {
  return join(place.dataDir, 'server.properties');
}

/** A cluster of one node. No other broker connects to it, so that it needs no listener for brokers. */
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

/** The addresses on which it listens, and those that it advertises to clients and brokers. */
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
    // Internal topics have few partitions, because each costs time at every start.
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
    // 10 years: a group that was down for longer than the default 7 days must still find its replay points.
    'offsets.retention.minutes': '5256000',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    'log.cleaner.dedupe.buffer.size': '16777216', // the default takes a quarter of this heap
    ...node.settings,
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
  readonly further: readonly string[];
}

/** Formats Kafka's directory once. The cluster id is written last: if it is missing, formatting did not finish. */
async function format(place: StackPlace, { java, env, jvm, uuid, further }: Formatter): Promise<void> {
  if ((await clusterIdOf(place)) !== null && (await exists(kafkaData(place)))) return;
  await rm(kafkaData(place), { recursive: true, force: true });
  const clusterId = newClusterId(uuid());
  const arguments_ = ['format', '--cluster-id', clusterId, '--config', propertiesFile(place), ...further];
  const tool = ['kafka.tools.StorageTool', ...arguments_];
  const execa = await loadExeca();
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
      `Could not format Kafka's directory:\n${result.all}`,
      `Check that ${place.dataDir} is writable and has free space.`,
    );
  }
  await writeFile(clusterIdFile(place), `${clusterId}\n`);
}

/** Kafka's format: 16 bytes in URL-safe base64 without padding. A leading dash would look like an option. */
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
