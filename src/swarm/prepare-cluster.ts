import { loadTopicPlan, type PlannedTopic } from '../avro/topic-plan.js';
import type { TopicNames } from '../domain/topic-names.js';
import type { Log, TopicDifference } from '../ports/log.js';
import type { RetentionRule } from '../roles/orchestrator/retention.js';
import type { SwarmContext } from './context.js';

export interface PreparedCluster {
  readonly topics: readonly string[];
  /** What the orchestrator deletes when it is old and done. */
  readonly retention: readonly RetentionRule[];
  /** What exists otherwise than topics.yaml has it; it was logged and left as it is. */
  readonly differences: readonly TopicDifference[];
}

export interface PrepareClusterOptions {
  readonly log: Log;
  /** topics.yaml; absolute. */
  readonly topicsFile: string;
  /** Names of all agents of the swarm. */
  readonly agents: readonly string[];
}

/** Creates the topics that are missing. Schemas were registered when the log was opened. */
export async function prepareCluster(
  { topics, logger }: Pick<SwarmContext, 'topics' | 'logger'>,
  { log, topicsFile, agents }: PrepareClusterOptions,
): Promise<PreparedCluster> {
  const plan = await loadTopicPlan(topicsFile, topics, agents);
  const differences = await log.admin.ensureTopics(plan);
  for (const { topic, setting, expected, actual } of differences) {
    logger.warn({ topic, setting, expected, actual }, 'topic.differs');
  }
  return {
    topics: plan.map((topic) => topic.name),
    retention: retentionRules(plan, topics, agents),
    differences,
  };
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
