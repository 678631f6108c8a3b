import { Kafka, logLevel, type KafkaConfig, type logCreator, type SASLOptions } from 'ravenhelm-kafkajs';
import type { TlsOptions } from '../ports/tls.js';
import type { Logger } from '../ports/logger.js';
import { withoutColons } from './ipv6-hosts.js';
import { patchOwnKafkajs } from './own-kafkajs.js';
import { createSocketFactory } from './socket-factory.js';

/** How to reach and enter a cluster. */
export interface ClusterOptions {
  /** host:port of at least one broker. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly sasl?: SaslOptions;
  /** true: TLS with the system's certificate authorities. */
  readonly tls?: true | TlsOptions;
}

export interface SaslOptions {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** Retries of the client's own requests; who needs longer ones (appender, member) has them itself. */
const RETRY = { initialRetryTime: 100, retries: 4, maxRetryTime: 2000 } as const;
const CONNECTION_TIMEOUT_MS = 3000;
const REQUEST_TIMEOUT_MS = 15_000;

/**
 * Makes a client. Each consumer, producer and admin has a separate one: within one client kafkajs shares the
 * committed offsets of all consumers of the same group, and one member's rebalance wipes the other's.
 */
export type ClientFactory = (overrides?: { readonly retry?: KafkaConfig['retry'] }) => Kafka;

export function createClientFactory(options: ClusterOptions, logger: Logger): ClientFactory {
  patchOwnKafkajs();
  const base: KafkaConfig = {
    brokers: options.brokers.map(withoutColons),
    clientId: options.clientId,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: RETRY,
    logLevel: logLevel.WARN,
    logCreator: quietLog(logger),
    socketFactory: createSocketFactory(),
    ...(options.sasl ? { sasl: saslOf(options.sasl) } : {}),
    ...(options.tls ? { ssl: options.tls === true ? true : { ...options.tls } } : {}),
  };
  return (overrides = {}) => new Kafka({ ...base, ...overrides });
}

/** One case for each mechanism, because kafkajs tells the options' types apart by it. */
function saslOf({ mechanism, username, password }: SaslOptions): SASLOptions {
  switch (mechanism) {
    case 'plain':
      return { mechanism, username, password };
    case 'scram-sha-256':
      return { mechanism, username, password };
    case 'scram-sha-512':
      return { mechanism, username, password };
  }
}

/**
 * kafkajs's log on ours. It logs as errors what is everyday (a rebalance, a retried connection), so that all of it is
 * for debugging; what matters is logged by this adapter under its own names. Only what a consumer logs as an error
 * stays a warning, save its crashes and restarts (they alone count retries): those come as events too, with the error
 * itself, and the consumer session says whether they pass (kafka.member_interrupted).
 */
function quietLog(logger: Logger): logCreator {
  return () =>
    ({ namespace, level, log }) => {
      const fields = { namespace, message: log.message, ...('error' in log ? { error: log['error'] } : {}) };
      if (namespace === 'Consumer' && level === logLevel.ERROR && !('retryCount' in log))
        logger.warn(fields, 'kafka.client');
      else logger.debug(fields, 'kafka.client');
    };
}
