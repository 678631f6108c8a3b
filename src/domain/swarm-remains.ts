/** Which topics and groups of a cluster are a swarm's: exactly its names, never those of another swarm. */
import type { TopicNames } from './topic-names.js';

export interface SwarmTopics {
  readonly topics: readonly string[];
  /** Those whose tasks topics are there. */
  readonly agents: readonly string[];
  /** They have a name that this swarm's could have, and are another swarm's. */
  readonly left: readonly string[];
}

/** What agents may be called; a prefix of another swarm may be so, too. */
const AGENT_NAME = /^[a-z][a-z0-9_]*$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const READER = /^(orchestrator|workers|client|worker-[a-z][a-z0-9_]*)$/;

/**
 * A swarm with the prefix P.tasks has P.tasks.coordination and P.tasks.status, which agents of the swarm P with these
 * names would have as well. No agent can be called dead-letters: that topic tells whose they are.
 */
export function topicsOfSwarm(names: TopicNames, existing: readonly string[]): SwarmTopics {
  const own = [names.coordination, names.status, names.deadLetters].filter((topic) => existing.includes(topic));
  const isOthersName = names.prefix.endsWith('.tasks') && !existing.includes(names.deadLetters);
  const tasksPrefix = names.tasks('');
  const hasSwarmBelow = existing.includes(`${tasksPrefix}dead-letters`);
  const found = existing
    .filter((topic) => topic.startsWith(tasksPrefix))
    .map((topic) => topic.slice(tasksPrefix.length))
    .filter((agent) => AGENT_NAME.test(agent));
  const isBelow = (agent: string) => hasSwarmBelow && (agent === 'coordination' || agent === 'status');
  const agents = found.filter((agent) => !isBelow(agent)).sort();
  return {
    topics: [...agents.map(names.tasks), ...(isOthersName ? [] : own)],
    agents,
    left: [...found.filter(isBelow).map(names.tasks), ...(isOthersName ? own : [])],
  };
}

/** Prefixes of the other swarms that these topics are of. */
export function otherSwarms(names: TopicNames, existing: readonly string[]): readonly string[] {
  return existing
    .filter((topic) => topic.endsWith(OF_EACH_SWARM))
    .map((topic) => topic.slice(0, -OF_EACH_SWARM.length))
    .filter((prefix) => prefix !== names.prefix)
    .sort();
}

/** No topic of tasks can end so. */
const OF_EACH_SWARM = '.dead-letters';

/** Groups of the swarm's roles; they may not exist. */
export const roleGroups = (names: TopicNames, agents: readonly string[]): readonly string[] => [
  names.orchestratorGroup,
  ...agents.map(names.workerGroup),
];

/** Whether it is a throw-away group in which a reader of the swarm watches topics. */
export function isWatchGroup(names: TopicNames, group: string): boolean {
  const begin = names.watchGroups('client').slice(0, -'client.'.length);
  if (!group.startsWith(begin)) return false;
  const [reader = '', id = '', ...more] = group.slice(begin.length).split('.');
  return READER.test(reader) && UUID.test(id) && more.length === 0;
}
