/** Removal of a swarm, for the command line. */
import { orAborted } from '../domain/deferred.js';
import type { SwarmPurge } from '../ports/swarm-purge.js';
import { adminOptions } from './admin-options.js';
import type { SwarmContext } from './context.js';
import type { KafkaAccess } from './open-log.js';

/** Rejects with BrokerUnreachable. */
export async function openPurge(
  context: SwarmContext,
  access: Pick<KafkaAccess, 'sasl' | 'tls'>,
  brokers: readonly string[],
): Promise<SwarmPurge> {
  const { createKafkaPurge } = await import('../kafka/kafka-purge.js');
  const purge = createKafkaPurge({ ...adminOptions(context, access, brokers), names: context.topics });
  return orAborted(purge, context.signal);
}
