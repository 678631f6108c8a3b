import { join } from 'node:path';
import type { Roster } from '../agent/roster.js';
import { loadTopicPlan, type PlannedTopic } from '../avro/topic-plan.js';
import type { Log, TopicDifference } from '../ports/log.js';
import type { RetentionRule } from '../roles/orchestrator/retention.js';
import type { CommandContext } from './context.js';

export interface PreparedCluster {
  readonly topics: readonly string[];
  readonly plan: readonly PlannedTopic[];
  /** What the orchestrator deletes when it is old and done. */
  readonly retention: readonly RetentionRule[];
  /** What exists otherwise than topics.yaml has it; it was told on stderr and left as it is. */
  readonly differences: readonly TopicDifference[];
}

/** Creates the topics that are missing. Schemas were registered when the log was opened. */
export async function prepareCluster(context: CommandContext, log: Log, roster: Roster): Promise<PreparedCluster> {
  const plan = await loadTopicPlan(join(context.host.projectDir, 'topics.yaml'), context.topics, roster.names);
  const differences = await log.admin.ensureTopics(plan);
  for (const { topic, setting, expected, actual } of differences) {
    context.logger.warn({ topic, setting, expected, actual }, 'topic.differs');
  }
  return {
    topics: plan.map((topic) => topic.name),
    plan,
    retention: retentionRules(plan, context, roster),
    differences,
  };
}

/** Each topic that the swarm deletes from, with the group that handles it. */
function retentionRules(
  plan: readonly PlannedTopic[],
  { topics }: CommandContext,
  roster: Roster,
): readonly RetentionRule[] {
  const groups = new Map([
    [topics.coordination, topics.orchestratorGroup],
    ...roster.names.map((agent): [string, string] => [topics.tasks(agent), topics.workerGroup(agent)]),
  ]);
  return plan.flatMap(({ name, swarmRetentionMs: retentionMs }) => {
    const groupId = groups.get(name);
    return groupId === undefined || retentionMs === null ? [] : [{ topic: name, groupId, retentionMs }];
  });
}
