import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import avro from 'avsc';
import { Kafka, logLevel, type IHeaders, type Producer, type Transaction } from 'kafkajs';
import type { AgentEvent } from '../../src/domain/events.js';
import { createKafkaLog, type KafkaLog, type KafkaLogOptions } from '../../src/kafka/kafka-log.js';
import type { LogAdmin, PartitionId } from '../../src/ports/log.js';
import type { Logger } from '../../src/ports/logger.js';
import type { LogUnderTest } from '../contract/log-contract.js';
import { systemClock } from '../contract/system-clock.js';
import { testBroker } from '../support/broker.js';

export const SCHEMAS_DIR = fileURLToPath(new URL('../../schemas', import.meta.url));

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

/** Options for a log on the test broker, under its own prefix. */
async function kafkaLogOptions(changes: Partial<KafkaLogOptions> = {}): Promise<KafkaLogOptions> {
  const { brokers, registryUrl } = testBroker();
  return {
    brokers,
    clientId: 'test',
    registry: { url: registryUrl },
    schemasDir: SCHEMAS_DIR,
    prefix: `test-${randomUUID()}`,
    clock: systemClock,
    ids: { uuid: randomUUID },
    random: Math.random,
    logger: silentLogger,
    ...changes,
  };
}

export async function openKafkaLog(changes: Partial<KafkaLogOptions> = {}): Promise<KafkaLog> {
  return createKafkaLog(await kafkaLogOptions(changes));
}

/** A client of another program: it writes whatever bytes it likes. */
export interface ForeignWriter {
  write(partition: PartitionId, key: Buffer | string | null, value: Buffer | null, headers?: IHeaders): Promise<void>;
  setCommitted(groupId: string, partition: PartitionId, offset: number): Promise<void>;
  /** The same of all partitions of a topic. */
  setAllCommitted(groupId: string, topic: string, offset: number): Promise<void>;
  /** Adds partitions to a topic, up to a number of them. */
  growTo(topic: string, partitions: number): Promise<void>;
  close(): Promise<void>;
}

export async function createForeignWriter(brokers = testBroker().brokers): Promise<ForeignWriter> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const producer: Producer = kafka.producer();
  const admin = kafka.admin();
  await Promise.all([producer.connect(), admin.connect()]);
  return {
    async write({ topic, partition }, key, value, headers = {}) {
      await producer.send({ topic, messages: [{ partition, key, value, headers }] });
    },
    async setCommitted(groupId, { topic, partition }, offset) {
      await admin.setOffsets({ groupId, topic, partitions: [{ partition, offset: String(offset) }] });
    },
    async setAllCommitted(groupId, topic, offset) {
      const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition }) => ({
        partition,
        offset: String(offset),
      }));
      await admin.setOffsets({ groupId, topic, partitions });
    },
    async growTo(topic, partitions) {
      await admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] });
    },
    async close() {
      await Promise.all([producer.disconnect(), admin.disconnect()]);
    },
  };
}

/** A transaction of another program with these records in it, which the test ends, or does not. */
export async function openTransaction(
  { topic, partition }: PartitionId,
  messages: readonly { readonly key: string; readonly value: Buffer | null }[],
): Promise<{ readonly begun: Transaction; disconnect(): Promise<void> }> {
  const producer = new Kafka({ brokers: [...testBroker().brokers], logLevel: logLevel.NOTHING }).producer({
    transactionalId: `t-${randomUUID()}`,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  const begun = await producer.transaction();
  await begun.send({ topic, messages: messages.map((message) => ({ ...message, partition })) });
  return { begun, disconnect: () => producer.disconnect() };
}

/** Registers a schema as another build would, and gives bytes written with it. */
export async function registerSchema(
  schema: object & { readonly namespace: string; readonly name: string },
): Promise<number> {
  const { registryUrl } = testBroker();
  const response = await fetch(`${registryUrl}/subjects/${schema.namespace}.${schema.name}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
  });
  const answer: unknown = await response.json();
  if (typeof answer !== 'object' || answer === null || !('id' in answer) || typeof answer.id !== 'number')
    throw new Error(`The registry answers ${JSON.stringify(answer)}`);
  return answer.id;
}

/** An event in the wire format, written with another version of its schema, which differs in its documentation only. */
export async function eventOfAnotherVersion(schemaFile: string, event: AgentEvent): Promise<Buffer> {
  const schema = JSON.parse(await readFile(`${SCHEMAS_DIR}/${schemaFile}.avsc`, 'utf8'));
  const id = await registerSchema({ ...schema, doc: `Yesterday's ${randomUUID()}` });
  return wireBytes(id, avro.Type.forSchema(schema).toBuffer(event));
}

/** The Confluent wire format by hand. */
export function wireBytes(schemaId: number, avro: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(schemaId, 1);
  return Buffer.concat([prefix, avro]);
}

const AGENT_RETIRED = {
  type: 'record' as const,
  namespace: 'ravenhelm',
  name: 'AgentRetired',
  fields: [{ name: 'event_id', type: 'string' as const }],
};

/** For the contract suite. @param topicConfig of every topic that the suite creates */
export async function createKafkaUnderTest(
  configOf: (topic: string) => Readonly<Record<string, string>> = () => ({}),
  brokers = testBroker().brokers,
): Promise<LogUnderTest> {
  const log = await openKafkaLog({ brokers });
  const foreign = await createForeignWriter(brokers);
  const ensureTopics: LogAdmin['ensureTopics'] = (topics) =>
    log.admin.ensureTopics(topics.map((topic) => ({ ...topic, config: { ...topic.config, ...configOf(topic.name) } })));
  return {
    log: { ...log, admin: { ...log.admin, ensureTopics } },
    capabilities: { shared: true, durable: true },
    writePoison: (partition, key) => foreign.write(partition, key, Buffer.from('{"no":"avro"}')),
    async writeUnknownType(partition, key) {
      const schemaId = await registerSchema(AGENT_RETIRED);
      const value = avro.Type.forSchema(AGENT_RETIRED).toBuffer({ event_id: 'e' });
      await foreign.write(partition, key, wireBytes(schemaId, value));
    },
    setCommitted: (groupId, partition, offset) => foreign.setCommitted(groupId, partition, offset),
    async close() {
      await foreign.close();
      await log.close();
    },
  };
}
