/** Access rules as kafkajs takes and gives them: by the protocol's numbers. */
import kafkajs, { type AclEntry, type AclFilter, type DescribeAclResource } from 'ravenhelm-kafkajs';
import type { AccessRule } from '../../ports/broker-access.js';

/**
 * Kafka's numbers (AclOperation.java, ResourceType.java). kafkajs 2.2.4 knows operations up to 12 and types up to 6;
 * newer ones are there so that a list shows what others have set up.
 */
const OPERATIONS: Readonly<Record<string, number>> = {
  ALL: 2,
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12,
  CREATE_TOKENS: 13,
  DESCRIBE_TOKENS: 14,
  TWO_PHASE_COMMIT: 15,
};
const TYPES: Readonly<Record<string, number>> = {
  topic: 2,
  group: 3,
  cluster: 4,
  transactional_id: 5,
  delegation_token: 6,
  user: 7,
};
const { AclPermissionTypes: PERMISSIONS, ResourcePatternTypes: PATTERNS } = kafkajs;

/** Every rule. */
export const ANY_RULE: AclFilter = {
  resourceType: kafkajs.AclResourceTypes.ANY,
  resourcePatternType: PATTERNS.ANY,
  operation: kafkajs.AclOperationTypes.ANY,
  permissionType: PERMISSIONS.ANY,
};

export function wireRule({ principal, host, permission, operation, resource }: AccessRule): AclEntry {
  return {
    principal,
    host,
    permissionType: permission === 'ALLOW' ? PERMISSIONS.ALLOW : PERMISSIONS.DENY,
    operation: numberOf(OPERATIONS, operation),
    resourceType: numberOf(TYPES, resource.type),
    resourceName: resource.name,
    resourcePatternType: resource.pattern === 'literal' ? PATTERNS.LITERAL : PATTERNS.PREFIXED,
  };
}

/** The filter that only this rule matches: with every field given, and never the pattern MATCH. */
export const exactly = (rule: AccessRule): AclFilter => wireRule(rule);

export function rulesOf(resources: readonly DescribeAclResource[]): readonly AccessRule[] {
  return resources.flatMap(({ resourceType, resourceName, resourcePatternType, acls }) =>
    acls.map(({ principal, host, operation, permissionType }) => ({
      principal,
      host,
      permission: permissionType === PERMISSIONS.DENY ? ('DENY' as const) : ('ALLOW' as const),
      operation: nameOf(OPERATIONS, operation, 'OPERATION'),
      resource: {
        type: nameOf(TYPES, resourceType, 'type'),
        name: resourceName,
        pattern: resourcePatternType === PATTERNS.PREFIXED ? ('prefixed' as const) : ('literal' as const),
      },
    })),
  );
}

function numberOf(numbers: Readonly<Record<string, number>>, name: string): number {
  const found = numbers[name] ?? Number(/_(\d+)$/.exec(name)?.[1]);
  if (Number.isNaN(found)) throw new TypeError(`${name} is nothing that access rules have`);
  return found;
}

/** What this build has no name for keeps its number. */
function nameOf(numbers: Readonly<Record<string, number>>, number: number, kind: string): string {
  return Object.entries(numbers).find(([, value]) => value === number)?.[0] ?? `${kind}_${number}`;
}
