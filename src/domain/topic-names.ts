/** Names of topics and consumer groups under a prefix (RAVENHELM_PREFIX, default ravenhelm.squad). */
export interface TopicNames {
  readonly prefix: string;
  readonly coordination: string;
  readonly status: string;
  readonly deadLetters: string;
  tasks(agent: string): string;
  readonly orchestratorGroup: string;
  workerGroup(agent: string): string;
  /**
   * What the names of the throw-away groups begin with in which a reader watches topics. One reader's is never the
   * beginning of another's, so that a right to join the groups of one is none to join those of another.
   */
  watchGroups(reader: WatchReader): string;
}

/** Who watches topics: an orchestrator, a worker for several agents or for one, or a client. */
export type WatchReader = 'orchestrator' | 'workers' | `worker-${string}` | 'client';

/** The reader that a worker for these agents is. */
export function workerReader(agents: readonly { readonly name: string }[]): WatchReader {
  const [only, ...others] = agents;
  return only === undefined || others.length > 0 ? 'workers' : `worker-${only.name}`;
}

export const DEFAULT_PREFIX = 'ravenhelm.squad';

/** With the longest agent's name (sizes.ts) a topic's name stays below Kafka's 249 characters. */
export const LONGEST_PREFIX = 100;

/** The rule of prefixes that a text breaks, behind "it must"; null when it keeps them all. */
export function brokenPrefixRule(text: string): string | null {
  if (text === '') return 'have at least one letter or digit';
  if (!/^[A-Za-z0-9._-]+$/.test(text)) return 'be letters, digits, dots, dashes and underscores';
  if (/^\.+$/.test(text)) return 'not be dots alone';
  if (!/^[A-Za-z0-9]/.test(text)) return 'begin with a letter or a digit';
  return text.length > LONGEST_PREFIX ? `have ${LONGEST_PREFIX} characters at most (it has ${text.length})` : null;
}

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
    watchGroups: (reader) => `${prefix}.watch.${reader}.`,
  };
}
