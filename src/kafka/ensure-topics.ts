import type { Admin } from 'ravenhelm-kafkajs';
import { RECORD_BYTES, RECORD_SIZE } from '../domain/sizes.js';
import type { Clock } from '../ports/clock.js';
import type { TopicDifference, TopicSpec } from '../ports/log.js';
import { describing } from './admin-session.js';
import { isForbidden, NotAuthorized, protocolErrorType, TopicNameCollides } from './errors.js';
import { topicFailures, TopicRefused } from './topic-refusal.js';
import type { TopicSettings } from './topic-settings.js';

/** A cluster of this many brokers survives the loss of one: three replicas, two of them in sync. */
const BROKERS_FOR_REPLICATION = 3;

const LEADER_IS_STARTING = new Set(['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION']);

/** What a topic is to be on this cluster. */
interface Wanted extends TopicSpec {
  readonly replicas: number;
}

/** A broker that leads a new partition says for a moment that it does not. */
const QUESTIONS_PER_TOPIC = 200;
const PAUSE_MS = 50;

/**
 * Creates what is missing and reports what differs; never alters a topic. A topic that was created can be read when
 * this resolves: kafkajs's consumers join their group again and again without a pause while it cannot.
 */
export async function ensureTopics(
  admin: Admin,
  specs: readonly TopicSpec[],
  clock: Clock,
  settings: TopicSettings,
): Promise<readonly TopicDifference[]> {
  const { brokers } = await admin.describeCluster();
  const wanted = specs.map((spec) => onCluster(spec, brokers.length));
  const existing = new Set(await admin.listTopics());
  const missing = wanted.filter(({ name }) => !existing.has(name));
  refuseCollisions(missing, [...existing, ...wanted.map(({ name }) => name)]);
  if (missing.length > 0) await createAll(admin, missing);
  for (const { name } of missing) await untilReadable(admin, name, clock);
  const present = wanted.filter(({ name }) => existing.has(name));
  return present.length > 0 ? differences(admin, present, settings) : [];
}

/** Brokers refuse names that differ in dots and underscores only, because their metrics would be the same. */
function refuseCollisions(missing: readonly Wanted[], names: readonly string[]): void {
  const plain = (name: string) => name.replaceAll('.', '_');
  for (const { name } of missing) {
    const other = names.find((known) => known !== name && plain(known) === plain(name));
    if (other !== undefined) throw new TopicNameCollides(name, other);
  }
}

function onCluster(spec: TopicSpec, brokers: number): Wanted {
  const replicas = spec.replicationFactor ?? (brokers >= BROKERS_FOR_REPLICATION ? 3 : 1);
  const inSync: Record<string, string> = replicas >= 3 ? { 'min.insync.replicas': '2' } : {};
  return { ...spec, replicas, config: { ...inSync, ...spec.config } };
}

async function createAll(admin: Admin, missing: readonly Wanted[]): Promise<void> {
  try {
    await admin.createTopics({
      // untilReadable waits for more than leaders; kafkajs's own wait ends with an error at a broker that has not heard
      // of the topic yet.
      waitForLeaders: false,
      topics: missing.map(({ name, partitions, replicas, config }) => ({
        topic: name,
        numPartitions: partitions,
        replicationFactor: replicas,
        configEntries: Object.entries(config).map(([setting, value]) => ({ name: setting, value })),
      })),
    });
  } catch (error) {
    const failures = topicFailures(error).filter(({ type }) => type !== 'TOPIC_ALREADY_EXISTS');
    const forbidden = failures.filter(isForbidden).map(({ topic }) => topic);
    if (forbidden.length > 0 || isForbidden(error)) throw mayNotCreate(forbidden, missing, error);
    const [failure] = failures;
    if (failure !== undefined) throw new TopicRefused(failure.topic, failure);
    // Another process has created those that are there already; the answer to the others was good.
    if (topicFailures(error).length === 0) throw error;
  }
}

/** Brokers show a topic only to those who may DESCRIBE it, so that one that is there may seem to be missing. */
function mayNotCreate(forbidden: readonly string[], missing: readonly Wanted[], error: unknown): NotAuthorized {
  const names = forbidden.length > 0 ? forbidden : missing.map(({ name }) => name);
  const what = names.length === 1 ? names.join('') : `${names.length} topics`;
  const doing = `Creating ${what}, missing or not shown to this user`;
  return new NotAuthorized(
    doing,
    { operation: 'CREATE (of a topic that is there: READ, WRITE or DESCRIBE)', resource: 'topic', names },
    { cause: error },
  );
}

async function untilReadable(admin: Admin, topic: string, clock: Clock): Promise<void> {
  for (let question = 1; ; question += 1) {
    try {
      await describing(topic, admin.fetchTopicOffsets(topic));
      return;
    } catch (error) {
      const type = protocolErrorType(error) ?? '';
      if (!LEADER_IS_STARTING.has(type) || question === QUESTIONS_PER_TOPIC) throw error;
      await new Promise<void>((resolve) => clock.setTimer(PAUSE_MS, resolve));
    }
  }
}

async function differences(
  admin: Admin,
  topics: readonly Wanted[],
  settings: TopicSettings,
): Promise<readonly TopicDifference[]> {
  const { topics: metadata } = await admin.fetchTopicMetadata({ topics: topics.map(({ name }) => name) });
  const configs = await settings.read(
    admin,
    topics.map(({ name }) => name),
  );
  return topics.flatMap((topic) => {
    const found = metadata.find(({ name }) => name === topic.name);
    const actual: Record<string, string> = {
      ...configs.get(topic.name),
      partitions: String(found?.partitions.length ?? 0),
      'replication factor': String(found?.partitions[0]?.replicas.length ?? 0),
    };
    const expected = {
      partitions: String(topic.partitions),
      'replication factor': String(topic.replicas),
      ...leastRecordBytes(actual),
      ...topic.config,
    };
    return (
      Object.entries(expected)
        // A setting that the broker does not show (not authorised, or unknown to it) cannot be compared.
        .filter(([setting, value]) => actual[setting] !== undefined && actual[setting] !== value)
        .map(([setting, value]) => ({ topic: topic.name, setting, expected: value, actual: actual[setting] ?? '' }))
    );
  });
}

/** Where topics.yaml names no size of records, the brokers' default must fit: what the swarm writes may be as large. */
function leastRecordBytes({
  [RECORD_SIZE]: actual,
}: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return actual !== undefined && Number(actual) < RECORD_BYTES ? { [RECORD_SIZE]: String(RECORD_BYTES) } : {};
}
