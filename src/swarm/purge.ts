/** Removal of a swarm, for the command line. */
import { orAborted } from '../domain/deferred.js';
import type { SwarmPurge } from '../ports/swarm-purge.js';
import type { SwarmContext } from './context.js';
import type { KafkaAccess } from './open-log.js';

/** Rejects with BrokerUnreachable. */
export async function openPurge(
  { clock, random, logger, signal, processName, topics: names }: SwarmContext,
  { sasl, tls }: Pick<KafkaAccess, 'sasl' | 'tls'>,
  brokers: readonly string[],
): Promise<SwarmPurge> {
  const { createKafkaPurge } = await import('../kafka/kafka-purge.js');
  const purge = createKafkaPurge({
    brokers,
    names,
    clientId: `ravenhelm-${processName}`,
    clock,
    random,
    logger,
    ...(sasl === undefined ? {} : { sasl }),
    ...(tls === undefined ? {} : { tls }),
  });
  return orAborted(purge, signal);
}
