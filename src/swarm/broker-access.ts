/** The rights that a swarm's processes and people have on the brokers, for the command line. */
import type { Roster } from '../agent/roster.js';
import { loadTopicPlan } from '../avro/topic-plan.js';
import { compareRules, type RuleComparison } from '../kafka/acl/compare-rules.js';
import { ACCESS_ROLES, rightsOf, rulesFor, type AccessHolder, type SwarmOfRights } from '../kafka/acl/swarm-rights.js';
import { orAborted } from '../domain/deferred.js';
import type { BrokerAccess } from '../ports/broker-access.js';
import { adminOptions } from './admin-options.js';
import type { SwarmContext } from './context.js';
import type { KafkaAccess } from './open-log.js';

export { ACCESS_ROLES, compareRules, rightsOf, rulesFor };
export type { AccessHolder, RuleComparison, SwarmOfRights };

/** What the rights are derived from. Rejects with TopicPlanInvalid. */
export async function swarmOfRights(
  { topics: names }: Pick<SwarmContext, 'topics'>,
  topicsFile: string,
  roster: Pick<Roster, 'names'>,
): Promise<SwarmOfRights> {
  return { names, agents: roster.names, plan: await loadTopicPlan(topicsFile, names, roster.names) };
}

/** The rules of the cluster. Rejects with BrokerUnreachable. */
export async function openBrokerAccess(
  context: SwarmContext,
  access: Pick<KafkaAccess, 'sasl' | 'tls'>,
  brokers: readonly string[],
): Promise<BrokerAccess> {
  // Loaded when it is wanted: printing rights needs no Kafka client.
  const { createKafkaAccess } = await import('../kafka/acl/kafka-access.js');
  return orAborted(createKafkaAccess(adminOptions(context, access, brokers)), context.signal);
}
