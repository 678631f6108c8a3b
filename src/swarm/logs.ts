import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { checkedOptions, optionIn, prefixOption } from '../agent/checked-options.js';
import { createTopicNames } from '../domain/topic-names.js';
import { createMemoryLog } from '../memory/memory-log.js';
import type { Log } from '../ports/log.js';
import { silentLogger, type Logger } from '../ports/logger.js';
import { createSystemClock, createSystemIds } from '../telemetry/system-clock.js';
import { PACKAGE_DIR } from './package-dir.js';
import { redactingLogOf } from './redacting-log.js';

export interface MemoryLogOptions {
  /** Larger events are refused, in bytes, 1048576 to 2147483647. Default 1048576, as brokers have it. */
  readonly maxRecordBytes?: number;
}

/** A log in this process's memory: no other process can read it, and it ends with this one. Needs no close(). */
export function memoryLog(options: MemoryLogOptions = {}): Log {
  const { maxRecordBytes } = checkedOptions(MEMORY_OPTIONS, options, 'memoryLog');
  const log = createMemoryLog({
    clock: createSystemClock(),
    ...(maxRecordBytes === undefined ? {} : { maxRecordBytes }),
  });
  return redactingLogOf(log, []);
}

export interface KafkaLogOptions {
  /** host:port of at least one broker. */
  readonly brokers: readonly string[];
  /** A schema registry with the Confluent API. */
  readonly registryUrl: string;
  /** Default: without a password. */
  readonly registryAuth?: { readonly username: string; readonly password: string };
  /** Default: no SASL. */
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
  /** true: TLS with the CAs that Node trusts. PEM texts otherwise, each by default none. Default: no TLS. */
  readonly tls?: true | { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Milliseconds without a heartbeat until a member's partitions go to others, 6000 to 1800000. Default 10000. */
  readonly sessionTimeoutMs?: number;
  /** Prefix of topics and groups; the same as the swarm's. Default ravenhelm.squad. */
  readonly prefix?: string;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
}

/**
 * A log on Kafka, connected, with the events' schemas registered. Its owner closes it, after the swarms and clients
 * that use it. Rejects with BrokerUnreachable, RegistryUnreachable, SchemaIncompatible or OptionError.
 */
export async function kafkaLog(options: KafkaLogOptions): Promise<Log> {
  const checked = checkedOptions(KAFKA_OPTIONS, options, 'kafkaLog');
  // Loaded when it is wanted: a swarm on the in-memory log starts without a Kafka client.
  const { createKafkaLog } = await import('../kafka/kafka-log.js');
  const { sasl, tls } = options;
  const log = await createKafkaLog({
    brokers: checked.brokers,
    clientId: `ravenhelm-${hostname()}-${process.pid}`,
    registry: {
      url: checked.registryUrl,
      ...(checked.registryAuth === undefined ? {} : { auth: checked.registryAuth }),
    },
    schemasDir: join(PACKAGE_DIR, 'schemas'),
    prefix: checked.prefix ?? createTopicNames().prefix,
    ...(sasl === undefined ? {} : { sasl }),
    ...(tls === undefined ? {} : { tls }),
    ...(checked.sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs: checked.sessionTimeoutMs }),
    clock: createSystemClock(),
    ids: createSystemIds(),
    random: Math.random,
    logger: options.logger ?? silentLogger,
  });
  return redactingLogOf(log, [sasl?.password ?? '', checked.registryAuth?.password ?? '']);
}

const text = z.string('it must be a text').min(1, 'it must not be empty');
const auth = { username: text, password: text };
const anything = z.custom<unknown>(() => true);

const MEMORY_OPTIONS = z.strictObject({
  maxRecordBytes: optionIn('memoryLog maxRecordBytes').optional(),
});

const KAFKA_OPTIONS = z.strictObject({
  brokers: z
    .array(z.string().regex(/^.+:\d{1,5}$/, 'it must be host:port, such as localhost:19092'), 'it must be a list')
    .min(1, 'it must have at least one host:port'),
  registryUrl: z.url({ protocol: /^https?$/, error: 'it must be a URL such as http://localhost:18081' }),
  registryAuth: z.strictObject(auth).optional(),
  sasl: z
    .strictObject({ ...auth, mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512'], 'it is unknown') })
    .optional(),
  tls: z
    .union([z.literal(true), z.strictObject({ ca: text.optional(), cert: text.optional(), key: text.optional() })])
    .optional(),
  sessionTimeoutMs: optionIn('kafkaLog sessionTimeoutMs').optional(),
  prefix: prefixOption.optional(),
  logger: anything.optional(),
});
