/** Removal of a swarm, for the command line. */
import { orAborted } from '../domain/deferred.js';
import { openRegistrySubjects } from '../avro/registry-subjects.js';
import type { RegistrySubjects, SwarmPurge } from '../ports/swarm-purge.js';
import { adminOptions } from './admin-options.js';
import type { SwarmContext } from './context.js';
import type { Cluster, KafkaAccess } from './open-log.js';

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

/** Rejects with RegistryUnreachable. */
export function openSubjects(
  { clock, random, signal }: SwarmContext,
  { schemasDir, registryAuth: auth }: Pick<KafkaAccess, 'schemasDir' | 'registryAuth'>,
  { registryUrl: url }: Cluster,
): Promise<RegistrySubjects> {
  const opened = openRegistrySubjects(schemasDir, { url, clock, random, ...(auth === undefined ? {} : { auth }) });
  return orAborted(opened, signal);
}
