import type { AdminOptions } from '../kafka/open-admin-session.js';
import type { SwarmContext } from './context.js';
import type { KafkaAccess } from './open-log.js';

/** How a command enters the brokers that changes or shows what is there. */
export function adminOptions(
  { clock, random, logger, processName }: SwarmContext,
  { sasl, tls }: Pick<KafkaAccess, 'sasl' | 'tls'>,
  brokers: readonly string[],
): AdminOptions {
  return {
    brokers,
    clientId: `ravenhelm-${processName}`,
    clock,
    random,
    logger,
    ...(sasl === undefined ? {} : { sasl }),
    ...(tls === undefined ? {} : { tls }),
  };
}
