/** What a cluster's access rules lack, and what they have beyond what is wanted. */
import type { TopicNames } from '../../domain/topic-names.js';
import { accessRuleKey, type AccessResource, type AccessRule } from '../../ports/broker-access.js';

export interface RuleComparison {
  /** Wanted, and not there. */
  readonly missing: readonly AccessRule[];
  /** Wanted, and there. */
  readonly present: readonly AccessRule[];
  /** Of the same principals, about this swarm's topics and groups, and not wanted. */
  readonly unwanted: readonly AccessRule[];
  /** Of other principals, about this swarm's topics and groups, or with power over the whole cluster. */
  readonly ofOthers: readonly AccessRule[];
}

export interface SwarmNames {
  readonly names: TopicNames;
  readonly agents: readonly string[];
}

export function compareRules(
  wanted: readonly AccessRule[],
  found: readonly AccessRule[],
  swarm: SwarmNames,
): RuleComparison {
  const wantedKeys = new Set(wanted.map(accessRuleKey));
  const foundKeys = new Set(found.map(accessRuleKey));
  const principals = new Set(wanted.map(({ principal }) => principal));
  const further = found.filter((rule) => !wantedKeys.has(accessRuleKey(rule)) && reaches(rule, swarm));
  return {
    missing: wanted.filter((rule) => !foundKeys.has(accessRuleKey(rule))),
    present: wanted.filter((rule) => foundKeys.has(accessRuleKey(rule))),
    unwanted: further.filter(({ principal }) => principals.has(principal)),
    ofOthers: further.filter(({ principal }) => !principals.has(principal)),
  };
}

const EVERY = '*';
/** Who has one of these on the cluster can take every other right, or does not need one. */
const OVER_CLUSTER = ['ALL', 'ALTER', 'ALTER_CONFIGS', 'CLUSTER_ACTION'];

/** Whether the rule is about the swarm's topics or groups, also those of agents that are gone. */
function reaches({ operation, resource }: AccessRule, { names, agents }: SwarmNames): boolean {
  if (resource.type === 'cluster') return OVER_CLUSTER.includes(operation);
  const own = `${names.prefix}.`;
  if (resource.type === 'topic') return covers(resource, own, []);
  if (resource.type === 'group')
    return covers(resource, own, [names.orchestratorGroup, ...agents.map((agent) => names.workerGroup(agent))]);
  return false;
}

/** Whether a pattern meets names that begin with `own`, or one of the others. */
function covers({ name, pattern }: AccessResource, own: string, others: readonly string[]): boolean {
  if (name.startsWith(own)) return true;
  if (pattern === 'literal') return name === EVERY || others.includes(name);
  return own.startsWith(name) || others.some((other) => other.startsWith(name));
}
