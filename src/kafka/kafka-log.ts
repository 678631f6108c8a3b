import type { Random } from '../domain/backoff.js';
import { createTopicNames } from '../domain/topic-names.js';
import type { Clock, Ids } from '../ports/clock.js';
import type { Log } from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import { createAdminSession, type AdminSession } from './admin-session.js';
import { createCodec, type Codec } from '../avro/codec.js';
import { createKafkaAdmin } from './kafka-admin.js';
import { createKafkaAppender } from './kafka-appender.js';
import { createClientFactory, type ClusterOptions } from './kafka-client.js';
import { brokerUnreachable } from './unreachable.js';
import { joinKafkaGroup } from './kafka-group.js';
import { watchKafka } from './kafka-watch.js';
import { copyOf } from './record-copy.js';
import { createLoopback } from './own-records.js';
import { createRecordHeaders } from '../avro/record-headers.js';
import { createRecordSender } from './record-sender.js';
import { createAskTopic } from './topic-directory.js';
import { createTopicSettings } from './topic-settings.js';
import { connectRegistry, type Registry, type RegistryOptions } from '../avro/registry.js';

export interface KafkaLogOptions extends ClusterOptions {
  readonly registry: Omit<RegistryOptions, 'clock' | 'random'>;
  /** Directory of the *.avsc files. */
  readonly schemasDir: string;
  /** RAVENHELM_PREFIX; names the throw-away groups of watches. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Spreads retries. */
  readonly random: Random;
  readonly logger: Logger;
  /** Default 10 s; at least the broker's group.min.session.timeout.ms (6 s). */
  readonly sessionTimeoutMs?: number;
  /**
   * How old readers let their knowledge of topics become: partitions that were added are found by then. Default 30 s.
   */
  readonly metadataAgeMs?: number;
  /** How long appends to a partition may keep failing before they fail for good; default 30 s. */
  readonly appendTimeoutMs?: number;
}

export interface KafkaLog extends Log {
  /** Where the registry's API was found. */
  readonly registryUrl: string;
}

const SESSION_TIMEOUT_MS = 10_000;
const APPEND_TIMEOUT_MS = 30_000;
/** kafkajs's own five minutes would leave the records of an added partition unread for as long. */
const METADATA_AGE_MS = 30_000;

/**
 * Connects, and registers the schemas. Rejects with BrokerUnreachable, BrokerRefused, RegistryUnreachable,
 * SchemaIncompatible or SchemaInvalid.
 */
export async function createKafkaLog(options: KafkaLogOptions): Promise<KafkaLog> {
  const { clock, random, logger, metadataAgeMs = METADATA_AGE_MS, sessionTimeoutMs = SESSION_TIMEOUT_MS } = options;
  const createClient = createClientFactory(options, logger);
  const session = createAdminSession(createClient, clock, random);
  const { registry, codec, clusterId } = await connect(options, session);
  const headers = createRecordHeaders();
  const loopback = createLoopback();
  const topics = createTopicNames(options.prefix);
  const settings = createTopicSettings(logger);
  const reading = { createClient, session, codec, clock, random, logger, metadataAgeMs };
  const createAppender = (name: string) =>
    createKafkaAppender({
      loopback,
      name,
      codec,
      headers,
      sender: createRecordSender(createClient),
      askTopic: createAskTopic(session, settings),
      clock,
      random,
      logger,
      appendTimeoutMs: options.appendTimeoutMs ?? APPEND_TIMEOUT_MS,
    });
  const copies = createAppender('copies');

  return {
    capabilities: { shared: true, durable: true },
    clusterId,
    registryUrl: registry.url,
    admin: createKafkaAdmin(session, clock, settings),
    createAppender,
    joinGroup: (group) => joinKafkaGroup(group, { ...reading, sessionTimeoutMs, loopback }),
    continueTrace: headers.continueTrace,
    continuedTrace: headers.continuedTrace,
    copyRecord: async (copy) => copies.appendCopy(copy, copyOf(copy)),
    watch: (watch) => {
      const groupId = `${topics.watchGroups(watch.reader ?? 'client')}${options.ids.uuid()}`;
      return watchKafka(watch, { ...reading, groupId });
    },
    async close() {
      await copies.close();
      await session.close();
    },
  };
}

interface Connected extends Pick<KafkaLog, 'clusterId'> {
  readonly registry: Registry;
  readonly codec: Codec;
}

/** Brokers and registry, with the schemas registered. The session is closed where one of them fails. */
async function connect(options: KafkaLogOptions, session: AdminSession): Promise<Connected> {
  const { clock, random } = options;
  try {
    const [registry, clusterId] = await Promise.all([
      connectRegistry({ ...options.registry, clock, random }),
      connectBrokers(options, session),
    ]);
    return { registry, codec: await createCodec(options.schemasDir, registry), clusterId };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** Resolves with the cluster's id. kafkajs's types say that there is one; the protocol has null, for older brokers. */
async function connectBrokers(options: ClusterOptions, session: AdminSession): Promise<string | null> {
  try {
    const { clusterId }: { readonly clusterId: string | null } = await session.run((admin) => admin.describeCluster());
    return clusterId === '' ? null : clusterId;
  } catch (error) {
    throw await brokerUnreachable(options, error);
  }
}
