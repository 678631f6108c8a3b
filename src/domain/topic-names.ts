/** Names of topics and consumer groups under a prefix (RAVENHELM_PREFIX, default ravenhelm.squad). */
export interface TopicNames {
  readonly prefix: string;
  readonly coordination: string;
  readonly status: string;
  readonly deadLetters: string;
  tasks(agent: string): string;
  readonly orchestratorGroup: string;
  workerGroup(agent: string): string;
}

export const DEFAULT_PREFIX = 'ravenhelm.squad';

/** With the default prefix the groups have the names that users know: orchestrator and worker-{agent}. */
export function createTopicNames(prefix: string = DEFAULT_PREFIX): TopicNames {
  const group = (name: string) => (prefix === DEFAULT_PREFIX ? name : `${prefix}.${name}`);
  return {
    prefix,
    coordination: `${prefix}.coordination`,
    status: `${prefix}.status`,
    deadLetters: `${prefix}.dead-letters`,
    tasks: (agent) => `${prefix}.tasks.${agent}`,
    orchestratorGroup: group('orchestrator'),
    workerGroup: (agent) => group(`worker-${agent}`),
  };
}
