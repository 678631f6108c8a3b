import type { Admin } from 'ravenhelm-kafkajs';
import type { BrokerAccess } from '../../ports/broker-access.js';
import { needing, protocolErrorType } from '../errors.js';
import { openAdminSession, type AdminOptions } from '../open-admin-session.js';
import { ANY_RULE, exactly, rulesOf, wireRule } from './wire-rules.js';

/** The brokers have no authorizer: every client may do everything, and there are no rules to see or change. */
class AccessUnavailable extends Error {
  readonly code = 'access_unavailable';
  readonly retriable = false;
  readonly nextStep =
    'Set authorizer.class.name (Apache Kafka: org.apache.kafka.metadata.authorizer.StandardAuthorizer) and ' +
    'super.users on every broker and controller, or kafka_enable_authorization on Redpanda; restart, then try again.';

  constructor(brokers: readonly string[], options: { cause: unknown }) {
    super(`the brokers at ${brokers.join(', ')} check no rights: they have no authorizer`, options);
    this.name = 'AccessUnavailable';
  }
}

const DESCRIBE = { operation: 'DESCRIBE', resource: 'cluster', names: [] } as const;
const ALTER = { operation: 'ALTER', resource: 'cluster', names: [] } as const;

/** Connects to the brokers; needs no schema registry. Rejects with BrokerUnreachable. */
export async function createKafkaAccess(options: AdminOptions): Promise<BrokerAccess> {
  const { brokers } = options;
  const session = await openAdminSession(options);
  const ask = async <T>(right: typeof DESCRIBE | typeof ALTER, doing: string, work: (admin: Admin) => Promise<T>) => {
    try {
      return await session.run((admin) => needing(right, doing, work(admin)));
    } catch (error) {
      throw protocolErrorType(error) === 'SECURITY_DISABLED' ? new AccessUnavailable(brokers, { cause: error }) : error;
    }
  };
  return {
    list: async () => {
      const { resources } = await ask(DESCRIBE, 'Listing access rules', (admin) => admin.describeAcls(ANY_RULE));
      return rulesOf(resources);
    },
    async add(rules) {
      // kafkajs refuses an empty list.
      if (rules.length === 0) return;
      await ask(ALTER, 'Adding access rules', (admin) => admin.createAcls({ acl: rules.map(wireRule) }));
    },
    async remove(rules) {
      if (rules.length === 0) return;
      await ask(ALTER, 'Removing access rules', (admin) => admin.deleteAcls({ filters: rules.map(exactly) }));
    },
    close: () => session.close(),
  };
}
