import type { Random } from '../domain/backoff.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { createAdminSession } from './admin-session.js';
import { createClientFactory, type ClusterOptions } from './kafka-client.js';
import { brokerUnreachable } from './unreachable.js';

export interface AdminOptions extends ClusterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** An admin session with brokers that have answered. Rejects with BrokerUnreachable or BrokerRefused. */
export async function openAdminSession(options: AdminOptions): Promise<ReturnType<typeof createAdminSession>> {
  const { clock, random, logger } = options;
  const session = createAdminSession(createClientFactory(options, logger), clock, random);
  try {
    await session.run((admin) => admin.describeCluster());
  } catch (error) {
    await session.close();
    throw await brokerUnreachable(options, error);
  }
  return session;
}
