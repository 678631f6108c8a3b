/** What a cluster's access rules lack, and what they have beyond what is wanted. */
import type { TopicNames } from '../../domain/topic-names.js';
import { accessRuleKey, type AccessResource, type AccessRule } from '../../ports/broker-access.js';

export interface RuleComparison {
  /** Wanted, and not there. */
  readonly missing: readonly AccessRule[];
  /** Wanted, and there. */
  readonly present: readonly AccessRule[];
  /** Of the same principals and hosts, about a name that this swarm alone uses, and not wanted. */
  readonly unwanted: readonly AccessRule[];
  /**
   * Of the same principals, and not only this swarm's: from other hosts, about the cluster, patterns and names that
   * may be other programs' or another swarm's. Never removed.
   */
  readonly left: readonly AccessRule[];
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
  const hosts = new Set(wanted.map(({ host }) => host));
  const ofPrincipals = further.filter(({ principal }) => principals.has(principal));
  // Another host may be a second apply's, for the same principal.
  const isUnwanted = ({ resource, host }: AccessRule) => hosts.has(host) && isOwn(resource, swarm);
  return {
    missing: wanted.filter((rule) => !foundKeys.has(accessRuleKey(rule))),
    present: wanted.filter((rule) => foundKeys.has(accessRuleKey(rule))),
    unwanted: ofPrincipals.filter(isUnwanted),
    left: ofPrincipals.filter((rule) => !isUnwanted(rule)),
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

/**
 * Whether a pattern meets only names that this swarm uses, or has used for agents that are gone. Names of a swarm whose
 * prefix begins with this one's are none of them.
 */
function isOwn({ type, name, pattern }: AccessResource, { names, agents }: SwarmNames): boolean {
  const isOfAgent = (before: string) => name.startsWith(before) && !name.slice(before.length).includes('.');
  switch (`${pattern} ${type}`) {
    case 'literal topic':
      return [names.coordination, names.status, names.deadLetters].includes(name) || isOfAgent(names.tasks(''));
    case 'literal group':
      return (
        name === names.orchestratorGroup ||
        agents.some((agent) => name === names.workerGroup(agent)) ||
        isOfAgent(`${names.prefix}.worker-`)
      );
    case 'prefixed group':
      return name.startsWith(`${names.prefix}.watch.`);
    default:
      return false;
  }
}
