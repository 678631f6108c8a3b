/** Access rules (ACLs) of a Kafka cluster, as its authorizer keeps them. */

/** What a rule is about. pattern prefixed: all resources of the type whose names begin with this one. */
export interface AccessResource {
  /** topic, group or cluster; what others may have set up has further types, such as transactional_id. */
  readonly type: string;
  /** The cluster's is kafka-cluster; * with the pattern literal is every resource of the type. */
  readonly name: string;
  readonly pattern: 'literal' | 'prefixed';
}

export interface AccessRule {
  /** Such as User:orchestrator. */
  readonly principal: string;
  /** Address from which the principal connects; * for every one. */
  readonly host: string;
  readonly permission: 'ALLOW' | 'DENY';
  /** In Kafka's words, such as READ and DESCRIBE_CONFIGS. */
  readonly operation: string;
  readonly resource: AccessResource;
}

/**
 * The rules of a cluster. Each call rejects with AccessUnavailable where the brokers check no rights, and with
 * NotAuthorized, which names the right, where this user may not see or change rules.
 */
export interface BrokerAccess {
  list(): Promise<readonly AccessRule[]>;
  /** Adds rules; one that is there already stays as it is. */
  add(rules: readonly AccessRule[]): Promise<void>;
  /** Removes exactly these rules. */
  remove(rules: readonly AccessRule[]): Promise<void>;
  close(): Promise<void>;
}

/** Two rules with the same key are one rule. */
export function accessRuleKey({ principal, host, permission, operation, resource }: AccessRule): string {
  return JSON.stringify([resource.type, resource.pattern, resource.name, principal, host, permission, operation]);
}
