import { ConfigError } from '../agent/config-error.js';
import type { Roster } from '../agent/roster.js';
import { loadTopicPlan, type PlannedTopic } from '../avro/topic-plan.js';
import { RECORD_SIZE } from '../domain/sizes.js';
import type { TopicNames } from '../domain/topic-names.js';
import { TopicNameCollides } from '../kafka/errors.js';
import type { Log, TopicDifference } from '../ports/log.js';
import type { RetentionRule } from '../roles/orchestrator/retention.js';
import type { SwarmContext } from './context.js';

export interface PreparedCluster {
  readonly topics: readonly string[];
  /** What the orchestrator deletes when it is old and done. */
  readonly retention: readonly RetentionRule[];
  /** What exists otherwise than topics.yaml has it; it was logged and left as it is. */
  readonly differences: readonly TopicDifference[];
  /** For people: which of them refuses records that the swarm may have to write, and what to do. */
  readonly warnings: readonly string[];
}

export interface PrepareClusterOptions {
  readonly log: Log;
  /** topics.yaml; absolute. */
  readonly topicsFile: string;
  /** All agents of the swarm. */
  readonly roster: Pick<Roster, 'names' | 'problemOf'>;
  /** Names of the agents whose topics this process uses. Default all, as an orchestrator does. */
  readonly agents?: readonly string[];
}

/**
 * Creates those topics that are missing and that the process uses. Schemas were registered when the log was opened.
 * Rejects with ConfigError, which names the agent's file and line, where its topic's name is too near to that of
 * another topic.
 */
export async function prepareCluster(
  context: Pick<SwarmContext, 'topics' | 'logger'>,
  { log, topicsFile, roster, agents = roster.names }: PrepareClusterOptions,
): Promise<PreparedCluster> {
  const { topics } = context;
  // A worker for one agent may have no right to know that there are topics of others.
  const plan = await loadTopicPlan(topicsFile, topics, agents);
  const differences = await ensure(context, log, plan, roster);
  return {
    topics: plan.map((topic) => topic.name),
    retention: retentionRules(plan, topics, agents),
    differences,
    warnings: [...differences.filter(isTooSmall).map(tooSmallLine), ...differences.filter(isWritersTime).map(timeLine)],
  };
}

const isTooSmall = ({ setting, expected, actual }: TopicDifference): boolean =>
  setting === RECORD_SIZE && Number(actual) < Number(expected);

const tooSmallLine = ({ topic, setting, expected, actual }: TopicDifference): string =>
  `warning: ${topic} takes records of at most ${actual} bytes (${setting}), and up to ${expected} may be needed: ` +
  'missions, steps or results that are larger will be refused. Raise it: kafka-configs.sh --bootstrap-server BROKER ' +
  `--alter --entity-type topics --entity-name ${topic} --add-config ${setting}=${expected}`;

const TIME = 'message.timestamp.type';

const isWritersTime = ({ setting, actual }: TopicDifference): boolean => setting === TIME && actual === 'CreateTime';

const timeLine = ({ topic }: TopicDifference): string =>
  `warning: ${topic} keeps the time that the writer of a record gives (${TIME}=CreateTime): any program that may ` +
  'write to it can date an answer or a request before a key or a call expired. Let the broker give the time: ' +
  `kafka-configs.sh --bootstrap-server BROKER --alter --entity-type topics --entity-name ${topic} ` +
  `--add-config ${TIME}=LogAppendTime`;

/**
 * Creates the topic of an agent that was added if it is missing. Resolves with what the orchestrator deletes from it.
 * Rejects as prepareCluster does, and with what keeps the topic from being there.
 */
export async function prepareAgentTopic(
  context: Pick<SwarmContext, 'topics' | 'logger'>,
  { log, topicsFile, roster }: Omit<PrepareClusterOptions, 'agents'>,
  agent: string,
): Promise<readonly RetentionRule[]> {
  const { topics } = context;
  const planned = await loadTopicPlan(topicsFile, topics, [agent]);
  const plan = planned.filter(({ name }) => name === topics.tasks(agent));
  await ensure(context, log, plan, roster);
  return retentionRules(plan, topics, [agent]);
}

/** Resolves with what differs, which was logged. */
async function ensure(
  { topics, logger }: Pick<SwarmContext, 'topics' | 'logger'>,
  log: Log,
  plan: readonly PlannedTopic[],
  roster: PrepareClusterOptions['roster'],
): Promise<readonly TopicDifference[]> {
  const differences = await log.admin.ensureTopics(plan).catch((error: unknown) => {
    throw atItsAgent(error, topics, roster);
  });
  for (const { topic, setting, expected, actual } of differences) {
    logger.warn({ topic, setting, expected, actual }, 'topic.differs');
  }
  return differences;
}

/** The error with the agent's place, if it is about an agent's topic and not about one that each swarm has. */
function atItsAgent(error: unknown, topics: TopicNames, roster: PrepareClusterOptions['roster']): unknown {
  if (!(error instanceof TopicNameCollides)) return error;
  const agent = roster.names.find((name) => topics.tasks(name) === error.topic);
  if (agent === undefined) return error;
  return new ConfigError([
    roster.problemOf(
      agent,
      `its topic ${error.topic} cannot be created: the name differs from ${error.other} in dots and underscores ` +
        'only, and brokers give both the same metrics',
      'choose another name for the agent, or another RAVENHELM_PREFIX',
    ),
  ]);
}

/** Each topic that the swarm deletes from, with the group that handles it. */
function retentionRules(
  plan: readonly PlannedTopic[],
  topics: TopicNames,
  agents: readonly string[],
): readonly RetentionRule[] {
  const groups = new Map([
    [topics.coordination, topics.orchestratorGroup],
    ...agents.map((agent): [string, string] => [topics.tasks(agent), topics.workerGroup(agent)]),
  ]);
  return plan.flatMap(({ name, swarmRetentionMs: retentionMs }) => {
    const groupId = groups.get(name);
    return groupId === undefined || retentionMs === null ? [] : [{ topic: name, groupId, retentionMs }];
  });
}
